"""Truth inference, reports of people, the human ceiling, and how agreement is measured, over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.models import Role, User
from qc.api.agreement import chosen_round
from qc.jobs import start_truth
from qc.models import QualitySettings
from qc.queries.agreement import report_of_person
from qc.queries.blindness import without_blind
from qc.queries.known import stored_ceiling
from qc.queries.settings import quality_settings
from qc.queries.truth import stored_truth
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
        return Response({"computed": report.computed, **report.result})

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        assert isinstance(request.user, User)
        return accepted(start_truth(project, request.user))


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
        shown: dict[str, Any] = {"computed": report.agreement.computed, **result}
        return Response(shown)


class Ceiling(APIView):
    """How often people, and the majority of their answers, give what the panel decided or gold says."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, slug: str) -> Response:
        kept = stored_ceiling(project_for(request.user, slug, Role.LEAD))
        if kept is None:
            raise Http404("not computed yet; it comes with the agreement of the project")
        return Response({"computed": kept.computed, **kept.result})
