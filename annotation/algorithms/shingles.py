"""Texts as sets of word n-grams with integer ids that are equal exactly where the words are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
import numpy.typing as npt

from annotation.algorithms.similarity_join import IntArray, Progress
from annotation.algorithms.text import digest_of_normalised, normalise

# Sizes of the chunks in which the work is done; they bound memory, not results.
_TEXTS_AT_ONCE = 20_000
_SHINGLES_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Interned:
    """Distinct normalised texts as word ids.

    Attributes
    ----------
    group : (N,) int array
        Which distinct text each text is, numbered by first appearance.
    words : (W,) int array
        The word ids of the distinct texts one after another, each filled up to n words with 0.
    starts : (G + 1,) int array
        Where each distinct text begins in `words`, and the last ends.
    vocabulary : int
        Word ids are below this.
    """

    group: IntArray
    words: npt.NDArray[np.int32]
    starts: IntArray
    vocabulary: int


def intern(texts: Sequence[str], n: int, report: Progress = lambda _: None) -> Interned:
    """Collapse texts that are equal after normalisation and number their words.

    A text of fewer than n words is filled up with a word that no text has, so that it is one shingle, the whole.

    Examples
    --------
    >>> intern(["a b", "b a a", "A  B"], n=3).words.tolist()
    [1, 2, 0, 2, 1, 1]
    """
    seen: defaultdict[bytes, int] = defaultdict(count().__next__)
    vocabulary: defaultdict[str, int] = defaultdict(count(1).__next__)
    group = np.empty(len(texts), np.int64)
    lengths: list[int] = []
    parts: list[npt.NDArray[np.int32]] = []
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        words: list[list[str]] = []
        for i in range(begin, min(begin + _TEXTS_AT_ONCE, len(texts))):
            text = normalise(texts[i])
            group[i] = number = seen[digest_of_normalised(text)]
            if number == len(lengths) + len(words):
                words.append(text.split())
        ids: Iterator[int]
        if any(len(each) < n for each in words):
            ids = chain.from_iterable(
                chain(map(vocabulary.__getitem__, each), (0,) * (n - len(each))) for each in words
            )
        else:
            ids = map(vocabulary.__getitem__, chain.from_iterable(words))
        parts.append(np.fromiter(ids, np.int32))
        lengths += [max(n, len(each)) for each in words]
        report(begin / len(texts))
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=starts[1:])
    joined = np.concatenate(parts) if parts else np.empty(0, np.int32)
    return Interned(group, joined, starts, len(vocabulary) + 1)


def shared_shingles(interned: Interned, n: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return the shingles that are seen more than once, and the size of every set.

    A shingle that is seen once can be in no intersection; it counts for the size of its set alone.

    Returns
    -------
    row, shingle : (M,) int arrays
        The entries of the sets, sorted by row, then shingle, without repetition.
    size : (G,) int array
        The number of different shingles of each distinct text.

    Examples
    --------
    >>> row, shingle, size = shared_shingles(intern(["a b c d", "a b c e"], n=3), n=3)
    >>> row.tolist(), shingle.tolist(), size.tolist()
    ([0, 1], [0, 0], [2, 2])
    """
    codes, row_of = _repeatable(interned, n)
    parts = min(255, max(1, -(-len(codes) // _SHINGLES_AT_ONCE)))
    part_of = None
    if parts > 1:
        part_of = np.empty(len(codes), np.uint8)
        np.remainder(codes, parts, out=part_of, casting="unsafe")
    keys: list[IntArray] = []
    known = 0
    for part in range(parts):
        chosen = slice(None) if part_of is None else np.flatnonzero(part_of == part)
        some_codes = codes[chosen]
        order = np.argsort(some_codes)
        ordered = some_codes[order]
        new = np.ones(len(ordered), bool)
        np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
        repeated = ~new
        repeated[:-1] |= ~new[1:]
        new &= repeated
        number = np.cumsum(new)[repeated] + (known - 1)
        keys.append((row_of[chosen][order[repeated]].astype(np.int64) << 32) | number)
        known += int(np.count_nonzero(new))
    del codes, row_of, part_of
    key = np.concatenate(keys)
    keys.clear()
    key.sort()
    unique = np.ones(len(key), bool)
    np.not_equal(key[1:], key[:-1], out=unique[1:])
    size = np.diff(interned.starts) - n + 1
    size -= np.bincount(key[~unique] >> 32, minlength=len(size))
    key = key[unique]
    return key >> 32, key & 0xFFFFFFFF, size


def _repeatable(interned: Interned, n: int) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Return code and row of the n-grams that may occur twice: those without a word that occurs once."""
    words, starts = interned.words, interned.starts
    occurrences = np.bincount(words, minlength=interned.vocabulary)
    occurrences[0] = 2  # what short texts are filled up with never rules them out
    number = np.cumsum(occurrences > 1) - 1
    vocabulary = int(number[-1]) + 1
    number[occurrences < 2] = -1
    lengths = np.diff(starts)
    codes = np.empty(int((lengths - n + 1).sum()), np.int64)
    row_of = np.empty(len(codes), np.int32)
    filled = 0
    fits = vocabulary**n < 2**63
    step = _TEXTS_AT_ONCE if fits else max(1, len(lengths))  # numbering afresh needs all texts at once
    for first in range(0, len(lengths), step):
        last = min(first + step, len(lengths))
        begin, end = int(starts[first]), int(starts[last])
        ids = number[words[begin:end]]
        inside = _windows(ids >= 0, n)
        for offset in range(1, n):  # an n-gram may not run over into the next text
            inside[starts[first + 1 : last] - begin - offset] = False
        some = _packed(ids, vocabulary, n)[inside]
        rows = np.repeat(np.arange(first, last, dtype=np.int32), lengths[first:last])[: len(inside)][inside]
        codes[filled : filled + len(some)] = some
        row_of[filled : filled + len(some)] = rows
        filled += len(some)
    return codes[:filled], row_of[:filled]


def _windows(known: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """Return where n values in a row are all true."""
    total = len(known) - n + 1
    every = known[:total].copy()
    for offset in range(1, n):
        every &= known[offset : offset + total]
    return every


def _packed(ids: IntArray, vocabulary: int, n: int) -> IntArray:
    """Return one integer per n consecutive ids, equal exactly where the ids are (where all are 0 or more)."""
    total = len(ids) - n + 1
    codes = np.maximum(ids[:total], 0)
    distinct = vocabulary
    for offset in range(1, n):
        if distinct * vocabulary >= 2**63:  # they do not fit side by side: number what there is so far afresh
            found = np.unique(codes)
            codes = np.searchsorted(found, codes)
            distinct = len(found)
        codes = codes * vocabulary + np.maximum(ids[offset : offset + total], 0)
        distinct *= vocabulary
    return codes
