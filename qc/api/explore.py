"""Suspects and samples over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import authorise, may, object_for, project_for
from annotation.api.estimates import EstimateSerializer
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.api.values import FreeField, SpansField
from annotation.models import Role
from annotation.queries.values import label_names, named_value
from annotation.services.values import AnswerValue, value_of
from qc.jobs import start_exploration, start_sample
from qc.models import MetaLabelVote, Sample, SampleItem, Suspect
from qc.queries import samples as sample_queries
from qc.queries import suspects as queries
from qc.services import samples as services
from qc.services.suspects import why

MOST_SHOWN = 200


class SuspectSerializer(serializers.Serializer[Any]):
    """A text whose label looks wrong."""

    rank = serializers.IntegerField()
    item_id = serializers.IntegerField()
    external_id = serializers.CharField(source="item.external_id", allow_null=True)
    text = serializers.CharField(source="item.text")
    given = serializers.CharField(source="given.name", default=None, allow_null=True)
    likely = serializers.CharField(source="likely.name", default=None, allow_null=True)
    score = serializers.FloatField()
    why = serializers.SerializerMethodField()
    verdict = serializers.CharField()
    case_open = serializers.BooleanField(source="waits")

    def get_why(self, suspect: Suspect) -> str:
        return why(suspect)


class PrecisionSerializer(EstimateSerializer):
    """Of the suspects that somebody has looked at, the share that were real; `real` of `n`."""

    real = serializers.IntegerField()


class SuspectsSerializer(serializers.Serializer[Any]):
    """The newest look at all texts, and a part of its list of suspects, those with one `reason`.

    `outdated` when labels have changed since. `suspects` and `precision` are by reason.
    """

    computed = serializers.DateTimeField()
    outdated = serializers.BooleanField()
    texts = serializers.IntegerField()
    length = serializers.DictField()
    labels = serializers.ListField(child=serializers.DictField())
    meta = serializers.ListField(child=serializers.DictField())
    fringe = serializers.ListField(child=serializers.DictField())
    dense = serializers.ListField(child=serializers.DictField())
    copies = serializers.DictField()
    suspects = serializers.DictField(child=serializers.DictField())
    precision = serializers.DictField(child=PrecisionSerializer())
    reason = serializers.ChoiceField(Suspect.Reason.choices)
    results = SuspectSerializer(many=True)


class SuspectList(APIView):
    """The texts whose label looks wrong, worst first, and how many of those looked at were; searching anew."""

    @extend_schema(
        parameters=[
            OpenApiParameter("reason", OpenApiTypes.STR, enum=Suspect.Reason.values),
            OpenApiParameter("after", OpenApiTypes.INT, description="Only ranks above this; 200 at a time."),
        ],
        responses=SuspectsSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        report = queries.exploration(project)
        if report is None:
            raise Http404("not computed yet")
        reason = request.query_params.get("reason", Suspect.Reason.MODEL.value)
        after = request.query_params.get("after", "0")
        if reason not in Suspect.Reason.values:
            raise serializers.ValidationError({"reason": f"One of {', '.join(Suspect.Reason.values)}."})
        if not (after.isascii() and after.isdecimal() and len(after) < 10):
            raise serializers.ValidationError({"after": "A rank is a whole number."})
        found = list(queries.suspects(project, reason).filter(rank__gt=int(after))[:MOST_SHOWN])
        body = {
            "computed": report.computed,
            "outdated": queries.is_outdated(report),
            **report.result,
            "precision": queries.precision(project),
            "reason": reason,
            "results": found,
        }
        return Response(SuspectsSerializer(body).data)

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        return accepted(start_exploration(project, request.user))


class SampleRequestSerializer(serializers.Serializer[Any]):
    """What to draw: parts by kind, each with its size, and a seed."""

    parts = FreeField(
        help_text="[{kind: random|metadata|distance|class, size, field, values, how: fringe|dense|duplicates, labels}]"
    )
    seed = serializers.IntegerField(min_value=0, max_value=services.LARGEST_SEED, default=0)


class SampleSerializer(serializers.Serializer[Any]):
    """A sample; `total` is 0 until it is drawn."""

    id = serializers.IntegerField()
    recipe = serializers.JSONField()
    seed = serializers.IntegerField()
    total = serializers.IntegerField()
    population = serializers.IntegerField()
    drawn = serializers.DateTimeField(allow_null=True)
    created = serializers.DateTimeField()


class ShareOfLabelSerializer(EstimateSerializer):
    """The share of wrong labels among the texts with this label."""

    label = serializers.CharField()  # type: ignore[assignment]


class FindingsSerializer(serializers.Serializer[Any]):
    """What the reviews of a sample say so far.

    `wrong` is the share of wrong labels among the texts drawn at random, `wrong_n` their number; `blind` how often an
    answer given without the label was the same; `kinds` texts by what is wrong with them; `marked` those with
    something wrong; `more` how many more random texts tell the share to within five points.
    """

    reviewed = serializers.IntegerField()
    wrong = EstimateSerializer()
    wrong_n = serializers.IntegerField()
    by_label = ShareOfLabelSerializer(many=True)
    blind = EstimateSerializer()
    kinds = serializers.DictField(child=serializers.IntegerField())
    marked = serializers.ListField(child=serializers.IntegerField())
    more = serializers.IntegerField()


class SampleDetailSerializer(SampleSerializer):
    """A sample with its findings."""

    findings = FindingsSerializer()


class SampleList(generics.GenericAPIView[Sample]):
    """The samples of a project, newest first; drawing a new one."""

    serializer_class = SampleSerializer

    @extend_schema(responses=SampleSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.ADJUDICATOR)
        page = self.paginate_queryset(Sample.objects.filter(project=project)) or []
        return self.get_paginated_response(SampleSerializer(page, many=True).data)

    @extend_schema(request=SampleRequestSerializer, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = SampleRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        sample = services.plan_sample(project, request.user, {"parts": sent["parts"]}, sent["seed"])
        return accepted(start_sample(sample, request.user))


def _sample(request: Request, sample_id: int) -> Sample:
    return object_for(request.user, Sample.objects.all(), sample_id, Role.ADJUDICATOR)


class SampleDetail(APIView):
    """A sample and what its reviews say so far. Reviewers find in `marked` only texts that they have reviewed."""

    @extend_schema(responses=SampleDetailSerializer)
    def get(self, request: Request, sample_id: int) -> Response:
        sample = _sample(request, sample_id)
        findings = sample_queries.findings(sample, label_names(sample.project))
        if not may(authorise(request.user, sample.project, Role.ADJUDICATOR), Role.LEAD):
            finished = sample_queries.finished_items(sample, request.user)
            findings["marked"] = [item for item in findings["marked"] if item in finished]
        return Response({**SampleSerializer(sample).data, "findings": findings})


class ReviewedItemSerializer(serializers.Serializer[Any]):
    """The text itself."""

    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    text = serializers.CharField()


class AnsweredSerializer(serializers.Serializer[Any]):
    """A label, several, or spans: the one of the project's task."""

    label = serializers.CharField(required=False)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(), required=False)
    spans = SpansField(required=False)


class ReviewedTextSerializer(serializers.Serializer[Any]):
    """A text of a sample. All but the text is null until you have answered; `reviewed` is the label it has."""

    id = serializers.IntegerField()
    item = ReviewedItemSerializer()
    answer = AnsweredSerializer(allow_null=True)
    reviewed = AnsweredSerializer(allow_null=True)
    agrees = serializers.BooleanField(allow_null=True)
    drawn_by = serializers.ListField(child=serializers.CharField(), allow_null=True)
    kinds = serializers.ListField(child=serializers.CharField(), allow_null=True)


class NextReviewSerializer(serializers.Serializer[Any]):
    """The next text, or null."""

    text = ReviewedTextSerializer(allow_null=True)


class NextReview(APIView):
    """The next text of a sample for you, without its label until you have answered; null when you have done all."""

    @extend_schema(request=None, responses=NextReviewSerializer)
    def post(self, request: Request, sample_id: int) -> Response:
        sample = _sample(request, sample_id)
        found = sample_queries.next_to_review(sample, request.user) if sample.drawn else None
        return Response({"text": _shown(found, request) if found else None})


def _shown(drawn: SampleItem, request: Request) -> dict[str, Any]:
    """A text of a sample as the reviewer may see it: its label and why it was drawn only after the own answer."""
    names = label_names(drawn.sample.project)
    review = sample_queries.review_of(drawn, request.user)
    reviewed = None if value_of(drawn) == AnswerValue() else _named(drawn, names)
    return {
        "id": drawn.pk,
        "item": {"id": drawn.item_id, "external_id": drawn.item.external_id, "text": drawn.item.text},
        "answer": _named(review, names) if review else None,
        "reviewed": reviewed if review else None,
        "agrees": review.agrees if review else None,
        "drawn_by": drawn.drawn_by if review else None,
        "kinds": review.kinds if review else None,
    }


def _named(row: Any, names: dict[int, str]) -> dict[str, Any]:
    return {name: value for name, value in named_value(row, names).items() if value is not None}


class BlindAnswerSerializer(serializers.Serializer[Any]):
    """The reviewer's own answer: of `label`, `labels` and `spans` the one of the project's task."""

    label = serializers.CharField(required=False, max_length=100)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(max_length=100), required=False)
    spans = SpansField(required=False)


class ReviewMarksSerializer(serializers.Serializer[Any]):
    """What is wrong with the text; an empty list says that it is fine."""

    kinds = serializers.ListField(child=serializers.ChoiceField(MetaLabelVote.Kind.choices))
    note = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


def _drawn(request: Request, sample_item_id: int) -> SampleItem:
    rows = SampleItem.objects.select_related("item", "sample__project")
    return object_for(request.user, rows, sample_item_id, Role.ADJUDICATOR, "sample.project")


class BlindAnswer(APIView):
    """Answering a text of a sample before its label shows; sent again, the first answer stays."""

    @extend_schema(request=BlindAnswerSerializer, responses={201: ReviewedTextSerializer})
    def post(self, request: Request, sample_item_id: int) -> Response:
        drawn = _drawn(request, sample_item_id)
        serializer = BlindAnswerSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.answer_blind(drawn, request.user, **serializer.validated_data)
        return Response(_shown(drawn, request), status=status.HTTP_201_CREATED)


class ReviewMarks(APIView):
    """Saying what is wrong with a text of a sample, after the own answer."""

    @extend_schema(request=ReviewMarksSerializer, responses={201: ReviewedTextSerializer})
    def post(self, request: Request, sample_item_id: int) -> Response:
        drawn = _drawn(request, sample_item_id)
        serializer = ReviewMarksSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.mark_reviewed(drawn, request.user, **serializer.validated_data)
        return Response(_shown(drawn, request), status=status.HTTP_201_CREATED)
