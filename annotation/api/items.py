"""Items and answers over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from annotation.access import project_for
from annotation.api.requests import Request
from annotation.models import Item, Role
from annotation.queries import items as queries

PAGING = {"cursor", "limit", "format"}


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
