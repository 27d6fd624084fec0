"""An exact prefix-filter join: the pairs of sets whose Jaccard similarity reaches a threshold.

Candidates come from a prefix filter (Chaudhuri et al. 2006, "A primitive operator for similarity joins"; Bayardo
et al. 2007, "Scaling up all pairs similarity search") with the length and positional filters of Xiao et al. 2008
("Efficient similarity joins for near duplicate detection") and the bitmap filter of Sandes et al. 2020 ("Bitmap
filter: speeding up exact set similarity joins with bitwise operations"); each is verified by the exact size of its
intersection. Shingles meet by hashes, which lets some pairs through that share none and never keeps one out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from annotation.algorithms.shingles import IntArray, Interned, Progress, beginnings

FloatArray = npt.NDArray[np.float64]
Found = tuple[IntArray, IntArray, FloatArray]

# Sizes of the pieces in which the work is done; they bound memory, not results.
_CANDIDATES_AT_ONCE = 1_000_000
_VERIFIED_AT_ONCE = 2_000_000
_ENTRIES_AT_ONCE = 4_000_000
# Bounds are loosened by this before rounding up: they may only let too much through, never too little.
_SLACK = 1e-6


class SimilarityJoin:
    """The join over the sets of shingles of distinct texts.

    Parameters
    ----------
    interned : Interned
        The texts, G of which are distinct.
    threshold : float
        Above 0, up to 1; a similarity of exactly this counts.
    side : (G,) int array, optional
        Two sets with the same side of 0 or more are no pair; -1 is paired with all.
    report : callable
        Called with the share of the preparation that is done, from 0 to 1.
    """

    def __init__(
        self,
        interned: Interned,
        threshold: float,
        side: IntArray | None = None,
        report: Progress = lambda _: None,
    ) -> None:
        self.interned, self.threshold = interned, threshold
        kept = beginnings(interned, threshold, _SLACK, report)
        # Sets that may reach a partner are numbered by size
        alive = np.flatnonzero(kept.size)
        self.number = alive[np.argsort(kept.size[alive], kind="stable")]
        self.size = kept.size[self.number]
        self.bits = kept.bits[self.number]
        self.side = None if side is None else side[self.number]
        self.kept = kept
        self.rank = np.zeros(len(interned), np.int32)
        self.rank[self.number] = np.arange(len(self.number))

    def run(self, report: Progress = lambda _: None, most: int | None = None) -> Found:
        """Return the pairs a < b, sorted, and their similarities; raises TooManyPairs above `most` of them."""
        found, held = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))], 0
        for x, y in self._candidates(report):
            for some in self._verified(x, y):
                found.append(some)
                held += len(some[0])
            if most is not None and held > most:  # some may be there more than once
                found = [_each_once(found)]
                if len(found[0][0]) > most:
                    raise TooManyPairs
                held = 0
        x, y, similarity = _each_once(found)
        a, b = self.number[x], self.number[y]
        a, b = np.minimum(a, b), np.maximum(a, b)
        order = np.lexsort((b, a))
        return a[order], b[order], similarity[order]

    def _candidates(self, report: Progress) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield pairs of sets x < y (so the size of x is at most that of y) that share one of their rarest shingles."""
        t = self.threshold
        probing = self.size - np.ceil(self.size * t - _SLACK).astype(np.int64) + 1
        indexing = self.size - np.ceil(self.size * (2 * t / (1 + t)) - _SLACK).astype(np.int64) + 1
        shortest = np.searchsorted(self.size, np.ceil(self.size * t - _SLACK))
        parts = max(1, -(-len(self.kept.key) // _ENTRIES_AT_ONCE))
        for part in range(parts):
            chosen = slice(None) if parts == 1 else np.flatnonzero(self.kept.key % parts == part)
            key = self.kept.key[chosen].astype(np.int64) << 32
            row = self.rank[self.kept.text[chosen]].astype(np.int64)
            entries = _Entries(key, row, self.kept.place[chosen].astype(np.int64))
            entries = entries.of(np.argsort(entries.key | entries.row))
            indexed = entries.of(entries.place < indexing[entries.row])
            probes = entries.of(entries.place < probing[entries.row])
            del entries, key, row
            index = indexed.key | indexed.row
            low = np.searchsorted(index, probes.key | shortest[probes.row])
            high = np.searchsorted(index, probes.key | probes.row)
            matched = high > low
            probes, low, high = probes.of(matched), low[matched], high[matched]
            ends = np.cumsum(high - low)
            begin = 0
            while begin < len(ends):
                before = int(ends[begin - 1]) if begin else 0
                end = int(np.searchsorted(ends, before + _CANDIDATES_AT_ONCE, side="right"))
                end = max(begin + 1, end)
                lengths = high[begin:end] - low[begin:end]
                probe = np.repeat(np.arange(begin, end), lengths)
                within = np.arange(len(probe)) - np.repeat(ends[begin:end] - lengths - before, lengths)
                meets = np.repeat(low[begin:end], lengths) + within
                yield self._filtered(
                    indexed.row[meets], probes.row[probe], indexed.place[meets], probes.place[probe]
                )
                begin = end
                report((part + float(ends[end - 1]) / float(ends[-1])) / parts)

    def _filtered(self, x: IntArray, y: IntArray, i: IntArray, j: IntArray) -> tuple[IntArray, IntArray]:
        """Leave out pairs on one side, and those that cannot share enough; each pair once.

        `i` and `j` are the places of what they share: no more can follow than what stands behind. As many shingles
        are in one of the two alone as their bits differ in, at least.
        """
        t = self.threshold
        both = self.size[x] + self.size[y]
        keep = (
            np.minimum(i, j) + np.minimum(self.size[x] - i, self.size[y] - j) >= both * (t / (1 + t)) - _SLACK
        )
        if self.side is not None:
            side = self.side[x]
            keep &= (side != self.side[y]) | (side < 0)
        x, y, both = x[keep], y[keep], both[keep]
        apart = np.bitwise_count(self.bits[x] ^ self.bits[y]).sum(axis=1, dtype=np.int64)
        near = apart <= both * ((1 - t) / (1 + t)) + _SLACK
        pair = np.unique((y[near] << 32) | x[near])
        return pair & 0xFFFFFFFF, pair >> 32

    def _verified(self, x: IntArray, y: IntArray) -> Iterator[Found]:
        """Keep the pairs whose similarity is the threshold or more, by the exact size of the intersection.

        Correctly rounded division makes a ratio that equals the threshold as written compare as equal to it.
        """
        ends = np.cumsum(self.size[x] + self.size[y])
        begin = 0
        while begin < len(x):
            before = int(ends[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + _VERIFIED_AT_ONCE, side="right")))
            some_x, some_y = x[begin:end], y[begin:end]
            shared = self._shared(some_x, some_y)
            similarity = shared / (self.size[some_x] + self.size[some_y] - shared)
            near = similarity >= self.threshold
            yield some_x[near], some_y[near], similarity[near]
            begin = end

    def _shared(self, x: IntArray, y: IntArray) -> IntArray:
        """Return how many shingles each two sets share."""
        sets, places = np.unique(np.concatenate([x, y]), return_inverse=True)
        row, at, _ = self.interned.sets(self.number[sets])
        _, shingle = np.unique(self.interned.codes(at), return_inverse=True)
        starts = np.concatenate([[0], np.cumsum(self.size[sets])])
        matrix = sparse.csr_array(
            (np.ones(len(row), np.int8), shingle.astype(np.int32), starts),
            shape=(len(sets), int(shingle.max()) + 1),
        )
        matrix.sort_indices()
        both = matrix[places[: len(x)]].multiply(matrix[places[len(x) :]]).tocsr()
        return np.diff(both.indptr).astype(np.int64)


class TooManyPairs(Exception):
    """There are more pairs than somebody asked for at most."""


def _each_once(found: list[Found]) -> Found:
    x, y, similarity = (np.concatenate(parts) for parts in zip(*found, strict=True))
    _, once = np.unique((x << 32) | y, return_index=True)
    return x[once], y[once], similarity[once]


class _Entries:
    """Shingles of sets: the key in the upper half of a number, the set, and the place among its shingles."""

    def __init__(self, key: IntArray, row: IntArray, place: IntArray) -> None:
        self.key, self.row, self.place = key, row, place

    def of(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> _Entries:
        """Some of them."""
        return _Entries(self.key[chosen], self.row[chosen], self.place[chosen])
