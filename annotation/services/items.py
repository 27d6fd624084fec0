"""Taking texts out of the work and back into it: excluded, deleted, put into a round. All of them at once.

A text that is excluded or deleted holds no open slots, so that nobody is handed it and a late answer is refused, and
its rounds do not count it. What people answered stays, and it comes back as it was.
"""

from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotation.models import ChangeCount, Item, Project, Round, User
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.rounds import lock_round
from annotation.services.settling import look_again
from annotation.services.watching import Progress, unwatched

_ROUNDS = """
SELECT DISTINCT slot.round_id FROM annotation_rounditem slot JOIN chosen_texts chosen ON chosen.id = slot.item_id
ORDER BY 1
"""

_LEASES_END = """
UPDATE annotation_assignment lease SET state = 'expired' FROM chosen_texts chosen
WHERE lease.item_id = chosen.id AND lease.state = 'leased'
"""

_CLOSE_SLOTS = """
WITH locked AS MATERIALIZED (
    SELECT slot.id FROM annotation_rounditem slot JOIN chosen_texts chosen ON chosen.id = slot.item_id
    ORDER BY slot.id FOR UPDATE OF slot
), closed AS (
    UPDATE annotation_rounditem slot SET open_slots = 0 FROM locked WHERE locked.id = slot.id
    RETURNING slot.id, slot.round_id, slot.answers >= slot.overlap AS done
), not_returned AS (
    DELETE FROM annotation_returneditem back USING closed WHERE back.round_item_id = closed.id
)
SELECT round_id, count(*), count(*) FILTER (WHERE done) FROM closed GROUP BY round_id
"""

_OPEN_SLOTS = """
WITH locked AS MATERIALIZED (
    SELECT slot.id FROM annotation_rounditem slot JOIN chosen_texts chosen ON chosen.id = slot.item_id
    ORDER BY slot.id FOR UPDATE OF slot
), opened AS (
    UPDATE annotation_rounditem slot SET open_slots = slot.overlap - slot.answers
    FROM locked WHERE locked.id = slot.id
    RETURNING slot.round_id, slot.answers >= slot.overlap AS done
)
SELECT round_id, count(*), count(*) FILTER (WHERE done) FROM opened GROUP BY round_id
"""

# In all, and in each round
_ANSWERED = """
SELECT given.round_id, count(DISTINCT given.item_id) FROM annotation_annotation given
JOIN chosen_texts chosen ON chosen.id = given.item_id WHERE given.set_aside IS NULL
GROUP BY GROUPING SETS ((given.round_id), ())
"""

_FILL = """
WITH made AS (
    INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)
    SELECT r.id, chosen.id, (hashint8extended(chosen.id, r.seed) & 2147483647)::int, r.overlap, r.overlap, 0
    FROM chosen_texts chosen CROSS JOIN annotation_round r WHERE r.id = %s
    ON CONFLICT (round_id, item_id) DO NOTHING RETURNING id
)
SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0) FROM made
"""

# Slots of one filling that nobody has touched. Whoever fills a round holds its lock, so these ids are of one filling.
_EMPTY = """
WITH locked AS MATERIALIZED (
    SELECT id, item_id FROM annotation_rounditem WHERE round_id = %(round)s AND id BETWEEN %(first)s AND %(last)s
    ORDER BY id FOR UPDATE
), gone AS (
    DELETE FROM annotation_rounditem slot USING locked
    WHERE slot.id = locked.id AND slot.answers = 0
      AND NOT EXISTS (SELECT FROM annotation_assignment lease WHERE lease.round_id = %(round)s
                      AND lease.item_id = locked.item_id AND lease.state IN ('leased', 'answered'))
    RETURNING slot.id, slot.item_id
), not_returned AS (
    DELETE FROM annotation_returneditem back USING gone WHERE back.round_item_id = gone.id
)
SELECT (SELECT count(*) FROM locked), (SELECT count(*) FROM gone),
       (SELECT count(*) FROM gone JOIN annotation_item item ON item.id = gone.item_id
        WHERE item.deleted IS NULL AND item.excluded IS NULL)
"""


@transaction.atomic
def exclude_items(
    project: Project, user: User | None, found: QuerySet[Item], because: str, progress: Progress = unwatched
) -> tuple[int, datetime]:
    """Nobody labels these texts any more, and no split takes them; how many they were, and the time they share.

    `because` is said wherever the text is shown as excluded. By the time, all of them can be taken back at once.
    """
    because = " ".join(because.split())
    if not because:
        raise ValidationError({"because": "Say why these texts are excluded: others will read it."})
    if len(because) > 200:
        raise ValidationError({"because": "A reason has at most 200 characters."})
    now = timezone.now()
    n = _choose(found.filter(deleted__isnull=True, excluded__isnull=True))
    progress(0.2, f"{n:,} texts")
    _take_out()
    progress(0.7, f"{n:,} texts")
    _mark("excluded = %s, excluded_because = %s", [now, because])
    if n:
        record(project, user, "exclude texts", _words(n), after={"texts": n, "because": because})
        _count_changed(project, _answered())
    return n, now


@transaction.atomic
def include_items(
    project: Project, user: User | None, found: QuerySet[Item], progress: Progress = unwatched
) -> int:
    """Takes back the exclusion of these texts; how many were excluded."""
    n = _choose(found.filter(deleted__isnull=True, excluded__isnull=False))
    progress(0.2, f"{n:,} texts")
    _mark("excluded = NULL, excluded_because = ''", [])
    progress(0.7, f"{n:,} texts")
    _put_back()
    if n:
        record(project, user, "include texts", _words(n), after={"texts": n})
        _count_changed(project, _answered())
    return n


@transaction.atomic
def delete_items(
    project: Project, user: User | None, found: QuerySet[Item], progress: Progress = unwatched
) -> tuple[int, datetime]:
    """Hides these texts everywhere until they are restored; how many they were, and the time they share."""
    now = timezone.now()
    living = found.filter(deleted__isnull=True)
    n = _choose(living)
    progress(0.2, f"{n:,} texts")
    _leave("excluded IS NOT NULL")  # those are out already
    answered = _answered()
    _take_out()
    progress(0.6, f"{n:,} texts")
    n = _choose(living)
    _mark("deleted = %s, deleted_by_id = %s", [now, user.pk if user else None])
    if n:
        record(project, user, "delete texts", _words(n), after={"texts": n})
        _count_changed(project, answered)
    return n, now


@transaction.atomic
def restore_items(
    project: Project, user: User | None, found: QuerySet[Item], progress: Progress = unwatched
) -> int:
    """Brings deleted texts back as they were; those that were excluded stay excluded."""
    n = _choose(found.filter(deleted__isnull=False))
    progress(0.2, f"{n:,} texts")
    _mark("deleted = NULL, deleted_by_id = NULL", [])
    progress(0.6, f"{n:,} texts")
    _leave("excluded IS NOT NULL")
    _put_back()
    if n:
        record(project, user, "restore texts", _words(n), after={"texts": n})
        _count_changed(project, _answered())
    return n


@transaction.atomic
def add_to_round(
    made: Round, user: User | None, found: QuerySet[Item], progress: Progress = unwatched
) -> tuple[int, str]:
    """Puts these texts into a round that is not over, all their slots open; how many were new to it, and which slots
    they have there, to take them out again."""
    lock_round(made)
    made.refresh_from_db()
    if made.deleted is not None or made.state == Round.State.CLOSED:
        raise ValidationError(
            {"round": f"The round “{made.name}” is over. Choose another, or open it again."}
        )
    _choose(found.filter(deleted__isnull=True, excluded__isnull=True))
    progress(0.2, f"for the round {made.name}")
    look_again(made)
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [made.pk])
        n, first, last = cursor.fetchone()
    Round.objects.filter(pk=made.pk).update(items_total=F("items_total") + n)
    if n:
        record(made.project, user, "add texts to round", made.name, after={"texts": n})
    return n, f"{first}-{last}"


@transaction.atomic
def take_out_of_round(made: Round, user: User | None, first: int, last: int) -> tuple[int, int]:
    """Takes the texts with these slots out of the round again; how many, and how many stay since somebody has them."""
    lock_round(made)
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY, {"round": made.pk, "first": first, "last": last})
        there, n, counted = cursor.fetchone()
    Round.objects.filter(pk=made.pk).update(items_total=F("items_total") - counted)
    if n:
        record(made.project, user, "take texts out of round", made.name, before={"texts": n})
    return n, there - n


def of_time(project: Project, action: str, moment: datetime) -> QuerySet[Item]:
    """The texts that one exclusion or deletion took out, to take it back."""
    return Item.objects.filter(
        Q(**{"deleted" if action == "delete" else "excluded": moment}), project=project
    )


def _words(n: int) -> str:
    return "1 text" if n == 1 else f"{n:,} texts"


def _choose(found: QuerySet[Item]) -> int:
    """Keeps the ids in a table of this transaction, so that every step is about the same texts."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS chosen_texts")
        try:
            statement, parameters = found.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            statement, parameters = "SELECT 0::bigint WHERE false", ()
        every = f"SELECT DISTINCT id FROM ({statement}) every (id)"  # noqa: S608 – the ORM's own statement
        cursor.execute(f"CREATE TEMPORARY TABLE chosen_texts ON COMMIT DROP AS {every}", parameters)
        n = int(cursor.rowcount)
        cursor.execute("CREATE UNIQUE INDEX ON chosen_texts (id)")
        cursor.execute("ANALYZE chosen_texts")
    return n


def _leave(condition: str) -> None:
    """Takes the texts that are like this out of the chosen ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM chosen_texts chosen USING annotation_item item"  # noqa: S608 – written above
            f" WHERE item.id = chosen.id AND item.{condition}"
        )


def _mark(columns: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE annotation_item item SET {columns} FROM chosen_texts chosen WHERE chosen.id = item.id",  # noqa: S608
            values,
        )


def _take_out() -> None:
    """Leases end, slots close, and the rounds count these texts no more. Locks in the order of labelling."""
    for made in _rounds():
        lock_round(made)
    with connection.cursor() as cursor:
        cursor.execute(_LEASES_END)
    _count(_CLOSE_SLOTS, -1)


def _put_back() -> None:
    """Slots open again, and everybody looks at the rounds from their start."""
    for made in _rounds():
        lock_round(made)
        look_again(made)
    _count(_OPEN_SLOTS, 1)


def _answered() -> dict[int | None, int]:
    """How many of the chosen texts have answers: in all (None), and in each round."""
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED)
        return dict(cursor.fetchall())


def _count_changed(project: Project, answered: dict[int | None, int]) -> None:
    in_rounds = {made: n for made, n in answered.items() if made is not None}
    count_change(project, ChangeCount.Kind.TEXTS, answered[None], in_rounds)


def _rounds() -> list[Round]:
    with connection.cursor() as cursor:
        cursor.execute(_ROUNDS)
        ids = [pk for (pk,) in cursor.fetchall()]
    return list(Round.objects.filter(pk__in=ids).order_by("pk"))


def _count(statement: str, sign: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = sorted(cursor.fetchall())
    for made, items, done in rows:
        Round.objects.filter(pk=made).update(
            items_total=F("items_total") + sign * items, items_done=F("items_done") + sign * done
        )
