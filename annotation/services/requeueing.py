"""Setting somebody's answers aside so that others answer the texts, and taking them back.

The rows stay, marked as set aside. Rows are locked in the order that labelling has: annotator, parts, items, round.
A text that is deleted or excluded has no open slots, and its round does not count it.
"""

from collections import Counter
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotation.models import Annotation, Annotator, ChangeCount, Participation, Round, User
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.overlap import grow_overlap
from annotation.services.watching import Progress, unwatched

INLINE = 2000  # answers up to which it is done at once; above it, a job does it

_AWAY = """
WITH away AS MATERIALIZED (
    UPDATE annotation_annotation SET set_aside = %(now)s
    WHERE annotator_id = %(annotator)s AND round_id = %(round)s AND set_aside IS NULL
    RETURNING item_id, kind
), locked AS MATERIALIZED (
    SELECT ri.id, item.deleted IS NULL AND item.excluded IS NULL AS living
    FROM annotation_rounditem ri JOIN away USING (item_id) JOIN annotation_item item ON item.id = ri.item_id
    WHERE ri.round_id = %(round)s AND away.kind = 'normal' ORDER BY ri.id FOR NO KEY UPDATE OF ri
), slots AS (
    UPDATE annotation_rounditem ri SET answers = ri.answers - 1, open_slots = ri.open_slots + locked.living::int
    FROM locked WHERE ri.id = locked.id
    RETURNING ri.id, locked.living, (locked.living AND ri.answers + 1 >= ri.overlap)::int AS was_done
), queued AS (
    INSERT INTO annotation_returneditem (round_id, round_item_id) SELECT %(round)s, id FROM slots WHERE living
    ON CONFLICT (round_item_id) DO NOTHING
), total AS (
    UPDATE annotation_round r
    SET answers_total = r.answers_total - (SELECT count(*) FROM away WHERE kind = 'normal'),
        items_done = r.items_done - (SELECT COALESCE(sum(was_done), 0) FROM slots)
    WHERE r.id = %(round)s
)
SELECT count(*) FROM away
"""

_BACK = """
WITH locked AS MATERIALIZED (
    SELECT ri.id, ri.item_id, n.id AS answer, item.deleted IS NULL AND item.excluded IS NULL AS living
    FROM annotation_annotation n JOIN annotation_rounditem ri ON ri.round_id = n.round_id AND ri.item_id = n.item_id
    JOIN annotation_item item ON item.id = ri.item_id
    WHERE n.annotator_id = %(annotator)s AND n.round_id = %(round)s AND n.set_aside IS NOT NULL AND n.kind = 'normal'
      AND CASE WHEN item.deleted IS NULL AND item.excluded IS NULL
               THEN ri.open_slots > 0 ELSE ri.answers < ri.overlap END
    ORDER BY ri.id FOR NO KEY UPDATE OF ri
), back AS MATERIALIZED (
    UPDATE annotation_annotation n SET set_aside = NULL
    WHERE n.annotator_id = %(annotator)s AND n.round_id = %(round)s AND n.set_aside IS NOT NULL
      AND (n.kind <> 'normal' OR n.id IN (SELECT answer FROM locked))
    RETURNING n.item_id, n.kind
), slots AS (
    UPDATE annotation_rounditem ri SET answers = ri.answers + 1, open_slots = ri.open_slots - locked.living::int
    FROM locked WHERE ri.id = locked.id
    RETURNING ri.id, ri.item_id, ri.open_slots, (locked.living AND ri.answers = ri.overlap)::int AS done
), full_again AS (
    DELETE FROM annotation_returneditem WHERE round_item_id IN (SELECT id FROM slots WHERE open_slots = 0)
), total AS (
    UPDATE annotation_round r
    SET answers_total = r.answers_total + (SELECT count(*) FROM back WHERE kind = 'normal'),
        items_done = r.items_done + (SELECT COALESCE(sum(done), 0) FROM slots)
    WHERE r.id = %(round)s
)
SELECT (SELECT count(*) FROM back), (SELECT array_agg(item_id) FROM slots WHERE done = 1)
"""


@transaction.atomic
def set_aside_answers(annotator: Annotator, user: User | None, progress: Progress = unwatched) -> int:
    """Removes what the annotator answered from all that counts, and gives the texts to others; how many answers.

    They keep what they wrote, and do not get these texts again.
    """
    removed, every = Counter[int](), _rounds(annotator)
    for at, made in enumerate(every):
        progress(at / len(every), f"{removed.total():,} answers; the round {made.name}")
        removed[made.pk] = _run(_AWAY, annotator, made)[0]
        _count(annotator, made, -removed[made.pk])
    Annotator.objects.filter(pk=annotator.pk).update(gold_answers=0, gold_correct=0)
    if n := removed.total():
        record(annotator.project, user, "set answers aside", annotator.name, after={"answers": n})
        count_change(annotator.project, ChangeCount.Kind.ANSWERS, n, removed)
    return n


@transaction.atomic
def take_back_answers(
    annotator: Annotator, user: User | None, progress: Progress = unwatched
) -> tuple[int, int]:
    """Counts answers again that were set aside, where others have not filled the text; how many, and how many stay."""
    returned, every = Counter[int](), _rounds(annotator)
    for at, made in enumerate(every):
        progress(at / len(every), f"{returned.total():,} answers; the round {made.name}")
        returned[made.pk], filled = _run(_BACK, annotator, made)
        _count(annotator, made, returned[made.pk])
        if filled:
            grow_overlap(made, filled)
    left = Annotation.objects.filter(annotator=annotator, set_aside__isnull=False).count()
    if n := returned.total():
        after = {"answers": n, "still set aside": left}
        record(annotator.project, user, "take answers back", annotator.name, after=after)
        count_change(annotator.project, ChangeCount.Kind.ANSWERS, n, returned)
    return n, left


def _rounds(annotator: Annotator) -> list[Round]:
    """The rounds in which the annotator has a part, with the annotator and the parts locked."""
    Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
    parts = Participation.objects.select_for_update(of=("self",), no_key=True).filter(annotator=annotator)
    return [part.round for part in parts.select_related("round__project").order_by("round")]


def _run(statement: str, annotator: Annotator, made: Round) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"annotator": annotator.pk, "round": made.pk, "now": timezone.now()})
        return cursor.fetchone()


def _count(annotator: Annotator, made: Round, answers: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE annotation_participation SET answers = answers + %s WHERE annotator_id = %s AND round_id = %s",
            [answers, annotator.pk, made.pk],
        )
        cursor.execute(
            "UPDATE annotation_annotator SET answers = answers + %s WHERE id = %s", [answers, annotator.pk]
        )
