"""Intervals over texts for whatever is a function of sums over texts.

The bootstrap draws how often each *distinct* kind of text occurs, never the texts themselves, so that it costs the
same for a thousand texts and for a million.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from annotation.algorithms.intervals import (
    bounds_where_all_say,
    jackknife_error,
    resampled_sums,
    student_interval,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Values = Callable[[FloatArray], FloatArray]

# With fewer texts the bootstrap's tails are too thin: the jackknife with Student's t is used instead.
JACKKNIFE_BELOW = 50
# With more draws than this (over 25,000 distinct kinds, so at least as many texts) sampling is normal for all
# practical purposes, and the jackknife gives the same interval in a fraction of the time.
MOST_DRAWS = 25_000_000
ALIKE = 1e-12  # an interval narrower than this is that of texts which all say the same
_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class ItemSums:
    """What each distinct kind of text adds to the sums of which every figure is a function.

    Attributes
    ----------
    texts : (kinds,) int array
        How many texts there are of each kind.
    features : (kinds, k) sparse float array
        What one text of the kind adds to each of k sums.
    values : callable
        (r, k) sums → (r, o) figures, NaN where undefined.
    strata : sequence of (kinds,) bool arrays
        Kinds that are drawn among themselves; all together by default.
    left_out : callable, optional
        Slice of kinds → (some, o) figures without one text of each of these kinds, where there is a quicker way to
        them than by `values`.
    """

    texts: IntArray
    features: sparse.csr_array
    values: Values
    strata: Sequence[BoolArray] = ()
    left_out: Callable[[slice], FloatArray] | None = None

    @property
    def total(self) -> FloatArray:
        """The sums over all texts, (k,)."""
        return np.asarray(self.features.T @ self.texts.astype(np.float64), dtype=np.float64)

    def point(self) -> FloatArray:
        """The figures over all texts, (o,)."""
        return np.asarray(self.values(self.total[None, :])[0])

    def intervals(
        self, seed: int = 0, replicates: int = 1000, confidence: float = 0.95, units: IntArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper ends for each figure, NaN where there is no interval.

        From 50 texts on it is the bootstrap's BCa interval; below, and where there would be more than 25,000 kinds
        of text to draw, the jackknife's with Student's t. BCa is the percentile interval with its ends moved for the
        figure's bias and skew (Efron 1987). With 3 people at 200 texts, in 1,000 simulated data sets for each of four
        sets of labels, the plain percentile interval of alpha covered the true value in 92.7 to 94.8 %, BCa in 93.9
        to 97.1 %. At 30 texts the jackknife covered it in 93.1 to 95.5 % for three of them; where the fourth, two
        labels 9 to 1, leaves samples without any disagreement, no resampling helps.

        A figure that is undefined in more than half of the replicates, or when some text is left out, has none.

        Parameters
        ----------
        seed, replicates, confidence
            Of the bootstrap.
        units : (o,) int array, optional
            Texts on which each figure rests; all by default.
        """
        n = int(self.texts.sum())
        point = self.point()
        lows, highs = np.full(len(point), np.nan), np.full(len(point), np.nan)
        if n == 0:
            return lows, highs
        rests = np.full(len(point), n) if units is None else units
        jackknifed = Moments.of(self, point)
        if int(rests.min(initial=n)) < JACKKNIFE_BELOW or len(self.texts) * replicates > MOST_DRAWS:
            for at, count in enumerate(rests):
                error = jackknifed.error(at, int(count))
                if np.isfinite(error):
                    lows[at], highs[at] = student_interval(point[at], error, int(count), confidence)
            return lows, highs
        drawn = np.concatenate(list(self.replicates(seed, replicates)))
        for at, count in enumerate(rests):
            lows[at], highs[at] = bca_interval(
                drawn[:, at], point[at], jackknifed.acceleration(at, int(count)), confidence
            )
        return lows, highs

    def intervals_of_each(
        self, units: IntArray, seed: int = 0, replicates: int = 1000
    ) -> tuple[FloatArray, FloatArray]:
        """Return `intervals` where figures rest on different texts, as those of rare labels do.

        A figure that rests on fewer than 50 texts has the jackknife's, however many there are in all; one to which all
        texts say the same has the bounds of `bounds_where_all_say`; one that rests on a single text has none.

        Parameters
        ----------
        units : (o,) int array
            Texts on which each figure, a share between 0 and 1, rests.
        seed, replicates
            Of the bootstrap.
        """
        point = self.point()
        lows, highs = self.intervals(seed, replicates, units=np.maximum(units, 1))
        many = units >= JACKKNIFE_BELOW
        if many.any() and not many.all():
            drawn = self.intervals(seed, replicates, units=np.full(len(point), int(self.texts.sum())))
            lows[many], highs[many] = drawn[0][many], drawn[1][many]
        lows[units < 2], highs[units < 2] = np.nan, np.nan
        alike = (point == 0) | (point == 1) | (highs - lows < ALIKE)
        for at in np.flatnonzero(alike & (units > 0)):
            lows[at], highs[at] = bounds_where_all_say(float(point[at]), int(units[at]))
        return np.maximum(lows, 0.0), np.minimum(highs, 1.0)

    def replicates(self, seed: int, replicates: int) -> Iterator[FloatArray]:
        """Yield (some, o) figures of bootstrap replicates, `replicates` rows in all."""
        rng = np.random.default_rng(seed)
        strata = self.strata or (np.ones(len(self.texts), np.bool_),)
        first, *rest = [
            resampled_sums(self.texts[kinds], self.features[kinds], replicates, rng.spawn(1)[0])
            for kinds in strata
        ]
        others = np.zeros((replicates, self.features.shape[1]))
        for drawn in rest:
            others += np.concatenate(list(drawn))
        start = 0
        for sums in first:
            yield self.values(sums + others[start : start + len(sums)])
            start += len(sums)


@dataclass(frozen=True, slots=True)
class Moments:
    """First three moments of what leaving one text out changes, summed over the texts; each (o,)."""

    first: FloatArray
    second: FloatArray
    third: FloatArray

    @classmethod
    def of(cls, sums: ItemSums, point: FloatArray) -> Moments:
        """Leave each kind of text out once and weigh it by how many there are."""
        found = np.zeros((3, len(point)))
        at_once = max(1, _CELLS_AT_ONCE // max(1, sums.features.shape[1]))
        total = sums.total
        for start in range(0, len(sums.texts), at_once):
            part = slice(start, start + at_once)
            if sums.left_out is None:
                change = sums.values(total - sums.features[part].toarray()) - point
            else:
                change = sums.left_out(part) - point
            for power in (1, 2, 3):
                found[power - 1] += sums.texts[part] @ change**power
        return cls(*found)

    def error(self, at: int, n: int) -> float:
        """The jackknife's standard error of one figure that rests on n texts."""
        return float(jackknife_error(self.first[[at]] / n, self.second[[at]] / n, n)[0])

    def acceleration(self, at: int, n: int) -> float:
        """BCa's correction for skew: a sixth of the skewness of the texts' influence."""
        mean = self.first[at] / n
        square = self.second[at] / n - mean**2
        cube = self.third[at] / n - 3 * mean * self.second[at] / n + 2 * mean**3
        if not square > 0:
            return 0.0
        return float(-cube / (6 * np.sqrt(n) * square**1.5))


def bca_interval(
    replicates: FloatArray, value: float, acceleration: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval; NaN where there is none.

    Replicates in which the figure is undefined are left out; with fewer than half of them there is no interval.

    Parameters
    ----------
    replicates : (r,) float array
        The figure in each replicate.
    value : float
        The figure itself.
    acceleration : float
        A sixth of the skewness of the units' influence; 0 gives the bias-corrected interval.

    Examples
    --------
    Without bias and skew it is the percentile interval:

    >>> low, high = bca_interval(np.arange(101.0), 50.0, 0.0, 0.9)
    >>> round(low, 6), round(high, 6)
    (5.0, 95.0)

    References
    ----------
    Efron (1987), JASA 82, 171-185.
    """
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or 2 * len(defined) < len(replicates) or not np.isfinite(value):
        return np.nan, np.nan
    below = (np.count_nonzero(defined < value) + 0.5 * np.count_nonzero(defined == value)) / len(defined)
    bias = special.ndtri(np.clip(below, 0.5 / len(defined), 1 - 0.5 / len(defined)))
    tails = special.ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    shifted = bias + (bias + tails) / np.maximum(1 - acceleration * (bias + tails), 0.05)
    low, high = np.quantile(defined, special.ndtr(shifted))
    return float(low), float(high)
