"""One label for each item: adjudicated before inferred before imported.

Everything is read and counted in arrays, so that a million items with three million answers take seconds.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
from django.core.exceptions import ValidationError
from numpy.typing import NDArray
from scipy import sparse

from annotation.models import Label, Project
from qc.algorithms.label_counts import count_labels
from qc.algorithms.majority import majority
from qc.models import Outcome
from qc.queries.answers import read_answers, read_columns
from qc.queries.known import standing_decisions

Integers = NDArray[np.int64]

METHODS = ["majority"]
COLUMNS = [
    "item_id",
    "external_id",
    "label_id",
    "label",
    "confidence",
    "distribution",
    "source",
    "n",
    "tie",
    "outcome",
]


def resolved_labels(project: Project, method: str = "majority") -> pd.DataFrame:
    """The items of a project for which anything is known, in the order of their ids.

    Columns: `item_id`; `external_id` (None where none was given); `label_id`, `label` (missing for a tie, and for what
    a decision excludes); `confidence` (share of the answers; 1 when adjudicated; missing for an imported label);
    `distribution` (label → share of the answers; rows with the same answers share one dict, so copy before changing
    it); `source` (adjudicated, inferred or imported); `n` answers; `tie`; `outcome` of the standing decision, ""
    without one. Decisions “hard” and “guideline” keep the inferred label.

    Raises ValidationError for a method that is not offered.
    """
    if method not in METHODS:
        raise ValidationError({"method": f"“{method}” is not offered; there is: {', '.join(METHODS)}."})
    items, imported, external_ids = _items(project)
    labels = list(Label.objects.filter(project=project).order_by("position", "id").values_list("id", "name"))
    ids = np.array([pk for pk, _ in labels], dtype=np.int64)
    names = np.array([name for _, name in labels], dtype=object)

    answers = read_answers(project)
    at = np.searchsorted(items, answers.items)
    counts = count_labels(at, _code(ids, answers.labels), len(ids), len(items))
    result = majority(counts)
    label = result.label.copy()
    n = result.n
    answered = n > 0
    from_file = ~answered & (imported >= 0)
    label[from_file] = _code(ids, imported[from_file])
    confidence = result.confidence.copy()
    tie = result.tie.copy()
    source = np.where(answered, "inferred", np.where(from_file, "imported", "")).astype(object)
    outcome = np.full(len(items), "", dtype=object)

    decided, how, chosen = standing_decisions(project)
    place = np.searchsorted(items, decided)
    known = place < len(items)
    known[known] = items[place[known]] == decided[known]  # a decision on an item that was deleted since
    place, how, chosen = place[known], how[known], chosen[known]
    outcome[place] = how
    final = np.isin(how, [Outcome.LABEL.value, Outcome.EXCLUDE.value])
    settled = place[final]
    label[settled] = np.where(how[final] == Outcome.LABEL.value, _code(ids, chosen[final]), -1)
    source[settled], confidence[settled], tie[settled] = "adjudicated", 1.0, False

    keep = np.flatnonzero(source != "")
    has_label = label >= 0
    shown = np.full(len(items), None, dtype=object)
    shown[has_label] = names[label[has_label]]
    label_ids = pd.array(np.append(ids, 0)[label][keep], dtype="Int64")
    label_ids[~has_label[keep]] = pd.NA
    return pd.DataFrame(
        {
            "item_id": items[keep],
            "external_id": pd.Series(external_ids[keep], dtype=object),
            "label_id": label_ids,
            "label": pd.Series(shown[keep], dtype=object),
            "confidence": confidence[keep],
            "distribution": pd.Series(_distributions(counts, names, label)[keep], dtype=object),
            "source": pd.Series(source[keep], dtype=object),
            "n": n[keep],
            "tie": tie[keep],
            "outcome": pd.Series(outcome[keep], dtype=object),
        },
        columns=COLUMNS,
    )


def _code(ids: Integers, wanted: Integers) -> Integers:
    """Each database id as its place in `ids`; -1 for -1."""
    order = np.argsort(ids)
    found = (
        order[np.searchsorted(ids[order], np.maximum(wanted, ids.min(initial=0)))] if len(wanted) else wanted
    )
    return np.where(wanted < 0, -1, found).astype(np.int64)


def _items(project: Project) -> tuple[Integers, Integers, NDArray[np.object_]]:
    """The ids of the project's items, ascending, those of their imported labels (-1 for none), and external ids."""
    rows = read_columns(
        "SELECT id, coalesce(imported_label_id, -1) AS imported, external_id FROM annotation_item"
        " WHERE project_id = %s AND deleted IS NULL",
        {"id": "i8", "imported": "i8", "external_id": "text"},
        (project.pk,),
    )
    order = np.argsort(rows["id"])
    return rows["id"][order], rows["imported"][order], rows["external_id"][order]


def _distributions(
    counts: sparse.csr_array, names: NDArray[np.object_], label: Integers
) -> NDArray[np.object_]:
    """Label → share for each row; rows with equal answers share a dict. Without answers, all on the row's label."""
    starts = counts.indptr.tolist()
    entries = np.stack([counts.indices.astype(np.int64), counts.data.astype(np.int64)], axis=1)
    raw, width = entries.tobytes(), entries.itemsize * 2
    made: dict[bytes, dict[str, float]] = {}
    alone: list[dict[str, float]] = [{str(name): 1.0} for name in names]
    found = np.empty(counts.shape[0], dtype=object)
    for row, (start, end) in enumerate(pairwise(starts)):
        if start == end:
            found[row] = alone[label[row]] if label[row] >= 0 else {}
            continue
        key = raw[start * width : end * width]
        if key not in made:
            total = int(counts.data[start:end].sum())
            made[key] = {str(names[at]): times / total for at, times in entries[start:end].tolist()}
        found[row] = made[key]
    return found
