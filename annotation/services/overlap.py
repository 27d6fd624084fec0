"""Overlap that grows by itself: one more person is asked where those who answered a text disagree."""

from annotation.models import Round
from annotation.queries.prepared import run_prepared

# Run once the items are full and their rows locked, so that it sees the answers of all.
_GROW = """
WITH grown AS (
    UPDATE annotation_rounditem ri SET overlap = ri.overlap + 1, open_slots = ri.open_slots + 1
    WHERE ri.round_id = %(round)s AND ri.item_id = ANY(%(items)s) AND ri.answers >= ri.overlap
      AND ri.overlap < %(most)s
      AND EXISTS (SELECT FROM annotation_item i
                  WHERE i.id = ri.item_id AND i.deleted IS NULL AND i.excluded IS NULL OFFSET 0)
      AND (SELECT count(DISTINCT (n.label_id, n.labels, n.spans)) FROM annotation_annotation n
           WHERE n.round_id = ri.round_id AND n.item_id = ri.item_id AND n.kind = 'normal'
             AND n.set_aside IS NULL) > 1
    RETURNING ri.id, ri.round_id
), queued AS (
    INSERT INTO annotation_returneditem (round_id, round_item_id) SELECT round_id, id FROM grown
    ON CONFLICT (round_item_id) DO NOTHING
)
UPDATE annotation_round r SET items_done = r.items_done - (SELECT count(*) FROM grown)
WHERE r.id = %(round)s AND EXISTS (SELECT FROM grown) RETURNING r.id
"""


def grow_overlap(made: Round, items: list[int]) -> None:
    """Lets one more person answer each of the items that are full while their answers differ, up to the maximum.

    The maximum is the round's, or else the project's; without either, nothing grows. The caller holds the items' rows.
    """
    most = made.maximum_overlap or made.project.maximum_overlap
    if most is not None:
        run_prepared(_GROW, {"round": made.pk, "items": items, "most": most})
