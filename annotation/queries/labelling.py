"""What somebody who labels sees: open rounds, items held, own answers."""

import json
from collections.abc import Iterable
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
    Assignment,
    Flag,
    Label,
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
    rounds: list[Round]  # those that take answers, in the order in which they are worked off
    parts: dict[int, Participation]  # by round
    guideline_version: int | None


# The calls that are made most are written out: putting an ORM query together costs more than running it.
_DESK = """
SELECT p.id, p.slug, p.deleted, p.sitting_minutes, m.role, m.state, a.id,
       (SELECT max(g.version) FROM annotation_guideline g WHERE g.project_id = p.id AND g.published IS NOT NULL),
       r.id, r.name, r.items_done, r.items_total, part.id, part.answers, part.active, part.sitting_seconds
FROM annotation_project p
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = %(user)s
LEFT JOIN annotation_annotator a ON a.project_id = p.id AND a.user_id = %(user)s
LEFT JOIN annotation_round r ON r.project_id = p.id AND r.state = 'open'
LEFT JOIN annotation_participation part ON part.round_id = r.id AND part.annotator_id = a.id
WHERE p.slug = %(slug)s ORDER BY r.id
"""

_LEASES = """
SELECT a.id, a.round_id, a.item_id, i.text, i.meta, a.expires
FROM annotation_assignment a JOIN annotation_item i ON i.id = a.item_id
WHERE a.annotator_id = %s AND a.round_id = ANY(%s) AND a.state = 'leased' ORDER BY a.created, a.id LIMIT %s
"""

_ASSIGNMENT = """
SELECT a.id, a.state, a.created, a.item_id, w.id, r.id, r.name, r.state, p.id, p.deleted, m.role, m.state
FROM annotation_assignment a
JOIN annotation_annotator w ON w.id = a.annotator_id AND w.user_id = %(user)s
JOIN annotation_round r ON r.id = a.round_id
JOIN annotation_project p ON p.id = r.project_id
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = w.user_id
WHERE a.id = %(assignment)s
"""


def _rows(statement: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _membership(role: str | None, state: str | None) -> Membership | None:
    return Membership(role=role, state=state or "") if role else None


def desk(user: User, slug: str) -> Desk:
    """Where the user labels in the project; whether they may is for `access` to say. Raises Http404 without project."""
    rows = _rows(_DESK, {"user": user.pk, "slug": slug})
    if not rows:
        raise Http404("There is no such project, or you are not a member of it.")
    pk, slug, deleted, minutes, role, state, author, version = rows[0][:8]
    project = Project(pk=pk, slug=slug, deleted=deleted, sitting_minutes=minutes)
    rounds, parts = [], {}
    for made, name, done, total, part, answers, active, sitting in (
        row[8:] for row in rows if row[8] is not None
    ):
        rounds.append(Round(pk=made, project=project, name=name, items_done=done, items_total=total))
        if part is not None:
            parts[made] = Participation(
                pk=part,
                round_id=made,
                annotator_id=author,
                answers=answers,
                active=active,
                sitting_seconds=sitting,
            )
    return Desk(
        project=project,
        membership=_membership(role, state),
        user=user,
        annotator=Annotator(pk=author, project=project, user_id=user.pk) if author else None,
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


def assignment_of(user: User, pk: int) -> tuple[Assignment, Membership | None]:
    """The item that was handed out to the user, and their membership. Raises Http404 for anybody else's."""
    rows = _rows(_ASSIGNMENT, {"user": user.pk, "assignment": pk}) if 0 < pk < 2**63 else []
    if not rows:
        raise Http404("There is no such assignment of yours.")
    key, state, created, item, author, made, name, round_state, project, deleted, role, member_state = rows[0]
    found = Assignment(
        pk=key,
        state=state,
        created=created,
        item_id=item,
        annotator=Annotator(pk=author, user_id=user.pk),
        round=Round(pk=made, name=name, state=round_state, project=Project(pk=project, deleted=deleted)),
    )
    return found, _membership(role, member_state)


def newest_round(project: Project) -> Round | None:
    """The round that was made last, whatever its state."""
    return Round.objects.filter(project=project).order_by("-id").first()


def answers_of(user: User) -> QuerySet[Annotation]:
    """The user's own answers, each with `member_state`."""
    membership = Membership.objects.filter(
        project=OuterRef("round__project"), user=OuterRef("annotator__user")
    )
    mine = Annotation.objects.filter(annotator__user=user).select_related(
        "annotator", "round", "label", "guideline"
    )
    return mine.annotate(member_state=Subquery(membership.values("state")))


def recent_answers(annotator: Annotator, n: int = RECENT) -> list[Annotation]:
    """The annotator's newest answers that can still be revised, newest first; each says whether they flagged it."""
    mine = Annotation.objects.filter(annotator=annotator, item__deleted__isnull=True).select_related(
        "item", "label"
    )
    newest = list(mine.filter(round__state=Round.State.OPEN).order_by("-id")[:n])
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
    return found.select_related("label", "guideline", "round").first()


def label_named(project_id: int, name: str) -> Label | None:
    """The label of this name, if it can still be chosen."""
    found = "SELECT id FROM annotation_label WHERE project_id = %s AND name = %s AND retired IS NULL"
    rows = _rows(found, [project_id, name])
    return Label(pk=rows[0][0], project_id=project_id, name=name) if rows else None


def texts_answered(annotator: Annotator, project: Project) -> dict[str, int]:
    """{"answers", "skipped"} of the annotator over all rounds."""
    totals = {"answers": 0, "skipped": 0}
    parts = Participation.objects.filter(annotator=annotator, round__project=project)
    for answers, skipped in parts.values_list("answers", "skipped"):
        totals["answers"] += answers
        totals["skipped"] += skipped
    return totals
