"""The human ceiling where spans are marked: how exactly people, and the crowd, mark what is known to be right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import Estimate
from annotation.models import Project
from qc.algorithms.span_ceiling import SpanFigures, crowd_spans, of_all_labels, span_figures, tally_spans
from qc.queries.answers import Checks
from qc.queries.known import known_spans
from qc.services.ceiling_of_sets import ALONE, NO_TRUTH, cohorts_of, nothing_known
from qc.services.measuring import Measured

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_UNKNOWN = SpanFigures(*[Estimate.undefined(ALONE)] * 3)
METRIC = "entity-f1"  # seqeval's strict one: start, end and label are the same


def spans_result(
    project: Project, measured: Measured, checks: Checks, people: dict[int, tuple[str, str]]
) -> dict[str, Any]:
    """`ceiling_result` for spans: precision, recall and F1 over all spans of all answers in the place of accuracy.

    The crowd's spans are those that more than half of two people or more marked exactly; where a span has exactly half,
    the text is tied, and the crowd marks nothing there.
    """
    ids, known, decided = known_spans(project)
    items = np.concatenate([measured.item_ids[measured.items], checks.items[checks.gold]])
    who = np.concatenate([measured.person_ids[measured.persons], checks.annotators[checks.gold]])
    codes = np.concatenate([measured.codes, checks.labels[checks.gold]])
    wanted = np.isin(items, ids)
    if not wanted.any():
        return nothing_known(NO_TRUTH)
    place, who = np.searchsorted(ids, items[wanted]), who[wanted]
    marked = [frozenset(measured.values[code]) for code in codes[wanted].tolist()]
    labels = [label.pk for label in measured.labels]
    tally = tally_spans(marked, [known[at] for at in place.tolist()], labels)
    answered = np.bincount(place, minlength=len(ids)) > 0
    crowd = _Crowd(measured, ids, known)
    whole, *each = span_figures(place, tally)
    crowd_whole, *crowd_each = crowd.figures
    overall = of_all_labels(tally)
    return {
        "texts": int(answered.sum()),
        "sources": {"adjudicated": int((answered & decided).sum()), "gold": int((answered & ~decided).sum())},
        "reason": None,
        "metric": METRIC,
        "people": whole.f1.as_dict() | {"answers": len(place)} | _both(whole),
        "crowd": crowd_whole.f1.as_dict() | {"ties": crowd.ties} | _both(crowd_whole),
        "per_label": [
            {"label": label.name}
            | _figures(figures)
            | {f"crowd_{name}": figure for name, figure in _figures(of_crowd).items()}
            for label, figures, of_crowd in zip(measured.labels, each, crowd_each, strict=True)
            if label.retired is None or figures.recall.n
        ],
        "annotators": [
            {"username": people[pk][0], "annotator": pk}
            | _of_person(measured, place[who == pk], tally[np.flatnonzero(who == pk)])
            for pk in np.unique(who).tolist()
        ],
        "cohorts": [
            {
                "field": field,
                "rows": [
                    {
                        "value": value,
                        "people": _f1(place[chosen[place]], overall[np.flatnonzero(chosen[place])]),
                        "crowd": crowd.f1_where(chosen),
                    }
                    for value, chosen in parts
                ],
            }
            for field, parts in cohorts_of(project, ids)
        ],
    }


def _figures(found: SpanFigures) -> dict[str, Any]:
    return _both(found) | {"f1": found.f1.as_dict()}


def _both(found: SpanFigures) -> dict[str, Any]:
    return {"recall": found.recall.as_dict(), "precision": found.precision.as_dict()}


def _f1(texts: Integers, tally: Any) -> dict[str, Any]:
    return dict(span_figures(texts, tally)[0].f1.as_dict())


def _of_person(measured: Measured, texts: Integers, tally: Any) -> dict[str, Any]:
    """One person's figures, by label those that their texts are known to have."""
    whole, *each = span_figures(texts, tally)
    return _figures(whole) | {
        "per_label": [
            {"label": label.name} | _figures(figures)
            for label, figures in zip(measured.labels, each, strict=True)
            if figures.recall.n
        ]
    }


class _Crowd:
    """What more than half marked on each text of which the spans are known and which two people answered."""

    def __init__(self, measured: Measured, ids: Integers, known: list[frozenset[Any]]) -> None:
        place = np.searchsorted(ids, measured.item_ids)
        inside = place < len(ids)
        inside[inside] = ids[place[inside]] == measured.item_ids[inside]
        given: dict[int, list[frozenset[Any]]] = {}
        for item, code in zip(measured.items.tolist(), measured.codes.tolist(), strict=True):
            if inside[item]:
                given.setdefault(int(place[item]), []).append(frozenset(measured.values[code]))
        # Somebody alone is no crowd
        several = {at: marked for at, marked in given.items() if len(marked) >= 2}
        found = [crowd_spans(marked) for marked in several.values()]
        self.texts = np.array(list(several), dtype=np.int64)
        self.ties = sum(tie for _, tie in found)
        self.tally = tally_spans(
            [spans for spans, _ in found],
            [known[at] for at in several],
            [label.pk for label in measured.labels],
        )
        self.figures = (
            span_figures(self.texts, self.tally) if several else [_UNKNOWN] * (len(measured.labels) + 1)
        )

    def f1_where(self, chosen: Booleans) -> dict[str, Any]:
        """F1 of the crowd on some of the texts."""
        rows = np.flatnonzero(chosen[self.texts])
        if len(rows) == 0:
            return dict(_UNKNOWN.f1.as_dict())
        return _f1(self.texts[rows], of_all_labels(self.tally)[rows])
