"""The metadata fields of a project over REST."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import jobs
from annotation.access import project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.pagination import Cursor
from annotation.api.requests import Request
from annotation.models import Job, MetadataField, Role, User
from annotation.queries.metadata import metadata_fields
from annotation.services.metadata_fields import TYPES


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string", "format": "date-time"}]})
class BoundField(serializers.JSONField):
    """A number, or a date."""


class MetadataFieldSerializer(serializers.ModelSerializer[MetadataField]):
    """A field, and what was seen of it in the texts that were looked at.

    `texts` is how many those were, `values` how many of them say something, `unreadable` how many values are not of
    the type. `minimum` and `maximum` are numbers, or dates in UTC; null for other types.
    """

    examples = serializers.ListField(child=serializers.CharField())
    minimum = BoundField(allow_null=True)
    maximum = BoundField(allow_null=True)

    class Meta:
        model = MetadataField
        fields = [
            "id",
            "name",
            "type",
            "source",
            "texts",
            "values",
            "distinct",
            "unreadable",
            "examples",
            "minimum",
            "maximum",
        ]


class FieldTypeSerializer(serializers.Serializer[MetadataField]):
    """The type that a field is; "detected" goes back to what its values look like."""

    type = serializers.CharField(max_length=40, help_text=" | ".join(TYPES))


class InOrder(Cursor):
    """Fields in the order in which they came."""

    ordering = "id"


class MetadataFieldList(generics.GenericAPIView[MetadataField]):
    """The fields that the texts of a project have in their metadata."""

    serializer_class = MetadataFieldSerializer
    pagination_class = InOrder
    queryset = MetadataField.objects.none()

    @extend_schema(responses=MetadataFieldSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(metadata_fields(project_for(request.user, slug, Role.LEAD)))
        return self.get_paginated_response(MetadataFieldSerializer(page, many=True).data)


class MetadataFieldDetail(APIView):
    """One field."""

    @extend_schema(responses=MetadataFieldSerializer)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        return Response(MetadataFieldSerializer(_field(request, slug, pk)).data)

    @extend_schema(request=FieldTypeSerializer, responses={200: MetadataFieldSerializer, 202: JobSerializer})
    def patch(self, request: Request, slug: str, pk: int) -> Response:
        """Corrects the type; refused where values are not of it. 202 with a job where there are many texts."""
        field = _field(request, slug, pk)
        serializer = FieldTypeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        done = jobs.correct_field(field, request.user, serializer.validated_data["type"])
        return accepted(done) if isinstance(done, Job) else Response(MetadataFieldSerializer(done).data)


def _field(request: Request, slug: str, pk: int) -> MetadataField:
    project = project_for(request.user, slug, Role.LEAD)
    return get_object_or_404(MetadataField.objects.select_related("project"), project=project, pk=pk)
