"""Labelling over REST: take, answer, skip, flag, revise."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import authorise_role, object_for, role_of
from annotation.api.errors import Conflict
from annotation.api.requests import Request
from annotation.models import Annotation, Assignment, Flag, Item
from annotation.queries import labelling as reads
from annotation.services import answers, flags, labelling

LONGEST_COMMENT = 10_000


class NextSerializer(serializers.Serializer[Any]):
    """How many items are wanted."""

    count = serializers.IntegerField(min_value=1, max_value=labelling.MOST_AT_ONCE, default=1)


class LeasedItemSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    meta = serializers.DictField()


class LeaseSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    item = LeasedItemSerializer()
    expires = serializers.DateTimeField()


class ProgressSerializer(serializers.Serializer[Any]):
    mine = serializers.IntegerField()
    round_done = serializers.IntegerField()
    round_total = serializers.IntegerField()


class SittingSerializer(serializers.Serializer[Any]):
    minutes = serializers.FloatField()
    limit = serializers.IntegerField(allow_null=True)


class HandoutSerializer(serializers.Serializer[Any]):
    """The items that you hold, or the reason why there is none."""

    assignments = LeaseSerializer(many=True)
    reason = serializers.ChoiceField(["done", "paused"], required=False)
    progress = ProgressSerializer()
    sitting = SittingSerializer()
    guideline_version = serializers.IntegerField(allow_null=True)


def handout_data(handout: labelling.Handout, sitting_limit: int | None) -> dict[str, Any]:
    """The answer to `next`. Written out, since it is the call that is made most."""
    made = handout.round
    shown: dict[str, Any] = {
        "assignments": [
            {
                "id": lease.id,
                "item": {"id": lease.item_id, "text": lease.text, "meta": lease.meta},
                "expires": lease.expires,
            }
            for lease in handout.leases
        ],
        "progress": {
            "mine": handout.mine,
            "round_done": made.items_done if made else 0,
            "round_total": made.items_total if made else 0,
        },
        "sitting": {"minutes": round(handout.sitting_seconds / 60, 1), "limit": sitting_limit},
        "guideline_version": handout.guideline_version,
    }
    if handout.reason:
        shown["reason"] = handout.reason
    return shown


class NextItems(APIView):
    """The items to label next: those that you hold already, then new ones."""

    @extend_schema(request=NextSerializer, responses=HandoutSerializer)
    def post(self, request: Request, slug: str) -> Response:
        desk = reads.desk(request.user, slug)
        authorise_role(role_of(request.user, desk.membership), desk.project)
        wanted = NextSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        handout = labelling.hand_out(desk, wanted.validated_data["count"])
        return Response(handout_data(handout, desk.project.sitting_minutes))


class AnswerSerializer(serializers.Serializer[Any]):
    """An answer. `key` is made by the client, new for each answer and the same when it is sent again."""

    key = serializers.UUIDField()
    label = serializers.CharField(max_length=100, trim_whitespace=False)  # type: ignore[assignment]
    seconds = serializers.FloatField(
        min_value=0, max_value=86_400, required=False, allow_null=True, default=None
    )
    comment = serializers.CharField(max_length=LONGEST_COMMENT, required=False, allow_blank=True, default="")
    difficulty = serializers.IntegerField(
        min_value=1, max_value=5, required=False, allow_null=True, default=None
    )


class RevisionSerializer(serializers.Serializer[Any]):
    """What can be revised; what is left out stays."""

    label = serializers.CharField(max_length=100, required=False, trim_whitespace=False)  # type: ignore[assignment]
    comment = serializers.CharField(max_length=LONGEST_COMMENT, required=False, allow_blank=True)
    difficulty = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)


class AnnotationSerializer(serializers.Serializer[Any]):
    """One's own answer."""

    id = serializers.IntegerField()
    item_id = serializers.IntegerField()
    round = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    comment = serializers.CharField()
    difficulty = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    guideline_version = serializers.IntegerField(allow_null=True)
    created = serializers.DateTimeField()
    revised = serializers.DateTimeField(allow_null=True)


def annotation_data(made: Annotation) -> dict[str, Any]:
    """An answer as its author sees it: the same for all kinds, since nobody shall see which texts are gold."""
    return {
        "id": made.pk,
        "item_id": made.item_id,
        "round": made.round.name,
        "label": made.label_name,
        "comment": made.comment,
        "difficulty": made.difficulty,
        "seconds": made.seconds,
        "guideline_version": made.guideline.version if made.guideline else None,
        "created": made.created,
        "revised": made.revised,
    }


class AnswerItem(APIView):
    """Answers an item that was handed to you. It is stored when this says so; the same key again changes nothing."""

    @extend_schema(
        request=AnswerSerializer, responses={201: AnnotationSerializer, 200: AnnotationSerializer, 409: None}
    )
    def post(self, request: Request, pk: int) -> Response:
        assignment = own_assignment(request, pk)
        sent = AnswerSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            made, new = answers.answer_item(assignment, **sent.validated_data)
        except labelling.Refused as refused:
            raise Conflict(" ".join(refused.messages)) from refused
        return Response(annotation_data(made), status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)


class SkipSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class SkipItem(APIView):
    """Gives an item to others; you do not get it again."""

    @extend_schema(request=SkipSerializer, responses={200: SkipSerializer, 409: None})
    def post(self, request: Request, pk: int) -> Response:
        assignment = own_assignment(request, pk)
        sent = SkipSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            labelling.skip_item(assignment, **sent.validated_data)
        except labelling.Refused as refused:
            raise Conflict(" ".join(refused.messages)) from refused
        return Response(sent.validated_data)


def own_assignment(request: Request, pk: int) -> Assignment:
    """The user's own assignment; another's is not there for them. A paused member is refused."""
    found, membership = reads.assignment_of(request.user, pk)
    authorise_role(role_of(request.user, membership), found.round.project)
    labelling.check_active(membership.state if membership else None)
    return found


class ReviseAnswer(APIView):
    """Revises one's own answer while its round is open. Every version is kept."""

    @extend_schema(request=RevisionSerializer, responses={200: AnnotationSerializer, 409: None})
    def patch(self, request: Request, pk: int) -> Response:
        found = object_for(request.user, reads.answers_of(request.user), pk, path="round.project")
        labelling.check_active(found.member_state)  # type: ignore[attr-defined]
        sent = RevisionSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            revised = answers.revise_answer(found, dict(sent.validated_data))
        except labelling.Refused as refused:
            raise Conflict(" ".join(refused.messages)) from refused
        return Response(annotation_data(revised))


class FlagSerializer(serializers.ModelSerializer[Flag]):
    """A flag: one of the four meta-labels, or `other` with a note."""

    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)

    class Meta:
        model = Flag
        fields = ["id", "kind", "note", "created"]
        read_only_fields = ["id", "created"]


class FlagItem(APIView):
    """Says that something is wrong with an item."""

    @extend_schema(request=FlagSerializer, responses={201: FlagSerializer})
    def post(self, request: Request, pk: int) -> Response:
        item = object_for(request.user, Item.objects.filter(deleted__isnull=True), pk)
        sent = FlagSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = flags.flag_item(item, request.user, **sent.validated_data)
        return Response(FlagSerializer(made).data, status=status.HTTP_201_CREATED)
