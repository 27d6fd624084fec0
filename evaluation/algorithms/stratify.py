"""Dealing units (items that stay together) to splits so that every split gets its share of each label.

The iterative stratification of Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of multi-label data":
the rarest label first, each unit to the split that wants this label most. Two things are added. Wants that differ by
less than one item are ties, decided by the sizes of the splits, so that rounding does not always favour the largest
split. And single items with the same labels are dealt in bulk.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt
from scipy import sparse

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_ROUNDING = 1e-9


class Dealer:
    """Units, what they hold, and the split that each has been dealt to so far.

    Parameters
    ----------
    counts : (U, L) sparse int array
        How many items with each label a unit has. Every unit has at least one label.
    size : (U,) int array
        How many items a unit has.
    shares : (S,) float array
        The share of each split; they add up to 1.
    priority : (U,) int array
        Among equals, units are dealt in this order.
    """

    def __init__(
        self, counts: sparse.csr_array, size: IntArray, shares: FloatArray, priority: IntArray
    ) -> None:
        self.counts, self.size, self.shares, self.priority = counts, size, shares, priority
        self.split = np.full(len(size), -1, np.int64)
        self.target: list[float] = (shares * size.sum()).tolist()
        self._share: list[float] = shares.tolist()
        self._open = [s for s, share in enumerate(self._share) if share > 0]
        self._filled = [0] * len(shares)
        totals = np.asarray(counts.sum(axis=0)).ravel()
        self._desire: list[list[float]] = np.outer(totals, shares).tolist()
        self._total: list[int] = totals.tolist()

    def deal(self) -> IntArray:
        """Deal all units: the large first, then what has to stay together, then the single items."""
        smallest = min(self.target[s] for s in self._open)
        large = np.flatnonzero((self.size > 1) & (self.size * 2 >= smallest))
        self._one_by_one(large)
        self._rarest_first(np.flatnonzero((self.split < 0) & (self.size > 1)))
        self._in_bulk(np.flatnonzero(self.size == 1))
        self._rarest_first(np.flatnonzero(self.split < 0))
        return self.split

    def _one_by_one(self, units: IntArray) -> None:
        order = units[np.lexsort((self.priority[units], -self.size[units]))]
        for unit in order.tolist():
            labels, counts = self._held(unit)
            rarest = min(labels, key=self._total.__getitem__)
            self._assign(unit, rarest, labels, counts)

    def _held(self, unit: int) -> tuple[list[int], list[int]]:
        begin, end = self.counts.indptr[unit], self.counts.indptr[unit + 1]
        return self.counts.indices[begin:end].tolist(), self.counts.data[begin:end].tolist()

    def _rarest_first(self, units: IntArray) -> None:
        """Take the label with the fewest items left, deal all units that hold it, and so on."""
        if not len(units):
            return
        units = units[np.lexsort((self.priority[units], -self.size[units]))]
        some = self.counts[units]
        columns = some.tocsc()
        left: list[int] = np.asarray(some.sum(axis=0)).ravel().tolist()
        heap = [(number, label) for label, number in enumerate(left) if number]
        heapq.heapify(heap)
        numbers = units.tolist()
        dealt = [False] * len(numbers)
        while heap:
            number, label = heapq.heappop(heap)
            if number != left[label] or not number:
                continue
            begin, end = int(columns.indptr[label]), int(columns.indptr[label + 1])
            rows, held = columns.indices[begin:end], columns.data[begin:end]
            order = rows[np.lexsort((rows, -held))] if int(held.max()) > 1 else np.sort(rows)
            changed = set()
            for row in order.tolist():
                if dealt[row]:
                    continue
                dealt[row] = True
                labels, counts = self._held(numbers[row])
                self._assign(numbers[row], label, labels, counts)
                for each, count in zip(labels, counts, strict=True):
                    left[each] -= count
                changed.update(labels)
            for each in changed:
                if left[each]:
                    heapq.heappush(heap, (left[each], each))

    def _assign(self, unit: int, label: int, labels: list[int], counts: list[int]) -> None:
        size = int(self.size[unit])
        splits = self._open
        if size > 1:
            splits = [s for s in splits if self._filled[s] + size <= self.target[s] + _ROUNDING] or splits
        desire = self._desire[label]
        most = max(desire[s] for s in splits)
        tied = [s for s in splits if desire[s] > most - 1 + _ROUNDING]
        if len(tied) > 1:
            done = sum(self._filled) + size
            wanting = [round(self._share[s] * done - self._filled[s], 9) for s in tied]
            chosen = tied[wanting.index(max(wanting))]
        else:
            chosen = tied[0]
        self.split[unit] = chosen
        self._filled[chosen] += size
        for each, count in zip(labels, counts, strict=True):
            self._desire[each][chosen] -= count

    def _in_bulk(self, units: IntArray) -> None:
        """Deal single items with the same labels by the whole part of what each split should get of them."""
        signatures: dict[bytes, list[int]] = {}
        indptr, indices = self.counts.indptr.tolist(), self.counts.indices
        for unit in units[np.argsort(self.priority[units])].tolist():
            signatures.setdefault(indices[indptr[unit] : indptr[unit + 1]].tobytes(), []).append(unit)
        for _, members in sorted(signatures.items(), key=lambda item: (len(item[1]), item[0])):
            if len(members) < 2:
                continue
            labels, _ = self._held(members[0])
            rarest = min(labels, key=self._total.__getitem__)
            wanted = [max(0.0, want) for want in self._desire[rarest]]
            if not sum(wanted):
                continue
            begin = 0
            scale = len(members) / sum(wanted)
            for split, want in enumerate(wanted):
                number = int(want * scale + _ROUNDING)
                self.split[members[begin : begin + number]] = split
                self._filled[split] += number
                for each in labels:
                    self._desire[each][split] -= number
                begin += number
