"""One label for each item: adjudicated before gold before inferred before imported.

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
from qc.algorithms.truth import infer_truth
from qc.models import Outcome, QualitySettings
from qc.queries.answers import Answers, read_answers, read_columns
from qc.queries.known import gold_labels, standing_decisions
from qc.queries.resolved_values import resolved_values
from qc.queries.settings import quality_settings

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

METHODS = list(QualitySettings.Method.values)
MOST_FOR_MODELS = 3_000_000  # answers, with GLAD and MACE
LEAST_SHOWN = 5e-7  # a smaller probability is left out of `distribution`
COLUMNS = [
    "item_id",
    "external_id",
    "label_id",
    "label",
    "labels",
    "spans",
    "confidence",
    "distribution",
    "source",
    "n",
    "tie",
    "outcome",
]


def check_method(project: Project, method: str | None) -> str:
    """The method of this name, or the project's own for None; raises ValidationError for one that is not offered."""
    chosen = method or quality_settings(project).method
    if chosen not in METHODS:
        raise ValidationError({"method": f"“{method}” is not offered; there are: {', '.join(METHODS)}."})
    return chosen


def resolved_labels(
    project: Project, method: str | None = "majority", *, as_said: bool = False
) -> pd.DataFrame:
    """The items of a project for which anything is known, in the order of their ids.

    `method` is majority, dawid-skene, glad or mace; None takes the project's choice. Columns: `item_id`;
    `external_id` (None where none was given); `label_id`, `label` (missing for a tie, and for what a decision
    excludes); `labels`, `spans` (in place of the label where several or spans are asked for); `confidence` (share of
    the answers, or the posterior; 1 when adjudicated or gold; missing for an imported label); `distribution` (label →
    share or posterior, all on a label that is decided or gold; rows with the same answers may share one dict, so copy
    before changing it); `source` (adjudicated, gold, inferred or imported); `n` answers; `tie`; `outcome` of the
    standing decision, "" without one. Decisions “hard” and “guideline” keep the inferred label. With `as_said`,
    `distribution` and `confidence` are shares of the answers whatever the method: a posterior is no agreement.

    Raises ValidationError for a method that is not offered.
    """
    chosen = check_method(project, method)
    if project.task != Project.Task.CLASSIFICATION:
        return resolved_values(project, chosen, as_said=as_said)[COLUMNS]
    items, imported, external_ids = _items(project)
    labels = list(Label.objects.filter(project=project).order_by("position", "id").values_list("id", "name"))
    ids = np.array([pk for pk, _ in labels], dtype=np.int64)
    names = np.array([name for _, name in labels], dtype=object)

    # Whether an excluded text is used is for others to say
    answers = read_answers(project, with_excluded=True)
    at = np.searchsorted(items, answers.items)
    codes = _code(ids, answers.labels)
    counts = count_labels(at, codes, len(ids), len(items))
    n = np.asarray(counts.sum(axis=1), dtype=np.int64)
    label, confidence, tie, posterior = _infer(chosen, at, codes, answers, counts)
    answered = n > 0
    if as_said and posterior is not None:
        confidence, posterior = _shares_of(counts, label), None
    from_file = ~answered & (imported >= 0)
    label[from_file] = _code(ids, imported[from_file])
    source = np.where(answered, "inferred", np.where(from_file, "imported", "")).astype(object)
    outcome = np.full(len(items), "", dtype=object)

    gold_items, gold = gold_labels(project)
    place, known = _places(items, gold_items)
    label[place] = _code(ids, gold[known])
    source[place], confidence[place], tie[place] = "gold", 1.0, False

    decided, how, decision = standing_decisions(project)
    place, known = _places(items, decided)  # without decisions on items that were deleted since
    how, decision = how[known], decision[known]
    outcome[place] = how
    final = np.isin(how, [Outcome.LABEL.value, Outcome.EXCLUDE.value])
    settled = place[final]
    label[settled] = np.where(how[final] == Outcome.LABEL.value, _code(ids, decision[final]), -1)
    source[settled], confidence[settled], tie[settled] = "adjudicated", 1.0, False

    keep = np.flatnonzero(source != "")
    has_label = label >= 0
    shown = np.full(len(items), None, dtype=object)
    shown[has_label] = names[label[has_label]]
    label_ids = pd.array(np.append(ids, 0)[label][keep], dtype="Int64")
    label_ids[~has_label[keep]] = pd.NA
    shares = (
        _distributions(counts, names, label)
        if posterior is None
        else _posteriors(posterior, answered, names, label)
    )
    for row in np.flatnonzero(np.isin(source, ["adjudicated", "gold"]) & has_label).tolist():
        shares[row] = {str(shown[row]): 1.0}
    nothing = np.full(len(keep), None, dtype=object)
    return pd.DataFrame(
        {
            "item_id": items[keep],
            "external_id": pd.Series(external_ids[keep], dtype=object),
            "label_id": label_ids,
            "label": pd.Series(shown[keep], dtype=object),
            "labels": pd.Series(nothing, dtype=object),
            "spans": pd.Series(nothing, dtype=object),
            "confidence": confidence[keep],
            "distribution": pd.Series(shares[keep], dtype=object),
            "source": pd.Series(source[keep], dtype=object),
            "n": n[keep],
            "tie": tie[keep],
            "outcome": pd.Series(outcome[keep], dtype=object),
        },
        columns=COLUMNS,
    )


def _infer(
    method: str, items: Integers, codes: Integers, answers: Answers, counts: sparse.csr_array
) -> tuple[Integers, Floats, Booleans, Floats | None]:
    """Label (-1 for none), confidence and tie of each item, and the posteriors where the method has them."""
    if method == QualitySettings.Method.MAJORITY:
        found = majority(counts)
        return found.label.copy(), found.confidence.copy(), found.tie.copy(), None
    if method != QualitySettings.Method.DAWID_SKENE and len(codes) > MOST_FOR_MODELS:
        raise ValidationError(
            {
                "method": f"{method} is offered up to {MOST_FOR_MODELS:,} answers; take dawid-skene or majority."
            }
        )
    people = np.unique(answers.annotators, return_inverse=True)[1]
    inferred = infer_truth(method, items, people, codes, counts.shape[1], counts.shape[0])
    return inferred.label.copy(), inferred.confidence.copy(), inferred.tie.copy(), inferred.posterior


def _shares_of(counts: sparse.csr_array, label: Integers) -> Floats:
    """The share of the answers to each item that give its label; 0 for -1, NaN without answers."""
    n = np.asarray(counts.sum(axis=1), dtype=np.float64)
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    same = counts.indices == label[row]
    given = np.bincount(row[same], weights=counts.data[same], minlength=counts.shape[0])
    with np.errstate(invalid="ignore"):
        return np.asarray(given / n)


def _places(items: Integers, wanted: Integers) -> tuple[Integers, Booleans]:
    """Where the wanted ids are among the ascending `items`, and which of them are there."""
    place = np.searchsorted(items, wanted)
    known = place < len(items)
    known[known] = items[place[known]] == wanted[known]
    return place[known], known


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


def _posteriors(
    posterior: Floats, answered: Booleans, names: NDArray[np.object_], label: Integers
) -> NDArray[np.object_]:
    """Label → probability for each row, the least probable left out. Without answers, all on the row's label."""
    found = np.empty(len(posterior), dtype=object)
    words = [str(name) for name in names]
    for row, (known, chances) in enumerate(zip(answered.tolist(), posterior, strict=True)):
        if known:
            found[row] = {words[at]: float(chances[at]) for at in np.flatnonzero(chances >= LEAST_SHOWN)}
        else:
            found[row] = {words[label[row]]: 1.0} if label[row] >= 0 else {}
    return found
