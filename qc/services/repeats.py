"""Repeats with the answers that they repeat."""

import numpy as np
from numpy.typing import NDArray

from qc.queries.answers import Answers, Checks
from qc.services.measuring import Measured

Integers = NDArray[np.int64]


class Repeats:
    """Each repeat with the answer of the same person to the same text before it: codes and moments, (n,).

    `row` is the repeat's place among the checks.
    """

    def __init__(
        self, measured: Measured, answers: Answers, checks: Checks, said: Integers, who: Integers
    ) -> None:
        repeats = ~checks.gold & (who >= 0)
        items = np.concatenate([answers.items, checks.items[repeats]])
        people = np.concatenate([measured.persons, who[repeats]])
        codes = np.concatenate([measured.codes, said[repeats]])
        moments = np.concatenate([answers.moments, checks.moments[repeats]])
        again = np.append(np.zeros(len(answers), np.bool_), np.ones(int(repeats.sum()), np.bool_))
        rows = np.append(np.full(len(answers), -1), np.flatnonzero(repeats))
        wanted = np.isin(items, checks.items[repeats])
        items, people, codes, moments, again, rows = (
            column[wanted] for column in (items, people, codes, moments, again, rows)
        )
        order = np.lexsort((again, moments, people, items))
        items, people, codes, moments, again, rows = (
            column[order] for column in (items, people, codes, moments, again, rows)
        )
        follows = (items[1:] == items[:-1]) & (people[1:] == people[:-1]) & again[1:]
        self.person = people[1:][follows]
        self.first, self.second = codes[:-1][follows], codes[1:][follows]
        self.moment = moments[1:][follows]
        self.row = rows[1:][follows]
        self.same = self.first == self.second
