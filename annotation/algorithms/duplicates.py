"""Exact and near-duplicate texts: every pair at or above a Jaccard threshold, none below.

The near-duplicate join is exact. Words get integer ids by interning, never by hashing, so two different shingles
cannot be taken for one (`shingles`), and every candidate is verified by its words (`similarity_join`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from annotation.algorithms.shingles import IntArray as IntArray
from annotation.algorithms.shingles import Progress, intern
from annotation.algorithms.similarity_join import FloatArray as FloatArray
from annotation.algorithms.similarity_join import SimilarityJoin
from annotation.algorithms.similarity_join import TooManyPairs as TooManyPairs


@dataclass(frozen=True)
class NearPairs:
    """Pairs of indices a < b, sorted by (a, b), with their Jaccard similarity; three arrays of one length."""

    a: IntArray
    b: IntArray
    similarity: FloatArray

    def __len__(self) -> int:
        return len(self.a)


class Comparison:
    """Texts that were read once, and can be compared in several ways without being kept.

    Parameters
    ----------
    texts : iterable of N str
        As written; they are normalised here. Each is let go when its words have been numbered.
    n : int
        Words per shingle, at least 1.
    number : int, optional
        About how many texts there will be, to report the share that was read.
    progress : callable, optional
        Called with the share of the reading that is done, from 0 to 1.

    Raises
    ------
    ValueError
        If `n` is out of range.
    """

    def __init__(
        self, texts: Iterable[str], n: int = 3, number: int | None = None, progress: Progress | None = None
    ) -> None:
        if n < 1:
            raise ValueError(f"A shingle of {n} words is not possible; it needs at least 1.")
        self.interned = intern(texts, n, number, progress or (lambda _: None))

    def __len__(self) -> int:
        return len(self.interned.group)

    def exact_groups(self) -> list[IntArray]:
        """Return the groups of two and more texts that are equal after normalisation, as `exact_groups` does."""
        return _groups_of(self.interned.group)

    def near_pairs(
        self,
        threshold: float,
        sides: Sequence[int] | IntArray | None = None,
        progress: Progress | None = None,
        most: int | None = None,
    ) -> NearPairs:
        """Return what `near_pairs` does; raises TooManyPairs above `most` of them, before they need memory."""
        side = None if sides is None else np.asarray(sides, np.int64)
        if side is not None and side.shape != (len(self),):
            raise ValueError(f"There are {len(self)} texts but {side.size} sides.")
        a, b, similarity = self._near_groups(threshold, side, progress, most)
        return _expand(self.interned.group, a, b, similarity, side, most)

    def clusters(self, threshold: float, progress: Progress | None = None) -> IntArray:
        """Return what `duplicate_clusters` does."""
        a, b, _ = self._near_groups(threshold, None, progress, None)
        return clusters(len(self.interned), a, b)[self.interned.group]

    def _near_groups(
        self, threshold: float, side: IntArray | None, progress: Progress | None, most: int | None
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the near pairs between groups of equal texts."""
        if not 0.5 <= threshold <= 1:
            raise ValueError(f"The threshold is {threshold}; it must lie between 0.5 and 1.")
        report = progress or (lambda _: None)
        groups = _group_sides(self.interned.group, len(self.interned), side)
        join = SimilarityJoin(self.interned, threshold, groups, lambda done: report(0.6 * done))
        found = join.run(lambda done: report(0.6 + 0.4 * done), most)
        report(1.0)
        return found


def exact_groups(texts: Sequence[str]) -> list[IntArray]:
    """Return the groups of two and more texts that are equal after normalisation.

    Returns
    -------
    list of arrays
        The indices of each group, ascending; groups in order of their first text.

    Examples
    --------
    >>> [group.tolist() for group in exact_groups(["A b", "c", "a  B"])]
    [[0, 2]]
    """
    return Comparison(texts, 1).exact_groups()


def _groups_of(group: IntArray) -> list[IntArray]:
    members, starts = _members(group)
    sizes = np.diff(starts)
    return [members[starts[g] : starts[g + 1]] for g in np.flatnonzero(sizes > 1)]


def exact_pairs(groups: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """Return every pair a < b within the groups of `exact_groups`, sorted by (a, b)."""
    if not groups:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    triangles = [np.triu_indices(len(group), 1) for group in groups]
    a = np.concatenate([group[i] for group, (i, _) in zip(groups, triangles, strict=True)])
    b = np.concatenate([group[j] for group, (_, j) in zip(groups, triangles, strict=True)])
    order = np.lexsort((b, a))
    return a[order], b[order]


def near_pairs(
    texts: Sequence[str],
    threshold: float = 0.995,
    n: int = 3,
    sides: Sequence[int] | IntArray | None = None,
    progress: Progress | None = None,
) -> NearPairs:
    """Return every pair of texts whose sets of word n-grams have a Jaccard similarity of `threshold` or more.

    Texts that are equal after normalisation are not counted as near; a text that is near to one of them is
    paired with each. A text of fewer than `n` words is one shingle, the whole text. Different texts with equal
    sets of shingles are near with similarity 1.

    Parameters
    ----------
    texts : sequence of N str
        As written; they are normalised here.
    threshold : float
        From 0.5 to 1; a similarity of exactly `threshold` counts.
    n : int
        Words per shingle, at least 1.
    sides : N ints, optional
        If given, only pairs whose two sides differ are returned.
    progress : callable, optional
        Called with the share of the work that is done, from 0 to 1.

    Raises
    ------
    ValueError
        If `threshold`, `n` or the number of `sides` is out of range.

    Examples
    --------
    >>> pairs = near_pairs(["a b c d e", "a b c d f", "x y z"], threshold=0.5)
    >>> pairs.a.tolist(), pairs.b.tolist(), pairs.similarity.tolist()
    ([0], [1], [0.5])
    """
    report = progress or (lambda _: None)
    comparison = Comparison(texts, n, len(texts), lambda done: report(0.6 * done))
    return comparison.near_pairs(threshold, sides, lambda done: report(0.6 + 0.4 * done))


def duplicate_clusters(
    texts: Sequence[str], threshold: float = 0.995, n: int = 3, progress: Progress | None = None
) -> IntArray:
    """Return each text's cluster number when exact and near-duplicates, and theirs in turn, belong together.

    The same as `clusters` over all exact and near pairs, without writing the pairs of large exact groups out.

    Examples
    --------
    >>> duplicate_clusters(["a b c d e", "other", "a b c d f", "OTHER"], threshold=0.5).tolist()
    [0, 1, 0, 1]
    """
    report = progress or (lambda _: None)
    comparison = Comparison(texts, n, len(texts), lambda done: report(0.6 * done))
    return comparison.clusters(threshold, lambda done: report(0.6 + 0.4 * done))


def clusters(n: int, a: npt.ArrayLike, b: npt.ArrayLike) -> IntArray:
    """Return the connected component of each of n items under the pairs (a, b), numbered by first member.

    Examples
    --------
    >>> clusters(5, [3, 1], [1, 4]).tolist()
    [0, 1, 2, 1, 1]
    """
    a, b = np.asarray(a, np.int64), np.asarray(b, np.int64)
    graph = sparse.coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    _, first, code = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[code]


def _members(group: IntArray) -> tuple[IntArray, IntArray]:
    """Return the indices sorted by group, and where each group begins (and the last ends)."""
    counts = np.bincount(group)
    return np.argsort(group, kind="stable"), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _group_sides(group: IntArray, groups: int, side: IntArray | None) -> IntArray | None:
    """Return the side of each group as a number from 0, or -1 where a group has texts on several sides."""
    if side is None:
        return None
    _, code = np.unique(side, return_inverse=True)
    low = np.full(groups, len(side), np.int64)
    high = np.full(groups, -1, np.int64)
    np.minimum.at(low, group, code)
    np.maximum.at(high, group, code)
    return np.where(low == high, low, -1)


def _expand(
    group: IntArray,
    a: IntArray,
    b: IntArray,
    similarity: FloatArray,
    side: IntArray | None,
    most: int | None,
) -> NearPairs:
    """Return the pairs of texts for pairs of groups: each member of the one with each of the other."""
    members, starts = _members(group)
    sizes = np.diff(starts)
    counts = sizes[a] * sizes[b]
    if side is None and most is not None and counts.sum() > most:
        raise TooManyPairs
    pair = np.repeat(np.arange(len(a)), counts)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = sizes[b][pair]
    left = members[starts[a][pair] + within // width]
    right = members[starts[b][pair] + within % width]
    value = similarity[pair]
    if side is not None:
        across = side[left] != side[right]
        left, right, value = left[across], right[across], value[across]
    first, second = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((second, first))
    return NearPairs(first[order], second[order], value[order])
