"""Slots and counters of a round after answers came in by a file, or went out again.

open_slots = overlap − answers − live leases, before and after: leases stay, and the overlap grows where
answers need it. Texts that are deleted or excluded have no open slots and no leases, and no round counts them.
"""

from typing import Any

from django.db import connection
from django.db.models import F

from annotation.models import Annotation, Annotator, Import, Participation, Round


def look_again(made: Round) -> None:
    """Lets everybody in the round look at it from its start, since there may be something new behind them.

    Like labelling, this locks the annotators' parts before any of the round's items, and the round itself last.
    """
    Participation.objects.filter(round=made).update(started_after=-1, untouched_after=-1)


def settle_answers(source: Import, repeats: int) -> None:
    """Once a file's answers are in: the earliest of a person's is the one that counts, and the round's slots follow."""
    assert source.round is not None
    of = {"source": source.pk, "round": source.round.pk}
    look_again(source.round)
    if repeats and source.mapping.get("timestamp"):
        _run(_LATER_ARE_REPEATS, of)
        _run(_EARLIEST_IS_NORMAL, of)
    _, done = _sums(_MORE_ANSWERS, of)
    items, items_done = _sums(_FIRST_ANSWERS, of)
    answers = Annotation.objects.filter(source=source, kind=Annotation.Kind.NORMAL).count()
    Round.objects.filter(pk=source.round.pk).update(
        items_total=F("items_total") + items,
        items_done=F("items_done") + done + items_done,
        answers_total=F("answers_total") + answers,
    )


def withdraw_answers(source: Import) -> None:
    """Takes a file's answers out, and the placeholders that have none left."""
    answers = Annotation.objects.filter(source=source)
    annotators = list(answers.values_list("annotator_id", flat=True).distinct())
    if not annotators:
        return
    normal = answers.filter(kind=Annotation.Kind.NORMAL)
    for made in Round.objects.filter(pk__in=normal.values("round").distinct()):
        of = {"source": source.pk, "round": made.pk}
        look_again(made)
        _, done = _sums(_FEWER_ANSWERS, of)
        Round.objects.filter(pk=made.pk).update(
            items_done=F("items_done") + done,
            answers_total=F("answers_total") - normal.filter(round=made).count(),
        )
    _run("DELETE FROM annotation_annotation WHERE source_id = %(source)s", {"source": source.pk})
    alone = Annotator.objects.filter(pk__in=annotators, user__isnull=True, annotations__isnull=True)
    alone.filter(assignments__isnull=True).delete()


def withdraw_gold(source: Import) -> None:
    """Takes out what a file said of gold items."""
    _run("DELETE FROM annotation_golditem WHERE source_id = %(source)s", {"source": source.pk})


def withdraw_items(source: Import) -> None:
    """Takes a file's items out of their rounds and of the pool, and the leases on them that ran out; what models
    suggested for them goes too."""
    with connection.cursor() as cursor:
        cursor.execute(_OUT_OF_ROUNDS, {"source": source.pk})
        for made, items, done in cursor.fetchall():
            Round.objects.filter(pk=made).update(
                items_total=F("items_total") - items, items_done=F("items_done") - done
            )
        cursor.execute(_OUT_OF_LEASES, {"source": source.pk})
        cursor.execute(_OUT_OF_SUGGESTIONS, {"source": source.pk})
        cursor.execute("DELETE FROM annotation_item WHERE source_id = %s", [source.pk])


def _run(statement: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _sums(statement: str, parameters: dict[str, Any]) -> tuple[int, int]:
    """The two sums that a statement answers with, 0 where it found nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        first, second = cursor.fetchone()
    return first or 0, second or 0


_LATER_ARE_REPEATS = """
UPDATE annotation_annotation SET kind = 'repeat' WHERE id IN (
    SELECT id FROM (
        SELECT id, kind, row_number() OVER (PARTITION BY item_id, annotator_id ORDER BY created, id) AS place
        FROM annotation_annotation WHERE source_id = %(source)s
    ) ranked WHERE kind = 'normal' AND place > 1
)"""

_EARLIEST_IS_NORMAL = """
UPDATE annotation_annotation SET kind = 'normal' WHERE id IN (
    SELECT DISTINCT ON (own.item_id, own.annotator_id) own.id FROM annotation_annotation own
    WHERE own.source_id = %(source)s AND NOT EXISTS (
        SELECT 1 FROM annotation_annotation other
        WHERE other.round_id = own.round_id AND other.item_id = own.item_id
          AND other.annotator_id = own.annotator_id AND other.kind = 'normal'
    ) ORDER BY own.item_id, own.annotator_id, own.created, own.id
)"""

_COUNTED = """
WITH counted AS (
    SELECT item_id, count(*)::int AS n FROM annotation_annotation
    WHERE source_id = %(source)s AND round_id = %(round)s AND kind = 'normal' GROUP BY item_id
)"""

_CHANGED = """, changed AS (
    UPDATE annotation_rounditem slot SET answers = new.answers, overlap = new.overlap,
           open_slots = CASE WHEN new.living THEN new.overlap - new.answers - new.leased ELSE 0 END
    FROM new WHERE slot.id = new.id
    RETURNING CASE WHEN new.living THEN (new.answers >= new.overlap)::int - new.was_done::int ELSE 0 END AS done
)
SELECT count(*), sum(done) FROM changed"""

_MORE_ANSWERS = (
    _COUNTED  # noqa: S608 – put together from the constants above
    + """, new AS (
    SELECT slot.id, slot.overlap - slot.answers - slot.open_slots AS leased, slot.answers + counted.n AS answers,
           greatest(slot.overlap, counted.n + CASE
               WHEN item.deleted IS NULL AND item.excluded IS NULL THEN slot.overlap - slot.open_slots
               ELSE slot.answers END) AS overlap,
           slot.answers >= slot.overlap AS was_done, item.deleted IS NULL AND item.excluded IS NULL AS living
    FROM annotation_rounditem slot JOIN counted USING (item_id) JOIN annotation_item item ON item.id = slot.item_id
    WHERE slot.round_id = %(round)s FOR UPDATE OF slot
)"""
    + _CHANGED
)

_FEWER_ANSWERS = (
    _COUNTED  # noqa: S608 – put together from the constants above
    + """, new AS (
    SELECT slot.id, slot.overlap - slot.answers - slot.open_slots AS leased, slot.answers - counted.n AS answers,
           greatest(own.overlap, CASE
               WHEN item.deleted IS NULL AND item.excluded IS NULL THEN slot.overlap - slot.open_slots
               ELSE slot.answers END - counted.n) AS overlap,
           slot.answers >= slot.overlap AS was_done, item.deleted IS NULL AND item.excluded IS NULL AS living
    FROM annotation_rounditem slot JOIN counted USING (item_id) JOIN annotation_round own ON own.id = slot.round_id
    JOIN annotation_item item ON item.id = slot.item_id
    WHERE slot.round_id = %(round)s FOR UPDATE OF slot
)"""
    + _CHANGED
)

_FIRST_ANSWERS = (
    _COUNTED  # noqa: S608 – put together from the constants above
    + """, made AS (
    INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)
    SELECT own.id, counted.item_id, (hashint8extended(counted.item_id, own.seed) & 2147483647)::int,
           greatest(own.overlap, counted.n),
           CASE WHEN item.deleted IS NULL AND item.excluded IS NULL
                THEN greatest(own.overlap - counted.n, 0) ELSE 0 END, counted.n
    FROM counted JOIN annotation_item item ON item.id = counted.item_id
    CROSS JOIN annotation_round own WHERE own.id = %(round)s
    ON CONFLICT (round_id, item_id) DO NOTHING
    RETURNING item_id, (answers >= overlap)::int AS done
)
SELECT count(*), sum(done) FROM made JOIN annotation_item item ON item.id = made.item_id
WHERE item.deleted IS NULL AND item.excluded IS NULL"""
)

_OUT_OF_ROUNDS = """
WITH gone AS (
    DELETE FROM annotation_rounditem slot USING annotation_item item
    WHERE item.id = slot.item_id AND item.source_id = %(source)s
    RETURNING slot.round_id, (item.deleted IS NULL AND item.excluded IS NULL)::int AS counted,
              (item.deleted IS NULL AND item.excluded IS NULL AND slot.answers >= slot.overlap)::int AS done
)
SELECT round_id, sum(counted), sum(done) FROM gone GROUP BY round_id"""


_OUT_OF_LEASES = """
DELETE FROM annotation_assignment lease USING annotation_item item
WHERE item.id = lease.item_id AND item.source_id = %(source)s AND lease.state = 'expired'"""

_OUT_OF_SUGGESTIONS = """
WITH gone AS (
    DELETE FROM annotation_suggestion said USING annotation_item item
    WHERE item.id = said.item_id AND item.source_id = %(source)s
    RETURNING said.source_id, (said.replaced IS NULL)::int AS counted
)
UPDATE annotation_suggestionsource s SET suggestions_total = s.suggestions_total - g.n
FROM (SELECT source_id, sum(counted) AS n FROM gone GROUP BY source_id) g WHERE s.id = g.source_id"""
