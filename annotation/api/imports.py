"""Imports over REST."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for, project_for
from annotation.api.errors import Conflict, TooLargeFile, UnreadableFile
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.negotiation import files
from annotation.api.requests import Request
from annotation.jobs import start_import, undo_import
from annotation.models import Import, Role, User
from annotation.queries import imports as queries
from annotation.queries.projects import rounds
from annotation.services import imports as services
from annotation.services.exporting import left_out_lines, left_out_name
from annotation.services.reading import Unreadable
from annotation.services.uploads import TooLarge


class UploadSerializer(serializers.Serializer[Any]):
    """What a client sends. `mapping` is JSON: our field → their column."""

    file = serializers.FileField(allow_empty_file=True)
    kind = serializers.CharField(default="items", max_length=40)
    format = serializers.CharField(default="", allow_blank=True, max_length=40)
    round = serializers.CharField(required=False, allow_blank=True, max_length=80)
    mapping = serializers.CharField(required=False, allow_blank=True, max_length=200_000)
    duplicates = serializers.CharField(default="drop", max_length=40)
    annotator = serializers.CharField(default="", allow_blank=True, max_length=200)
    provenance = serializers.CharField(default="real", max_length=40)
    repair = serializers.BooleanField(default=False)

    def validate_mapping(self, written: str) -> dict[str, Any] | None:
        if not written:
            return None
        try:
            mapping = json.loads(written)
        except (ValueError, RecursionError) as broken:
            raise serializers.ValidationError("This is not readable as JSON.") from broken
        if not isinstance(mapping, dict):
            raise serializers.ValidationError("This is a JSON object: our field → their column.")
        return mapping


class ImportSerializer(serializers.ModelSerializer[Import]):
    """What became of a file's rows."""

    round = serializers.SlugRelatedField[Any](slug_field="name", read_only=True, allow_null=True)
    duplicates = serializers.IntegerField(source="duplicate_rows")
    reasons = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = Import
        fields = [
            "id",
            "kind",
            "state",
            "filename",
            "format",
            "round",
            "mapping",
            "repair",
            "rows",
            "imported",
            "duplicates",
            "rejected",
            "reasons",
            "error",
            "created",
            "finished",
        ]


class ImportDetailSerializer(ImportSerializer):
    """The same, and whether it can be undone."""

    undoable = serializers.SerializerMethodField()

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, "undoable"]

    def get_undoable(self, source: Import) -> bool:
        return not queries.why_not_undoable(source)


class ImportList(generics.GenericAPIView[Import]):
    """The imports of a project; a new one."""

    serializer_class = ImportSerializer
    queryset = Import.objects.none()
    parser_classes = [MultiPartParser]

    @extend_schema(responses=ImportSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        page = self.paginate_queryset(queries.imports(project))
        return self.get_paginated_response(ImportSerializer(page, many=True).data)

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        assert isinstance(request.user, User)
        serializer = UploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = dict(serializer.validated_data)
        mapping, round_name = sent.pop("mapping", None), sent.pop("round", None)
        if round_name is None:
            into = services.default_round(project)
        else:
            into = rounds(project).filter(name=round_name).first() if round_name else None
            if round_name and into is None:
                raise ValidationError({"round": f"There is no round “{round_name}”."})
        try:
            with transaction.atomic():
                source = services.store_upload(project, request.user, sent.pop("file"), into=into, **sent)
                services.choose_mapping(source, mapping)
                job = start_import(source, request.user)
        except TooLarge as large:
            raise TooLargeFile(" ".join(large.messages)) from large
        except Unreadable as broken:
            raise UnreadableFile(str(broken)) from broken
        return accepted(job)


class ImportDetail(APIView):
    """One import."""

    @extend_schema(responses=ImportDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(
            ImportDetailSerializer(object_for(request.user, Import.objects.all(), pk, Role.LEAD)).data
        )


class ImportUndo(APIView):
    """Takes out what the import brought in, as long as nobody has worked on it; 409 with the reason otherwise.

    A large one is undone by a job: 202, and the job fails with the reason.
    """

    @extend_schema(request=None, responses={200: ImportDetailSerializer, 202: JobSerializer})
    def post(self, request: Request, pk: int) -> Response:
        source = object_for(request.user, Import.objects.all(), pk, Role.LEAD)
        assert isinstance(request.user, User)
        try:
            job = undo_import(source, request.user)
        except ValidationError as used:
            raise Conflict(" ".join(used.messages)) from used
        if job is not None:
            return accepted(job)
        source.refresh_from_db()
        return Response(ImportDetailSerializer(source).data)


def left_out_file(source: Import, outcome: str) -> StreamingHttpResponse:
    """The rejected or duplicate rows with their reasons, to be corrected and imported again."""
    response = StreamingHttpResponse(left_out_lines(source, outcome), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{left_out_name(source, outcome)}"'
    return response


class RejectedRows(APIView):
    """`rejected.csv`: row, reason, and the original columns."""

    @extend_schema(responses=files(["text/csv"]))
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        return left_out_file(object_for(request.user, Import.objects.all(), pk, Role.LEAD), "rejected")


class DuplicateRows(APIView):
    """`duplicates.csv`: row, what it equals, and the original columns."""

    @extend_schema(responses=files(["text/csv"]))
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        return left_out_file(object_for(request.user, Import.objects.all(), pk, Role.LEAD), "duplicate")
