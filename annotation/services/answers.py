"""Storing answers, once each, and revising them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.models import Annotation, AnnotationVersion, Assignment, Guideline, Label, Participation
from annotation.queries import labelling as reads
from annotation.queries.prepared import run_prepared
from annotation.services.labelling import Refused, check_open, lock_participation

LONGEST = 120.0  # seconds; who takes longer was away

# The guideline is the one in force when its author last asked for items; the page reloads when that changes.
_STORE = """, made AS (
    INSERT INTO annotation_annotation (round_id, item_id, annotator_id, label_id, kind, guideline_id, key, seconds,
                                       client_seconds, comment, difficulty, created)
    SELECT round_id, item_id, annotator_id, %(label)s, 'normal',
           (SELECT id FROM annotation_guideline WHERE project_id = %(project)s AND published <= %(active)s
            ORDER BY version DESC LIMIT 1),
           %(key)s, %(seconds)s, %(client_seconds)s::float8, %(comment)s, %(difficulty)s::smallint, %(now)s
    FROM held RETURNING id, guideline_id
), mine AS (
    UPDATE annotation_participation SET answers = answers + 1, active = %(now)s,
        sitting_seconds = sitting_seconds + %(seconds)s
    WHERE id = %(participation)s AND EXISTS (SELECT FROM held)
), total AS (
    UPDATE annotation_round r SET answers_total = r.answers_total + 1, items_done = r.items_done + slot.done
    FROM slot WHERE r.id = %(round)s
)
SELECT made.id, made.guideline_id, g.version
FROM made LEFT JOIN annotation_guideline g ON g.id = made.guideline_id
"""

_ANSWER_HELD = (
    """
WITH held AS (
    UPDATE annotation_assignment SET state = 'answered'
    WHERE id = %(assignment)s AND state = 'leased' RETURNING round_id, item_id, annotator_id
), slot AS (
    UPDATE annotation_rounditem ri SET answers = ri.answers + 1
    FROM held WHERE ri.round_id = held.round_id AND ri.item_id = held.item_id
    RETURNING (ri.answers = ri.overlap)::int AS done
)"""  # noqa: S608 – put together from the constants above
    + _STORE
)

_ANSWER_LATE = (
    """
WITH slot AS (
    UPDATE annotation_rounditem ri SET answers = ri.answers + 1, open_slots = ri.open_slots - 1
    WHERE ri.round_id = %(round)s AND ri.item_id = %(item)s AND ri.open_slots > 0
    RETURNING ri.id, ri.open_slots, (ri.answers = ri.overlap)::int AS done
), full_again AS (
    DELETE FROM annotation_returneditem WHERE round_item_id IN (SELECT id FROM slot WHERE open_slots = 0)
), held AS (
    UPDATE annotation_assignment a SET state = 'answered' FROM slot
    WHERE a.id = %(assignment)s AND a.state IN ('expired', 'skipped') RETURNING a.round_id, a.item_id, a.annotator_id
)"""  # noqa: S608 – put together from the constants above
    + _STORE
)


def answer_item(
    assignment: Assignment,
    *,
    key: UUID,
    label: str,
    seconds: float | None = None,
    comment: str = "",
    difficulty: int | None = None,
) -> tuple[Annotation, bool]:
    """Stores the answer to an item that was handed out; the annotation, and whether it is new.

    The same key again returns what it stored. A lease that ran out (or a skip) is taken up again while the item has an
    open slot. Raises Refused if the item was answered with another key, is full, or the round is closed.
    """
    if assignment.state == Assignment.State.ANSWERED:
        return _answered_before(assignment, key), False
    check_open(assignment.round)
    chosen = _label(assignment.round.project_id, label)
    try:
        with transaction.atomic():
            made = _store(assignment, chosen, key, seconds, comment, difficulty)
    except IntegrityError as broken:
        again = reads.answer_by_key(assignment.annotator, key)
        if again is not None and again.item_id == assignment.item_id:
            return again, False
        raise Refused(
            "This key has stored another answer, or you have answered this text before."
        ) from broken
    return (made, True) if made else (_answered_before(assignment, key), False)


def _store(
    assignment: Assignment,
    label: Label,
    key: UUID,
    seconds: float | None,
    comment: str,
    difficulty: int | None,
) -> Annotation | None:
    """The new annotation; None if the item is answered already."""
    part = lock_participation(assignment.round_id, assignment.annotator)
    now = timezone.now()
    active = _active_seconds(max(assignment.created, part.active), now)
    values = {
        "assignment": assignment.pk,
        "round": assignment.round_id,
        "item": assignment.item_id,
        "project": assignment.round.project_id,
        "participation": part.pk,
        "label": label.pk,
        "key": key,
        "active": part.active,
        "seconds": active,
        "client_seconds": seconds,
        "comment": comment,
        "difficulty": difficulty,
        "now": now,
    }
    rows = run_prepared(_ANSWER_HELD, values)
    if not rows:
        assignment.state = Assignment.objects.values_list("state", flat=True).get(pk=assignment.pk)
        if assignment.state == Assignment.State.ANSWERED:
            return None
        rows = run_prepared(_ANSWER_LATE, values)
        if rows and assignment.state == Assignment.State.SKIPPED:
            Participation.objects.filter(pk=part.pk).update(skipped=part.skipped - 1)
    if not rows:
        raise Refused("Your time for this text ran out, and others have answered it in the meantime.")
    assignment.state = Assignment.State.ANSWERED
    pk, guideline_id, version = rows[0]
    return Annotation(
        pk=pk,
        round=assignment.round,
        item_id=assignment.item_id,
        annotator=assignment.annotator,
        label=label,
        guideline=Guideline(pk=guideline_id, version=version) if guideline_id else None,
        key=key,
        seconds=active,
        client_seconds=seconds,
        comment=comment,
        difficulty=difficulty,
        created=now,
    )


def _active_seconds(since: datetime, now: datetime) -> float:
    return min(max((now - since).total_seconds(), 0.0), LONGEST)


def _answered_before(assignment: Assignment, key: UUID) -> Annotation:
    again = reads.answer_by_key(assignment.annotator, key)
    if again is None or (again.round_id, again.item_id) != (assignment.round_id, assignment.item_id):
        raise Refused("You have answered this text already. Revise the answer instead.")
    return again


def _label(project_id: int, name: str) -> Label:
    label = reads.label_named(project_id, name)
    if label is None:
        raise ValidationError({"label": f"This project has no label “{name[:100]}”."})
    return label


@transaction.atomic
def revise_answer(annotation: Annotation, changes: dict[str, Any]) -> Annotation:
    """Changes label, comment or difficulty of an answer and keeps what it was; the same again changes nothing."""
    check_open(annotation.round)
    if "label" in changes:
        changes = changes | {"label": _label(annotation.round.project_id, changes["label"])}
    held = Annotation.objects.select_for_update(of=("self",)).select_related("label").get(pk=annotation.pk)
    if any(getattr(held, field) != value for field, value in changes.items()):
        AnnotationVersion.objects.create(
            annotation=held, label=held.label, comment=held.comment, difficulty=held.difficulty
        )
        for field, value in changes.items():
            setattr(annotation, field, value)
        annotation.revised = timezone.now()
        annotation.save(update_fields=[*changes, "revised"])
    return annotation
