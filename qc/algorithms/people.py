"""Figures of people: how they differ from the others, when, and in which labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special, stats

from annotation.algorithms.intervals import Estimate, bounds_where_all_say, student_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FALSE_DISCOVERY = 0.05
ALIKE = 1e-12  # scores with a smaller variance are all the same


def binomial_tail(successes: FloatArray, n: int, share: FloatArray | float) -> FloatArray:
    """Return the probability of so many successes or more; for one number or many.

    >>> float(binomial_tail(np.array(9.0), 10, 0.5)), float(binomial_tail(np.array(0.0), 10, 0.5))
    (0.0107421875, 1.0)
    """
    return np.where(successes < 1, 1.0, special.bdtrc(np.maximum(successes - 1, 0), n, share))


def group_medians(groups: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Return the median of the known values of each group; NaN for a group without any.

    Parameters
    ----------
    groups : (n,) int array
        Codes from 0 to below `size`; negative ones belong to no group.
    values : (n,) float array
        NaN where not known.

    Examples
    --------
    >>> group_medians(np.array([0, 0, 0, 1, 1, 2]), np.array([1.0, 9.0, 2.0, 4.0, 6.0, np.nan]), 3).tolist()
    [2.0, 5.0, nan]
    """
    known = ~np.isnan(values) & (groups >= 0)
    kept, numbers = groups[known], values[known]
    if size < 2**15:
        kept = kept.astype(np.int16)  # whole numbers this short are sorted without comparing them
    order = np.argsort(numbers)
    order = order[np.argsort(kept[order], kind="stable")]
    numbers = numbers[order]
    n = np.bincount(kept, minlength=size)
    starts = np.cumsum(n) - n
    found = np.full(size, np.nan)
    some = n > 0
    low, high = starts[some] + (n[some] - 1) // 2, starts[some] + n[some] // 2
    found[some] = (numbers[low] + numbers[high]) / 2
    return found


def medians_of_others(values: FloatArray) -> FloatArray:
    """Return for each entry the median of the other known ones; NaN where there is none.

    >>> medians_of_others(np.array([1.0, 2.0, 4.0, np.nan])).tolist()
    [3.0, 2.5, 1.5, 2.0]
    """
    known = np.flatnonzero(~np.isnan(values))
    found = np.full(len(values), np.nan)
    order = known[np.argsort(values[known], kind="stable")]
    ranked, n = values[order], len(known)
    if n:
        found[np.isnan(values)] = (ranked[(n - 1) // 2] + ranked[n // 2]) / 2
    if n > 1:
        place = np.arange(n)
        # Of those that are left, where whoever comes after has moved up
        low, high = (n - 2) // 2, (n - 1) // 2
        found[order] = (ranked[low + (low >= place)] + ranked[high + (high >= place)]) / 2
    return found


def means_of_others(values: FloatArray, n: IntArray) -> FloatArray:
    """Return for each entry the mean of the others, each weighed by its n; NaN where they have none.

    >>> means_of_others(np.array([1.0, 0.5, np.nan]), np.array([2, 2, 0])).tolist()
    [0.5, 1.0, 0.75]
    """
    total = np.where(n > 0, values * n, 0.0)
    rest = n.sum() - n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(rest > 0, (total.sum() - total) / rest, np.nan)


def mean_of_scores(mean: float, square: float, n: int, *, reason: str) -> Estimate:
    """Return the mean of scores between 0 and 1 with Student's interval.

    Where all scores are the same it is that of `bounds_where_all_say`: they do not differ, and yet they are few.

    Parameters
    ----------
    mean, square : float
        Mean of the scores, and of their squares.
    n : int
        How many there are.
    reason : str
        Why there is no mean, where there are none.

    Examples
    --------
    Scores 1, 0.5, 0.5 and 0:

    >>> found = mean_of_scores(0.5, 0.375, 4, reason="")
    >>> round(found.low, 4), round(found.high, 4)
    (0.0, 1.0)
    >>> mean_of_scores(1.0, 1.0, 4, reason="").low == bounds_where_all_say(1.0, 4)[0]
    True
    """
    if n == 0:
        return Estimate.undefined(reason)
    if square - mean**2 < ALIKE and (n > 1 or mean in {0.0, 1.0}):
        return Estimate(mean, *bounds_where_all_say(mean, n), n)
    if n < 2:
        return Estimate(mean, None, None, n)
    error = math.sqrt((square - mean**2) / (n - 1))
    low, high = student_interval(mean, error, n)
    return Estimate(mean, max(0.0, low), min(1.0, high), n)


def group_means(groups: IntArray, values: FloatArray, size: int) -> tuple[FloatArray, IntArray]:
    """Return the mean of the known values of each group, NaN without any, and how many there are.

    >>> mean, n = group_means(np.array([0, 0, 1]), np.array([1.0, 0.0, np.nan]), 2)
    >>> mean.tolist(), n.tolist()
    ([0.5, nan], [2, 0])
    """
    known = ~np.isnan(values) & (groups >= 0)
    n = np.bincount(groups[known], minlength=size)
    total = np.bincount(groups[known], weights=values[known], minlength=size)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / n), n


@dataclass(frozen=True, slots=True)
class LabelMix:
    """What people answered and what the others answered to the same texts, on texts that somebody else answered too.

    Attributes
    ----------
    given : (people, labels) int array
        Answers with the label.
    answers : (people,) int array
        Answers in all.
    expected : (people, labels) float array
        Sum over these texts of the share of the others' answers with the label.
    """

    given: IntArray
    answers: IntArray
    expected: FloatArray

    def tests(self, person: int) -> FloatArray:
        """Return for each label the q-value of the person's number against the others' share.

        Two-sided binomial tests; Benjamini and Hochberg's procedure over the labels.
        """
        n = int(self.answers[person])
        if n == 0:
            return np.ones(self.given.shape[1])
        share = np.clip(self.expected[person] / n, 1e-9, 1 - 1e-9)
        given = self.given[person].astype(np.float64)
        tail = np.minimum(special.bdtr(given, n, share), binomial_tail(given, n, share))
        return np.asarray(stats.false_discovery_control(np.minimum(1.0, 2 * tail), method="bh"))


def label_mix(
    items: IntArray, persons: IntArray, codes: IntArray, counts: sparse.csr_array, given: sparse.csr_array
) -> LabelMix:
    """Compare everybody's labels with those that the others gave to the same texts.

    Parameters
    ----------
    items, persons, codes : (answers,) int arrays
        Codes from 0; one row an answer.
    counts : (items, codes) sparse int array
        The same answers, counted.
    given : (codes, labels) sparse array
        How often an answer of the code gives the label: the identity where an answer is one label.

    Examples
    --------
    >>> from qc.algorithms.label_counts import count_labels
    >>> i, p, c = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 0])
    >>> mix = label_mix(i, p, c, count_labels(i, c, 2), sparse.eye_array(2, format="csr"))
    >>> mix.given.tolist(), mix.expected.tolist()
    ([[2, 0], [1, 1]], [[1.0, 1.0], [2.0, 0.0]])
    """
    people = int(persons.max(initial=-1)) + 1
    others = counts.sum(axis=1)[items] - 1
    shared = others > 0
    items, persons, codes, others = items[shared], persons[shared], codes[shared], others[shared]
    weight = 1.0 / others
    reach = sparse.csr_array((weight, (persons, items)), shape=(people, counts.shape[0]))
    own = sparse.csr_array((np.ones(len(codes)), (persons, codes)), shape=(people, counts.shape[1]))
    own_weighted = sparse.csr_array((weight, (persons, codes)), shape=(people, counts.shape[1]))
    return LabelMix(
        given=np.rint((own @ given).toarray()).astype(np.int64),
        answers=np.bincount(persons, minlength=people).astype(np.int64),
        expected=np.asarray(((reach @ counts - own_weighted) @ given).toarray()),
    )


def cohen_kappa(first: IntArray, second: IntArray) -> float | None:
    """Return Cohen's kappa of two answers to each of several texts; None where all are one and the same.

    >>> cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]))
    0.5
    """
    if len(first) == 0:
        return None
    size = int(max(first.max(), second.max())) + 1
    a, b = np.bincount(first, minlength=size), np.bincount(second, minlength=size)
    expected = float(a @ b) / len(first) ** 2
    if expected >= 1:
        return None
    return float((np.mean(first == second) - expected) / (1 - expected))
