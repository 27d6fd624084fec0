"""Runs over REST: create, send predictions, ask for the report, list the errors."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for, project_for
from annotation.api.errors import UnreadableFile
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.parsers import BodyParser
from annotation.api.requests import Request
from annotation.api.values import check_keepable
from annotation.models import Role
from annotation.services.reading import Unreadable
from evaluation.jobs import start_offer, start_report
from evaluation.models import Prediction, Run, RunReport, SplitSet
from evaluation.queries import runs as queries
from evaluation.services import runs as services
from evaluation.services.prediction_files import read_predictions


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run. `predictions` is how many items of the split have one."""

    split_set = serializers.PrimaryKeyRelatedField(
        queryset=SplitSet.objects.filter(deleted__isnull=True), pk_field=serializers.IntegerField()
    )
    parent = serializers.PrimaryKeyRelatedField(  # type: ignore[assignment]
        queryset=Run.objects.all(), pk_field=serializers.IntegerField(), required=False, allow_null=True
    )
    params = serializers.DictField(required=False, validators=[check_keepable])
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    predictions = serializers.IntegerField(source="predictions_total", read_only=True)

    class Meta:
        model = Run
        fields = [
            "id",
            "name",
            "split_set",
            "split",
            "params",
            "tags",
            "parent",
            "url",
            "predictions",
            "created",
        ]
        read_only_fields = ["created"]


class RunList(generics.GenericAPIView[Run]):
    """The runs of a project."""

    serializer_class = RunSerializer

    @extend_schema(responses=RunSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(queries.runs_of(project_for(request.user, slug, Role.LEAD)))
        return self.get_paginated_response(RunSerializer(page, many=True).data)

    @extend_schema(request=RunSerializer, responses={201: RunSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = RunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = services.create_run(project, request.user, **serializer.validated_data)
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)


class RunDetail(APIView):
    """One run."""

    @extend_schema(responses=RunSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        return Response(RunSerializer(object_for(request.user, Run.objects.all(), run_id, Role.LEAD)).data)


class PredictionSerializer(serializers.Serializer[Any]):
    """One prediction; `id` as in the split's files."""

    id = serializers.CharField()
    label = serializers.CharField(required=False)  # type: ignore[assignment]
    probabilities = serializers.DictField(child=serializers.FloatField(), required=False)


class PredictionCount(serializers.Serializer[Any]):
    """What an upload left."""

    rows = serializers.IntegerField(help_text="rows in this upload")
    predictions = serializers.IntegerField(help_text="items of the split that have a prediction now")
    split_items = serializers.IntegerField()


class RunPredictions(APIView):
    """Takes predictions: a JSON array, or a file (JSON, JSON Lines, CSV). Each call is stored whole or not at all."""

    parser_classes = [BodyParser, MultiPartParser]

    @extend_schema(request=PredictionSerializer(many=True), responses=PredictionCount)
    def post(self, request: Request, run_id: int) -> Response:
        run = object_for(request.user, Run.objects.select_related("split_set"), run_id, Role.LEAD)
        rows = self.uploaded(request) if "file" in request.FILES else request.data
        if not isinstance(rows, list):
            raise ValidationError("Send a JSON array of rows, or a file in the form field “file”.")
        total = services.add_predictions(run, rows)
        counts = run.split_set.manifest.get("counts", {}).get(run.split, {})
        return Response({"rows": len(rows), "predictions": total, "split_items": counts.get("items", 0)})

    @staticmethod
    def uploaded(request: Request) -> list[Any]:
        """The rows of the file that was sent."""
        try:
            return read_predictions(request.FILES["file"])
        except Unreadable as unreadable:
            raise UnreadableFile(str(unreadable)) from None


class RunReportDetail(APIView):
    """The run's report."""

    @extend_schema(responses={200: dict[str, Any]})
    def get(self, request: Request, run_id: int) -> Response:
        run = object_for(request.user, Run.objects.all(), run_id, Role.LEAD)
        report = RunReport.objects.filter(run=run).first()
        if report is None:
            raise NotFound("The report is not computed yet. POST here to start it.")
        stale = run.revision - report.revision
        people = queries.people_by_label(run.project)
        rows = [row | {"people": people.get(row["label"])} for row in report.result["per_class"]]
        body = {"computed": report.computed, "newer_uploads": stale, **report.result, "per_class": rows}
        return Response(body)

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, run_id: int) -> Response:
        run = object_for(request.user, Run.objects.select_related("project"), run_id, Role.LEAD)
        return accepted(start_report(run, request.user))


class RunSuggestions(APIView):
    """Offers the run's predictions to annotators as suggestions, under its name; again, it takes over what changed."""

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, run_id: int) -> Response:
        run = object_for(request.user, Run.objects.select_related("project"), run_id, Role.LEAD)
        return accepted(start_offer(run, request.user))


class RunErrors(generics.GenericAPIView[Prediction]):
    """The run's errors, surest first; with `true` and `predicted`, one cell of the confusion matrix."""

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str) for name in ("true", "predicted", "order", "offset", "limit")
        ],
        responses={200: dict[str, Any]},
    )
    def get(self, request: Request, run_id: int) -> Response:
        run = object_for(request.user, Run.objects.all(), run_id, Role.LEAD)
        sent = request.query_params
        order = sent.get("order", "confidence")
        if order not in {"confidence", "entropy"}:
            raise ValidationError({"order": "Order by confidence or entropy."})
        limit, offset = _whole(sent, "limit", 100, 1000), _whole(sent, "offset", 0, 10_000_000)
        true, predicted = sent.get("true", ""), sent.get("predicted", "")
        cell = bool(true and predicted)
        found = queries.errors(run, true=true, predicted=predicted, order=order, correct_too=cell)
        rows = list(found[offset : offset + limit + 1])
        here = request.build_absolute_uri(request.path)
        following = f"{here}?{_with(sent, offset=offset + limit)}" if len(rows) > limit else None
        previous = f"{here}?{_with(sent, offset=max(offset - limit, 0))}" if offset else None
        results = [queries.as_row(row) for row in rows[:limit]]
        return Response({"next": following, "previous": previous, "results": results})


def _whole(sent: Any, name: str, default: int, most: int) -> int:
    value = sent.get(name, str(default))
    if not value.isdecimal() or int(value) > most:
        raise ValidationError({name: f"Give a whole number up to {most}."})
    return int(value)


def _with(sent: Any, **changes: int) -> str:
    changed = sent.copy()
    for name, value in changes.items():
        changed[name] = str(value)
    return str(changed.urlencode())
