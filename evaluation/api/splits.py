"""Split sets over REST."""

from typing import Any

from django.http import Http404, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for, project_for
from annotation.api.errors import Conflict
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.negotiation import AsAddressed, files
from annotation.api.requests import Request
from annotation.api.values import FreeField
from annotation.models import Role, User
from evaluation.api.downloads import send_file
from evaluation.jobs import start_split_set
from evaluation.models import SplitFile, SplitSet
from evaluation.queries import splits as queries
from evaluation.services.freezing import NotNow, delete_split_set, freeze_split_set, rename_split_set
from evaluation.services.split_files import VARIANTS
from evaluation.services.splits import LARGEST_SEED, create_split_set
from evaluation.services.writers import FORMATS


class CheckSerializer(serializers.Serializer[Any]):
    """One check of a split set."""

    code = serializers.CharField()
    state = serializers.ChoiceField(["pass", "warn", "fail"])
    detail = serializers.CharField()


class SplitSetRequestSerializer(serializers.Serializer[Any]):
    """A split set to build."""

    name = serializers.CharField(max_length=80)
    seed = serializers.IntegerField(default=0, min_value=0, max_value=LARGEST_SEED)
    recipe = FreeField(help_text="splits, stratify, group, hold_out, labels, exclude, minimum_agreement")


class SplitSetNameSerializer(serializers.Serializer[Any]):
    """What can be changed about a set that is not frozen."""

    name = serializers.CharField(max_length=80)


class SplitSetSummarySerializer(serializers.ModelSerializer[SplitSet]):
    """A split set in a list: `counts` are the manifest's."""

    state = serializers.SerializerMethodField()
    counts = serializers.JSONField(allow_null=True)

    class Meta:
        model = SplitSet
        fields = ["id", "name", "version", "state", "seed", "recipe", "counts", "checks", "created", "frozen"]

    def get_state(self, split_set: SplitSet) -> str:
        return queries.shown_state(split_set)


class SplitSetSerializer(serializers.ModelSerializer[SplitSet]):
    """A split set with its manifest."""

    state = serializers.SerializerMethodField()
    checks = CheckSerializer(many=True)
    manifest = serializers.JSONField()

    class Meta:
        model = SplitSet
        fields = [
            "id",
            "name",
            "version",
            "state",
            "seed",
            "recipe",
            "manifest",
            "checks",
            "created",
            "frozen",
        ]

    def get_state(self, split_set: SplitSet) -> str:
        return queries.shown_state(split_set)


class SplitSetList(generics.GenericAPIView[SplitSet]):
    """The project's split sets; a new one, built by a worker. Needs the role lead."""

    serializer_class = SplitSetSummarySerializer

    @extend_schema(responses=SplitSetSummarySerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(queries.split_sets(project_for(request.user, slug, Role.LEAD)))
        return self.get_paginated_response(SplitSetSummarySerializer(page, many=True).data)

    @extend_schema(request=SplitSetRequestSerializer, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = SplitSetRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        split_set = create_split_set(project, request.user, **serializer.validated_data)
        return accepted(start_split_set(split_set, request.user))


class SplitSetDetail(APIView):
    """One split set. Needs the role lead."""

    @extend_schema(responses=SplitSetSerializer)
    def get(self, request: Request, split_set_id: int) -> Response:
        return Response(
            SplitSetSerializer(object_for(request.user, queries.present(), split_set_id, Role.LEAD)).data
        )

    @extend_schema(request=SplitSetNameSerializer, responses=SplitSetSerializer)
    def patch(self, request: Request, split_set_id: int) -> Response:
        split_set = object_for(request.user, queries.present(), split_set_id, Role.LEAD)
        serializer = SplitSetNameSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        try:
            rename_split_set(split_set, request.user, serializer.validated_data["name"])
        except NotNow as refused:
            raise Conflict(refused.message) from refused
        return Response(SplitSetSerializer(split_set).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, split_set_id: int) -> Response:
        split_set = object_for(request.user, queries.present(), split_set_id, Role.LEAD)
        assert isinstance(request.user, User)
        try:
            delete_split_set(split_set, request.user)
        except NotNow as refused:
            raise Conflict(refused.message) from refused
        return Response(status=status.HTTP_204_NO_CONTENT)


class SplitSetFreeze(APIView):
    """Freezes a built set for good. Needs the role lead."""

    @extend_schema(request=None, responses=SplitSetSerializer)
    def post(self, request: Request, split_set_id: int) -> Response:
        split_set = object_for(request.user, queries.present(), split_set_id, Role.LEAD)
        assert isinstance(request.user, User)
        try:
            freeze_split_set(split_set, request.user)
        except NotNow as refused:
            raise Conflict(refused.message) from refused
        return Response(SplitSetSerializer(split_set).data)


class SplitFileDetail(APIView):
    """A split as Parquet, CSV or JSON Lines. Needs the role lead, since it shows everybody's labels.

    `id` is the id that a text came with, else its own number, as `item-7` where another text of the set came as 7.
    """

    content_negotiation_class = AsAddressed

    @extend_schema(
        parameters=[OpenApiParameter("labels", enum=VARIANTS, default="hard")],
        responses=files(FORMATS.values(), 200, 206) | {304: None, 416: None},
    )
    def get(self, request: Request, split_set_id: int, split: str, extension: str) -> HttpResponseBase:
        split_set = object_for(request.user, queries.present().defer("manifest"), split_set_id, Role.LEAD)
        variant = request.query_params.get("labels", "hard")
        if variant not in VARIANTS:
            raise serializers.ValidationError({"labels": f"Choose one of {', '.join(VARIANTS)}."})
        file = SplitFile.objects.filter(
            split_set=split_set, name=f"{split}.{extension}", labels=variant
        ).first()
        if file is None:
            raise Http404("There is no such file in this split set.")
        return send_file(request, file)
