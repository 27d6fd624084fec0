"""Truth inference, reports of people, the human ceiling, and how agreement is measured, over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for, project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.models import Item, Role, User
from annotation.queries.changes import Since
from qc.api.agreement import chosen_round
from qc.jobs import start_truth
from qc.models import QualitySettings
from qc.queries.agreement import report_of_person
from qc.queries.blindness import without_blind
from qc.queries.known import stored_ceiling
from qc.queries.outdated import since_agreement, since_truth
from qc.queries.settings import quality_settings
from qc.queries.truth import stored_truth, truth_of_text
from qc.services.agreement import change_quality_settings


class QualitySettingsSerializer(serializers.ModelSerializer[QualitySettings]):
    """How answers are compared (`scale`, `set_distance`) and resolved (`method`)."""

    class Meta:
        model = QualitySettings
        fields = ["scale", "set_distance", "method"]


class QualitySettingsDetail(APIView):
    """How the project's answers are compared and resolved."""

    @extend_schema(responses=QualitySettingsSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        return Response(QualitySettingsSerializer(quality_settings(project)).data)

    @extend_schema(request=QualitySettingsSerializer, responses=QualitySettingsSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = QualitySettingsSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        settings = change_quality_settings(project, request.user, **serializer.validated_data)
        return Response(QualitySettingsSerializer(settings).data)


class Truth(APIView):
    """What the methods of inferring labels say, and computing it anew. The labels are in `labels/resolved`."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, slug: str) -> Response:
        report = stored_truth(project_for(request.user, slug, Role.LEAD))
        if report is None:
            raise Http404("not computed yet")
        return Response({"computed": report.computed, **_told(since_truth(report)), **report.result})

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        assert isinstance(request.user, User)
        return accepted(start_truth(project, request.user))


class LeadingLabelSerializer(serializers.Serializer[Any]):
    """A label and its probability; by majority, its share of the answers."""

    label = serializers.CharField()  # type: ignore[assignment]
    probability = serializers.FloatField()


class MethodSaysSerializer(serializers.Serializer[Any]):
    """What one method says of a text: its label, null for a tie, and up to three labels that lead."""

    method = serializers.ChoiceField(QualitySettings.Method.choices)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    confidence = serializers.FloatField()
    leading = LeadingLabelSerializer(many=True)


class TruthOfTextSerializer(serializers.Serializer[Any]):
    """What every method said of a text at one moment.

    In the project, `newer` answers have come since, and what counts has `changed`, by kind.
    """

    item_id = serializers.IntegerField()
    computed = serializers.DateTimeField()
    newer = serializers.IntegerField()
    changed = serializers.DictField(child=serializers.IntegerField())
    methods = MethodSaysSerializer(many=True)


class TruthOfText(APIView):
    """What majority, Dawid–Skene, GLAD and MACE say of one text, as they were compared last."""

    @extend_schema(responses=TruthOfTextSerializer)
    def get(self, request: Request, pk: int) -> Response:
        item = object_for(request.user, Item.objects.filter(deleted__isnull=True), pk, Role.LEAD)
        found = truth_of_text(item)
        if found is None:
            raise Http404("not computed yet, or the text had no answers then")
        report, methods = found
        shown = {
            "item_id": item.pk,
            "computed": report.computed,
            **_told(since_truth(report)),
            "methods": [
                {
                    "method": said.method,
                    "label": said.label,
                    "confidence": said.confidence,
                    "leading": [{"label": label, "probability": chance} for label, chance in said.leading],
                }
                for said in methods
            ],
        }
        return Response(TruthOfTextSerializer(shown).data)


class AnnotatorReportDetail(APIView):
    """One person's report in full, as it was computed with the agreement of the project or of a round."""

    @extend_schema(
        parameters=[OpenApiParameter("round", OpenApiTypes.STR)], responses={200: OpenApiTypes.OBJECT}
    )
    def get(self, request: Request, slug: str, annotator_id: int) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        round_ = chosen_round(project, request.query_params.get("round"))
        report = report_of_person(project, annotator_id, round_)
        if report is None:
            raise Http404("not computed yet")
        assert isinstance(request.user, User)
        result = without_blind(request.user, report.result)
        since = _told(since_agreement(report.agreement))
        shown: dict[str, Any] = {"computed": report.agreement.computed, **since, **result}
        return Response(shown)


class Ceiling(APIView):
    """How often people, and the majority of their answers, give what the panel decided or gold says."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, slug: str) -> Response:
        kept = stored_ceiling(project_for(request.user, slug, Role.LEAD))
        if kept is None:
            raise Http404("not computed yet; it comes with the agreement of the project")
        return Response({"computed": kept.computed, **_told(since_truth(kept)), **kept.result})


def _told(since: Since) -> dict[str, Any]:
    """What has come and changed since."""
    return {"newer": since.answers, "changed": since.changes}
