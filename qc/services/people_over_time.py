"""Figures of people over the sitting and over the weeks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import wilson
from qc.algorithms.patterns import Answers as TestedAnswers
from qc.algorithms.people import (
    group_means,
    group_medians,
    mean_of_scores,
    means_of_others,
    medians_of_others,
)
from qc.algorithms.sittings import EDGES, minutes_into_sitting, stretch_of
from qc.queries.answers import Answers, Checks
from qc.services.agreement_parts import monday_of, weeks_of
from qc.services.measuring import Measured
from qc.services.repeats import Repeats

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_GOLD = "no gold answers yet"
NO_REPEATS = "no repeats yet"
ALONE = "nobody else answered these texts"
MOST_WEEKS = 26


def place_of(ids: Integers, wanted: Integers) -> Integers:
    """Where each wanted id is in the ascending `ids`; -1 where it is not."""
    if len(ids) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1).astype(np.int64)


def known_or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


class Clock:
    """Minutes into the sitting of all answers, gold and repeats among them: `answers`, `checks` (NaN if not known).

    `who` has given each check, as a code; -1 for people without an ordinary answer.
    """

    def __init__(self, measured: Measured, answers: Answers, checks: Checks) -> None:
        self.who = place_of(measured.person_ids, checks.annotators)
        known = self.who >= 0
        self.checks = np.full(len(checks), np.nan)
        if not known.any():
            self.answers = measured.minutes
            return
        people = np.concatenate([measured.persons, self.who[known]])
        moments = np.concatenate([answers.moments, checks.moments[known]])
        minutes = minutes_into_sitting(people, moments, measured.long_break)
        self.answers, self.checks[known] = minutes[: len(answers)], minutes[len(answers) :]


class Stretches:
    """Everybody's figures by minutes into the sitting, gold and repeats placed by the moment in which they came."""

    def __init__(
        self,
        tested: TestedAnswers,
        checks: Checks,
        repeats: Repeats,
        clock: Clock,
        size: int,
    ) -> None:
        self.size = size
        of_answer, of_check = stretch_of(clock.answers), stretch_of(clock.checks)
        gold = checks.gold & (clock.who >= 0)
        cells = size * len(EDGES)
        own = self._cell(tested.annotators, of_answer)
        self.score, self.n = group_means(own, tested.score, cells)
        self.square, _ = group_means(own, tested.score**2, cells)
        self.seconds = group_medians(own, tested.seconds, cells)
        right = checks.correct[gold].astype(np.float64)
        self.gold, self.gold_n = group_means(self._cell(clock.who[gold], of_check[gold]), right, cells)
        self.same, self.same_n = group_means(
            self._cell(repeats.person, of_check[repeats.row]), repeats.same.astype(np.float64), cells
        )
        self.others = {
            "agreement": _by_period(means_of_others, len(EDGES), self.score, self.n),
            "seconds": _by_period(medians_of_others, len(EDGES), self.seconds),
            "gold": _by_period(means_of_others, len(EDGES), self.gold, self.gold_n),
            "same": _by_period(means_of_others, len(EDGES), self.same, self.same_n),
        }

    def _cell(self, people: Integers, stretch: Integers) -> Integers:
        return np.where(stretch < 0, -1, people * len(EDGES) + stretch)

    def rows(self, at: int) -> list[dict[str, Any]]:
        """One row for each stretch in which there are answers, with the others' figures."""
        found = []
        for stretch, start in enumerate(EDGES):
            cell = at * len(EDGES) + stretch
            if not (self.n[cell] or self.gold_n[cell] or self.same_n[cell]):
                continue
            found.append(
                {
                    "from": start,
                    "to": EDGES[stretch + 1] if stretch + 1 < len(EDGES) else None,
                    "n": int(self.n[cell]),
                    "agreement": known_or_none(self.score[cell]),
                    "agreement_interval": agreement_of(self.score[cell], self.square[cell], self.n[cell]),
                    "others_agreement": known_or_none(self.others["agreement"][cell]),
                    "seconds": known_or_none(self.seconds[cell]),
                    "others_seconds": known_or_none(self.others["seconds"][cell]),
                    "gold": _share(self.gold[cell], self.gold_n[cell], NO_GOLD),
                    "others_gold": known_or_none(self.others["gold"][cell]),
                    "same": _share(self.same[cell], self.same_n[cell], NO_REPEATS),
                    "others_same": known_or_none(self.others["same"][cell]),
                }
            )
        return found

    def brief(self, at: int) -> list[float | None]:
        """Agreement with the rest in each stretch, for a small figure."""
        cells = slice(at * len(EDGES), (at + 1) * len(EDGES))
        return [None if np.isnan(value) else round(float(value), 4) for value in self.score[cells]]


class Weeks:
    """Everybody's figures by week."""

    def __init__(
        self, tested: TestedAnswers, checks: Checks, repeats: Repeats, who: Integers, size: int
    ) -> None:
        known = who >= 0
        weeks = weeks_of(np.concatenate([tested.moments, checks.moments[known], repeats.moment]))
        self.weeks = np.unique(weeks)[-MOST_WEEKS:]
        place = place_of(self.weeks, weeks)
        n, m = len(tested.annotators), len(tested.annotators) + int(known.sum())
        cells = size * max(1, len(self.weeks))
        own = self._cell(tested.annotators, place[:n])
        self.answers = np.bincount(own[own >= 0], minlength=cells)
        self.score, self.n = group_means(own, tested.score, cells)
        self.square, _ = group_means(own, tested.score**2, cells)
        self.seconds = group_medians(own, tested.seconds, cells)
        gold = checks.gold[known]
        right = checks.correct[known][gold].astype(np.float64)
        self.gold, self.gold_n = group_means(self._cell(who[known][gold], place[n:m][gold]), right, cells)
        self.same, self.same_n = group_means(
            self._cell(repeats.person, place[m:]), repeats.same.astype(np.float64), cells
        )
        self.others = {
            name: _by_period(means_of_others, len(self.weeks), *columns)
            for name, columns in (
                ("agreement", (self.score, self.n)),
                ("gold", (self.gold, self.gold_n)),
                ("same", (self.same, self.same_n)),
            )
        }

    def _cell(self, people: Integers, week: Integers) -> Integers:
        return np.where(week < 0, -1, people * len(self.weeks) + week)

    def rows(self, at: int) -> list[dict[str, Any]]:
        """One row for each week in which there are answers."""
        found = []
        for place, week in enumerate(self.weeks.tolist()):
            cell = at * len(self.weeks) + place
            if not (self.answers[cell] or self.gold_n[cell] or self.same_n[cell]):
                continue
            found.append(
                {
                    "week": monday_of(week),
                    "annotations": int(self.answers[cell]),
                    "n": int(self.n[cell]),
                    "agreement": known_or_none(self.score[cell]),
                    "agreement_interval": agreement_of(self.score[cell], self.square[cell], self.n[cell]),
                    "others_agreement": known_or_none(self.others["agreement"][cell]),
                    "seconds": known_or_none(self.seconds[cell]),
                    "gold": _share(self.gold[cell], self.gold_n[cell], NO_GOLD),
                    "others_gold": known_or_none(self.others["gold"][cell]),
                    "same": _share(self.same[cell], self.same_n[cell], NO_REPEATS),
                    "others_same": known_or_none(self.others["same"][cell]),
                }
            )
        return found


def agreement_of(mean: float, square: float, n: int) -> dict[str, Any]:
    """Agreement with the rest, from the mean of its scores on n texts and that of their squares."""
    return dict(mean_of_scores(float(mean), float(square), int(n), reason=ALONE).as_dict())


def _share(share: float, n: int, reason: str) -> dict[str, Any]:
    return dict(wilson(round(float(np.nan_to_num(share)) * int(n)), int(n), reason=reason).as_dict())


def _by_period(others: Callable[..., Floats], periods: int, *columns: NDArray[Any]) -> Floats:
    """A figure of the others for each cell, people in rows and periods in columns, period by period."""
    if periods == 0:
        return columns[0]
    tables = [column.reshape(-1, periods) for column in columns]
    found = [others(*(table[:, period] for table in tables)) for period in range(periods)]
    return np.stack(found, axis=1).ravel()
