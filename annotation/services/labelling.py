"""Handing out items: taking, giving back, and what happens to leases that run out.

For every item in a round, at every moment, open_slots = overlap − answers − live leases. Each statement below keeps
that by itself, and gold items and repeats have no part in it. Whoever acts for an annotator first locks the Annotator
and their Participation; what follows then sees all that the annotator did before. (The take locks them in its own
statement, and does nothing if they changed since they were read.) Rows are locked in the order
annotator, participation, assignment, gold item, round item, round; the take skips gold and round items that are
locked, so no two wait for each other.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone

from annotation.models import Annotator, Assignment, Membership, Participation, Project, Round, User
from annotation.queries import labelling as reads
from annotation.queries.labelling import Desk, Lease
from annotation.queries.people import annotator_of
from annotation.queries.prepared import run_prepared
from annotation.queries.suggestions import told_of
from annotation.services import timekeeping
from annotation.services.taking import LEASE, take_from

MOST_AT_ONCE = reads.MOST_HELD
SWEEP = 1000
PAUSED = "You are paused in this project. Your answers are kept; ask a lead what comes next."

_LOCK = f"""
SELECT {reads.PART.sql}, {reads.CLOCK.sql}
FROM annotation_annotator w JOIN annotation_participation part ON part.annotator_id = w.id AND part.round_id = %(round)s
WHERE w.id = %(annotator)s FOR NO KEY UPDATE
"""  # noqa: S608 – the insertions are constants

_SKIP = """
WITH held AS (
    UPDATE annotation_assignment SET state = 'skipped', reason = %(reason)s
    WHERE id = %(assignment)s AND state = 'leased' RETURNING round_id, item_id, kind
), slot AS (
    UPDATE annotation_rounditem ri SET open_slots = ri.open_slots + 1
    FROM held WHERE ri.round_id = held.round_id AND ri.item_id = held.item_id AND held.kind = 'normal'
    RETURNING ri.id, ri.round_id
)
INSERT INTO annotation_returneditem (round_id, round_item_id) SELECT round_id, id FROM slot
ON CONFLICT (round_item_id) DO NOTHING
"""

# Once an answer is there, it was given without: what is asked for then would be kept with it as if it had come before.
_ASK = f"""
WITH asked AS (
    UPDATE annotation_assignment SET suggested = CASE suggested WHEN 'hidden' THEN 'asked' ELSE suggested END
    WHERE id = %(assignment)s AND state <> 'answered' AND suggested IN ('hidden', 'shown', 'asked')
    RETURNING suggested, suggestion_id
)
SELECT asked.suggested, {told_of("asked.suggestion_id")} FROM asked
"""  # noqa: S608 – put together from the constants above

_RETURN = """
WITH over AS MATERIALIZED (
    SELECT id FROM annotation_assignment WHERE state = 'leased' AND expires < %(now)s
    ORDER BY expires LIMIT %(most)s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE annotation_assignment a SET state = 'expired' FROM over WHERE a.id = over.id
    RETURNING a.round_id, a.item_id, a.kind
), given_back AS (
    SELECT round_id, item_id, count(*) AS n FROM ended WHERE kind = 'normal' GROUP BY round_id, item_id
), locked AS MATERIALIZED (
    SELECT ri.id, given_back.n FROM annotation_rounditem ri JOIN given_back USING (round_id, item_id)
    ORDER BY ri.id FOR UPDATE OF ri
), slots AS (
    UPDATE annotation_rounditem ri SET open_slots = ri.open_slots + locked.n FROM locked WHERE ri.id = locked.id
    RETURNING ri.id, ri.round_id
), queued AS (
    INSERT INTO annotation_returneditem (round_id, round_item_id) SELECT round_id, id FROM slots
    ON CONFLICT (round_item_id) DO NOTHING
)
SELECT count(*) FROM ended
"""


@dataclass(frozen=True)
class Handout:
    """What `next` gives: the items, or the reason why there is none."""

    leases: list[Lease]
    reason: str  # "", "done", "paused", "read_guideline", "sitting_limit", "day_limit" or "total_limit"
    until: datetime | None  # when a limit ends; None where there is none, or it does not end by itself
    annotator: Annotator
    round: Round | None  # that of the first item, or the last one that there was
    guideline_version: int | None
    quota: int | None
    mine: int
    now: datetime


class Refused(ValidationError):
    """What was sent contradicts what is there now; over REST a 409."""


def check_active(member_state: str | None) -> None:
    """Raises PermissionDenied for a paused member (None is a superuser, who need not be one)."""
    if member_state == Membership.State.PAUSED:
        raise PermissionDenied(PAUSED)


def check_open(made: Round) -> None:
    """Raises Refused for a round that takes no answers."""
    if made.state != Round.State.OPEN or made.deleted is not None:
        raise Refused(f"The round “{made.name}” is closed; its answers stay as they are.")


def lock_participation(round_id: int, annotator: Annotator) -> Participation:
    """The annotator's part in the round, locked with the annotator until the transaction ends; made at the first call.

    The annotator's clock and counters are read anew.
    """
    whose = {"round": round_id, "annotator": annotator.pk}
    rows = run_prepared(_LOCK, whose)
    if not rows:
        part = Participation(round_id=round_id, annotator_id=annotator.pk)
        Participation.objects.bulk_create([part], ignore_conflicts=True)
        rows = run_prepared(_LOCK, whose)
    row = iter(rows[0])
    locked = reads.PART.read(row)
    reads.CLOCK.read_into(annotator, row)
    assert locked is not None
    return locked


def next_items(project: Project, user: User, count: int = 1) -> Handout:
    """`hand_out` for a project at hand."""
    return hand_out(reads.desk(user, project.slug), count)


def hand_out(desk: Desk, count: int = 1) -> Handout:
    """Hands out items: first those that the user holds already, then new ones from the open rounds in their order."""
    if not 1 <= count <= MOST_AT_ONCE:
        raise ValidationError({"count": f"Ask for 1 to {MOST_AT_ONCE} texts at once."})
    annotator = desk.annotator or annotator_of(desk.project, desk.user)
    annotator.project = desk.project
    # At the first contact the guideline is all new, and nothing in it has changed
    if annotator.read_version is None:
        annotator.read_version = desk.guideline_version
    now = timezone.now()
    leases: list[Lease] = []
    parts = dict(desk.parts)
    reason, until = _hindrance(desk, annotator, now)
    if not reason and desk.membership is not None and desk.membership.quota is not None:
        count = min(count, desk.membership.quota - annotator.answers)  # it may be lower than what they hold
    if not reason and desk.rounds:
        leases = reads.with_suggestions(_extended(desk.leases[:count], now))
        if len(leases) == count:
            _note_activity(annotator, leases[0].round_id, now)
        held = len(leases)
        for made in desk.rounds:
            if len(leases) < count:
                parts[made.pk], taken = _take(desk, made, annotator, count - len(leases), now, held > 0)
                leases += taken
    by_id = {made.pk: made for made in desk.rounds}
    current = (
        by_id[leases[0].round_id]
        if leases
        else (desk.rounds[-1] if desk.rounds else reads.newest_round(desk.project))
    )
    part = parts.get(current.pk) if current is not None else None
    return Handout(
        leases=leases,
        reason="" if leases else reason or "done",
        until=until,
        annotator=annotator,
        round=current,
        guideline_version=desk.guideline_version,
        quota=desk.membership.quota if desk.membership else None,
        mine=part.answers if part else 0,
        now=now,
    )


def _hindrance(desk: Desk, annotator: Annotator, now: datetime) -> tuple[str, datetime | None]:
    """Why the annotator gets nothing, whatever there is, and until when; "" if nothing is in the way."""
    member = desk.membership
    if member is not None and member.state == Membership.State.PAUSED:
        return "paused", None
    if not desk.rounds or (
        member is not None and member.quota is not None and annotator.answers >= member.quota
    ):
        return "done", None
    if limit := timekeeping.limit_reached(annotator, desk.project, now):
        return limit.reason, limit.until
    if (desk.guideline_version or 0) > (annotator.read_version or 0):
        return "read_guideline", None
    return "", None


def _extended(leases: list[Lease], now: datetime) -> list[Lease]:
    """The leases, with those that are half over made as long as new ones."""
    old = [lease.id for lease in leases if lease.expires < now + LEASE / 2]
    if not old:
        return leases
    kept = Assignment.objects.filter(pk__in=old, state=Assignment.State.LEASED).update(expires=now + LEASE)
    if kept < len(old):  # one ran out in this moment
        live = Assignment.objects.filter(pk__in=old, state=Assignment.State.LEASED)
        gone = set(old) - set(live.values_list("pk", flat=True))
        leases = [lease for lease in leases if lease.id not in gone]
    return [lease._replace(expires=now + LEASE) if lease.id in old else lease for lease in leases]


@transaction.atomic
def _note_activity(annotator: Annotator, round_id: int, now: datetime) -> None:
    """Time passes for the text at hand, though nothing new is handed out."""
    lock_participation(round_id, annotator)
    timekeeping.note_request(annotator, annotator.project, now, at_hand=True)
    annotator.save(update_fields=["active", "item_seconds", "sitting_seconds"])


def _take(
    desk: Desk, made: Round, annotator: Annotator, wanted: int, now: datetime, at_hand: bool
) -> tuple[Participation, list[Lease]]:
    """Leases up to `wanted` items of the round that the annotator has not had.

    Nearly always what was read at the desk still holds, and a single statement will do.
    """
    part = desk.parts.get(made.pk)
    if part is not None and (desk.membership is None or desk.membership.quota is None):
        seen = annotator.active
        timekeeping.note_request(annotator, desk.project, now, at_hand=at_hand)
        if taken := take_from(made, part, annotator, wanted, seen, now):
            return part, taken
    return _take_locked(desk, made, annotator, wanted, now, at_hand)


@transaction.atomic
def _take_locked(
    desk: Desk, made: Round, annotator: Annotator, wanted: int, now: datetime, at_hand: bool
) -> tuple[Participation, list[Lease]]:
    """The same for whom nobody can change meanwhile: a first call, a quota, or nothing found at the first glance."""
    part = lock_participation(made.pk, annotator)
    seen = annotator.active
    timekeeping.note_request(annotator, desk.project, now, at_hand=at_hand)
    if annotator.read_version is None:
        annotator.read_version = desk.guideline_version
    if desk.membership is not None and desk.membership.quota is not None:
        live = Assignment.objects.filter(
            annotator=annotator, round__in=desk.rounds, state=Assignment.State.LEASED
        ).count()
        wanted = min(wanted, desk.membership.quota - annotator.answers - live)
    if wanted <= 0:
        return part, []
    taken = take_from(made, part, annotator, wanted, seen, now)
    if not taken:  # before saying that there is nothing: look behind, and at leases that ran out
        _return_batch(now)
        part.started_after = part.untouched_after = -1
        taken = take_from(made, part, annotator, wanted, now, now)
    return part, taken


@transaction.atomic
def skip_item(assignment: Assignment, reason: str = "") -> None:
    """Gives the item to others. Skipping it again changes nothing."""
    check_open(assignment.round)
    part = lock_participation(assignment.round_id, assignment.annotator)
    assignment.state = Assignment.objects.values_list("state", flat=True).get(pk=assignment.pk)
    if assignment.state == Assignment.State.ANSWERED:
        raise Refused("You have answered this text already. Revise the answer instead.")
    if assignment.state == Assignment.State.SKIPPED:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SKIP, {"assignment": assignment.pk, "reason": reason[:500]})
    ran_out = Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.EXPIRED)
    ran_out.update(state=Assignment.State.SKIPPED, reason=reason[:500])  # its slot went back before
    Participation.objects.filter(pk=part.pk).update(skipped=part.skipped + 1)
    annotator = assignment.annotator
    timekeeping.finish_item(annotator, annotator.project, assignment.created, timezone.now())
    annotator.save(update_fields=timekeeping.CLOCK)


def ask_for_suggestion(assignment: Assignment) -> tuple[str, dict[str, Any]]:
    """Tells what is suggested for a text in somebody's hands, and notes that they asked; asking again tells it again.

    Raises Refused where there is none, and once the text is answered.
    """
    check_open(assignment.round)
    rows = run_prepared(_ASK, {"assignment": assignment.pk})
    if not rows:
        answered = assignment.state == Assignment.State.ANSWERED
        raise Refused(
            "You have answered this text already; its suggestion stays hidden."
            if answered
            else "There is no suggestion for this text."
        )
    ((suggested, told),) = rows
    return suggested, json.loads(told)


def return_expired_leases() -> int:
    """Opens the slots of leases that ran out; how many."""
    returned = 0
    while batch := _return_batch(timezone.now()):
        returned += batch
    return returned


def _return_batch(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_RETURN, {"now": now, "most": SWEEP})
        return int(cursor.fetchone()[0])
