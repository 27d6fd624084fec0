"""Agreement over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.estimates import EstimateSerializer
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.models import Project, Role, Round, User
from qc.jobs import start_agreement
from qc.queries.agreement import latest_report
from qc.queries.outdated import since_agreement


class AgreementRequestSerializer(serializers.Serializer[Any]):
    """What to compute: one round (its id or its name), or all with null."""

    round = serializers.CharField(required=False, allow_null=True, default=None)


class LabelAgreementSerializer(serializers.Serializer[Any]):
    """A label against the rest; n answers. For spans `f1` between people is there, in the place of alpha."""

    label = serializers.CharField()  # type: ignore[assignment]
    alpha = EstimateSerializer()
    f1 = EstimateSerializer(required=False)
    n = serializers.IntegerField()


class PairSerializer(serializers.Serializer[Any]):
    """Two annotators, by name and id, on the items that both answered; `low` and `high` are kappa's interval."""

    a = serializers.CharField()
    b = serializers.CharField()
    a_id = serializers.IntegerField(required=False)
    b_id = serializers.IntegerField(required=False)
    items = serializers.IntegerField()
    kappa = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    agreement = serializers.FloatField(allow_null=True)


class GoldAccuracySerializer(serializers.Serializer[Any]):
    """Accuracy on gold items."""

    n = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class ConsistencySerializer(serializers.Serializer[Any]):
    """Agreement of somebody with themselves on repeats."""

    n = serializers.IntegerField()
    agreement = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    kappa = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class AnnotatorReportSerializer(serializers.Serializer[Any]):
    """One annotator; `annotator` is the id under which the whole report is, `patterns` what was named in it."""

    username = serializers.CharField()
    annotator = serializers.IntegerField()
    annotations = serializers.IntegerField()
    gold = GoldAccuracySerializer()
    consistency = ConsistencySerializer()
    agreement_with_rest = serializers.FloatField(allow_null=True)
    agreement_interval = EstimateSerializer()
    median_seconds = serializers.FloatField(allow_null=True)
    state = serializers.CharField()
    patterns = serializers.ListField(child=serializers.CharField())


class ConfusedLabelsSerializer(serializers.Serializer[Any]):
    """Two labels and how many pairs of answers to one text disagree between them; the texts, most disputed first."""

    a = serializers.CharField()
    b = serializers.CharField()
    n = serializers.IntegerField()
    texts = serializers.IntegerField()
    items = serializers.ListField(child=serializers.IntegerField())


class DisputedItemSerializer(serializers.Serializer[Any]):
    """An item on which people disagree; entropy in bits."""

    item_id = serializers.IntegerField()
    entropy = serializers.FloatField()


class SpanAgreementSerializer(serializers.Serializer[Any]):
    """For spans: F1 over all pairs of people and texts together, and alpha over tokens."""

    entity_f1 = EstimateSerializer()
    token_alpha = EstimateSerializer()


class AgreementSerializer(serializers.Serializer[Any]):
    """Agreement as it was computed last; `newer` answers have come since, and what counts has `changed`, by kind."""

    computed = serializers.DateTimeField()
    round = serializers.CharField(allow_null=True)
    newer = serializers.IntegerField()
    changed = serializers.DictField(child=serializers.IntegerField())
    items = serializers.IntegerField()
    items_with_overlap = serializers.IntegerField()
    annotators = serializers.IntegerField()
    annotations = serializers.IntegerField()
    metric = serializers.CharField()
    alpha = EstimateSerializer()
    nominal_alpha = EstimateSerializer(allow_null=True, required=False)
    ac1 = EstimateSerializer()
    percent_agreement = serializers.FloatField(allow_null=True)
    percent_agreement_interval = EstimateSerializer()
    detectable_drop = serializers.FloatField(allow_null=True)
    per_label = LabelAgreementSerializer(many=True)
    pairs = PairSerializer(many=True)
    annotator_reports = AnnotatorReportSerializer(many=True)
    confused_labels = ConfusedLabelsSerializer(many=True)
    disputed_items = DisputedItemSerializer(many=True)
    disputed_total = serializers.IntegerField(required=False)
    parts = serializers.JSONField(required=False)
    spans = SpanAgreementSerializer(allow_null=True)


def chosen_round(project: Project, said: str | None) -> Round | None:
    """The round with this name or id; None if none was named. Raises ValidationError if it is not there."""
    if said is None or said == "":
        return None
    rounds = list(project.rounds.all())
    for made in rounds:
        if said in (made.name, str(made.pk)):
            return made
    names = ", ".join(made.name for made in rounds)
    raise serializers.ValidationError({"round": f"There is no round “{said}” here; there are: {names}."})


class Agreement(APIView):
    """How well people agree: the newest report, and computing it anew."""

    @extend_schema(parameters=[OpenApiParameter("round", OpenApiTypes.STR)], responses=AgreementSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        round_ = chosen_round(project, request.query_params.get("round"))
        report = latest_report(project, round_)
        if report is None:
            raise Http404("not computed yet")
        since = since_agreement(report)
        shown = {
            "computed": report.computed,
            "round": round_.name if round_ else None,
            "newer": since.answers,
            "changed": since.changes,
            **report.result,
            "pairs": report.pairs,
        }
        return Response(AgreementSerializer(shown).data)

    @extend_schema(request=AgreementRequestSerializer, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = AgreementRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        round_ = chosen_round(project, serializer.validated_data["round"])
        assert isinstance(request.user, User)
        return accepted(start_agreement(project, request.user, round_))
