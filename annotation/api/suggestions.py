"""Suggestions over REST: what scripts suggest, what is told to annotators, and what it did."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import jobs
from annotation.access import project_for
from annotation.api.errors import Conflict
from annotation.api.estimates import EstimateSerializer
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.labelling import SuggestionSerializer, own_lease
from annotation.api.pagination import Cursor
from annotation.api.plain import PlainView, plain_response
from annotation.api.requests import Request
from annotation.api.values import SpansField
from annotation.models import Role, Round, SuggestionSource
from annotation.queries import suggestions as reads
from annotation.services import labelling
from annotation.services import suggestions as services


class SuggestionRowSerializer(serializers.Serializer[Any]):
    """What is suggested for one text; `id` as in predictions, and the one shape that the project's task asks for."""

    id = serializers.CharField()
    label = serializers.CharField(required=False)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(), required=False)
    spans = SpansField(required=False)
    score = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)


class NewSuggestionsSerializer(serializers.Serializer[Any]):
    """Suggestions under the name that annotators read. A later row for the same text replaces the earlier."""

    source = serializers.CharField(max_length=services.LONGEST_NAME)  # type: ignore[assignment]
    rows = SuggestionRowSerializer(many=True)


class SourceSerializer(serializers.ModelSerializer[SuggestionSource]):
    """Whose suggestions there are, for how many texts, and which rounds have them switched on."""

    source = serializers.CharField(source="name")  # type: ignore[assignment]
    suggestions = serializers.IntegerField(source="suggestions_total")
    rounds = serializers.SerializerMethodField()

    class Meta:
        model = SuggestionSource
        fields = ["id", "source", "suggestions", "rounds", "created", "changed"]

    def get_rounds(self, source: SuggestionSource) -> list[str]:
        """Their names."""
        return [made.name for made in self.context.get("rounds", {}).get(source.pk, [])]


class InOrder(Cursor):
    """Sources in the order in which they came."""

    ordering = "id"


class SuggestionList(generics.GenericAPIView[SuggestionSource]):
    """The sources of suggestions; POST stores suggestions, whole or not at all."""

    serializer_class = SourceSerializer
    pagination_class = InOrder
    queryset = SuggestionSource.objects.none()

    @extend_schema(responses=SourceSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        page = self.paginate_queryset(reads.sources(project))
        context = {"rounds": reads.rounds_by_source(project)}
        return self.get_paginated_response(SourceSerializer(page, many=True, context=context).data)

    @extend_schema(request=NewSuggestionsSerializer, responses=SourceSerializer)
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        sent = request.data if isinstance(request.data, dict) else {}
        name, rows = sent.get("source"), sent.get("rows")
        if not isinstance(name, str):
            raise ValidationError({"source": "Name the model that suggests. Annotators read it."})
        if not isinstance(rows, list):
            raise ValidationError({"rows": "Send a list of rows: id, what is suggested, and score."})
        source = jobs.add_suggestions(project, request.user, name, rows)
        context = {"rounds": reads.rounds_by_source(project)}
        return Response(SourceSerializer(source, context=context).data)


def _source(request: Request, slug: str, pk: int) -> SuggestionSource:
    project = project_for(request.user, slug, Role.LEAD)
    return get_object_or_404(SuggestionSource.objects.filter(project=project), pk=pk)


class SuggestionDetail(APIView):
    """Hides a source and what it suggests until it is restored; refused while a round that is not closed has it."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        services.delete_source(_source(request, slug, pk), request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SuggestionRestore(APIView):
    """Brings a deleted source back."""

    @extend_schema(request=None, responses=SourceSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        source = services.restore_source(_source(request, slug, pk), request.user)
        return Response(SourceSerializer(source).data)


class StateSerializer(serializers.Serializer[Any]):
    """The answers given while a suggestion was hidden, shown, or asked for; repeats are left out."""

    state = serializers.ChoiceField(["hidden", "shown", "asked"])
    n = serializers.IntegerField()
    followed = EstimateSerializer(help_text="share of the answers that are what was suggested")
    accuracy_where_right = EstimateSerializer(help_text="on gold, where the suggestion was right")
    accuracy_where_wrong = EstimateSerializer(help_text="on gold, where the suggestion was wrong")


# `with` is a word of Python, so that the body of no class can name a field so
ReachSerializer = type(
    inline_serializer(
        "SuggestionReach", {"n": serializers.IntegerField(), "with": serializers.IntegerField()}
    )
)


class FiguresSerializer(serializers.Serializer[Any]):
    """What a round's suggestions reach, and what they did; `newer` answers were given since, and `changes` of other
    kinds were made."""

    computed = serializers.DateTimeField()
    answers = serializers.IntegerField()
    newer = serializers.IntegerField()
    changes = serializers.DictField(child=serializers.IntegerField())
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    texts = ReachSerializer()
    gold = ReachSerializer()
    states = StateSerializer(many=True)


class RoundSuggestions(APIView):
    """What a round's suggestions reach, and what they did to the answers."""

    @extend_schema(responses=FiguresSerializer)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        made = _round(request, slug, pk)
        if made.suggestion_figures is None:
            raise Http404("not counted yet; POST here to start it")
        return Response(figures_of(made))

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str, pk: int) -> Response:
        return accepted(jobs.start_measurement(_round(request, slug, pk), request.user))


def figures_of(made: Round) -> dict[str, Any]:
    """The stored figures, and what they do not know of."""
    since = reads.since_figures(made)
    return dict(made.suggestion_figures or {}) | {"newer": since.answers, "changes": dict(since.changes)}


def _round(request: Request, slug: str, pk: int) -> Round:
    project = project_for(request.user, slug, Role.LEAD)
    found = Round.objects.filter(project=project, deleted__isnull=True).select_related("project")
    return get_object_or_404(found, pk=pk)


class AskForSuggestion(PlainView):
    """Tells what is suggested for a text in your hands, where its round keeps it hidden until it is asked for.

    That you asked is kept with your answer; asking again tells it again.
    """

    @extend_schema(request=None, responses={200: SuggestionSerializer, 409: None})
    def post(self, request: Request, pk: int) -> HttpResponse:
        held = own_lease(request, pk)
        try:
            suggested, told = labelling.ask_for_suggestion(held.assignment)
        except labelling.Refused as refused:
            raise Conflict(" ".join(refused.messages)) from refused
        return plain_response(reads.as_told(suggested, told) or {})
