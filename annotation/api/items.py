"""Items and answers over REST."""

from typing import Any

from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.requests import Request
from annotation.models import Item, Role
from annotation.queries import items as queries
from annotation.services.exporting import csv_lines, jsonl_lines

PAGING = {"cursor", "limit", "format"}
ANNOTATION_FIELDS = [
    "item_id",
    "external_id",
    "text",
    "annotator",
    "label",
    "labels",
    "spans",
    "seconds",
    "comment",
    "kind",
    "round",
    "guideline_version",
    "created",
]


class ItemSerializer(serializers.Serializer[Any]):
    """An item with its label as it stands now."""

    id = serializers.IntegerField(source="item.pk")
    external_id = serializers.CharField(source="item.external_id", allow_null=True)
    text = serializers.CharField(source="item.text")
    meta = serializers.JSONField(source="item.meta")
    round = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    label_source = serializers.ChoiceField(choices=["majority", "imported"], allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    state = serializers.ChoiceField(choices=[queries.POOL, queries.OPEN, queries.COMPLETE])
    provenance = serializers.CharField(source="item.provenance")


class ItemList(generics.GenericAPIView[Item]):
    """The items of a project. Every metadata field filters too, as `meta.<field>=value`."""

    serializer_class = ItemSerializer
    queryset = Item.objects.none()

    @extend_schema(
        responses=ItemSerializer(many=True),
        parameters=[OpenApiParameter(name, OpenApiTypes.STR) for name in queries.FILTERS],
    )
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        filters = {name: value for name, value in request.query_params.dict().items() if name not in PAGING}
        page = self.paginate_queryset(queries.items(project, filters)) or []
        return self.get_paginated_response(ItemSerializer(queries.describe(project, page), many=True).data)


class AnnotationExport(APIView):
    """Every answer of the project, streamed as `annotations.jsonl` or `annotations.csv`."""

    @extend_schema(responses={200: OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str, extension: str) -> StreamingHttpResponse:
        project = project_for(request.user, slug, Role.LEAD)
        records = queries.annotation_records(project)
        if extension == "jsonl":
            response = StreamingHttpResponse(jsonl_lines(records), content_type="application/x-ndjson")
        elif extension == "csv":
            rows = (record.values() for record in records)
            response = StreamingHttpResponse(
                csv_lines(ANNOTATION_FIELDS, rows), content_type="text/csv; charset=utf-8"
            )
        else:
            raise Http404("Answers are written as annotations.jsonl and annotations.csv.")
        response["Content-Disposition"] = f'attachment; filename="{project.slug}-annotations.{extension}"'
        return response
