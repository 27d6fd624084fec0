"""Texts as sets of word n-grams, of which no more is kept than the numbers of their words.

A set is made anew whenever it is looked at: four bytes a word, where a set of n-grams would take eight and an index
over all of them more. Words are numbered by interning, never by hashing, so two n-grams are equal exactly where their
words are. Hashes only say in which order the n-grams of a set stand, and which sets are worth comparing.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np
import numpy.typing as npt

from annotation.algorithms.text import digest_of_normalised, normalise

IntArray = npt.NDArray[np.int64]
Progress = Callable[[float], None]
Words = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

# Sizes of the pieces in which the work is done; they bound memory, not results.
_TEXTS_AT_ONCE = 2_000
_SHINGLES_AT_ONCE = 300_000
_KEY_BITS = 32
_COUNTED_BITS = 25  # of a key, by which it is counted how often shingles are seen: 2 bytes each
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF, _THIRD = np.uint64(32), np.uint64(29)


@dataclass(frozen=True)
class Interned:
    """Distinct normalised texts as word ids.

    Attributes
    ----------
    group : (N,) int array
        Which distinct text each text is, numbered by first appearance.
    words : (W,) int array
        The word ids of all texts one after another, each filled up to n words with 0.
    begins, lengths : (G,) int arrays
        Where each distinct text begins in `words`, and how many words it has.
    vocabulary : int
        Word ids are below this.
    n : int
        Words of a shingle.
    """

    group: IntArray
    words: Words
    begins: IntArray
    lengths: IntArray
    vocabulary: int
    n: int

    def __len__(self) -> int:
        return len(self.begins)

    def pieces(self) -> Iterator[IntArray]:
        """All distinct texts in their order, so many at a time that their shingles are not too many."""
        ends = np.cumsum(self.lengths)
        first = 0
        while first < len(ends):
            before = int(ends[first - 1]) if first else 0
            last = int(np.searchsorted(ends, before + _SHINGLES_AT_ONCE, side="right"))
            last = min(max(last, first + 1), first + _TEXTS_AT_ONCE)
            yield np.arange(first, last)
            first = last

    def shingles(self, texts: IntArray) -> tuple[IntArray, IntArray]:
        """Return, for every place at which a shingle begins in these texts, which of them it is and where in `words`.

        Examples
        --------
        >>> interned = intern(["a b c d", "e"], n=3)
        >>> row, at = interned.shingles(np.array([1, 0]))
        >>> row.tolist(), at.tolist()
        ([0, 1, 1], [4, 0, 1])
        """
        counts = self.lengths[texts] - self.n + 1
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        at = np.repeat(self.begins[texts] - (ends - counts), counts) + np.arange(total)
        return np.repeat(np.arange(len(texts)), counts), at

    def keys(self, at: IntArray) -> Keys:
        """Return a 32-bit hash of the shingle that begins at each place."""
        mixed = self.words[at].astype(np.uint64)
        for offset in range(1, self.n):
            mixed *= _ODD
            mixed ^= mixed >> _HALF
            mixed += self.words[at + offset].astype(np.uint64)
        for shift in (_HALF, _THIRD):
            mixed ^= mixed >> shift
            mixed *= _ODD
        return mixed >> np.uint64(64 - _KEY_BITS)

    def codes(self, at: IntArray) -> IntArray:
        """Return one integer for the shingle at each place, equal among these exactly where their words are."""
        codes = self.words[at].astype(np.int64)
        distinct = self.vocabulary
        for offset in range(1, self.n):
            # Where they do not fit side by side, what there is so far is numbered afresh
            if distinct * self.vocabulary >= 2**63:
                found, codes = np.unique(codes, return_inverse=True)
                distinct = len(found)
            codes = codes * self.vocabulary + self.words[at + offset]
            distinct *= self.vocabulary
        return codes

    def sets(self, texts: IntArray) -> tuple[IntArray, IntArray, Keys]:
        """Return the shingles of each of these texts without repetition: which text, a place, and the key.

        They are sorted by text, then key.
        """
        row, at = self.shingles(texts)
        key = self.keys(at)
        together = (row.astype(np.uint64) << _HALF) | key
        order = np.argsort(together)
        same = together[order[1:]] == together[order[:-1]]
        again = np.flatnonzero(same)
        # A key may stand for two shingles
        if not self._equal(at[order[again]], at[order[again + 1]]).all():
            codes = self.codes(at)
            order = np.lexsort((codes, together))
            same = (together[order[1:]] == together[order[:-1]]) & (codes[order[1:]] == codes[order[:-1]])
        chosen = order[np.concatenate([np.ones(min(1, len(order)), bool), ~same])]
        return row[chosen], at[chosen], key[chosen]

    def _equal(self, a: IntArray, b: IntArray) -> Bools:
        """Return whether the shingles at two places are equal."""
        every = np.ones(len(a), bool)
        for offset in range(self.n):
            every &= self.words[a + offset] == self.words[b + offset]
        return every


def intern(
    texts: Iterable[str], n: int, number: int | None = None, report: Progress = lambda _: None
) -> Interned:
    """Collapse texts that are equal after normalisation and number their words. Each text is read once, and let go.

    A text of fewer than n words is filled up with a word that no text has, so that it is one shingle, the whole.
    `number` is how many texts there will be, to report the share of them that was read.

    Examples
    --------
    >>> interned = intern(["a b", "b a a", "A  B"], n=3)
    >>> interned.group.tolist(), interned.words.tolist()
    ([0, 1, 0], [1, 2, 0, 2, 1, 1, 1, 2, 0])
    """
    vocabulary: defaultdict[str, int] = defaultdict(count(1).__next__)
    words, lengths, digests = array("i"), array("i"), bytearray()
    coming = iter(texts)
    while some := [normalise(text) for text in islice(coming, _TEXTS_AT_ONCE)]:
        split = [text.split() for text in some]
        for text in some:
            digests += digest_of_normalised(text)
        if any(len(each) < n for each in split):
            ids: Iterable[int] = chain.from_iterable(
                chain(map(vocabulary.__getitem__, each), (0,) * (n - len(each))) for each in split
            )
        else:
            ids = map(vocabulary.__getitem__, chain.from_iterable(split))
        words.extend(ids)
        lengths.extend(max(n, len(each)) for each in split)
        report(min(1.0, len(lengths) / number) if number else 0.0)
    group, first = _groups(np.frombuffer(digests, np.uint64).reshape(-1, 2))
    every = np.frombuffer(lengths, np.int32).astype(np.int64)
    begins = np.cumsum(every) - every
    return Interned(
        group, np.frombuffer(words, np.int32), begins[first], every[first], len(vocabulary) + 1, n
    )


def _groups(digests: npt.NDArray[np.uint64]) -> tuple[IntArray, IntArray]:
    """Return which distinct digest each is, numbered by first appearance, and where each appears first."""
    order = np.lexsort((digests[:, 0], digests[:, 1]))  # stable: of equal ones the first comes first
    ordered = digests[order]
    new = np.ones(len(order), bool)
    np.any(ordered[1:] != ordered[:-1], axis=1, out=new[1:])
    first = order[new]
    rank = np.empty(len(first), np.int64)
    by_appearance = np.argsort(first)
    rank[by_appearance] = np.arange(len(first))
    group = np.empty(len(order), np.int64)
    group[order] = rank[np.cumsum(new) - 1]
    return group, first[by_appearance]


def times_seen(interned: Interned, report: Progress = lambda _: None) -> npt.NDArray[np.uint16]:
    """Return how often shingles are seen, by the first bits of their keys: never less than the truth, up to 65,535.

    A shingle of which this says 1 is in one text alone.
    """
    seen = np.zeros(2**_COUNTED_BITS, np.uint16)
    for texts in interned.pieces():
        _, at = interned.shingles(texts)
        found, n = np.unique(interned.keys(at) >> np.uint64(_KEY_BITS - _COUNTED_BITS), return_counts=True)
        seen[found] = np.minimum(seen[found] + n, 65_535)
        report(float(texts[-1] + 1) / len(interned))
    return seen


@dataclass(frozen=True)
class Beginnings:
    """What is kept of the sets that may be similar to another: how large each is, and its rarest shingles.

    Attributes
    ----------
    size : (G,) int array
        The number of different shingles of each distinct text; 0 for those that reach no partner.
    bits : (G, 2) uint64 array
        For each set, 128 bits that say whether an odd number of its shingles fell upon them.
    key, text, place : (M,) arrays
        Shingles that other sets may have too, of the rarest ones by which similar sets must meet: the hash, the
        distinct text, and the place among all its shingles from rarest to commonest.
    """

    size: IntArray
    bits: npt.NDArray[np.uint64]
    key: npt.NDArray[np.uint32]
    text: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]


def beginnings(
    interned: Interned, threshold: float, slack: float, report: Progress = lambda _: None
) -> Beginnings:
    """Return of each set so many of its rarest shingles that sets as similar as `threshold` share one of them.

    They stand in the order of how often they are seen, then of their hash: in every set the same.
    """
    seen = times_seen(interned, lambda done: report(0.4 * done))
    size = np.zeros(len(interned), np.int64)
    bits = np.zeros((len(interned), 2), np.uint64)
    kept_keys, kept_texts, kept_places = array("I"), array("i"), array("i")
    for texts in interned.pieces():
        row, _, key = interned.sets(texts)
        sizes = np.bincount(row, minlength=len(texts))
        need = np.ceil(sizes * threshold - slack).astype(np.int64)
        times = seen[key >> np.uint64(_KEY_BITS - _COUNTED_BITS)]
        alive = np.bincount(row[times > 1], minlength=len(texts)) >= need
        if alive.any():
            size[texts[alive]] = sizes[alive]
            bits[texts] = _parity(key, np.cumsum(sizes) - sizes)
            keep = alive[row]
            row, key, times = row[keep], key[keep], times[keep]
            together = (row.astype(np.uint64) << np.uint64(48)) | (times.astype(np.uint64) << _HALF) | key
            together.sort()
            row = (together >> np.uint64(48)).astype(np.int64)
            starts = np.cumsum(sizes * alive) - sizes * alive
            place = np.arange(len(row)) - starts[row]
            first = (place <= (sizes - need)[row]) & (together & np.uint64(0xFFFF00000000) > _HALF_ONE)
            kept_keys.frombytes(together[first].astype(np.uint32).tobytes())
            kept_texts.frombytes(texts[row[first]].astype(np.int32).tobytes())
            kept_places.frombytes(place[first].astype(np.int32).tobytes())
        report(0.4 + 0.6 * float(texts[-1] + 1) / len(interned))
    return Beginnings(
        size,
        bits,
        np.frombuffer(kept_keys, np.uint32),
        np.frombuffer(kept_texts, np.int32),
        np.frombuffer(kept_places, np.int32),
    )


_HALF_ONE = np.uint64(1 << 32)  # seen once, where the count stands above the key


def _parity(key: Keys, starts: IntArray) -> npt.NDArray[np.uint64]:
    """Return two words of 64 bits for each run of keys: of each bit whether an odd number of keys fell upon it."""
    bit = np.uint64(1) << (key & np.uint64(63))
    second = (key & np.uint64(64)).astype(bool)
    return np.stack(
        [
            np.bitwise_xor.reduceat(np.where(chosen, bit, np.uint64(0)), starts)
            for chosen in (~second, second)
        ],
        axis=1,
    )
