"""The human ceiling where a text can have several labels: each label by itself, and the whole answer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import wilson
from annotation.models import Project
from annotation.queries.metadata import cohort_fields
from qc.algorithms.ceiling import human_ceiling
from qc.queries.answers import Checks
from qc.queries.known import known_sets
from qc.queries.texts import cohort_of_items
from qc.services.measuring import Measured

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

NO_TRUTH = "no text with a decision of the panel or a gold label has answers yet"
NOT_GIVEN = "the crowd never gave it"
ACCURACY = "accuracy"  # of `metric`: the share of answers that are right
ALONE = "no such text has two answers"


def nothing_known(reason: str) -> dict[str, Any]:
    """A ceiling that is undefined."""
    return {"texts": 0, "reason": reason, "per_label": [], "annotators": [], "cohorts": []}


def cohorts_of(project: Project, ids: Integers) -> Iterator[tuple[str, list[tuple[str, Booleans]]]]:
    """Each field that divides the texts into a few groups, with its values and which of these texts have them."""
    for field in cohort_fields(project):
        items, values = cohort_of_items(project, field)
        place = np.minimum(np.searchsorted(items, ids), max(0, len(items) - 1))
        own = values[place]
        own[items[place] != ids] = None
        yield field, [(value, own == value) for value in sorted({str(v) for v in own if v is not None})]


def sets_result(
    project: Project, measured: Measured, checks: Checks, people: dict[int, tuple[str, str]]
) -> dict[str, Any]:
    """`ceiling_result` for several labels. An answer is right when it is the known set, no label more or less.

    Recall and precision of a label are over the answers to texts that are known to have it, and over those that give
    it. The crowd gives what more than half of two people or more gave; where one label has exactly half, nothing.
    """
    ids, sets, decided = known_sets(project)
    items = np.concatenate([measured.item_ids[measured.items], checks.items[checks.gold]])
    who = np.concatenate([measured.person_ids[measured.persons], checks.annotators[checks.gold]])
    codes = np.concatenate([measured.codes, checks.labels[checks.gold]])
    wanted = np.isin(items, ids)
    if not wanted.any():
        return nothing_known(NO_TRUTH)
    place, who, codes = np.searchsorted(ids, items[wanted]), who[wanted], codes[wanted]
    column = {label.pk: at for at, label in enumerate(measured.labels)}
    truth = np.zeros((len(ids), len(column)), np.bool_)
    for row, given in enumerate(sets):
        truth[row, [column[pk] for pk in given]] = True
    has = np.asarray(measured.given[codes].toarray() > 0)
    right = (has == truth[place]).all(axis=1)
    answered = np.bincount(place, minlength=len(ids)) > 0
    crowd = _Crowd(measured, ids, truth)

    def accuracy(chosen: Booleans) -> dict[str, Any]:
        among = chosen[place]
        return dict(
            human_ceiling(_two(place[among], right[among], len(ids)), _ones(len(ids))).accuracy.as_dict()
        )

    everything = _ones(len(ids)) > 0
    return {
        "texts": int(answered.sum()),
        "sources": {"adjudicated": int((answered & decided).sum()), "gold": int((answered & ~decided).sum())},
        "reason": None,
        "metric": ACCURACY,
        "people": accuracy(everything) | {"answers": len(place)},
        "crowd": crowd.accuracy(everything),
        "per_label": [
            _label(at, measured, place, has, truth, crowd)
            for at, label in enumerate(measured.labels)
            if label.retired is None or truth[:, at].any()
        ],
        "annotators": [
            {
                "username": people[pk][0],
                "annotator": pk,
                "accuracy": wilson(int(right[who == pk].sum()), int((who == pk).sum())).as_dict(),
                "per_label": _recalls(measured, has[who == pk], truth[place[who == pk]]),
            }
            for pk in np.unique(who).tolist()
        ],
        "cohorts": [
            {
                "field": field,
                "rows": [
                    {"value": value, "people": accuracy(chosen), "crowd": crowd.accuracy(chosen)}
                    for value, chosen in parts
                ],
            }
            for field, parts in cohorts_of(project, ids)
        ],
    }


def _ones(size: int) -> Integers:
    return np.ones(size, np.int64)


def _two(place: Integers, yes: Booleans, size: int) -> sparse.csr_array:
    """(texts, 2): how many answers to each text say no, and yes."""
    counts = sparse.csr_array((_ones(len(place)), (place, yes.astype(np.int64))), shape=(size, 2))
    counts.sum_duplicates()
    return counts


def _label(
    at: int, measured: Measured, place: Integers, has: Booleans, truth: Booleans, crowd: "_Crowd"
) -> dict[str, Any]:
    figures = human_ceiling(_two(place, has[:, at], len(truth)), truth[:, at].astype(np.int64)).classes[1]
    return {
        "label": measured.labels[at].name,
        "recall": figures.recall.as_dict(),
        "precision": figures.precision.as_dict(),
        "f1": figures.f1.as_dict(),
        **crowd.label(at),
    }


def _recalls(measured: Measured, has: Booleans, truth: Booleans) -> list[dict[str, Any]]:
    """How often somebody gives each label to texts that have it."""
    found = []
    for at in np.flatnonzero(truth.any(axis=0)).tolist():
        due = truth[:, at]
        recall = wilson(int(has[due, at].sum()), int(due.sum())).as_dict()
        found.append({"label": measured.labels[at].name, "recall": recall})
    return found


class _Crowd:
    """What more than half gave to each text of which the labels are known."""

    def __init__(self, measured: Measured, ids: Integers, truth: Booleans) -> None:
        inside = np.isin(ids, measured.item_ids)
        rows = measured.counts[np.searchsorted(measured.item_ids, ids[inside])]
        n = np.zeros(len(ids), np.int64)
        times = np.zeros(truth.shape, np.int64)
        n[inside] = np.asarray(rows.sum(axis=1)).ravel()
        times[inside] = (rows @ measured.given).toarray()
        self.truth = truth
        self.several = n >= 2  # somebody alone is no crowd
        self.tie = (2 * times == n[:, None]).any(axis=1)
        self.gives = (2 * times > n[:, None]) & ~self.tie[:, None]

    def accuracy(self, chosen: Booleans) -> dict[str, Any]:
        """Share of the chosen texts with two answers or more to which the crowd gives what is known."""
        asked = chosen & self.several
        same = (self.gives == self.truth).all(axis=1) & ~self.tie
        shown: dict[str, Any] = {**wilson(int(same[asked].sum()), int(asked.sum()), reason=ALONE).as_dict()}
        return shown | {"ties": int((asked & self.tie).sum())}

    def label(self, at: int) -> dict[str, Any]:
        """Recall and precision of the crowd on one label."""
        due, given = self.several & self.truth[:, at], self.several & self.gives[:, at]
        recall = wilson(int(self.gives[due, at].sum()), int(due.sum()), reason=ALONE)
        precision = wilson(int(self.truth[given, at].sum()), int(given.sum()), reason=NOT_GIVEN)
        return {"crowd_recall": recall.as_dict(), "crowd_precision": precision.as_dict()}
