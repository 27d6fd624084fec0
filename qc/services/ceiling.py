"""The human ceiling of a project: people and the crowd's label against what is known, kept for the evaluation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import wilson
from annotation.models import Project
from qc.algorithms.ceiling import Ceiling, human_ceiling
from qc.algorithms.majority import majority
from qc.models import HumanCeiling
from qc.queries.answers import Checks
from qc.queries.known import known_labels
from qc.services.ceiling_of_sets import ACCURACY, NO_TRUTH, cohorts_of, nothing_known, sets_result
from qc.services.ceiling_of_spans import spans_result
from qc.services.measuring import Measured, codes_of

Integers = NDArray[np.int64]


def keep_ceiling(project: Project, result: dict[str, Any], stamp: dict[str, Any]) -> HumanCeiling:
    """Puts the ceiling in the place of the last one; `stamp` says of which moment it is, as a report of agreement."""
    kept, _ = HumanCeiling.objects.update_or_create(project=project, defaults={**stamp, "result": result})
    return kept


def ceiling_result(
    project: Project, measured: Measured, checks: Checks, people: dict[int, tuple[str, str]]
) -> dict[str, Any]:
    """{"texts", "sources", "reason", "metric", "people", "crowd", "per_label", "annotators", "cohorts"}.

    Truth is what the panel decided, before gold. Answers to gold items count here, as answers; a repeat does not. The
    crowd's label is the majority of the answers that count for agreement; a tie is not right.
    """
    if measured.spans is not None:
        return spans_result(project, measured, checks, people)
    if not measured.one_label:
        return sets_result(project, measured, checks, people)
    ids, label_ids, decided = known_labels(project)
    truth = codes_of(measured.labels, label_ids)
    items = np.concatenate([measured.item_ids[measured.items], checks.items[checks.gold]])
    who = np.concatenate([measured.person_ids[measured.persons], checks.annotators[checks.gold]])
    codes = np.concatenate([measured.codes, codes_of(measured.labels, checks.labels[checks.gold])])
    place = np.minimum(np.searchsorted(ids, items), max(0, len(ids) - 1))
    wanted = (ids[place] == items) if len(ids) else np.zeros(len(items), np.bool_)
    place, who, codes = place[wanted], who[wanted], codes[wanted]
    if len(place) == 0:
        return nothing_known(NO_TRUTH)
    shape = (len(ids), len(measured.labels))
    counts = sparse.csr_array((np.ones(len(place), np.int64), (place, codes)), shape=shape)
    counts.sum_duplicates()
    answered = np.asarray(counts.sum(axis=1) > 0)
    found = human_ceiling(counts, truth)
    crowd = _Crowd(measured, ids, truth)
    return {
        "texts": int(answered.sum()),
        "sources": {"adjudicated": int((answered & decided).sum()), "gold": int((answered & ~decided).sum())},
        "reason": None,
        "metric": ACCURACY,
        "people": found.accuracy.as_dict() | {"answers": len(place)},
        "crowd": crowd.accuracy(np.ones(len(ids), np.bool_)),
        "per_label": _per_label(measured, found, crowd),
        "annotators": _annotators(place, who, codes, truth, people, measured),
        "cohorts": _cohorts(project, ids, counts, truth, crowd),
    }


class _Crowd:
    """The majority of the answers to each text of which the label is known."""

    def __init__(self, measured: Measured, ids: Integers, truth: Integers) -> None:
        place = np.searchsorted(measured.item_ids, ids)
        inside = place < len(measured.item_ids)
        inside[inside] = measured.item_ids[place[inside]] == ids[inside]
        found = majority(measured.counts[place[inside]])
        self.truth = truth
        self.label = np.full(len(ids), -1, np.int64)
        self.several = np.zeros(len(ids), np.bool_)
        self.tie = np.zeros(len(ids), np.bool_)
        # Somebody alone is no crowd
        self.label[inside], self.several[inside], self.tie[inside] = found.label, found.n >= 2, found.tie

    def accuracy(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        """Share of the chosen texts with two answers or more whose majority is right."""
        asked = chosen & self.several
        right = int((self.label[asked] == self.truth[asked]).sum())
        shown: dict[str, Any] = dict(
            wilson(right, int(asked.sum()), reason="no such text has two answers").as_dict()
        )
        return shown | {"ties": int((asked & self.tie).sum())}

    def precision(self, label: int) -> dict[str, Any]:
        """Share right of the texts to which the majority gave the label."""
        given = self.several & (self.label == label)
        found = wilson(
            int((self.truth[given] == label).sum()), int(given.sum()), reason="the crowd never gave it"
        )
        return dict(found.as_dict())


def _per_label(measured: Measured, found: Ceiling, crowd: _Crowd) -> list[dict[str, Any]]:
    return [
        {
            "label": measured.names[label],
            "recall": figures.recall.as_dict(),
            "precision": figures.precision.as_dict(),
            "f1": figures.f1.as_dict(),
            "crowd_recall": crowd.accuracy(crowd.truth == label),
            "crowd_precision": crowd.precision(label),
        }
        for label, figures in enumerate(found.classes)
        if measured.labels[label].retired is None or figures.recall.n
    ]


def _annotators(
    place: Integers,
    who: Integers,
    codes: Integers,
    truth: Integers,
    people: dict[int, tuple[str, str]],
    measured: Measured,
) -> list[dict[str, Any]]:
    rows = []
    for pk in np.unique(who).tolist():
        mine = who == pk
        known, said = truth[place[mine]], codes[mine]
        rows.append(
            {
                "username": people[pk][0],
                "annotator": pk,
                "accuracy": wilson(int((known == said).sum()), int(mine.sum())).as_dict(),
                "per_label": [
                    {"label": measured.names[label]}
                    | {
                        "recall": wilson(
                            int((said[known == label] == label).sum()), int((known == label).sum())
                        ).as_dict()
                    }
                    for label in np.unique(known).tolist()
                ],
            }
        )
    return rows


def _cohorts(
    project: Project, ids: Integers, counts: sparse.csr_array, truth: Integers, crowd: _Crowd
) -> list[dict[str, Any]]:
    return [
        {
            "field": field,
            "rows": [
                {
                    "value": value,
                    "people": human_ceiling(counts[np.flatnonzero(chosen)], truth[chosen]).accuracy.as_dict(),
                    "crowd": crowd.accuracy(chosen),
                }
                for value, chosen in parts
            ],
        }
        for field, parts in cohorts_of(project, ids)
    ]
