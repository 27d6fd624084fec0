"""An exact prefix-filter join: the pairs of sets whose Jaccard similarity reaches a threshold.

Candidates come from a prefix filter (Chaudhuri et al. 2006, "A primitive operator for similarity joins"; Bayardo
et al. 2007, "Scaling up all pairs similarity search") with the length and positional filters of Xiao et al. 2008
("Efficient similarity joins for near duplicate detection"); each is verified by the exact size of its intersection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Progress = Callable[[float], None]

# Sizes of the chunks in which the work is done; they bound memory, not results.
_CANDIDATES_AT_ONCE = 2_000_000
_VERIFIED_AT_ONCE = 8_000_000
# Bounds are loosened by this before rounding up: they may only let too much through, never too little.
_SLACK = 1e-6


class SimilarityJoin:
    """The join over sets of shingles.

    Parameters
    ----------
    row, shingle : (M,) int arrays
        The entries of the sets, without repetition. Shingles that one set alone has may be left out.
    size : (R,) int array
        The size of every set, left-out shingles included.
    threshold : float
        Above 0, up to 1; a similarity of exactly this counts.
    side : (R,) int array, optional
        Two sets with the same side of 0 or more are no pair; -1 is paired with all.
    """

    def __init__(
        self, row: IntArray, shingle: IntArray, size: IntArray, threshold: float, side: IntArray | None = None
    ) -> None:
        self.threshold = threshold
        row, shingle = self._prune(row, shingle, np.ceil(size * threshold - _SLACK).astype(np.int64))
        # Surviving sets are numbered by size, their shingles from rarest to commonest.
        alive = np.unique(row)
        self.number = alive[np.argsort(size[alive], kind="stable")]
        self.size = size[self.number]
        self.side = None if side is None else side[self.number]
        place = np.zeros(len(size), np.int64)
        place[self.number] = np.arange(len(self.number))
        found, shingle = np.unique(shingle, return_inverse=True)
        rank = np.empty(len(found), np.int64)
        rank[np.argsort(np.bincount(shingle, minlength=len(found)), kind="stable")] = np.arange(len(found))
        key = (place[row] << 32) | rank[shingle]
        key.sort()
        self.row, self.rank = key >> 32, key & 0xFFFFFFFF
        self.kept = np.bincount(self.row, minlength=len(self.size))
        self.starts = np.concatenate([[0], np.cumsum(self.kept)])
        self.matrix = sparse.csr_array(
            (np.ones(len(key), np.int8), self.rank.astype(np.int32), self.starts),
            shape=(len(self.size), max(1, len(found))),
        )

    @staticmethod
    def _prune(row: IntArray, shingle: IntArray, need: IntArray) -> tuple[IntArray, IntArray]:
        """Take out sets with too few shared shingles to reach any partner, then shingles left with one set."""
        while len(row):
            before = len(row)
            keep = (np.bincount(row, minlength=len(need)) >= need)[row]
            row, shingle = row[keep], shingle[keep]
            if len(row):
                keep = (np.bincount(shingle) >= 2)[shingle]
                row, shingle = row[keep], shingle[keep]
            if len(row) == before:
                break
        return row, shingle

    def run(self, report: Progress = lambda _: None) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the pairs a < b, sorted, and their similarities."""
        found: list[tuple[IntArray, IntArray, FloatArray]] = []
        for x, y in self._candidates(report):
            found += self._verified(x, y)
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64)
        x = self.number[np.concatenate([pairs[0] for pairs in found])]
        y = self.number[np.concatenate([pairs[1] for pairs in found])]
        similarity = np.concatenate([pairs[2] for pairs in found])
        a, b = np.minimum(x, y), np.maximum(x, y)
        _, once = np.unique((a << 32) | b, return_index=True)
        return a[once], b[once], similarity[once]

    def _candidates(self, report: Progress) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield pairs of sets x < y (so the size of x is at most that of y) that share a prefix shingle.

        Shingles that were pruned count as the rarest: they stand before the kept ones and match nothing.
        """
        t = self.threshold
        position = np.arange(len(self.row)) - self.starts[self.row]
        probing = self.kept - np.ceil(self.size * t - _SLACK).astype(np.int64) + 1
        indexing = self.kept - np.ceil(self.size * (2 * t / (1 + t)) - _SLACK).astype(np.int64) + 1
        indexed = np.flatnonzero(position < indexing[self.row])
        index_key = (self.rank[indexed] << 32) | self.row[indexed]
        order = np.argsort(index_key)
        indexed, index_key = indexed[order], index_key[order]
        shortest = np.searchsorted(self.size, np.ceil(self.size * t - _SLACK))
        probes = np.flatnonzero(position < probing[self.row])
        probe_key = self.rank[probes] << 32
        low = np.searchsorted(index_key, probe_key | shortest[self.row[probes]])
        high = np.searchsorted(index_key, probe_key | self.row[probes])
        matched = high > low
        probes, low, high = probes[matched], low[matched], high[matched]
        ends = np.cumsum(high - low)
        total = int(ends[-1]) if len(ends) else 0
        begin = 0
        while begin < len(probes):
            offset = int(ends[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, offset + _CANDIDATES_AT_ONCE, side="right")))
            lengths = high[begin:end] - low[begin:end]
            y_entry = np.repeat(probes[begin:end], lengths)
            within = np.arange(len(y_entry)) - np.repeat(ends[begin:end] - lengths - offset, lengths)
            x_entry = indexed[np.repeat(low[begin:end], lengths) + within]
            yield self._filtered(x_entry, y_entry, position)
            begin = end
            report(int(ends[end - 1]) / total)

    def _filtered(
        self, x_entry: IntArray, y_entry: IntArray, position: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Leave out pairs on one side, and those whose positions leave too little to share; each pair once."""
        x, y = self.row[x_entry], self.row[y_entry]
        i, j = position[x_entry], position[y_entry]
        most = np.minimum(i, j) + np.minimum(self.kept[x] - i, self.kept[y] - j)
        t = self.threshold
        keep = most >= (self.size[x] + self.size[y]) * (t / (1 + t)) - _SLACK
        if self.side is not None:
            side = self.side[x]
            keep &= (side != self.side[y]) | (side < 0)
        key = np.unique((y[keep] << 32) | x[keep])
        return key & 0xFFFFFFFF, key >> 32

    def _verified(self, x: IntArray, y: IntArray) -> list[tuple[IntArray, IntArray, FloatArray]]:
        """Keep the pairs whose similarity is the threshold or more, by the exact size of the intersection.

        Correctly rounded division makes a ratio that equals the threshold as written compare as equal to it.
        """
        found = []
        ends = np.cumsum(self.kept[x] + self.kept[y])
        begin = 0
        while begin < len(x):
            offset = int(ends[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, offset + _VERIFIED_AT_ONCE, side="right")))
            some_x, some_y = x[begin:end], y[begin:end]
            both = self.matrix[some_x].multiply(self.matrix[some_y]).tocsr()
            shared = np.diff(both.indptr).astype(np.int64)
            similarity = shared / (self.size[some_x] + self.size[some_y] - shared)
            near = similarity >= self.threshold
            found.append((some_x[near], some_y[near], similarity[near]))
            begin = end
        return found
