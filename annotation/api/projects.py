"""Projects over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import may, project_for, projects_led_by, projects_of, role_in
from annotation.api.labels import LabelSerializer
from annotation.api.requests import Request
from annotation.models import Project, Role
from annotation.queries import progress, projects
from annotation.queries.metadata import metadata_fields
from annotation.services import projects as project_services


class LimitsSerializer(serializers.Serializer[Any]):
    """Minutes of labelling; null is no limit."""

    sitting_minutes = serializers.IntegerField(min_value=1, max_value=32767, allow_null=True, default=None)
    day_minutes = serializers.IntegerField(min_value=1, max_value=32767, allow_null=True, default=None)
    total_minutes = serializers.IntegerField(min_value=1, max_value=2147483647, allow_null=True, default=None)
    break_minutes = serializers.IntegerField(min_value=1, max_value=32767, allow_null=True, default=None)


MINUTES = ["sitting_minutes", "day_minutes", "total_minutes", "break_minutes"]
# Plain settings, beside `limits`, in the order in which they are told
SETTINGS = [name for name in project_services.SETTINGS if name not in {"name", "question", *MINUTES}]
HELP = {
    "overlap": "Answers for each text, in rounds made from now on.",
    "maximum_overlap": "Up to which overlap grows where the first answers disagree; null: it does not grow.",
    "overlapping_spans": "Whether two marked spans may share a character.",
    "asks_difficulty": "Whether annotators may say how hard a text was.",
    "asks_confidence": "Whether annotators may say how sure they are.",
    "gold_rate": "Share of texts with a known answer, in rounds made from now on.",
    "gold_threshold": "An annotator whose gold accuracy is surely below this is paused.",
    "gold_minimum": "Gold answers before anybody is paused.",
    "gold_feedback": "What annotators are told after a gold text.",
    "gold_wear": "After so many exposures a gold text is retired; null: never.",
    "repeat_rate": "Share of texts that come back to the same person, in rounds made from now on.",
    "repeat_distance": "Texts between a text and its repeat, at least.",
    "shows_quality": "Whether annotators see how good their own answers are.",
    "text_minimum": "Characters that an imported text has at least.",
    "text_maximum": "Characters that an imported text has at most.",
    "fewest_letters": "Share of letters that an imported text has at least.",
    "looks_for_copies": "Whether near-duplicates are looked for after an import without being asked.",
    "languages": "ISO 639-1 codes of the languages that imported texts may have; empty: any.",
    "question": "Shown above the labels. Default: a question that fits the task.",
}


FIXED = {
    "slug": "The address cannot be changed: scripts use it.",
    "task": "The kind of task cannot be changed once the project is there.",
    "labels": "Labels are changed one by one, at /projects/{slug}/labels/.",
}


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project with its labels, its newest guideline and its counts, which move in steps for annotators.

    `stepwise` in the context holds the ids of the projects where that is so.
    """

    labels = LabelSerializer(many=True)
    guideline = serializers.CharField(
        required=False, allow_blank=True, max_length=200_000, trim_whitespace=False
    )
    limits = LimitsSerializer(required=False)
    counts = serializers.SerializerMethodField()
    metadata_fields = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = [
            *["slug", "name", "task", "question", "labels", "guideline"],
            *SETTINGS,
            *["limits", "counts", "metadata_fields", "deleted"],
        ]
        read_only_fields = ["deleted"]
        extra_kwargs = {
            "slug": {"required": False},
            **{name: {"help_text": said, "required": False} for name, said in HELP.items()},
        }

    def get_counts(self, project: Project) -> dict[str, int]:
        stepwise = project.pk in self.context.get("stepwise", ())
        return progress.told_counts(project) if stepwise else projects.counts(project)

    def get_metadata_fields(self, project: Project) -> list[dict[str, str]]:
        """What texts carry beside their words: [{"name", "type"}]."""
        return [{"name": field.name, "type": field.type} for field in metadata_fields(project)]

    def to_representation(self, project: Project) -> dict[str, Any]:
        newest = projects.newest_guideline(project)
        return {
            "slug": project.slug,
            "name": project.name,
            "task": project.task,
            "question": project.question,
            "labels": LabelSerializer(projects.active_labels(project), many=True).data,
            "guideline": newest.body if newest else "",
            **{field: getattr(project, field) for field in SETTINGS},
            "limits": LimitsSerializer(project).data,
            "counts": self.get_counts(project),
            "metadata_fields": self.get_metadata_fields(project),
            "deleted": project.deleted,
        }

    def validated_changes(self) -> dict[str, Any]:
        """What was sent, with `limits` unfolded into the project's fields."""
        changes = dict(self.validated_data)
        changes.update(changes.pop("limits", {}))
        return changes


class ProjectList(generics.GenericAPIView[Project]):
    """The projects that you can see; a new one, which you will own."""

    serializer_class = ProjectSerializer

    @extend_schema(responses=ProjectSerializer(many=True))
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(projects_of(request.user)) or []
        shown = {project.pk for project in page}
        led = set(projects_led_by(request.user).filter(pk__in=shown).values_list("pk", flat=True))
        context = {"stepwise": shown - led}
        return self.get_paginated_response(ProjectSerializer(page, many=True, context=context).data)

    @extend_schema(request=ProjectSerializer, responses={201: ProjectSerializer})
    def post(self, request: Request) -> Response:
        serializer = ProjectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = project_services.create_project(request.user, **serializer.validated_changes())
        return Response(ProjectSerializer(project).data, status=status.HTTP_201_CREATED)


class ProjectDetail(APIView):
    """One project."""

    @extend_schema(responses=ProjectSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug)
        led = may(role_in(request.user, project), Role.LEAD)
        return Response(ProjectSerializer(project, context={"stepwise": () if led else (project.pk,)}).data)

    @extend_schema(request=ProjectSerializer, responses=ProjectSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = ProjectSerializer(project, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = serializer.validated_changes()
        fixed = sorted(set(changes) & set(FIXED))
        if fixed:
            raise serializers.ValidationError({name: FIXED[name] for name in fixed})
        return Response(
            ProjectSerializer(project_services.change_project(project, request.user, changes)).data
        )

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        project_services.delete_project(project_for(request.user, slug, Role.OWNER), request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProjectRestore(APIView):
    """Brings a deleted project back with everything in it."""

    @extend_schema(request=None, responses=ProjectSerializer)
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.OWNER)
        project_services.restore_project(project, request.user)
        return Response(ProjectSerializer(project).data)
