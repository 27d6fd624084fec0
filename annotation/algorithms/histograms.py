"""The bins in which numbers and moments are counted: round edges, and calendar periods."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

MOST_BINS = 20
MOST_PERIODS = 60
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
PERIODS = {"day": 1.0, "week": 7.0, "month": 30.4, "year": 365.2, "decade": 3652.4, "century": 36524.2}


def round_edges(low: float, high: float, most: int = MOST_BINS, whole: bool = False) -> list[float]:
    """Return edges of equally wide bins from `low` to above `high`, at multiples of 1, 2, 2.5 or 5 times a power of 10.

    Parameters
    ----------
    low, high : float
        Both lie in a bin; the last bin ends above `high`.
    most : int
        Bins at most, at least 2.
    whole : bool
        Whether the values are whole numbers, so that no bin is narrower than 1.

    Examples
    --------
    >>> round_edges(1, 5, whole=True)
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    >>> round_edges(0.2, 0.9, most=5)
    [0.2, 0.4, 0.6, 0.8, 1.0]
    """
    width = (high - low) / most
    if width <= 0 or not math.isfinite(width):
        width = 1.0 if whole or low == 0 else abs(low) / 10
    step = _at_least(max(width, 1.0) if whole else width, whole)
    while True:
        first = math.floor(low / step)
        last = math.floor(high / step) + 1
        if last - first <= most or not math.isfinite(step):
            return [float(f"{at * step:.12g}") for at in range(first, last + 1)]
        step = _at_least(step * 1.01, whole)


def _at_least(width: float, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(width))
    steps = (step * power for step in _STEPS if not whole or (step * power).is_integer())
    return next((step for step in steps if step >= width * (1 - 1e-9)), 10 * power)


def in_bins(counts: Iterable[tuple[float, int]], edges: Sequence[float]) -> list[int]:
    """Return how many values lie in each bin [edge, next edge); what lies outside is in the first or last one.

    Examples
    --------
    >>> in_bins([(0.5, 2), (1.0, 1), (9.0, 4)], [0, 1, 2])
    [2, 5]
    """
    found = [0] * (len(edges) - 1)
    for value, n in counts:
        found[min(max(bisect_right(edges, value) - 1, 0), len(found) - 1)] += n
    return found


def period_for(first: datetime, last: datetime, most: int = MOST_PERIODS) -> str:
    """Return the shortest calendar period of which at most so many lie between two moments.

    Examples
    --------
    >>> period_for(datetime(2024, 1, 1), datetime(2024, 2, 1)), period_for(datetime(2020, 1, 1), datetime(2024, 2, 1))
    ('day', 'month')
    """
    days = (last - first) / timedelta(days=1)
    return next((name for name, length in PERIODS.items() if days / length + 1 <= most), "century")


def next_period(start: datetime, period: str) -> datetime:
    """Return when the period after the one that starts then starts.

    Examples
    --------
    >>> next_period(datetime(2024, 2, 1, tzinfo=UTC), "month").isoformat()
    '2024-03-01T00:00:00+00:00'
    """
    if period == "day":
        return start + timedelta(days=1)
    if period == "week":
        return start + timedelta(days=7)
    if period == "month":
        return (start + timedelta(days=32)).replace(day=1, tzinfo=UTC)
    years = {"year": 1, "decade": 10, "century": 100}[period]
    return start.replace(year=start.year + years)


def every_period(found: dict[datetime, int], period: str) -> list[tuple[datetime, datetime, int]]:
    """Return (start, end, n) of each period from the first to the last that is known, empty ones too.

    Examples
    --------
    >>> first, third = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC)
    >>> [n for _, _, n in every_period({first: 2, third: 1}, "day")]
    [2, 0, 1]
    """
    rows: list[tuple[datetime, datetime, int]] = []
    if not found:
        return rows
    at, last = min(found), max(found)
    while at <= last:
        end = next_period(at, period)
        rows.append((at, end, found.get(at, 0)))
        at = end
    return rows
