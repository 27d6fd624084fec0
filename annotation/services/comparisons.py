"""What a relaunch changed: its answers beside older ones to the same texts."""

from typing import Any

from django.db import connection
from django.utils import timezone

from annotation.algorithms.intervals import wilson
from annotation.models import Round
from annotation.queries.values import label_names
from annotation.services.watching import Progress, unwatched

# Of each text, the answer that most people gave before and after; a text with a tie on either side is counted apart.
_CHANGES = """
WITH votes AS (
    SELECT slot.item_id, given.round_id = %(round)s AS after,
           coalesce(given.label_id::text, given.labels::text, given.spans::text) AS said,
           min(given.label_id) AS label, count(*) AS n
    FROM annotation_rounditem slot
    JOIN annotation_annotation given ON given.item_id = slot.item_id
    JOIN annotation_round r ON r.id = given.round_id AND r.project_id = %(project)s AND r.deleted IS NULL
    WHERE slot.round_id = %(round)s AND given.kind = 'normal' AND given.set_aside IS NULL
      AND r.id <= %(round)s
    GROUP BY 1, 2, 3
), ranked AS (
    SELECT item_id, after, said, label, rank() OVER side AS place,
           count(*) OVER (PARTITION BY item_id, after, n) AS level
    FROM votes WINDOW side AS (PARTITION BY item_id, after ORDER BY n DESC)
), decided AS (
    SELECT item_id, after, min(said) AS said, min(label) AS label, bool_or(level > 1) AS tied
    FROM ranked WHERE place = 1 GROUP BY item_id, after
)
SELECT old.label, new.label, old.said = new.said AS same, old.tied OR new.tied AS tied, count(*)
FROM decided old JOIN decided new ON new.item_id = old.item_id AND new.after AND NOT old.after
GROUP BY 1, 2, 3, 4
"""


def compare_round(made: Round, progress: Progress = unwatched) -> None:
    """Keeps, in the round, which share of its texts got another answer than before, in all and by the old label."""
    progress(0.1, "comparing the answers")
    names = label_names(made.project)
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, {"round": made.pk, "project": made.project_id})
        rows = cursor.fetchall()
    decided = [(old, new, same, n) for old, new, same, tied, n in rows if not tied]
    labels: list[dict[str, Any]] = []
    for label in sorted({old for old, _, _, _ in decided if old is not None}):
        mine = [(new, same, n) for old, new, same, n in decided if old == label]
        changed = {names[new]: n for new, same, n in mine if not same and new is not None}
        total, other = sum(n for _, _, n in mine), sum(changed.values())
        labels.append(
            {
                "label": names[label],
                "changed": _share(other, total),
                "mostly": max(changed, key=lambda name: changed[name]) if changed else None,
            }
        )
    made.comparison = {
        "computed": timezone.now().isoformat(),
        "texts": sum(n for *_, n in rows),
        "ties": sum(n for _, _, _, tied, n in rows if tied),
        "changed": _share(sum(n for _, _, same, n in decided if not same), sum(n for _, _, _, n in decided)),
        "labels": sorted(labels, key=lambda row: -(row["changed"]["value"] or 0)),
    }
    made.save(update_fields=["comparison"])


def _share(part: int, total: int) -> dict[str, Any]:
    return dict(wilson(part, total, reason="no text has been answered in both rounds yet").as_dict())
