"""The texts of items, and what groups them, for whoever computes over many."""

import numpy as np
from numpy.typing import NDArray

from annotation.models import Project
from qc.queries.answers import read_columns

Integers = NDArray[np.int64]


def texts_of(item_ids: Integers) -> dict[int, str]:
    """{item id: text}."""
    rows = read_columns(
        "SELECT id, text FROM annotation_item WHERE id = ANY(%s)",
        {"id": "i8", "text": "text"},
        (item_ids.tolist(),),
    )
    return dict(zip(rows["id"].tolist(), rows["text"].tolist(), strict=True))


def cohort_of_items(project: Project, field: str) -> tuple[Integers, NDArray[np.object_]]:
    """Item ids, ascending, and the value of the field for each as text; None where it has none."""
    rows = read_columns(
        "SELECT id, meta ->> %s AS value FROM annotation_item WHERE project_id = %s AND deleted IS NULL",
        {"id": "i8", "value": "text"},
        (field, project.pk),
    )
    order = np.argsort(rows["id"])
    return rows["id"][order], rows["value"][order]
