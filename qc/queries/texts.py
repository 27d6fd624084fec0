"""The texts of items, and what groups them, for whoever computes over many."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from annotation.models import Item, Project
from annotation.queries.items import meta_fields
from qc.queries.answers import read_columns

Integers = NDArray[np.int64]

MOST_FIELDS = 8
MOST_VALUES = 12
SAMPLE = 500


def texts_of(item_ids: Integers) -> dict[int, str]:
    """{item id: text}."""
    rows = read_columns(
        "SELECT id, text FROM annotation_item WHERE id = ANY(%s)",
        {"id": "i8", "text": "text"},
        (item_ids.tolist(),),
    )
    return dict(zip(rows["id"].tolist(), rows["text"].tolist(), strict=True))


def cohort_fields(project: Project) -> list[str]:
    """Fields of the metadata that divide the texts into a few groups, judged by the newest texts."""
    newest = Item.objects.filter(project=project, deleted__isnull=True).order_by("-id")[:SAMPLE]
    metas = list(newest.values_list("meta", flat=True))
    found = []
    for field in meta_fields(project):
        values = Counter(_plain(meta[field]) for meta in metas if meta.get(field) is not None)
        if 2 <= len(values) <= MOST_VALUES and values.total() >= 2 * len(values):
            found.append(field)
    return found[:MOST_FIELDS]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def cohort_of_items(project: Project, field: str) -> tuple[Integers, NDArray[np.object_]]:
    """Item ids, ascending, and the value of the field for each as text; None where it has none."""
    rows = read_columns(
        "SELECT id, meta ->> %s AS value FROM annotation_item WHERE project_id = %s AND deleted IS NULL",
        {"id": "i8", "value": "text"},
        (field, project.pk),
    )
    order = np.argsort(rows["id"])
    return rows["id"][order], rows["value"][order]
