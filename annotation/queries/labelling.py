"""What somebody who labels sees: open rounds, items held, own answers."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

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
from annotation.queries.prepared import Columns, run_prepared
from annotation.queries.suggestions import told_of

RECENT = 6
MOST_HELD = 20  # items in one person's hands


class Lease(NamedTuple):
    """An item in somebody's hands."""

    id: int
    round_id: int
    item_id: int
    text: str
    meta: dict[str, Any]
    expires: datetime
    suggested: str  # as in Assignment
    suggestion: dict[str, Any] | None  # what is told of it; nothing while it is hidden


@dataclass(frozen=True)
class Desk:
    """Where somebody labels: what `next` must know, in one look."""

    project: Project
    membership: Membership | None
    user: User
    annotator: Annotator | None  # None before the first call
    rounds: list[Round]  # those that take answers from the user, in the order in which they are worked off
    parts: dict[int, Participation]  # by round
    leases: list[Lease]  # the items that they hold, in the order in which they were handed out
    guideline_version: int | None


class Held(NamedTuple):
    """An item that was handed to somebody, as the answer to it finds it."""

    assignment: Assignment
    membership: Membership | None
    known: dict[str, int]  # those of the labels asked for that can be chosen


# The calls that are made most are written out: putting an ORM query together costs more than running it.
PART = Columns(
    Participation,
    "part",
    "id",
    "round_id",
    "annotator_id",
    "answers",
    "skipped",
    "started_after",
    "untouched_after",
    "handed",
    "first_answer",
)
CLOCK = Columns(
    Annotator,
    "w",
    "id",
    "user_id",
    "read_version",
    "answers",
    "active",
    "item_seconds",
    "sitting_seconds",
    "day",
    "day_seconds",
    "total_seconds",
)
_MEMBER = Columns(Membership, "m", "id", "role", "state", "quota")
_PROJECT = Columns(
    Project,
    "p",
    "id",
    "slug",
    "deleted",
    "sitting_minutes",
    "day_minutes",
    "total_minutes",
    "break_minutes",
    "gold_wear",
    "repeat_distance",
    "screen_version",
)
_OPEN_ROUND = Columns(
    Round,
    "r",
    "id",
    "name",
    "items_done",
    "items_total",
    "gold_rate",
    "repeat_rate",
    "seed",
    "audience",
    "suggestions",
    "suggestion_source_id",
)

# A row for each open round, or for each item that the user holds in it.
_DESK = f"""
SELECT (SELECT max(g.version) FROM annotation_guideline g WHERE g.project_id = p.id AND g.published IS NOT NULL),
       {_PROJECT.sql}, {_MEMBER.sql}, {CLOCK.sql}, {_OPEN_ROUND.sql}, {PART.sql},
       held.id, r.id, held.item_id, held.text, held.meta, held.expires, held.suggested
FROM annotation_project p
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = %(user)s
LEFT JOIN annotation_annotator w ON w.project_id = p.id AND w.user_id = %(user)s
LEFT JOIN annotation_round r ON r.project_id = p.id AND r.state = 'open' AND r.deleted IS NULL
     AND (r.audience <> 'chosen'
          OR EXISTS (SELECT FROM annotation_round_people c WHERE c.round_id = r.id AND c.user_id = %(user)s))
LEFT JOIN annotation_participation part ON part.round_id = r.id AND part.annotator_id = w.id
LEFT JOIN LATERAL (
    SELECT a.id, a.created, a.item_id, i.text, i.meta, a.expires, a.suggested
    FROM annotation_assignment a JOIN annotation_item i ON i.id = a.item_id
    WHERE a.annotator_id = w.id AND a.round_id = r.id AND a.state = 'leased' ORDER BY a.created, a.id LIMIT %(most)s
) AS held ON true
WHERE p.slug = %(slug)s::text ORDER BY held.created, held.id, r.id
"""  # noqa: S608 – put together from the constants above

_TOLD = f"""
SELECT a.id, {told_of("a.suggestion_id")} FROM annotation_assignment a
WHERE a.id = ANY(%(leases)s) AND a.suggested IN ('shown', 'asked')
"""  # noqa: S608 – put together from the constants above

_HANDED = Columns(Assignment, "a", "id", "state", "kind", "created", "item_id", "suggested")
_ANSWERED_ROUND = Columns(Round, "r", "id", "name", "state", "deleted", "maximum_overlap")
_ANSWERED_PROJECT = Columns(
    Project,
    "p",
    "id",
    "deleted",
    "task",
    "overlapping_spans",
    "maximum_overlap",
    "break_minutes",
    "gold_threshold",
    "gold_minimum",
    "gold_feedback",
)
_AUTHOR = Columns(Annotator, "w", "id", "user_id")

_ASSIGNMENT = f"""
SELECT CASE WHEN p.task = 'spans' THEN (SELECT i.text FROM annotation_item i WHERE i.id = a.item_id) END,
       (SELECT jsonb_object_agg(l.name, COALESCE(l.merged_into_id, l.id))
        FROM annotation_label l LEFT JOIN annotation_label t ON t.id = l.merged_into_id
        WHERE l.project_id = p.id AND l.name = ANY(%(names)s::text[])
          AND CASE WHEN l.merged_into_id IS NULL THEN l.retired ELSE t.retired END IS NULL),
       {_HANDED.sql}, {_AUTHOR.sql}, {_ANSWERED_ROUND.sql}, {_ANSWERED_PROJECT.sql}, {_MEMBER.sql}
FROM annotation_assignment a
JOIN annotation_annotator w ON w.id = a.annotator_id AND w.user_id = %(user)s
JOIN annotation_round r ON r.id = a.round_id
JOIN annotation_project p ON p.id = r.project_id
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = w.user_id
WHERE a.id = %(assignment)s
"""  # noqa: S608 – put together from the constants above


def desk(user: User, slug: str) -> Desk:
    """Where the user labels in the project; whether they may is for `access` to say. Raises Http404 without project."""
    found: Desk | None = None
    rounds: dict[int, Round] = {}
    for values in run_prepared(_DESK, {"user": user.pk, "slug": slug, "most": MOST_HELD}):
        *_, pk, round_id, item, text, meta, expires, suggested = values
        if round_id not in rounds:
            row = iter(values)
            version = next(row)
            project, membership, annotator = _PROJECT.read(row), _MEMBER.read(row), CLOCK.read(row)
            made, part = _OPEN_ROUND.read(row), PART.read(row)
            assert project is not None
            found = found or Desk(project, membership, user, annotator, [], {}, [], version)
            if made is not None:
                made.project = found.project
                rounds[made.pk] = made
            if part is not None:
                found.parts[part.round_id] = part
        if found is not None and pk is not None:
            found.leases.append(Lease(pk, round_id, item, text, json.loads(meta), expires, suggested, None))
    if found is None:
        raise Http404("There is no such project, or you are not a member of it.")
    found.rounds.extend(rounds[pk] for pk in sorted(rounds))
    return found


def with_suggestions(leases: list[Lease]) -> list[Lease]:
    """The leases with what is told of their suggestions; asked of the database where a round has any on."""
    if not any(lease.suggested for lease in leases):
        return leases
    rows = run_prepared(_TOLD, {"leases": [lease.id for lease in leases]})
    told = {pk: json.loads(value) for pk, value in rows}
    return [lease._replace(suggestion=told.get(lease.id)) for lease in leases]


def held_by(user: User, pk: int, names: Iterable[str] = ()) -> Held:
    """The item that was handed out to the user. Raises Http404 for anybody else's."""
    wanted = {"user": user.pk, "assignment": pk, "names": list(names)}
    rows = run_prepared(_ASSIGNMENT, wanted) if 0 < pk < 2**63 else []
    if not rows:
        raise Http404("There is no such assignment of yours.")
    row = iter(rows[0])
    text, known = next(row), next(row)
    found, author = _HANDED.read(row), _AUTHOR.read(row)
    made, project = _ANSWERED_ROUND.read(row), _ANSWERED_PROJECT.read(row)
    assert found is not None and author is not None and made is not None and project is not None
    found.annotator, found.round, author.project, made.project = author, made, project, project
    if text is not None:
        found.item = Item(pk=found.item_id, project=project, text=text)
    return Held(found, _MEMBER.read(row), json.loads(known) if known else {})


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
