"""Cleaning up over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.models import Role, User
from evaluation.jobs import start_cleaning
from evaluation.queries import cleaning as queries
from evaluation.services.cleaning import THRESHOLD


class CleaningRequestSerializer(serializers.Serializer[Any]):
    """From which share of shared three-word pieces two texts are near-duplicates."""

    threshold = serializers.FloatField(default=THRESHOLD, min_value=0.5, max_value=1)


class UnusableSerializer(serializers.Serializer[Any]):
    """Texts that an import under the project's limits would not take, for one reason; `items` are the first 300."""

    reason = serializers.CharField()
    texts = serializers.IntegerField()
    items = serializers.ListField(child=serializers.IntegerField())
    examples = serializers.ListField(child=serializers.CharField())


class NearSerializer(serializers.Serializer[Any]):
    """Near-duplicates. The pairs are those of the leakage report `report`; `imports` is by the id of an import."""

    pairs = serializers.IntegerField(allow_null=True)
    clusters = serializers.IntegerField(required=False, allow_null=True)
    report = serializers.IntegerField(required=False, allow_null=True)
    imports = serializers.DictField(
        required=False,
        help_text="texts that are nearly one from `before` the import, or another one `inside` the file",
    )
    reason = serializers.CharField(allow_null=True)


class CleaningSerializer(serializers.Serializer[Any]):
    """The newest look at the pool; `newer` texts have come since."""

    computed = serializers.DateTimeField()
    newer = serializers.IntegerField()
    threshold = serializers.FloatField()
    texts = serializers.IntegerField()
    excluded = serializers.IntegerField()
    unusable = UnusableSerializer(many=True)
    exact = serializers.DictField()
    near = NearSerializer()
    length = serializers.DictField(allow_null=True)
    languages = serializers.DictField()
    labels = serializers.DictField()
    fields = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment]
    over_time = serializers.DictField()


class Cleaning(APIView):
    """Copies, unusable texts, and what the texts are like: the newest report, and computing it anew."""

    @extend_schema(responses=CleaningSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        report = queries.cleaning_report(project)
        if report is None:
            raise Http404("not computed yet")
        return Response(
            {
                "computed": report.computed,
                "newer": queries.newer_texts(report),
                "threshold": report.threshold,
                **report.result,
            }
        )

    @extend_schema(request=CleaningRequestSerializer, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = CleaningRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        return accepted(start_cleaning(project, request.user, serializer.validated_data["threshold"]))
