"""What people's answers are like past a minute of the sitting, beside what they were like before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate
from qc.algorithms.item_sums import ALIKE, ItemSums
from qc.algorithms.people import group_means

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NOBODY = "nobody has answers before and after this minute of a sitting"


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """Mean score before a minute of the sitting and after it, of those who worked past it; `n` counts people.

    `before` and `after` are None where nobody did, and `answers` counts those on both sides.
    """

    before: float | None
    after: float | None
    difference: Estimate
    answers: tuple[int, int]


def before_and_after(
    people: IntArray,
    minutes: FloatArray,
    scores: FloatArray,
    cut: float,
    *,
    seed: int = 0,
    replicates: int = 1000,
) -> BeforeAndAfter:
    """Compare everybody with themselves, so that who works long is not compared with who does not.

    A person weighs as the difference of two means does that rests on so many answers on one side and on the other:
    their product over their sum. The interval draws people; below 50 it is the jackknife's with Student's t.

    Parameters
    ----------
    people : (answers,) int array
        Codes from 0.
    minutes : (answers,) float array
        Since the first answer of the sitting; NaN where not known.
    scores : (answers,) float array
        Between 0 and 1; NaN where there is none.
    cut : float
        The minute; an answer at it is after it.

    Examples
    --------
    Two people are right before minute 30 and half as often after it; a third stops early, and counts for nothing:

    >>> found = before_and_after(np.array([0, 0, 0, 1, 1, 2]), np.array([1.0, 31, 32, 5, 40, 5]),
    ...                          np.array([1.0, 1, 0, 1, 0.5, 0]), 30)
    >>> found.before, found.after, found.difference.value, found.difference.n, found.answers
    (1.0, 0.5, -0.5, 2, (2, 3))
    """
    known = np.isfinite(minutes) & np.isfinite(scores)
    people, late, scores = people[known], minutes[known] >= cut, scores[known]
    size = int(people.max(initial=-1)) + 1
    first, n = group_means(people[~late], scores[~late], size)
    second, m = group_means(people[late], scores[late], size)
    both = (n > 0) & (m > 0)
    if not both.any():
        return BeforeAndAfter(None, None, Estimate.undefined(NOBODY), (0, 0))
    first, second, n, m = first[both], second[both], n[both], m[both]
    weight = n * m / (n + m)
    features = np.stack([weight * (second - first), weight], axis=1)
    sums = ItemSums(
        np.ones(len(weight), np.int64), sparse.csr_array(features), lambda s: (s[:, 0] / s[:, 1])[:, None]
    )
    value, count = float(sums.point()[0]), len(weight)
    difference = Estimate(value, None, None, count)
    # Where everybody changed alike, no resample says anything else
    if count >= 2 and np.ptp(second - first) > ALIKE:
        lows, highs = sums.intervals(seed, replicates)
        if np.isfinite(lows[0]):
            difference = Estimate(value, max(-1.0, float(lows[0])), min(1.0, float(highs[0])), count)
    before = float((weight * first).sum() / weight.sum())
    return BeforeAndAfter(before, before + value, difference, (int(n.sum()), int(m.sum())))
