"""Items and answers over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor as PlaceInList
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.pagination import Cursor
from annotation.api.requests import Request
from annotation.jobs import change_items
from annotation.models import Item, Job, Project, Role, User
from annotation.queries import items as queries
from annotation.queries import sorting
from annotation.queries.finding import listing
from annotation.services.bulk import ACTIONS, OUT_OF_ROUND

PAGING = {"cursor", "limit", "format", "order"}


class ItemSerializer(serializers.Serializer[Any]):
    """An item with its label as it stands now."""

    id = serializers.IntegerField(source="item.pk")
    external_id = serializers.CharField(source="item.external_id", allow_null=True)
    text = serializers.CharField(source="item.text")
    meta = serializers.JSONField(source="item.meta")
    round = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    label_source = serializers.ChoiceField(choices=["majority", "imported"], allow_null=True)
    imported = serializers.ListField(
        child=serializers.CharField(), help_text="labels that it came in with, of spans too"
    )
    confidence = serializers.FloatField(allow_null=True)
    state = serializers.ChoiceField(choices=[queries.POOL, queries.OPEN, queries.COMPLETE])
    provenance = serializers.CharField(source="item.provenance")
    excluded = serializers.DateTimeField(source="item.excluded", allow_null=True)
    excluded_because = serializers.CharField(source="item.excluded_because", allow_blank=True)


class ItemCursor(Cursor):
    """Newest first, or in the order asked for. A page may be short, or empty, where texts are rare: `next` leads on."""

    def page_of(self, request: Request, project: Project, filters: dict[str, str]) -> sorting.Sheet:
        """The page that the address means."""
        self.base_url = request.build_absolute_uri()
        self.request = request
        place = self.decode_cursor(request)
        order = sorting.check_order(request.query_params.get("order") or sorting.NEWEST, filters)
        border = {}
        if place is not None and place.position is not None:
            value = str(place.position)
            if not sorting.is_place(order, value):
                raise NotFound(self.invalid_cursor_message)
            border = {"before" if place.reverse else "after": value}
        size = self.get_page_size(request) or self.page_size
        texts = listing(project, filters)
        self.found = sorting.page_in_order(project, filters, texts, order, size, **border)
        return self.found

    def get_next_link(self) -> str | None:
        """Where the list goes on."""
        return self._link(self.found.after, reverse=False)

    def get_previous_link(self) -> str | None:
        """Where it came from."""
        return self._link(self.found.before, reverse=True)

    def _link(self, border: str | None, *, reverse: bool) -> str | None:
        if border is None:
            return None
        return self.encode_cursor(PlaceInList(0, reverse, border))  # type: ignore[arg-type]  # words do as well


class ItemList(generics.GenericAPIView[Item]):
    """The items of a project. Every metadata field filters too, as `meta.<field>=value`."""

    serializer_class = ItemSerializer
    queryset = Item.objects.none()

    @extend_schema(
        responses=ItemSerializer(many=True),
        parameters=[
            *(OpenApiParameter(name, OpenApiTypes.STR) for name in queries.FILTERS),
            OpenApiParameter("order", OpenApiTypes.STR, enum=list(sorting.ORDERS), default=sorting.NEWEST),
        ],
    )
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        filters = {name: value for name, value in request.query_params.dict().items() if name not in PAGING}
        cursor = ItemCursor()
        page = cursor.page_of(request, project, filters)
        return cursor.get_paginated_response(
            ItemSerializer(queries.describe(project, page.texts), many=True).data
        )


class ChangeSerializer(serializers.Serializer[Any]):
    """What is done to which texts: those of `items`, or all under `filters`, or those of an earlier action (`at`)."""

    action = serializers.ChoiceField(choices=list(ACTIONS))
    items = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)
    filters = serializers.DictField(child=serializers.CharField(), required=False)
    at = serializers.DateTimeField(required=False, help_text="as `undo` gave it, to take an action back")
    because = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    round = serializers.CharField(required=False, default="", allow_blank=True)
    slots = serializers.CharField(required=False, default="", help_text="as `undo` gave it")

    def validate(self, sent: dict[str, Any]) -> dict[str, Any]:
        if sent["action"] == OUT_OF_ROUND:
            return sent
        if sum(name in sent for name in ("items", "filters", "at")) != 1:
            raise serializers.ValidationError("Choose texts by one of: items, filters, at.")
        return sent


class DoneSerializer(serializers.Serializer[Any]):
    """How many texts were changed, and what to send to take it back."""

    texts = serializers.IntegerField()
    message = serializers.CharField()
    undo = serializers.DictField(allow_null=True)


class ItemChange(APIView):
    """Excludes, takes back, deletes or restores texts, or puts them into a round. Many at once: 202 with a job."""

    @extend_schema(request=ChangeSerializer, responses={200: DoneSerializer, 202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = ChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        choice = {name: sent[name] for name in ("items", "filters") if name in sent}
        if "at" in sent:
            choice = {
                "at": sent["at"].isoformat(),
                "undo_of": {"restore": "delete"}.get(sent["action"], "exclude"),
            }
        assert isinstance(request.user, User)
        done = change_items(
            project,
            request.user,
            sent["action"],
            choice,
            because=sent["because"],
            round=sent["round"],
            slots=sent["slots"],
        )
        return accepted(done) if isinstance(done, Job) else Response(DoneSerializer(done).data)
