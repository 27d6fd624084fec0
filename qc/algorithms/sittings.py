"""When in a sitting an answer was given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Seconds without an answer after which a new sitting starts, where nothing else is said
LONG_BREAK = 15 * 60.0
UNTIMED_GAP = 0.2  # seconds; nobody answers faster, so such times are those of an import
EDGES = (0, 5, 10, 15, 20, 30, 45, 60)  # minutes at which a stretch of the sitting begins


def minutes_into_sitting(
    annotators: IntArray, moments: FloatArray, long_break: float = LONG_BREAK
) -> FloatArray:
    """Return the minutes since the first answer of the sitting in which each answer was given.

    A sitting ends where somebody gives no answer for a long break.

    Parameters
    ----------
    annotators : (answers,) int array
        Codes from 0.
    moments : (answers,) float array
        Seconds since any fixed moment.
    long_break : float
        Seconds.

    Returns
    -------
    (answers,) float array
        NaN for people most of whose answers come at the same moment, as after an import without times.

    Examples
    --------
    >>> minutes_into_sitting(np.array([0, 0, 0, 0]), np.array([0.0, 60.0, 120.0, 3600.0])).tolist()
    [0.0, 1.0, 2.0, 0.0]
    >>> minutes_into_sitting(np.array([0, 0, 0, 0]), np.array([0.0, 60.0, 120.0, 3600.0]), 7200.0).tolist()
    [0.0, 1.0, 2.0, 60.0]
    """
    found = np.full(len(annotators), np.nan)
    if len(annotators) == 0:
        return found
    order = np.argsort(moments, kind="stable")
    # Whole numbers as short as this are sorted without comparing them
    who = annotators[order].astype(np.int16) if int(annotators.max()) < 2**15 else annotators[order]
    order = order[np.argsort(who, kind="stable")]
    people, times = annotators[order], moments[order]
    gap = np.diff(times, prepend=times[0])
    first = np.append(True, people[1:] != people[:-1])
    starts = first | (gap >= long_break)
    begun = times[starts][np.cumsum(starts) - 1]
    size = int(people.max()) + 1
    gaps = np.bincount(people[~first], minlength=size)
    sudden = np.bincount(people[~first & (gap < UNTIMED_GAP)], minlength=size)
    untimed = 2 * sudden > gaps
    found[order] = np.where(untimed[people], np.nan, (times - begun) / 60)
    return found


def stretch_of(minutes: FloatArray) -> IntArray:
    """Return which stretch of the sitting (from one of EDGES to the next) each answer lies in; -1 for NaN.

    >>> stretch_of(np.array([0.0, 7.0, 600.0, np.nan])).tolist()
    [0, 1, 7, -1]
    """
    known = ~np.isnan(minutes)
    found = np.full(len(minutes), -1, np.int64)
    found[known] = np.searchsorted(np.array(EDGES, dtype=np.float64), minutes[known], "right") - 1
    return found
