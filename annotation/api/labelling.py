"""Labelling over REST: take, answer, skip, flag, revise."""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import authorise_role, object_for, role_of
from annotation.api.errors import Conflict
from annotation.api.plain import PlainView, plain_json, plain_response
from annotation.api.requests import Request
from annotation.api.values import SpansField, ValueSerializer
from annotation.models import Annotation, Flag, Item, Project, Suggested
from annotation.queries import labelling as reads
from annotation.queries.gold import feedback
from annotation.queries.progress import shown_progress
from annotation.queries.suggestions import as_told
from annotation.queries.values import label_names, named_value
from annotation.services import answers, flags, labelling, timekeeping
from annotation.services.values import value_of

LONGEST_COMMENT = 10_000


class NextSerializer(serializers.Serializer[Any]):
    """How many items are wanted."""

    count = serializers.IntegerField(min_value=1, max_value=labelling.MOST_AT_ONCE, default=1)


class LeasedItemSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    meta = serializers.DictField()


class SuggestionSerializer(serializers.Serializer[Any]):
    """What a model suggests for the text. While it is hidden, and where there is `none`, only `state` is there."""

    state = serializers.ChoiceField(Suggested.choices)
    source = serializers.CharField(required=False)  # type: ignore[assignment]
    score = serializers.FloatField(required=False, allow_null=True)
    label = serializers.CharField(required=False, allow_null=True)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    spans = SpansField(required=False, allow_null=True)


class LeaseSerializer(serializers.Serializer[Any]):
    """An item in your hands. `suggestion` is null where its round has none switched on."""

    id = serializers.IntegerField()
    item = LeasedItemSerializer()
    expires = serializers.DateTimeField()
    suggestion = SuggestionSerializer(allow_null=True)


class ProgressSerializer(serializers.Serializer[Any]):
    mine = serializers.IntegerField()
    round_done = serializers.IntegerField()
    round_total = serializers.IntegerField()


class MinutesSerializer(serializers.Serializer[Any]):
    """Active minutes and the limit on them, null where there is none."""

    minutes = serializers.FloatField()
    limit = serializers.IntegerField(allow_null=True)


class HandoutSerializer(serializers.Serializer[Any]):
    """The items that you hold, or the reason why there is none.

    `until` says when a limit ends. At a limit, what you hold already can still be answered. `screen_version` changes
    with the labels, and with what else is asked.
    """

    assignments = LeaseSerializer(many=True)
    progress = ProgressSerializer()
    sitting = MinutesSerializer()
    day = MinutesSerializer()
    total = MinutesSerializer()
    break_minutes = serializers.IntegerField()
    quota = serializers.IntegerField(allow_null=True)
    guideline_version = serializers.IntegerField(allow_null=True)
    screen_version = serializers.IntegerField()
    read_version = serializers.IntegerField(allow_null=True)
    reason = serializers.ChoiceField(
        ["done", "paused", "read_guideline", "sitting_limit", "day_limit", "total_limit"], required=False
    )
    until = serializers.DateTimeField(required=False, allow_null=True)


def _minutes(seconds: float, limit: int | None) -> dict[str, Any]:
    return {"minutes": round(seconds / 60, 1), "limit": limit}


def clock_data(handout: labelling.Handout, project: Project) -> dict[str, Any]:
    """Active time against the project's limits."""
    annotator, now = handout.annotator, handout.now
    sitting = timekeeping.sitting_seconds(annotator, project, now)
    return {
        "sitting": _minutes(sitting, project.sitting_minutes),
        "day": _minutes(timekeeping.day_seconds(annotator, now), project.day_minutes),
        "total": _minutes(annotator.total_seconds, project.total_minutes),
        "break_minutes": int(timekeeping.break_of(project).total_seconds() // 60),
    }


def handout_data(handout: labelling.Handout, project: Project) -> dict[str, Any]:
    """The answer to `next`. Written out, since it is the call that is made most."""
    done, total = shown_progress(handout.round)
    shown: dict[str, Any] = {
        "assignments": [
            {
                "id": lease.id,
                "item": {"id": lease.item_id, "text": lease.text, "meta": lease.meta},
                "expires": lease.expires,
                "suggestion": as_told(lease.suggested, lease.suggestion),
            }
            for lease in handout.leases
        ],
        "progress": {"mine": handout.mine, "round_done": done, "round_total": total},
        **clock_data(handout, project),
        "quota": handout.quota,
        "guideline_version": handout.guideline_version,
        "screen_version": project.screen_version,
        "read_version": handout.annotator.read_version,
    }
    if handout.reason:
        shown["reason"] = handout.reason
        shown["until"] = handout.until
    return shown


def wanted_count(request: Request) -> int:
    """How many items are wanted; the plain request is read without the cost of a serializer."""
    sent = plain_json(request)
    count = sent["count"] if type(sent) is dict and sent.keys() == {"count"} else None
    if type(count) is int and 1 <= count <= labelling.MOST_AT_ONCE:
        return count
    wanted = NextSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    return int(wanted.validated_data["count"])


class NextItems(PlainView):
    """The items to label next: those that you hold already, then new ones."""

    @extend_schema(request=NextSerializer, responses=HandoutSerializer)
    def post(self, request: Request, slug: str) -> HttpResponse:
        desk = reads.desk(request.user, slug)
        authorise_role(role_of(request.user, desk.membership), desk.project)
        handout = labelling.hand_out(desk, wanted_count(request))
        return plain_response(handout_data(handout, desk.project))


class AnswerSerializer(ValueSerializer):
    """An answer. `key` is made by the client, new for each answer and the same when it is sent again.

    A label that was renamed is also known by the name that it had, as long as no other has that one.
    """

    key = serializers.UUIDField()
    seconds = serializers.FloatField(
        min_value=0, max_value=86_400, required=False, allow_null=True, default=None
    )
    comment = serializers.CharField(max_length=LONGEST_COMMENT, required=False, allow_blank=True, default="")
    difficulty = serializers.IntegerField(
        min_value=1, max_value=5, required=False, allow_null=True, default=None
    )
    confidence = serializers.IntegerField(
        min_value=1, max_value=5, required=False, allow_null=True, default=None
    )


_PLAIN = re.compile(r"[^\x00\ud800-\udfff]*")
_PLAIN_FIELDS = {"key", "label", "seconds", "comment", "difficulty", "confidence"}


def plain_answer(sent: Any) -> dict[str, Any] | None:
    """An answer with one label that is as plain as nearly all are, read without the cost of a serializer.

    None for every other, good or bad: the serializer reads those, and says what is wrong.
    """
    if type(sent) is not dict or not sent.keys() <= _PLAIN_FIELDS:
        return None
    key, label, comment = sent.get("key"), sent.get("label"), sent.get("comment", "")
    seconds, ratings = sent.get("seconds"), [sent.get("difficulty"), sent.get("confidence")]
    good = (
        type(key) is str
        and len(key) == 36
        and type(label) is str
        and 0 < len(label) <= 100
        and _PLAIN.fullmatch(label)
        and comment == ""
        and (seconds is None or (type(seconds) in (int, float) and 0 <= seconds <= 86_400))
        and all(rating is None or (type(rating) is int and 1 <= rating <= 5) for rating in ratings)
    )
    if not good:
        return None
    try:
        return {
            "key": uuid.UUID(key),
            "label": label,
            "seconds": seconds,
            "difficulty": ratings[0],
            "confidence": ratings[1],
        }
    except ValueError:
        return None


class RevisionSerializer(ValueSerializer):
    """What can be revised; what is left out stays."""

    comment = serializers.CharField(max_length=LONGEST_COMMENT, required=False, allow_blank=True)
    difficulty = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)
    confidence = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)


class HintSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    description = serializers.CharField()


class FeedbackSerializer(serializers.Serializer[Any]):
    """How an answer to a text went whose answer is known, as far as the project tells."""

    correct = serializers.BooleanField()
    right = serializers.IntegerField()
    answers = serializers.IntegerField()
    needed = serializers.FloatField()
    hint = HintSerializer(many=True, required=False)
    explanation = serializers.CharField(required=False)


class AnnotationSerializer(serializers.Serializer[Any]):
    """One's own answer; two of label, labels and spans are null. Feedback comes only where the project gives it."""

    id = serializers.IntegerField()
    item_id = serializers.IntegerField()
    round = serializers.CharField()
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(), allow_null=True)
    spans = SpansField(allow_null=True)
    comment = serializers.CharField()
    difficulty = serializers.IntegerField(allow_null=True)
    confidence = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    guideline_version = serializers.IntegerField(allow_null=True)
    created = serializers.DateTimeField()
    revised = serializers.DateTimeField(allow_null=True)
    feedback = FeedbackSerializer(required=False)


def annotation_data(made: Annotation, names: Mapping[int, str]) -> dict[str, Any]:
    """An answer as its author sees it: the same for all kinds, since nobody shall see which texts are gold."""
    return {
        "id": made.pk,
        "item_id": made.item_id,
        "round": made.round.name,
        **named_value(made, names),
        "comment": made.comment,
        "difficulty": made.difficulty,
        "confidence": made.confidence,
        "seconds": made.seconds,
        "guideline_version": made.guideline.version if made.guideline else None,
        "created": made.created,
        "revised": made.revised,
    }


def named_labels(sent: Mapping[str, Any]) -> set[str]:
    """The names of the labels in an answer that was read."""
    spans = sent.get("spans") or ()
    one = [sent["label"]] if sent.get("label") is not None else []
    return {*one, *(sent.get("labels") or ()), *(span["label"] for span in spans)}


class AnswerItem(PlainView):
    """Answers an item that was handed to you. It is stored when this says so; the same key again changes nothing."""

    @extend_schema(
        request=AnswerSerializer, responses={201: AnnotationSerializer, 200: AnnotationSerializer, 409: None}
    )
    def post(self, request: Request, pk: int) -> HttpResponse:
        sent, unread = plain_answer(plain_json(request)), None
        if sent is None:
            unread = AnswerSerializer(data=request.data)
            sent = unread.validated_data if unread.is_valid() else None
        held = own_lease(request, pk, named_labels(sent) if sent is not None else ())
        if unread is not None:
            unread.is_valid(raise_exception=True)
        assert sent is not None
        try:
            made, new = answers.answer_item(held.assignment, **sent, known=held.known)
        except labelling.Refused as refused:
            raise Conflict(" ".join(refused.messages)) from refused
        names = {pk: name for name, pk in held.known.items()}
        if not new or not value_of(made).label_ids <= names.keys():
            names = label_names(made.round.project)
        shown = annotation_data(made, names)
        if (told := feedback(made, held.assignment.round.project)) is not None:
            shown["feedback"] = told
        return plain_response(shown, status.HTTP_201_CREATED if new else status.HTTP_200_OK)


class SkipSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class SkipItem(APIView):
    """Gives an item to others; you do not get it again."""

    @extend_schema(request=SkipSerializer, responses={200: SkipSerializer, 409: None})
    def post(self, request: Request, pk: int) -> Response:
        assignment = own_lease(request, pk).assignment
        sent = SkipSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            labelling.skip_item(assignment, **sent.validated_data)
        except labelling.Refused as refused:
            raise Conflict(" ".join(refused.messages)) from refused
        return Response(sent.validated_data)


def own_lease(request: Request, pk: int, names: Iterable[str] = ()) -> reads.Held:
    """What was handed to the user; another's is not there for them. A paused member is refused."""
    held = reads.held_by(request.user, pk, names)
    authorise_role(role_of(request.user, held.membership), held.assignment.round.project)
    labelling.check_active(held.membership.state if held.membership else None)
    return held


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
        return Response(annotation_data(revised, label_names(revised.round.project)))


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
