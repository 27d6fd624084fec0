"""Gold over REST: texts whose answer is known."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import jobs
from annotation.access import object_for, project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.api.values import SpansField, ValueSerializer
from annotation.models import GoldItem, Item, Role, User
from annotation.queries.gold import gold_items
from annotation.queries.values import label_names, named_value
from annotation.services import gold as services
from qc.forms.gold import PromoteForm
from qc.queries.gold import decided_values

SHAPES = ("label", "labels", "spans")


class GoldSerializer(serializers.Serializer[Any]):
    """A text whose answer is known; two of label, labels and spans are null."""

    id = serializers.IntegerField()
    item_id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(), allow_null=True)
    spans = SpansField(allow_null=True)
    explanation = serializers.CharField()
    origin = serializers.ChoiceField(GoldItem.Origin.choices)
    exposures = serializers.IntegerField()
    retired = serializers.DateTimeField(allow_null=True)
    created = serializers.DateTimeField()


class NewGoldSerializer(ValueSerializer):
    """The id of a text and its answer."""

    item = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    explanation = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class GoldChangeSerializer(ValueSerializer):
    """What can be changed. `retired` true hands it out no more, false again."""

    explanation = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    retired = serializers.BooleanField(required=False)


class PromotionSerializer(serializers.Serializer[Any]):
    """From what gold is made: texts on which at least `at_least` people gave the same answer and nobody another, or
    texts that the panel decided."""

    source = serializers.ChoiceField([PromoteForm.UNANIMOUS, PromoteForm.DECIDED])  # type: ignore[assignment]
    at_least = serializers.IntegerField(min_value=2, max_value=100, default=3)


class PromotedSerializer(serializers.Serializer[Any]):
    promoted = serializers.IntegerField()


def gold_data(gold: GoldItem, names: dict[int, str]) -> dict[str, Any]:
    """A gold item with its text and its answer by names."""
    return {
        "id": gold.pk,
        "item_id": gold.item_id,
        "external_id": gold.item.external_id,
        "text": gold.item.text,
        **named_value(gold, names),
        **{
            name: getattr(gold, name) for name in ("explanation", "origin", "exposures", "retired", "created")
        },
    }


class GoldList(generics.GenericAPIView[GoldItem]):
    """The gold texts of a project, retired ones too."""

    serializer_class = GoldSerializer

    @extend_schema(responses=GoldSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        page = self.paginate_queryset(gold_items(project).filter(item__deleted__isnull=True)) or []
        names = label_names(project)
        return self.get_paginated_response([gold_data(gold, names) for gold in page])

    @extend_schema(request=NewGoldSerializer, responses={201: GoldSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = NewGoldSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = dict(serializer.validated_data)
        item = get_object_or_404(Item, project=project, pk=sent.pop("item"), deleted__isnull=True)
        assert isinstance(request.user, User)
        made = services.set_gold(project, request.user, item, **sent)
        return Response(gold_data(made, label_names(project)), status=status.HTTP_201_CREATED)


class GoldDetail(APIView):
    """Changes a gold text: its answer, its explanation, or whether it is handed out."""

    @extend_schema(request=GoldChangeSerializer, responses=GoldSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        gold = object_for(request.user, GoldItem.objects.select_related("item"), pk, Role.LEAD)
        serializer = GoldChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = dict(serializer.validated_data)
        retired = sent.pop("retired", None)
        assert isinstance(request.user, User)
        if sent:
            services.change_gold(gold, request.user, **sent)
        if retired is not None:
            (services.retire_gold if retired else services.bring_back_gold)(gold, request.user)
        told = GoldItem.objects.select_related("item").get(pk=gold.pk)
        return Response(gold_data(told, label_names(gold.project)))


class GoldPromotion(APIView):
    """Makes gold of texts on which people or the panel agreed, at most 1,000 at once."""

    @extend_schema(request=PromotionSerializer, responses={202: JobSerializer, 200: PromotedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = PromotionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        assert isinstance(request.user, User)
        if sent["source"] == PromoteForm.UNANIMOUS:
            return accepted(jobs.promote_gold(project, request.user, at_least=sent["at_least"]))
        return Response(
            {"promoted": services.promote_adjudicated(project, request.user, decided_values(project))}
        )
