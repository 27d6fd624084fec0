"""Storing answers, once each, and revising them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from annotation.models import (
    Annotation,
    AnnotationVersion,
    AnswerKind,
    Assignment,
    GoldItem,
    Guideline,
    Item,
    Membership,
    Participation,
    Project,
    Round,
    RoundItem,
)
from annotation.queries import labelling as reads
from annotation.queries.prepared import run_prepared
from annotation.services import timekeeping
from annotation.services.gold import recount_gold
from annotation.services.labelling import Refused, check_open, lock_participation
from annotation.services.overlap import grow_overlap
from annotation.services.pausing import pause_by_rule
from annotation.services.values import AnswerValue, read_value, value_of

SHAPES = ("label", "labels", "spans")
TOLD = ("comment", "difficulty", "confidence")

# The guideline is the version that its author has read. Gold items and repeats touch the round as normal answers do,
# though they change nothing in it, so that they take as long.
_STORE = """, gold AS MATERIALIZED (
    SELECT (g.label_id, g.labels, g.spans)
           IS NOT DISTINCT FROM (%(label)s::bigint, %(labels)s::bigint[], %(spans)s::jsonb) AS matched
    FROM held JOIN annotation_golditem g ON g.item_id = held.item_id WHERE held.kind = 'gold' FOR KEY SHARE OF g
), made AS (
    INSERT INTO annotation_annotation (round_id, item_id, annotator_id, label_id, labels, spans, kind, guideline_id,
                                       key, seconds, client_seconds, comment, difficulty, confidence, correct, created,
                                       suggestion_id, suggested, followed)
    SELECT round_id, item_id, annotator_id, %(label)s::bigint, %(labels)s::bigint[], %(spans)s::jsonb, kind,
           (SELECT id FROM annotation_guideline WHERE project_id = %(project)s AND version = %(read_version)s::int),
           %(key)s, %(seconds)s, %(client_seconds)s::float8, %(comment)s, %(difficulty)s::smallint,
           %(confidence)s::smallint, (SELECT matched FROM gold), %(now)s, suggestion_id, suggested,
           FOLLOWED
    FROM held RETURNING id, kind, correct, guideline_id
), part AS (
    UPDATE annotation_participation p SET answers = p.answers + 1, first_answer = COALESCE(p.first_answer, made.id)
    FROM made WHERE p.id = %(participation)s
), clock AS (
    UPDATE annotation_annotator a SET answers = a.answers + 1, active = %(now)s, item_seconds = 0,
        sitting_seconds = %(sitting_seconds)s, day = %(day)s, day_seconds = %(day_seconds)s,
        total_seconds = %(total_seconds)s, gold_answers = a.gold_answers + (made.correct IS NOT NULL)::int,
        gold_correct = a.gold_correct + COALESCE(made.correct, false)::int
    FROM made WHERE a.id = %(annotator)s RETURNING a.gold_answers, a.gold_correct
), total AS (
    UPDATE annotation_round r SET answers_total = r.answers_total + (made.kind = 'normal')::int,
        items_done = r.items_done + COALESCE((SELECT done FROM slot), 0)
    FROM made WHERE r.id = %(round)s
)
SELECT made.id, made.kind, made.correct, made.guideline_id, g.version, clock.gold_answers, clock.gold_correct,
       (SELECT done FROM slot)
FROM made CROSS JOIN clock LEFT JOIN annotation_guideline g ON g.id = made.guideline_id
"""

# Whether the answer is what was suggested, asked where its round has suggestions
_FOLLOWED = """
           (SELECT (s.label_id, s.labels, s.spans)
                   IS NOT DISTINCT FROM (%(label)s::bigint, %(labels)s::bigint[], %(spans)s::jsonb)
            FROM annotation_suggestion s WHERE s.id = held.suggestion_id)"""

_ANSWER_HELD = (
    """
WITH held AS (
    UPDATE annotation_assignment SET state = 'answered'
    WHERE id = %(assignment)s AND state = 'leased'
    RETURNING round_id, item_id, annotator_id, kind, suggestion_id, suggested
), slot AS (
    UPDATE annotation_rounditem ri SET answers = ri.answers + 1
    FROM held WHERE ri.round_id = held.round_id AND ri.item_id = held.item_id AND held.kind = 'normal'
    RETURNING (ri.answers = ri.overlap)::int AS done
)"""  # noqa: S608 – put together from the constants above
    + _STORE
)

_ANSWER_LATE = (
    """
WITH late AS MATERIALIZED (
    SELECT id, kind FROM annotation_assignment
    WHERE id = %(assignment)s AND state IN ('expired', 'skipped') FOR UPDATE
), slot AS (
    UPDATE annotation_rounditem ri SET answers = ri.answers + 1, open_slots = ri.open_slots - 1
    FROM late WHERE ri.round_id = %(round)s AND ri.item_id = %(item)s AND ri.open_slots > 0 AND late.kind = 'normal'
    RETURNING ri.id, ri.open_slots, (ri.answers = ri.overlap)::int AS done
), full_again AS (
    DELETE FROM annotation_returneditem WHERE round_item_id IN (SELECT id FROM slot WHERE open_slots = 0)
), held AS (
    UPDATE annotation_assignment a SET state = 'answered' FROM late
    WHERE a.id = late.id AND CASE WHEN late.kind = 'normal' THEN EXISTS (SELECT FROM slot)
        ELSE EXISTS (SELECT FROM annotation_item WHERE id = %(item)s AND deleted IS NULL AND excluded IS NULL) END
    RETURNING a.round_id, a.item_id, a.annotator_id, a.kind, a.suggestion_id, a.suggested
)"""  # noqa: S608 – put together from the constants above
    + _STORE
)


_STATEMENTS = {
    suggesting: tuple(
        statement.replace("FOLLOWED", _FOLLOWED if suggesting else "NULL::boolean")
        for statement in (_ANSWER_HELD, _ANSWER_LATE)
    )
    for suggesting in (False, True)
}


def answer_item(
    assignment: Assignment,
    *,
    key: UUID,
    label: str | None = None,
    labels: Sequence[str] | None = None,
    spans: Sequence[Mapping[str, Any]] | None = None,
    seconds: float | None = None,
    comment: str = "",
    difficulty: int | None = None,
    confidence: int | None = None,
    known: Mapping[str, int] | None = None,
) -> tuple[Annotation, bool]:
    """Stores the answer to an item that was handed out; the annotation, and whether it is new.

    The same key again returns what it stored. A lease that ran out (or a skip) is taken up again while the item has an
    open slot. `known` are the ids of the labels named, where they are at hand. Raises ValidationError for what the
    project does not ask for, and Refused if the item was answered with another key, is full, or the round is closed.
    """
    if assignment.state == Assignment.State.ANSWERED:
        return _answered_before(assignment, key), False
    check_open(assignment.round)
    project = assignment.round.project
    text = assignment.item.text if spans is not None else ""
    value = read_value(project, text, label=label, labels=labels, spans=spans, known=known)
    told = {"comment": comment, "difficulty": difficulty, "confidence": confidence, "client_seconds": seconds}
    try:
        with transaction.atomic():
            made = _store(assignment, value, key, told)
    except IntegrityError as broken:
        again = reads.answer_by_key(assignment.annotator, key)
        if again is not None and again.item_id == assignment.item_id:
            return again, False
        raise Refused(
            "This key has stored another answer, or you have answered this text before."
        ) from broken
    return (made, True) if made else (_answered_before(assignment, key), False)


def _store(assignment: Assignment, value: AnswerValue, key: UUID, told: dict[str, Any]) -> Annotation | None:
    """The new annotation; None if the item is answered already."""
    annotator, project = assignment.annotator, assignment.round.project
    part = lock_participation(assignment.round_id, annotator)
    now = timezone.now()
    seconds = timekeeping.finish_item(annotator, project, assignment.created, now)
    values = told | {
        "assignment": assignment.pk,
        "round": assignment.round_id,
        "item": assignment.item_id,
        "project": project.pk,
        "participation": part.pk,
        "annotator": annotator.pk,
        "read_version": annotator.read_version,
        "label": value.label,
        "labels": value.labels,
        "spans": None if value.spans is None else Jsonb(value.spans),
        "key": key,
        "seconds": seconds,
        "sitting_seconds": annotator.sitting_seconds,
        "day": annotator.day,
        "day_seconds": annotator.day_seconds,
        "total_seconds": annotator.total_seconds,
        "now": now,
    }
    held, late = _STATEMENTS[bool(assignment.suggested)]
    rows = run_prepared(held, values)
    if not rows:
        assignment.state = Assignment.objects.values_list("state", flat=True).get(pk=assignment.pk)
        if assignment.state == Assignment.State.ANSWERED:
            return None
        _check_quota(assignment)
        rows = run_prepared(late, values)
        if rows and assignment.state == Assignment.State.SKIPPED:
            Participation.objects.filter(pk=part.pk).update(skipped=part.skipped - 1)
    if not rows:
        raise Refused(_why_too_late(assignment))
    assignment.state = Assignment.State.ANSWERED
    pk, kind, correct, guideline_id, version, gold_answers, gold_correct, done = rows[0]
    annotator.gold_answers, annotator.gold_correct = gold_answers, gold_correct
    if done:
        grow_overlap(assignment.round, [assignment.item_id])
    if correct is not None:
        pause_by_rule(annotator, project)
    return Annotation(
        pk=pk,
        round=assignment.round,
        item_id=assignment.item_id,
        annotator=annotator,
        **value.fields,
        kind=kind,
        correct=correct,
        guideline=Guideline(pk=guideline_id, version=version) if guideline_id else None,
        key=key,
        seconds=seconds,
        created=now,
        **told,
    )


def _answered_before(assignment: Assignment, key: UUID) -> Annotation:
    again = reads.answer_by_key(assignment.annotator, key)
    if again is None or (again.round_id, again.item_id) != (assignment.round_id, assignment.item_id):
        raise Refused("You have answered this text already. Revise the answer instead.")
    return again


def _why_too_late(assignment: Assignment) -> str:
    """Why there is no place any more for an answer to a text that was handed out."""
    of = {"round": assignment.round_id, "item": assignment.item_id}
    there = Item.objects.filter(pk=assignment.item_id, deleted__isnull=True, excluded__isnull=True).exists()
    asked = assignment.kind != AnswerKind.NORMAL or RoundItem.objects.filter(**of).exists()
    if there and asked:
        return "Your time for this text ran out, and others have answered it in the meantime."
    return "A lead has taken this text out in the meantime, so it needs no answer."


def _check_quota(assignment: Assignment) -> None:
    """Raises Refused where a lease that ran out would bring more answers than the annotator's quota."""
    annotator = assignment.annotator
    member = Membership.objects.filter(project=assignment.round.project_id, user=annotator.user_id).first()
    if member is not None and member.quota is not None and annotator.answers >= member.quota:
        raise Refused("Your time for this text ran out, and your quota is reached in the meantime.")


@transaction.atomic
def revise_answer(annotation: Annotation, changes: dict[str, Any]) -> Annotation:
    """Changes an answer's value (`label`, `labels` or `spans`), comment, difficulty or confidence; keeps what it was.

    The same again changes nothing. Raises ValidationError for what the project does not ask for, and Refused if the
    round is closed or the answer was set aside.
    """
    made = annotation.round
    check_open(made)
    told = {field: changes[field] for field in TOLD if field in changes}
    shapes = {field: changes[field] for field in SHAPES if field in changes}
    lock_participation(made.pk, annotation.annotator)
    held = Annotation.objects.select_for_update(of=("self",)).get(pk=annotation.pk)
    if held.set_aside is not None:
        raise Refused("A lead has set your answers aside; this one stays as it is.")
    value = value_of(held)
    if shapes:
        text = held.item.text if shapes.get("spans") is not None else ""
        value = read_value(made.project, text, **shapes)
    new = value.fields | told
    if any(getattr(held, field) != content for field, content in new.items()):
        AnnotationVersion.objects.create(
            annotation=held, **value_of(held).fields, **{field: getattr(held, field) for field in TOLD}
        )
        if shapes and held.suggestion is not None:
            new["followed"] = value_of(held.suggestion) == value
        for field, content in new.items():
            setattr(annotation, field, content)
        annotation.revised = timezone.now()
        annotation.save(update_fields=[*new, "revised"])
        if held.kind == AnswerKind.NORMAL:
            _lock_slot(made, held.item_id)
            grow_overlap(made, [held.item_id])
        elif held.correct is not None and made.project.gold_feedback == Project.GoldFeedback.NOTHING:
            _judge_again(annotation)
    return annotation


def _lock_slot(made: Round, item_id: int) -> None:
    """Waits until nobody else is answering the item, so that what follows sees all answers to it."""
    list(RoundItem.objects.select_for_update(no_key=True).filter(round=made, item=item_id).values("pk"))


def _judge_again(annotation: Annotation) -> None:
    """A slip of the finger that was put right is no wrong answer. Where the answer was told, the first one counts."""
    gold = GoldItem.objects.filter(item=annotation.item_id).first()
    correct = gold is not None and value_of(gold) == value_of(annotation)
    if correct != annotation.correct:
        Annotation.objects.filter(pk=annotation.pk).update(correct=correct)
        annotation.correct = correct
        annotator = annotation.annotator
        recount_gold([annotator.pk])
        annotator.refresh_from_db(fields=["gold_answers", "gold_correct"])
        pause_by_rule(annotator, annotation.round.project)
