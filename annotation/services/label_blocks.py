"""Keeping the blocks by which texts are found under one of several labels, away from the hands that answer."""

import time
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from annotation.models import Annotation, AnnotationVersion, LabelBlock, LabelBlockMark

BATCH = 100_000  # answers

_SORT_IN = """
INSERT INTO annotation_labelblock (label_id, block)
SELECT DISTINCT label.id, given.item_id / %(ids)s
FROM annotation_annotation given
CROSS JOIN LATERAL (
    SELECT unnest(given.labels)
    UNION SELECT (span ->> 2)::bigint FROM jsonb_array_elements(
        CASE WHEN jsonb_typeof(given.spans) = 'array' THEN given.spans ELSE '[]' END) span
) said (id) JOIN annotation_label label ON label.id = said.id
WHERE given.label_id IS NULL AND {}
ON CONFLICT (label_id, block) DO NOTHING
"""
_NEW = _SORT_IN.format("given.id > %(after)s AND given.id <= %(last)s")
_REVISED = _SORT_IN.format(
    "given.id IN (SELECT annotation_id FROM annotation_annotationversion WHERE id > %(after)s AND id <= %(last)s)"
)


def sort_in_answers(seconds: float = 10.0) -> bool:
    """Brings new and revised answers into the blocks, for about this long; whether there is more to do."""
    until = time.monotonic() + seconds
    while (waiting := _sort_some()) and time.monotonic() < until:
        pass
    return waiting


@transaction.atomic
def _sort_some() -> bool:
    """One batch of what was there at the last look; whether more of it waits."""
    LabelBlockMark.objects.get_or_create(pk=1)
    mark = LabelBlockMark.objects.select_for_update().get(pk=1)
    with connection.cursor() as cursor:
        if _transactions(cursor)[0] < mark.horizon:  # an import, perhaps
            return False
        for statement, name in ((_NEW, "answers"), (_REVISED, "versions")):
            after, seen = getattr(mark, name), getattr(mark, f"{name}_seen")
            last = min(after + BATCH, seen)
            if last > after:
                cursor.execute(statement, {"after": after, "last": last, "ids": LabelBlock.IDS})
                setattr(mark, name, last)
        waiting = mark.answers < mark.answers_seen or mark.versions < mark.versions_seen
        if not waiting:
            for model, name in ((Annotation, "answers"), (AnnotationVersion, "versions")):
                newest = model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0
                setattr(mark, f"{name}_seen", max(newest, getattr(mark, f"{name}_seen")))
            mark.horizon = _transactions(cursor)[1]
    mark.save()
    return waiting


def _transactions(cursor: Any) -> tuple[int, int]:
    """The number of the oldest transaction that is under way, and of the next one."""
    cursor.execute(
        "SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint FROM pg_current_snapshot() now"
    )
    oldest, following = cursor.fetchone()
    return oldest, following
