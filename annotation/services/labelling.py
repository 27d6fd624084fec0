"""Handing out items: taking, giving back, and what happens to leases that run out.

For every item in a round, at every moment, open_slots = overlap − answers − live leases. Each statement below keeps
that by itself. Whoever acts for an annotator first locks the annotator's Participation; what follows then sees all
that the annotator did before. Rows are locked in the order participation, assignment, round item, round; the
take skips round items that are locked, so no two wait for each other.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone

from annotation.models import Annotator, Assignment, Membership, Participation, Project, Round, User
from annotation.queries import labelling as reads
from annotation.queries.labelling import Desk, Lease
from annotation.queries.people import annotator_of
from annotation.queries.prepared import run_prepared

LEASE = timedelta(minutes=30)
LONG_BREAK = timedelta(minutes=15)  # a new sitting starts after this
MOST_AT_ONCE = 20
SPARE = 8  # candidates beyond those wanted, since others may be taking the first ones right now
SWEEP = 1000
PAUSED = "You are paused in this project. Your answers are kept; ask a lead what comes next."

# Not theirs before, and not deleted. OFFSET 0 keeps each a look-up by index, whatever the planner thinks of the tables.
_FREE = """
    NOT EXISTS (SELECT FROM annotation_assignment a WHERE a.round_id = ri.round_id AND a.item_id = ri.item_id
                AND a.annotator_id = %(annotator)s AND a.state <> 'expired' OFFSET 0)
    AND NOT EXISTS (SELECT FROM annotation_annotation n WHERE n.round_id = ri.round_id AND n.item_id = ri.item_id
                    AND n.annotator_id = %(annotator)s AND n.kind = 'normal' OFFSET 0)
    AND EXISTS (SELECT FROM annotation_item i WHERE i.id = ri.item_id AND i.deleted IS NULL OFFSET 0)
"""

# Returned items first, then started ones, then untouched ones, each in the round's order; one statement.
_TAKE = f"""
WITH returned AS MATERIALIZED (
    SELECT ri.id, ri.position
    FROM annotation_returneditem r JOIN annotation_rounditem ri ON ri.id = r.round_item_id
    WHERE r.round_id = %(round)s AND ri.open_slots > 0 AND {_FREE}
    ORDER BY ri.position LIMIT %(near)s
), started AS MATERIALIZED (
    SELECT ri.id, ri.position
    FROM annotation_rounditem ri
    WHERE ri.round_id = %(round)s AND ri.open_slots > 0 AND ri.open_slots < ri.overlap
      AND ri.position > %(started_after)s AND {_FREE}
    ORDER BY ri.position LIMIT %(near)s
), untouched AS MATERIALIZED (
    SELECT ri.id, ri.position
    FROM annotation_rounditem ri
    WHERE ri.round_id = %(round)s AND ri.open_slots > 0 AND ri.open_slots = ri.overlap
      AND ri.position > %(untouched_after)s AND {_FREE}
    ORDER BY ri.position LIMIT %(near)s
), candidates AS MATERIALIZED (
    SELECT id, min(queue) AS queue, min(position) AS position
    FROM (SELECT id, position, 1 AS queue FROM returned
          UNION ALL SELECT id, position, 2 FROM started
          UNION ALL SELECT id, position, 3 FROM untouched) every
    GROUP BY id
), picked AS MATERIALIZED (
    SELECT ri.item_id
    FROM candidates c JOIN annotation_rounditem ri ON ri.id = c.id
    WHERE ri.open_slots > 0
    ORDER BY c.queue, c.position LIMIT %(wanted)s
    FOR UPDATE OF ri SKIP LOCKED
), leased AS (
    INSERT INTO annotation_assignment (round_id, item_id, annotator_id, kind, state, reason, created, expires)
    SELECT %(round)s, item_id, %(annotator)s, 'normal', 'leased', '', %(now)s, %(expires)s FROM picked
    ON CONFLICT (round_id, annotator_id, item_id, kind)
    DO UPDATE SET state = 'leased', created = %(now)s, expires = %(expires)s
    WHERE annotation_assignment.state = 'expired'
    RETURNING id, item_id
), slots AS (
    UPDATE annotation_rounditem ri SET open_slots = ri.open_slots - 1
    FROM leased WHERE ri.round_id = %(round)s AND ri.item_id = leased.item_id
    RETURNING ri.id, ri.open_slots
), full_again AS (
    DELETE FROM annotation_returneditem WHERE round_item_id IN (SELECT id FROM slots WHERE open_slots = 0)
), behind AS (
    UPDATE annotation_participation p SET active = %(now)s, sitting_seconds = %(sitting)s,
        started_after = GREATEST(%(started_after)s, LEAST(
            COALESCE((SELECT min(position) - 1 FROM started),
                     (SELECT max(ri.position) FROM annotation_rounditem ri WHERE ri.round_id = %(round)s
                      AND ri.open_slots > 0 AND ri.open_slots < ri.overlap AND ri.position > %(started_after)s)),
            (SELECT min(position) - 1 FROM untouched))),
        untouched_after = GREATEST(%(untouched_after)s,
            COALESCE((SELECT min(position) - 1 FROM untouched),
                     (SELECT max(ri.position) FROM annotation_rounditem ri WHERE ri.round_id = %(round)s
                      AND ri.open_slots > 0 AND ri.open_slots = ri.overlap AND ri.position > %(untouched_after)s)))
    WHERE p.id = %(participation)s
)
SELECT leased.id, leased.item_id, item.text, item.meta
FROM leased JOIN annotation_item item ON item.id = leased.item_id ORDER BY leased.id
"""  # noqa: S608 – the only insertion is the constant above

_LOCK = """
SELECT id, answers, skipped, started_after, untouched_after, active, sitting_seconds
FROM annotation_participation WHERE round_id = %s AND annotator_id = %s FOR UPDATE
"""

_SKIP = """
WITH held AS (
    UPDATE annotation_assignment SET state = 'skipped', reason = %(reason)s
    WHERE id = %(assignment)s AND state = 'leased' RETURNING round_id, item_id
), slot AS (
    UPDATE annotation_rounditem ri SET open_slots = ri.open_slots + 1
    FROM held WHERE ri.round_id = held.round_id AND ri.item_id = held.item_id RETURNING ri.id, ri.round_id
)
INSERT INTO annotation_returneditem (round_id, round_item_id) SELECT round_id, id FROM slot
ON CONFLICT (round_item_id) DO NOTHING
"""

_RETURN = """
WITH over AS MATERIALIZED (
    SELECT id FROM annotation_assignment WHERE state = 'leased' AND expires < %(now)s
    ORDER BY expires LIMIT %(most)s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE annotation_assignment a SET state = 'expired' FROM over WHERE a.id = over.id RETURNING a.round_id, a.item_id
), given_back AS (
    SELECT round_id, item_id, count(*) AS n FROM ended GROUP BY round_id, item_id
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
    reason: str  # "", "done" or "paused"
    annotator: Annotator
    round: Round | None  # that of the first item, or the last one that there was
    guideline_version: int | None
    mine: int
    sitting_seconds: float


class Refused(ValidationError):
    """What was sent contradicts what is there now; over REST a 409."""


def check_active(member_state: str | None) -> None:
    """Raises PermissionDenied for a paused member (None is a superuser, who need not be one)."""
    if member_state == Membership.State.PAUSED:
        raise PermissionDenied(PAUSED)


def check_open(made: Round) -> None:
    """Raises Refused for a round that takes no answers."""
    if made.state != Round.State.OPEN:
        raise Refused(f"The round “{made.name}” is closed; its answers stay as they are.")


def lock_participation(round_id: int, annotator: Annotator) -> Participation:
    """The annotator's part in the round, locked until the transaction ends; made at the first call."""
    values = [round_id, annotator.pk]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, values)
        row = cursor.fetchone()
        if row is None:
            part = Participation(round_id=round_id, annotator_id=annotator.pk)
            Participation.objects.bulk_create([part], ignore_conflicts=True)
            cursor.execute(_LOCK, values)
            row = cursor.fetchone()
    pk, answers, skipped, started, untouched, active, sitting = row
    return Participation(
        pk=pk,
        round_id=round_id,
        annotator_id=annotator.pk,
        answers=answers,
        skipped=skipped,
        started_after=started,
        untouched_after=untouched,
        active=active,
        sitting_seconds=sitting,
    )


def next_items(project: Project, user: User, count: int = 1) -> Handout:
    """`hand_out` for a project at hand."""
    return hand_out(reads.desk(user, project.slug), count)


def hand_out(desk: Desk, count: int = 1) -> Handout:
    """Hands out items: first those that the user holds already, then new ones from the open rounds in their order."""
    if not 1 <= count <= MOST_AT_ONCE:
        raise ValidationError({"count": f"Ask for 1 to {MOST_AT_ONCE} texts at once."})
    annotator = desk.annotator or annotator_of(desk.project, desk.user)
    now = timezone.now()
    leases: list[Lease] = []
    parts, rounds = dict(desk.parts), desk.rounds
    paused = desk.membership is not None and desk.membership.state == Membership.State.PAUSED
    if not paused and rounds:
        leases = _extended(reads.leases_of(annotator, rounds, count), now)
        if len(leases) == count:
            _note_activity(parts.get(leases[0].round_id), now)
        for made in rounds:
            if len(leases) < count:
                parts[made.pk], taken = _take(made, annotator, count - len(leases), now)
                leases += taken
    by_id = {made.pk: made for made in rounds}
    current = (
        by_id[leases[0].round_id] if leases else (rounds[-1] if rounds else reads.newest_round(desk.project))
    )
    part = parts.get(current.pk) if current is not None else None
    return Handout(
        leases=leases,
        reason="" if leases else "paused" if paused else "done",
        annotator=annotator,
        round=current,
        guideline_version=desk.guideline_version,
        mine=part.answers if part else 0,
        sitting_seconds=part.sitting_seconds if part else 0,
    )


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


def _sitting(part: Participation, now: datetime) -> float:
    return 0.0 if now - part.active > LONG_BREAK else part.sitting_seconds


def _note_activity(part: Participation | None, now: datetime) -> None:
    if part is not None:
        part.sitting_seconds = _sitting(part, now)
        Participation.objects.filter(pk=part.pk).update(active=now, sitting_seconds=part.sitting_seconds)


@transaction.atomic
def _take(made: Round, annotator: Annotator, wanted: int, now: datetime) -> tuple[Participation, list[Lease]]:
    """Leases up to `wanted` items of the round that the annotator has not had."""
    part = lock_participation(made.pk, annotator)
    part.sitting_seconds = _sitting(part, now)
    taken = _take_from(part, wanted, now)
    if not taken:  # before saying that there is nothing: look behind, and at leases that ran out
        _return_batch(now)
        part.started_after = part.untouched_after = -1
        taken = _take_from(part, wanted, now)
    return part, taken


def _take_from(part: Participation, wanted: int, now: datetime) -> list[Lease]:
    expires = now + LEASE
    values = {
        "round": part.round_id,
        "annotator": part.annotator_id,
        "participation": part.pk,
        "started_after": part.started_after,
        "untouched_after": part.untouched_after,
        "sitting": part.sitting_seconds,
        "wanted": wanted,
        "near": wanted + SPARE,
        "now": now,
        "expires": expires,
    }
    rows = run_prepared(_TAKE, values)
    return [Lease(pk, part.round_id, item, text, json.loads(meta), expires) for pk, item, text, meta in rows]


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
    Participation.objects.filter(pk=part.pk).update(skipped=part.skipped + 1, active=timezone.now())


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
