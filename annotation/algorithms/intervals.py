"""Estimates with their intervals: Wilson for proportions, bootstrap and jackknife for everything else.

Nothing here resamples rows. Whatever is a function of sums over independent units is resampled from the
*distinct* units and how often each occurs, which is the same distribution at a cost that does not grow with
the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Bounds the memory of one draw; the numbers drawn do not depend on it.
_DRAWS_AT_ONCE = 2_000_000


class EstimateDict(TypedDict):
    """An estimate as the REST interface writes it."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its interval and what it rests on.

    Attributes
    ----------
    value : float or None
        None when the figure is undefined; `reason` then says why.
    low, high : float or None
        Ends of the interval; None when the figure, or its interval, is undefined.
    n : int
        Number of independent units (answers, texts, predictions) behind the figure.
    reason : str or None
        A sentence for people, only where `value` is None.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    @classmethod
    def undefined(cls, reason: str, n: int = 0) -> Estimate:
        """Return the estimate that has no value, and why."""
        return cls(None, None, None, n, reason)

    def as_dict(self) -> EstimateDict:
        """Return the five fields, ready for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "reason": self.reason}


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution.

    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    return float(special.ndtri(probability))


def wilson(successes: int, n: int, confidence: float = 0.95, *, reason: str = "nothing to count") -> Estimate:
    """Estimate a proportion with Wilson's score interval.

    Parameters
    ----------
    successes, n : int
        0 <= successes <= n.
    confidence : float
        Between 0 and 1.
    reason : str
        The sentence given when n is 0 and the proportion therefore undefined.

    Returns
    -------
    Estimate
        `low` is exactly 0 without a success and `high` exactly 1 without a failure.

    Raises
    ------
    ValueError
        When the counts are impossible or the confidence is not between 0 and 1.

    Examples
    --------
    81 of 263 (Newcombe 1998, table I, case a: 0.2553 to 0.3662):

    >>> e = wilson(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2553, 0.3662)

    References
    ----------
    Wilson (1927), JASA 22, 209-212. Newcombe (1998), Statistics in Medicine 17, 857-872.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n, not {successes} of {n}")
    _check_confidence(confidence)
    if n == 0:
        return Estimate.undefined(reason)
    share = successes / n
    z = normal_quantile((1 + confidence) / 2)
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    # Rounding would otherwise leave 1e-17 and 0.9999999999999999 at the two ends.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(share, low, high, n)


def bounds_where_all_say(value: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return bounds on the mean of a figure between 0 and 1 of which all n units show the same value.

    Every resample says the same then, however few the units. But the share of others among all there could be is at
    most Wilson's bound for none of n, and these may show anything from 0 to 1.

    Examples
    --------
    >>> bounds_where_all_say(1.0, 30)[0] == wilson(30, 30).low
    True
    >>> low, high = bounds_where_all_say(0.5, 30)
    >>> round(low, 4), round(high, 4)
    (0.4432, 0.5568)
    """
    others = wilson(0, n, confidence).high or 0.0
    return (1 - others) * value, (1 - others) * value + others


def percentile_interval(
    replicates: FloatArray, confidence: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of bootstrap replicates.

    Replicates in which the figure is undefined (NaN) are left out: the interval is conditional on the figure
    being defined. When that leaves fewer than half of them there is no interval.

    >>> low, high = percentile_interval(np.arange(101.0), 0.9)
    >>> round(low, 6), round(high, 6)
    (5.0, 95.0)
    """
    _check_confidence(confidence)
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or 2 * len(defined) < len(replicates):
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def resampled_sums(
    counts: IntArray, features: sparse.csr_array, replicates: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield bootstrap replicates of the sums of features over units, some at a time.

    Drawing n units with replacement, where unit kind d occurs counts[d] times, gives each kind a
    multinomial number of draws; only these numbers are drawn.

    Parameters
    ----------
    counts : (kinds,) int array
        How many units there are of each distinct kind.
    features : (kinds, k) sparse array
        What one unit of the kind adds to each of k sums.
    replicates : int
        Number of replicates in all.
    rng : numpy Generator
        Source of randomness; the result does not depend on how the work is cut up.

    Yields
    ------
    (some, k) float array
        Sums, one row a replicate; `replicates` rows in all.

    Raises
    ------
    ValueError
        When no replicate is asked for.

    Examples
    --------
    Three units of one kind and one of another, always four in all:

    >>> kinds = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> sums = np.concatenate(list(resampled_sums(np.array([3, 1]), kinds, 5, np.random.default_rng(0))))
    >>> sums.shape, sums.sum(axis=1).tolist()
    ((5, 2), [4.0, 4.0, 4.0, 4.0, 4.0])
    """
    if replicates < 1:
        raise ValueError(f"at least one replicate is needed, not {replicates}")
    total = int(counts.sum())
    at_once = max(1, _DRAWS_AT_ONCE // max(1, len(counts)))
    by_sum = features.T.tocsr()
    for start in range(0, replicates, at_once):
        size = min(at_once, replicates - start)
        if total == 0:
            yield np.zeros((size, by_sum.shape[0]))
            continue
        drawn = rng.multinomial(total, counts / total, size=size)
        yield np.ascontiguousarray((by_sum @ drawn.T.astype(np.float64)).T)


def jackknife_error(left_out_mean: FloatArray, left_out_square: FloatArray, n: int) -> FloatArray:
    """Return the jackknife standard error from the moments of the leave-one-out differences.

    Parameters
    ----------
    left_out_mean, left_out_square : float array
        Mean over the n units of (figure without the unit - figure), and of its square.
    n : int
        Number of units.

    Returns
    -------
    float array
        sqrt((n - 1) / n * sum of squared deviations); NaN for fewer than two units.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 11.5.
    """
    if n < 2:
        return np.full_like(left_out_mean, np.nan)
    variance = np.maximum(left_out_square - left_out_mean**2, 0.0)
    return np.asarray(np.sqrt((n - 1) * variance), dtype=np.float64)


def student_interval(value: float, error: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return value -/+ Student's t with n - 1 degrees of freedom times the standard error.

    >>> low, high = student_interval(0.5, 0.1, 10)
    >>> round(low, 4), round(high, 4)
    (0.2738, 0.7262)
    """
    _check_confidence(confidence)
    half = float(special.stdtrit(n - 1, (1 + confidence) / 2)) * error
    return value - half, value + half


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
