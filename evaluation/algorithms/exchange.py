"""Moving and exchanging units: first until sizes are right, then to bring labels to splits that have none of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_MOST_MOVES = 1000
# How many labels are looked at for something to give back in exchange.
_MOST_TRIED = 20
# A split may be off by rounding, but not by a whole item.
_LESS_THAN_ONE = 0.999


def settle(split: IntArray, counts: sparse.csr_array, size: IntArray, shares: FloatArray) -> IntArray:
    """Return `split` with sizes evened out and labels brought where they are missing, if the sizes allow it.

    Parameters
    ----------
    split : (U,) int array
        The split of each unit.
    counts : (U, L) sparse int array
        How many items with each label a unit has.
    size : (U,) int array
        How many items a unit has.
    shares : (S,) float array
        The share of each split; they add up to 1.
    """
    exchange = _Exchange(split.copy(), counts, size, shares)
    exchange.even_sizes()
    for label in np.argsort(exchange.units.sum(axis=1), kind="stable").tolist():
        if exchange.units[label].sum() < len(exchange.open):
            continue
        for missing in exchange.open:
            if not exchange.units[label, missing]:
                exchange.bring(label, missing)
    return exchange.split


class _Exchange:
    """The splits, how many units with each label they hold (L × S), and how far their sizes are off."""

    def __init__(self, split: IntArray, counts: sparse.csr_array, size: IntArray, shares: FloatArray) -> None:
        self.split, self.counts, self.size = split, counts, size
        self.columns = counts.tocsc()
        self.open: list[int] = np.flatnonzero(shares > 0).tolist()
        one = sparse.csr_array(
            (np.ones(len(split), np.int64), (np.arange(len(split)), split)), shape=(len(split), len(shares))
        )
        held = (counts > 0).astype(np.int64)
        self.units = (held.T @ one).toarray()
        self.excess = (counts.T @ one).toarray() - np.outer(np.asarray(counts.sum(axis=0)).ravel(), shares)
        self.over: FloatArray = np.bincount(split, size, minlength=len(shares)) - shares * size.sum()

    def even_sizes(self) -> None:
        """Move units from the fullest split to the emptiest while both are off by a unit's size or more."""
        for _ in range(_MOST_MOVES):
            fullest = max(self.open, key=lambda split: self.over[split])
            emptiest = min(self.open, key=lambda split: self.over[split])
            off = int(min(self.over[fullest], -self.over[emptiest]) + 1e-9)
            if not off or not self._move_one(fullest, emptiest, off):
                return

    def _move_one(self, source: int, into: int, most: int) -> bool:
        gain = self.excess[:, source] - self.excess[:, into]
        for label in np.argsort(-gain, kind="stable")[:_MOST_TRIED].tolist():
            unit = self._spare(label, source, into, 1)
            if unit is not None and self.size[unit] <= most:
                self._move(unit, into)
                return True
        return False

    def bring(self, label: int, into: int) -> None:
        """Move the smallest unit with this label there, and one of the same size back, if the sizes stay right."""
        unit = self._spare(label, None, into)
        if unit is None:
            return
        source = int(self.split[unit])
        moved = int(self.size[unit])
        allowed = max(_LESS_THAN_ONE, moved / 2, abs(self.over[into]), abs(self.over[source]))
        self._move(unit, into)
        if self._within(allowed, into, source):
            return
        for other in np.argsort(-self.excess[:, into], kind="stable")[:_MOST_TRIED].tolist():
            back = self._spare(other, into, source, moved)
            if back is None or back == unit:
                continue
            self._move(back, source)
            if self._within(allowed, into, source):
                return
            self._move(back, into)
        self._move(unit, source)

    def _within(self, allowed: float, *splits: int) -> bool:
        return all(abs(self.over[split]) <= allowed + 1e-9 for split in splits)

    def _spare(self, label: int, source: int | None, into: int, size: int = 1) -> int | None:
        """Return the unit with this label, of the size next to `size`, that its split can do without."""
        begin, end = self.columns.indptr[label], self.columns.indptr[label + 1]
        rows = self.columns.indices[begin:end]
        places = self.split[rows]
        possible = (places != into) & (self.units[label, places] > 1)
        if source is not None:
            possible &= places == source
        rows = rows[possible]
        order = np.lexsort((rows, -self.excess[label, self.split[rows]], np.abs(self.size[rows] - size)))
        for unit in rows[order[:_MOST_TRIED]].tolist():
            labels = self._labels(unit)
            if (self.units[labels, self.split[unit]] > 1).all():
                return int(unit)
        return None

    def _labels(self, unit: int) -> npt.NDArray[np.int32]:
        held: npt.NDArray[np.int32] = self.counts.indices[
            self.counts.indptr[unit] : self.counts.indptr[unit + 1]
        ]
        return held

    def _move(self, unit: int, into: int) -> None:
        labels = self._labels(unit)
        count = self.counts.data[self.counts.indptr[unit] : self.counts.indptr[unit + 1]]
        for split, sign in ((int(self.split[unit]), -1), (into, 1)):
            self.units[labels, split] += sign
            self.excess[labels, split] += sign * count
            self.over[split] += sign * self.size[unit]
        self.split[unit] = into
