"""Projects over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for, projects_of
from annotation.api.requests import Request
from annotation.models import Label, Project, Role
from annotation.queries import projects
from annotation.services import projects as project_services


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A label; `color` is one of the eight hues of the design."""

    hotkey = serializers.CharField(max_length=1, required=False, allow_blank=True, allow_null=True)
    color = serializers.IntegerField(min_value=1, max_value=8, required=False, allow_null=True)

    class Meta:
        model = Label
        fields = ["name", "description", "hotkey", "color"]


class LimitsSerializer(serializers.Serializer[Any]):
    """Minutes of labelling; null is no limit."""

    sitting_minutes = serializers.IntegerField(min_value=1, max_value=32767, allow_null=True, default=None)
    day_minutes = serializers.IntegerField(min_value=1, max_value=32767, allow_null=True, default=None)
    total_minutes = serializers.IntegerField(min_value=1, max_value=2147483647, allow_null=True, default=None)
    break_minutes = serializers.IntegerField(min_value=1, max_value=32767, allow_null=True, default=None)


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project with its labels, its newest guideline and its counts."""

    labels = LabelSerializer(many=True)
    guideline = serializers.CharField(
        required=False, allow_blank=True, max_length=200_000, trim_whitespace=False
    )
    limits = LimitsSerializer(required=False)
    counts = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = [
            "slug",
            "name",
            "task",
            "question",
            "labels",
            "guideline",
            "overlap",
            "gold_rate",
            "repeat_rate",
            "gold_threshold",
            "gold_minimum",
            "limits",
            "counts",
        ]
        extra_kwargs = {"slug": {"required": False}}

    def get_counts(self, project: Project) -> dict[str, int]:
        return projects.counts(project)

    def to_representation(self, project: Project) -> dict[str, Any]:
        newest = projects.newest_guideline(project)
        shown = {
            "slug": project.slug,
            "name": project.name,
            "task": project.task,
            "question": project.question,
            "labels": LabelSerializer(projects.active_labels(project), many=True).data,
            "guideline": newest.body if newest else "",
            "limits": LimitsSerializer(project).data,
            "counts": projects.counts(project),
        }
        for field in ("overlap", "gold_rate", "repeat_rate", "gold_threshold", "gold_minimum"):
            shown[field] = getattr(project, field)
        return {name: shown[name] for name in self.Meta.fields}

    def validated_changes(self) -> dict[str, Any]:
        """What was sent, with `limits` unfolded into the project's fields."""
        changes = dict(self.validated_data)
        changes.update(changes.pop("limits", {}))
        return changes


class ProjectList(generics.GenericAPIView[Project]):
    """The projects that you can see; a new one, which you will own."""

    serializer_class = ProjectSerializer

    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(projects_of(request.user))
        return self.get_paginated_response(ProjectSerializer(page, many=True).data)

    def post(self, request: Request) -> Response:
        serializer = ProjectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = project_services.create_project(request.user, **serializer.validated_changes())
        return Response(ProjectSerializer(project).data, status=status.HTTP_201_CREATED)


class ProjectDetail(APIView):
    """One project."""

    @extend_schema(responses=ProjectSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(ProjectSerializer(project_for(request.user, slug)).data)

    @extend_schema(request=ProjectSerializer, responses=ProjectSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = ProjectSerializer(project, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = serializer.validated_changes()
        fixed = sorted(set(changes) & {"slug", "task", "labels"})
        if fixed:
            raise serializers.ValidationError(
                dict.fromkeys(fixed, "This cannot be changed once the project is there.")
            )
        return Response(
            ProjectSerializer(project_services.change_project(project, request.user, changes)).data
        )

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        project_services.delete_project(project_for(request.user, slug, Role.OWNER), request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
