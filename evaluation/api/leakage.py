"""Leakage over REST."""

from tempfile import TemporaryFile
from typing import Any

from django.http import FileResponse, Http404, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for, project_for
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.negotiation import AsAddressed, files
from annotation.api.requests import Request
from annotation.models import Role, User
from evaluation.jobs import start_leakage
from evaluation.models import LeakageReport
from evaluation.queries import leakage as queries
from evaluation.queries.splits import built
from evaluation.services.leakage import open_report
from evaluation.services.writers import FORMATS, chunks, open_table

PAIR_COLUMNS = {
    "a": "string",
    "b": "string",
    "kind": "string",
    "similarity": "float64",
    "split_a": "string",
    "split_b": "string",
}


class LeakageRequestSerializer(serializers.Serializer[Any]):
    """What to compare, and how."""

    split_set = serializers.IntegerField(
        allow_null=True,
        default=None,
        min_value=1,
        max_value=2**63 - 1,
        help_text="null compares the whole pool",
    )
    threshold = serializers.FloatField(default=0.995, min_value=0.5, max_value=1)
    ngram = serializers.IntegerField(default=3, min_value=1, max_value=8)
    embedding_threshold = serializers.FloatField(
        allow_null=True, default=None, help_text="null: not offered yet"
    )

    def validate_embedding_threshold(self, value: float | None) -> None:
        if value is not None:
            raise serializers.ValidationError(
                "Comparing meanings is not offered yet. Leave this out, or give null."
            )


class CountsSerializer(serializers.Serializer[Any]):
    """Pairs of one kind, and the groups that they tie together."""

    pairs = serializers.IntegerField(allow_null=True)
    clusters = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(required=False, help_text="why there is no number")


class BetweenSerializer(serializers.Serializer[Any]):
    """Pairs with one text in `a` and one in `b`; `items_a` of the `size_a` texts of `a` are in such a pair."""

    a = serializers.CharField()
    b = serializers.CharField()
    exact = serializers.IntegerField()
    near = serializers.IntegerField()
    semantic = serializers.IntegerField(allow_null=True)
    items_a = serializers.IntegerField()
    items_b = serializers.IntegerField()
    size_a = serializers.IntegerField()
    size_b = serializers.IntegerField()


class LeakageReportSerializer(serializers.Serializer[Any]):
    """The copies that were found."""

    id = serializers.IntegerField()
    split_set = serializers.IntegerField(allow_null=True)
    threshold = serializers.FloatField()
    ngram = serializers.IntegerField()
    computed = serializers.DateTimeField()
    items = serializers.IntegerField()
    exact = CountsSerializer()
    near = CountsSerializer()
    semantic = CountsSerializer()
    between = BetweenSerializer(many=True)
    divergence = serializers.DictField(allow_null=True)


class LeakageStart(APIView):
    """Starts a search for copies. The same settings again replace their earlier report. Needs the role lead."""

    @extend_schema(request=LeakageRequestSerializer, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = LeakageRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        split_set = None
        if sent["split_set"] is not None:
            split_set = built(project).filter(pk=sent["split_set"]).first()
            if split_set is None:
                raise serializers.ValidationError(
                    {"split_set": "This project has no built split set with this id."}
                )
        assert isinstance(request.user, User)
        report = open_report(project, split_set, sent["threshold"], sent["ngram"])
        return accepted(start_leakage(report, request.user))


def computed_report(request: Request, report_id: int) -> LeakageReport:
    """The report with this id, for a lead; 404 before it was computed."""
    report = object_for(request.user, LeakageReport.objects.all(), report_id, Role.LEAD)
    if report.computed is None:
        raise Http404("Not computed yet.")
    return report


class LeakageDetail(APIView):
    """The copies that were found. Needs the role lead."""

    @extend_schema(responses=LeakageReportSerializer)
    def get(self, request: Request, report_id: int) -> Response:
        report = computed_report(request, report_id)
        facts = {
            "id": report.pk,
            "split_set": report.split_set_id,
            "threshold": report.threshold,
            "ngram": report.ngram,
            "computed": report.computed,
            "items": report.items,
        }
        return Response(LeakageReportSerializer(facts | report.result).data)


class LeakagePairs(APIView):
    """Every pair as CSV, JSON Lines or Parquet, most similar first. Needs the role lead."""

    content_negotiation_class = AsAddressed

    @extend_schema(responses=files(FORMATS.values()))
    def get(self, request: Request, report_id: int, extension: str) -> HttpResponseBase:
        report = computed_report(request, report_id)
        if extension not in FORMATS:
            raise Http404("Pairs are offered as csv, jsonl and parquet.")
        file = TemporaryFile()  # noqa: SIM115 - the response closes it
        table = open_table(extension, file, PAIR_COLUMNS)
        for chunk in chunks(queries.pair_rows(report)):
            table.write(chunk)
        table.close()
        file.seek(0)
        name = f"leakage-{report.pk}-pairs.{extension}"
        return FileResponse(file, as_attachment=True, filename=name, content_type=FORMATS[extension])
