"""Figures of people over the sitting and over the weeks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import wilson
from qc.algorithms.patterns import Answers as TestedAnswers
from qc.algorithms.people import group_means, group_medians
from qc.algorithms.sittings import EDGES, minutes_into_sitting, stretch_of
from qc.queries.answers import Checks
from qc.services.agreement_parts import monday_of, weeks_of
from qc.services.repeats import Repeats

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_GOLD = "no gold answers yet"
NO_REPEATS = "no repeats yet"
MOST_WEEKS = 26


def place_of(ids: Integers, wanted: Integers) -> Integers:
    """Where each wanted id is in the ascending `ids`; -1 where it is not."""
    if len(ids) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1).astype(np.int64)


def known_or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


class Stretches:
    """Everybody's figures by minutes into the sitting, gold and repeats placed by the moment in which they came."""

    def __init__(
        self,
        tested: TestedAnswers,
        checks: Checks,
        repeats: Repeats,
        who: Integers,
        size: int,
        long_break: float,
    ) -> None:
        self.size = size
        known = who >= 0
        people = np.concatenate([tested.annotators, who[known], repeats.person])
        moments = np.concatenate([tested.moments, checks.moments[known], repeats.moment])
        stretch = stretch_of(minutes_into_sitting(people, moments, long_break))
        n, m = len(tested.annotators), int(known.sum())
        of_answer, of_check, of_repeat = stretch[:n], stretch[n : n + m], stretch[n + m :]
        gold = checks.gold[known]
        cells = size * len(EDGES)
        self.score, self.n = group_means(self._cell(tested.annotators, of_answer), tested.score, cells)
        self.seconds = group_medians(self._cell(tested.annotators, of_answer), tested.seconds, cells)
        right = checks.correct[known][gold].astype(np.float64)
        self.gold, self.gold_n = group_means(self._cell(who[known][gold], of_check[gold]), right, cells)
        self.same, self.same_n = group_means(
            self._cell(repeats.person, of_repeat), repeats.same.astype(np.float64), cells
        )

    def _cell(self, people: Integers, stretch: Integers) -> Integers:
        return np.where(stretch < 0, -1, people * len(EDGES) + stretch)

    def rows(self, at: int) -> list[dict[str, Any]]:
        """One row for each stretch in which there are answers, with the others' figures."""
        found = []
        for stretch, start in enumerate(EDGES):
            cell = at * len(EDGES) + stretch
            if not (self.n[cell] or self.gold_n[cell] or self.same_n[cell]):
                continue
            rest = np.arange(stretch, self.size * len(EDGES), len(EDGES))
            rest = rest[rest != cell]
            found.append(
                {
                    "from": start,
                    "to": EDGES[stretch + 1] if stretch + 1 < len(EDGES) else None,
                    "n": int(self.n[cell]),
                    "agreement": known_or_none(self.score[cell]),
                    "others_agreement": _weighted(self.score[rest], self.n[rest]),
                    "seconds": known_or_none(self.seconds[cell]),
                    "others_seconds": _middle(self.seconds[rest]),
                    "gold": wilson(
                        round(float(np.nan_to_num(self.gold[cell])) * int(self.gold_n[cell])),
                        int(self.gold_n[cell]),
                        reason=NO_GOLD,
                    ).as_dict(),
                    "others_gold": _weighted(self.gold[rest], self.gold_n[rest]),
                    "same": wilson(
                        round(float(np.nan_to_num(self.same[cell])) * int(self.same_n[cell])),
                        int(self.same_n[cell]),
                        reason=NO_REPEATS,
                    ).as_dict(),
                    "others_same": _weighted(self.same[rest], self.same_n[rest]),
                }
            )
        return found

    def brief(self, at: int) -> list[float | None]:
        """Agreement with the rest in each stretch, for a small figure."""
        cells = slice(at * len(EDGES), (at + 1) * len(EDGES))
        return [None if np.isnan(value) else round(float(value), 4) for value in self.score[cells]]


class Weeks:
    """Everybody's figures by week."""

    def __init__(self, tested: TestedAnswers, checks: Checks, who: Integers, size: int) -> None:
        known = who >= 0
        weeks = weeks_of(np.concatenate([tested.moments, checks.moments[known]]))
        self.weeks = np.unique(weeks)[-MOST_WEEKS:]
        place = place_of(self.weeks, weeks)
        n = len(tested.annotators)
        cells = size * max(1, len(self.weeks))
        own = self._cell(tested.annotators, place[:n])
        self.answers = np.bincount(own[own >= 0], minlength=cells)
        self.score, self.n = group_means(own, tested.score, cells)
        self.seconds = group_medians(own, tested.seconds, cells)
        gold = checks.gold[known]
        right = checks.correct[known][gold].astype(np.float64)
        self.gold, self.gold_n = group_means(self._cell(who[known][gold], place[n:][gold]), right, cells)

    def _cell(self, people: Integers, week: Integers) -> Integers:
        return np.where(week < 0, -1, people * len(self.weeks) + week)

    def rows(self, at: int) -> list[dict[str, Any]]:
        """One row for each week in which there are answers."""
        found = []
        for place, week in enumerate(self.weeks.tolist()):
            cell = at * len(self.weeks) + place
            if not (self.answers[cell] or self.gold_n[cell]):
                continue
            n = int(self.n[cell])
            right = round(float(np.nan_to_num(self.gold[cell])) * int(self.gold_n[cell]))
            found.append(
                {
                    "week": monday_of(week),
                    "annotations": int(self.answers[cell]),
                    "n": n,
                    "agreement": known_or_none(self.score[cell]),
                    "seconds": known_or_none(self.seconds[cell]),
                    "gold": wilson(right, int(self.gold_n[cell]), reason=NO_GOLD).as_dict(),
                }
            )
        return found


def _weighted(values: Floats, n: Integers) -> float | None:
    some = n > 0
    return float(np.average(values[some], weights=n[some])) if some.any() else None


def _middle(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None
