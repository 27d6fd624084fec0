"""What somebody who labels sees: open rounds, items held, own answers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404

from annotation.models import (
    Annotation,
    Annotator,
    AnswerKind,
    Assignment,
    Flag,
    Item,
    Membership,
    Participation,
    Project,
    Round,
    User,
)

RECENT = 6


class Lease(NamedTuple):
    """An item in somebody's hands."""

    id: int
    round_id: int
    item_id: int
    text: str
    meta: dict[str, Any]
    expires: datetime


@dataclass(frozen=True)
class Desk:
    """Where somebody labels: what `next` must know, in one look."""

    project: Project
    membership: Membership | None
    user: User
    annotator: Annotator | None  # None before the first call
    rounds: list[Round]  # those that take answers from the user, in the order in which they are worked off
    parts: dict[int, Participation]  # by round
    guideline_version: int | None


class Held(NamedTuple):
    """An item that was handed to somebody, as the answer to it finds it."""

    assignment: Assignment
    membership: Membership | None
    known: dict[str, int]  # those of the labels asked for that can be chosen


# The calls that are made most are written out: putting an ORM query together costs more than running it.
_DESK = """
SELECT p.id, p.slug, p.deleted, p.sitting_minutes, p.day_minutes, p.total_minutes, p.break_minutes, p.gold_wear,
       p.repeat_distance, m.role, m.state, m.quota,
       (SELECT max(g.version) FROM annotation_guideline g WHERE g.project_id = p.id AND g.published IS NOT NULL),
       a.id, a.read_version, a.answers, a.active, a.item_seconds, a.sitting_seconds, a.day, a.day_seconds,
       a.total_seconds,
       r.id, r.name, r.items_done, r.items_total, r.gold_rate, r.repeat_rate, r.seed, r.audience, part.id, part.answers
FROM annotation_project p
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = %(user)s
LEFT JOIN annotation_annotator a ON a.project_id = p.id AND a.user_id = %(user)s
LEFT JOIN annotation_round r ON r.project_id = p.id AND r.state = 'open' AND r.deleted IS NULL
     AND (r.audience <> 'chosen'
          OR EXISTS (SELECT FROM annotation_round_people c WHERE c.round_id = r.id AND c.user_id = %(user)s))
LEFT JOIN annotation_participation part ON part.round_id = r.id AND part.annotator_id = a.id
WHERE p.slug = %(slug)s ORDER BY r.id
"""
_PROJECT = [
    "pk",
    "slug",
    "deleted",
    "sitting_minutes",
    "day_minutes",
    "total_minutes",
    "break_minutes",
    "gold_wear",
    "repeat_distance",
]
_CLOCK = [
    "pk",
    "read_version",
    "answers",
    "active",
    "item_seconds",
    "sitting_seconds",
    "day",
    "day_seconds",
    "total_seconds",
]
_ROUND = ["pk", "name", "items_done", "items_total", "gold_rate", "repeat_rate", "seed", "audience"]

_LEASES = """
SELECT a.id, a.round_id, a.item_id, i.text, i.meta, a.expires
FROM annotation_assignment a JOIN annotation_item i ON i.id = a.item_id
WHERE a.annotator_id = %s AND a.round_id = ANY(%s) AND a.state = 'leased' ORDER BY a.created, a.id LIMIT %s
"""

_ASSIGNMENT = """
SELECT a.state, a.kind, a.created, a.item_id, w.id, r.id, r.name, r.state, r.deleted, r.maximum_overlap,
       p.id, p.deleted, p.task, p.overlapping_spans, p.maximum_overlap, p.break_minutes, p.gold_threshold,
       p.gold_minimum, p.gold_feedback, m.role, m.state, m.quota,
       CASE WHEN p.task = 'spans' THEN (SELECT i.text FROM annotation_item i WHERE i.id = a.item_id) END,
       (SELECT jsonb_object_agg(l.name, COALESCE(l.merged_into_id, l.id))
        FROM annotation_label l LEFT JOIN annotation_label t ON t.id = l.merged_into_id
        WHERE l.project_id = p.id AND l.name = ANY(%(names)s)
          AND CASE WHEN l.merged_into_id IS NULL THEN l.retired ELSE t.retired END IS NULL)
FROM annotation_assignment a
JOIN annotation_annotator w ON w.id = a.annotator_id AND w.user_id = %(user)s
JOIN annotation_round r ON r.id = a.round_id
JOIN annotation_project p ON p.id = r.project_id
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = w.user_id
WHERE a.id = %(assignment)s
"""
_ANSWERED_ROUND = ["pk", "name", "state", "deleted", "maximum_overlap"]
_ANSWERED_PROJECT = [
    "pk",
    "deleted",
    "task",
    "overlapping_spans",
    "maximum_overlap",
    "break_minutes",
    "gold_threshold",
    "gold_minimum",
    "gold_feedback",
]


def _rows(statement: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _membership(role: str | None, state: str | None, quota: int | None) -> Membership | None:
    return Membership(role=role, state=state or "", quota=quota) if role else None


def _named(names: list[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def desk(user: User, slug: str) -> Desk:
    """Where the user labels in the project; whether they may is for `access` to say. Raises Http404 without project."""
    rows = _rows(_DESK, {"user": user.pk, "slug": slug})
    if not rows:
        raise Http404("There is no such project, or you are not a member of it.")
    first = rows[0]
    project = Project(**_named(_PROJECT, first[:9]))
    membership, version = _membership(*first[9:12]), first[12]
    author = first[13]
    rounds, parts = [], {}
    for row in rows if first[22] is not None else ():
        made = Round(project=project, **_named(_ROUND, row[22:30]))
        rounds.append(made)
        if row[30] is not None:
            parts[made.pk] = Participation(pk=row[30], round_id=made.pk, annotator_id=author, answers=row[31])
    return Desk(
        project=project,
        membership=membership,
        user=user,
        annotator=Annotator(project=project, user_id=user.pk, **_named(_CLOCK, first[13:22]))
        if author
        else None,
        rounds=rounds,
        parts=parts,
        guideline_version=version,
    )


def leases_of(annotator: Annotator, rounds: Iterable[Round], n: int) -> list[Lease]:
    """The first `n` items that the annotator holds, in the order in which they were handed out."""
    rows = _rows(_LEASES, [annotator.pk, [made.pk for made in rounds], n])
    return [
        Lease(pk, made, item, text, json.loads(meta), expires) for pk, made, item, text, meta, expires in rows
    ]


def held_by(user: User, pk: int, names: Iterable[str] = ()) -> Held:
    """The item that was handed out to the user. Raises Http404 for anybody else's."""
    wanted = {"user": user.pk, "assignment": pk, "names": list(names)}
    rows = _rows(_ASSIGNMENT, wanted) if 0 < pk < 2**63 else []
    if not rows:
        raise Http404("There is no such assignment of yours.")
    state, kind, created, item, author = rows[0][:5]
    project = Project(**_named(_ANSWERED_PROJECT, rows[0][10:19]))
    found = Assignment(
        pk=pk,
        state=state,
        kind=kind,
        created=created,
        item_id=item,
        annotator=Annotator(pk=author, user_id=user.pk, project=project),
        round=Round(project=project, **_named(_ANSWERED_ROUND, rows[0][5:10])),
    )
    role, member_state, quota, text, known = rows[0][19:]
    if text is not None:
        found.item = Item(pk=item, project=project, text=text)
    return Held(found, _membership(role, member_state, quota), json.loads(known) if known else {})


def assignment_of(user: User, pk: int) -> tuple[Assignment, Membership | None]:
    """The item that was handed out to the user, and their membership. Raises Http404 for anybody else's."""
    held = held_by(user, pk)
    return held.assignment, held.membership


def newest_round(project: Project) -> Round | None:
    """The round that was made last, whatever its state."""
    return Round.objects.filter(project=project).order_by("-id").first()


def answers_of(user: User) -> QuerySet[Annotation]:
    """The user's own answers, each with `member_state`."""
    membership = Membership.objects.filter(
        project=OuterRef("round__project"), user=OuterRef("annotator__user")
    )
    mine = Annotation.objects.filter(annotator__user=user).select_related(
        "annotator", "round__project", "label", "guideline"
    )
    return mine.annotate(member_state=Subquery(membership.values("state")))


def recent_answers(annotator: Annotator, n: int = RECENT) -> list[Annotation]:
    """The annotator's newest answers that can still be revised, newest first; each says whether they flagged it.

    What they answered before is left out while they hold the same text again, so that it does not prompt them.
    """
    mine = Annotation.objects.filter(annotator=annotator, item__deleted__isnull=True, set_aside__isnull=True)
    again = Assignment.objects.filter(
        annotator=annotator, kind=AnswerKind.REPEAT, state=Assignment.State.LEASED
    )
    mine = mine.exclude(item__in=again.values("item")).select_related("item", "label")
    newest = list(mine.filter(round__state=Round.State.OPEN, round__deleted__isnull=True).order_by("-id")[:n])
    items = [answer.item_id for answer in newest]
    flagged = set(
        Flag.objects.filter(item__in=items, user=annotator.user_id).values_list("item_id", flat=True)
    )
    for answer in newest:
        answer.flagged = answer.item_id in flagged  # type: ignore[attr-defined]
    return newest


def answer_by_key(annotator: Annotator, key: UUID) -> Annotation | None:
    """The answer that was stored under the browser's key."""
    found = Annotation.objects.filter(annotator=annotator, key=key)
    return found.select_related("annotator", "guideline", "round__project").first()


def texts_answered(annotator: Annotator, project: Project) -> dict[str, int]:
    """{"answers", "skipped"} of the annotator over all rounds."""
    totals = {"answers": 0, "skipped": 0}
    parts = Participation.objects.filter(annotator=annotator, round__project=project)
    for answers, skipped in parts.values_list("answers", "skipped"):
        totals["answers"] += answers
        totals["skipped"] += skipped
    return totals
