"""Labels as they are set up, how often each was chosen, and what became of them."""

from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from annotation.models import Label, LabelMigration, Project

MOST_COUNTED = 20_000  # answers that a page reads; where there are more, it says "about"
FEWEST_A_ROUND = 200

# The newest answers of each round, by the index over its days; the value of each is one, several or no labels
_COUNTS = """
WITH given AS MATERIALIZED (
    SELECT r.id AS round_id, newest.label_id, newest.labels, newest.spans
    FROM annotation_round r CROSS JOIN LATERAL (
        SELECT a.label_id, a.labels, a.spans FROM annotation_annotation a
        WHERE a.round_id = r.id AND a.kind = 'normal' AND a.set_aside IS NULL
        ORDER BY a.created DESC LIMIT greatest(%(fewest)s, %(most)s / (
            SELECT count(*) FROM annotation_round WHERE project_id = %(project)s))
    ) newest
    WHERE r.project_id = %(project)s AND r.deleted IS NULL AND r.answers_total > 0
), looked_at AS (
    SELECT given.round_id, count(*) AS n, max(r.answers_total) AS total
    FROM given JOIN annotation_round r ON r.id = given.round_id GROUP BY given.round_id
)
SELECT chosen.label, count(*) * (looked_at.total::float8 / looked_at.n), looked_at.total > looked_at.n
FROM given JOIN looked_at USING (round_id) CROSS JOIN LATERAL (
    SELECT given.label_id WHERE given.label_id IS NOT NULL
    UNION ALL SELECT unnest(given.labels)
    UNION ALL SELECT (span->>2)::bigint FROM jsonb_array_elements(given.spans) span
) AS chosen(label)
GROUP BY chosen.label, given.round_id, looked_at.total, looked_at.n
"""


def labels_with_counts(project: Project) -> tuple[list[Label], bool]:
    """All labels, those in use first, each with `chosen` (how often), and whether these numbers are estimates.

    Up to a fixed number of answers they are counted. Beyond it, the newest of each round are, and taken as its share,
    so that the page costs the same however much was labelled.
    """
    chosen: dict[int, float] = {}
    about = False
    values = {"project": project.pk, "most": MOST_COUNTED, "fewest": FEWEST_A_ROUND}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, values)
        for label, n, estimated in cursor.fetchall():
            chosen[label] = chosen.get(label, 0) + n
            about = about or estimated
    order = F("retired").asc(nulls_first=True)
    labels = list(
        Label.objects.filter(project=project).select_related("merged_into").order_by(order, "position", "id")
    )
    for label in labels:
        label.chosen = round(chosen.get(label.pk, 0))  # type: ignore[attr-defined]
    return labels, about


def history_of(label: Label) -> QuerySet[LabelMigration]:
    """What became of a label, and what was merged into it, newest first."""
    both = LabelMigration.objects.filter(label=label) | LabelMigration.objects.filter(into=label)
    return both.select_related("label", "into", "created_by").order_by("-id")


def facts_of(label: Label) -> dict[str, Any]:
    """What a form shows of a label."""
    return {
        "name": label.name,
        "hotkey": label.hotkey,
        "color": label.color,
        "description": label.description,
        "examples": "\n".join(label.examples),
    }
