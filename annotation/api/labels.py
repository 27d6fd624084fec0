"""The labels of a project over REST."""

from typing import Any

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import jobs
from annotation.access import project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.pagination import Cursor
from annotation.api.requests import Request
from annotation.models import Label, Role
from annotation.services import labels
from annotation.services.labels import LONGEST_EXAMPLE, MOST_EXAMPLES


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A label; `color` is one of the eight hues of the design.

    Its id stays when it is renamed. One that was merged into another, or retired, cannot be chosen any more.
    """

    hotkey = serializers.CharField(max_length=1, required=False, allow_blank=True, allow_null=True)
    color = serializers.IntegerField(min_value=1, max_value=8, required=False, allow_null=True)
    examples = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_EXAMPLE), max_length=MOST_EXAMPLES, required=False
    )
    merged_into = serializers.PrimaryKeyRelatedField[Label](read_only=True, allow_null=True)

    class Meta:
        model = Label
        fields = [
            "id",
            "name",
            "description",
            "hotkey",
            "color",
            "examples",
            "position",
            "retired",
            "merged_into",
        ]
        read_only_fields = ["position", "retired"]


class LabelChangeSerializer(LabelSerializer):
    """What can be changed about a label; `position` is its place among those in use, counted from 0."""

    position = serializers.IntegerField(min_value=0, max_value=10_000, required=False)

    class Meta(LabelSerializer.Meta):
        read_only_fields = ["retired"]


class MergeSerializer(serializers.Serializer[Any]):
    """The id of the label that takes over."""

    into = serializers.IntegerField(min_value=0, max_value=2**63 - 1)


class InOrder(Cursor):
    """Labels in the order of their buttons."""

    ordering = ("position", "id")  # type: ignore[assignment]


def _label(request: Request, slug: str, pk: int) -> Label:
    project = project_for(request.user, slug, Role.LEAD)
    return get_object_or_404(Label.objects.select_related("project"), project=project, pk=pk)


class LabelList(generics.GenericAPIView[Label]):
    """The labels of a project, retired and merged ones too; one more."""

    serializer_class = LabelSerializer
    pagination_class = InOrder
    queryset = Label.objects.none()

    @extend_schema(responses=LabelSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        found = Label.objects.filter(project=project_for(request.user, slug))
        page = self.paginate_queryset(found)
        return self.get_paginated_response(LabelSerializer(page, many=True).data)

    @extend_schema(request=LabelSerializer, responses={201: LabelSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Without a hotkey it gets the next free one; "" is none."""
        project = project_for(request.user, slug, Role.LEAD)
        serializer = LabelSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = labels.add_label(project, request.user, **serializer.validated_data)
        return Response(LabelSerializer(made).data, status=status.HTTP_201_CREATED)


class LabelDetail(APIView):
    """One label."""

    @extend_schema(request=LabelChangeSerializer, responses=LabelSerializer)
    def patch(self, request: Request, slug: str, pk: int) -> Response:
        """Renames, moves, recolours it, or changes its definition, examples or key. No answer changes."""
        label = _label(request, slug, pk)
        serializer = LabelChangeSerializer(label, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = labels.change_label(label, request.user, serializer.validated_data)
        changed.refresh_from_db()
        return Response(LabelSerializer(changed).data)


class LabelMerge(APIView):
    """Gives every answer, gold item and imported label that has it another label; each answer keeps a version."""

    @extend_schema(request=MergeSerializer, responses={200: LabelSerializer, 202: JobSerializer})
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """200 with the merged label; 202 with a job where there is much to change."""
        label = _label(request, slug, pk)
        serializer = MergeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        chosen = serializer.validated_data["into"]
        into = Label.objects.filter(project=label.project, pk=chosen).first()
        if into is None:
            raise ValidationError({"into": f"This project has no label with the id {chosen}."})
        _, job = jobs.merge_label(label, into, request.user)
        if job is not None:
            return accepted(job)
        label.refresh_from_db()
        return Response(LabelSerializer(label).data)


class LabelRetire(APIView):
    """Takes a label out of the choice. Its answers keep it."""

    @extend_schema(request=None, responses=LabelSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        return Response(LabelSerializer(labels.retire_label(_label(request, slug, pk), request.user)).data)


class LabelRestore(APIView):
    """Puts a retired or merged label back into the choice."""

    @extend_schema(request=None, responses=LabelSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        return Response(LabelSerializer(labels.restore_label(_label(request, slug, pk), request.user)).data)
