"""Exact and near-duplicate texts: every pair at or above a Jaccard threshold, none below.

The near-duplicate join is exact. Words and n-grams get integer ids by interning, never by hashing, so two
different shingles cannot be taken for one (`shingles`), and every candidate is verified (`similarity_join`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from annotation.algorithms.shingles import intern, shared_shingles
from annotation.algorithms.similarity_join import FloatArray as FloatArray
from annotation.algorithms.similarity_join import IntArray as IntArray
from annotation.algorithms.similarity_join import Progress, SimilarityJoin
from annotation.algorithms.text import digest_of_normalised, normalise


@dataclass(frozen=True)
class NearPairs:
    """Pairs of indices a < b, sorted by (a, b), with their Jaccard similarity; three arrays of one length."""

    a: IntArray
    b: IntArray
    similarity: FloatArray

    def __len__(self) -> int:
        return len(self.a)


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
    seen: defaultdict[bytes, int] = defaultdict(count().__next__)
    group = np.fromiter((seen[digest_of_normalised(normalise(t))] for t in texts), np.int64, len(texts))
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
    side = None if sides is None else np.asarray(sides, np.int64)
    if side is not None and side.shape != (len(texts),):
        raise ValueError(f"There are {len(texts)} texts but {side.size} sides.")
    group, _, a, b, similarity = _near_groups(texts, threshold, n, side, progress)
    return _expand(group, a, b, similarity, side)


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
    group, groups, a, b, _ = _near_groups(texts, threshold, n, None, progress)
    return clusters(groups, a, b)[group]


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


def _near_groups(
    texts: Sequence[str], threshold: float, n: int, side: IntArray | None, progress: Progress | None
) -> tuple[IntArray, int, IntArray, IntArray, FloatArray]:
    """Return each text's group of equal texts, their number, and the near pairs between groups."""
    if not 0.5 <= threshold <= 1:
        raise ValueError(f"The threshold is {threshold}; it must lie between 0.5 and 1.")
    if n < 1:
        raise ValueError(f"A shingle of {n} words is not possible; it needs at least 1.")
    report = progress or (lambda _: None)
    interned = intern(texts, n, lambda done: report(0.6 * done))
    group = interned.group
    row, shingle, size = shared_shingles(interned, n)
    del interned
    report(0.8)
    join = SimilarityJoin(row, shingle, size, threshold, _group_sides(group, len(size), side))
    del row, shingle
    a, b, similarity = join.run(lambda done: report(0.8 + 0.2 * done))
    report(1.0)
    return group, len(size), a, b, similarity


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
    group: IntArray, a: IntArray, b: IntArray, similarity: FloatArray, side: IntArray | None
) -> NearPairs:
    """Return the pairs of texts for pairs of groups: each member of the one with each of the other."""
    members, starts = _members(group)
    sizes = np.diff(starts)
    counts = sizes[a] * sizes[b]
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
