"""Drawing texts for review: at random, by the values of a field, by class, by distance; and how many are needed.

Texts are positions 0 … n - 1. Every function that draws takes a random generator and returns positions without
repetition, fewer than asked for where there are no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import normal_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def sample_size(
    share: float, half_width: float, confidence: float = 0.95, population: int | None = None
) -> int:
    """Return how many texts tell a share to within a margin.

    Parameters
    ----------
    share : float
        The share that is expected, between 0 and 1; 0.5 is the worst case.
    half_width : float
        The margin on either side, above 0 and below 1.
    confidence : float
    population : int, optional
        Texts there are; fewer are needed where they are few.

    Raises
    ------
    ValueError
        For numbers out of these bounds.

    Examples
    --------
    >>> sample_size(0.5, 0.05), sample_size(0.1, 0.05), sample_size(0.5, 0.05, population=500)
    (385, 139, 218)

    References
    ----------
    Cochran (1977), Sampling Techniques, third edition, section 4.4: n0 = z^2 p q / d^2, n = n0 / (1 + (n0 - 1) / N).
    """
    if not 0 <= share <= 1 or not 0 < half_width < 1 or not 0 < confidence < 1:
        raise ValueError(
            "a share lies between 0 and 1, its margin and the confidence too, and neither is 0 or 1"
        )
    z = normal_quantile((1 + confidence) / 2)
    needed = z * z * share * (1 - share) / half_width**2
    if population is not None:
        needed = needed / (1 + (needed - 1) / population) if needed > 1 else needed
        return min(population, max(1, math.ceil(needed)))
    return max(1, math.ceil(needed))


def draw_random(n: int, size: int, rng: np.random.Generator) -> IntArray:
    """Return positions drawn at random, each text as likely as any other.

    >>> sorted(draw_random(3, 9, np.random.default_rng(0)).tolist())
    [0, 1, 2]
    """
    return np.asarray(rng.permutation(n)[: max(0, size)], np.int64)


def draw_evenly(
    codes: IntArray, size: int, rng: np.random.Generator, chosen: Sequence[int] | None = None
) -> IntArray:
    """Return positions drawn in parts as equal as can be from each value.

    Parameters
    ----------
    codes : (n,) int array
        The value of each text; -1 where it has none, and then it is not drawn.
    size : int
        How many in all. What rare values cannot give is taken from the others.
    rng : numpy Generator
    chosen : sequence of int, optional
        Draw from these values alone.

    Examples
    --------
    >>> codes = np.array([0] * 90 + [1] * 8 + [2] * 2)
    >>> drawn = draw_evenly(codes, 12, np.random.default_rng(0))
    >>> np.bincount(codes[drawn]).tolist()
    [5, 5, 2]
    """
    values = sorted({int(code) for code in np.unique(codes)} - {-1})
    if chosen is not None:
        values = [value for value in values if value in set(chosen)]
    members = {value: rng.permutation(np.flatnonzero(codes == value)) for value in values}
    left, taken = max(0, size), []
    order = sorted(values, key=lambda value: (len(members[value]), value))  # the rare ones first
    for at, value in enumerate(order):
        share = math.ceil(left / (len(order) - at)) if at == len(order) - 1 else left // (len(order) - at)
        part = members[value][:share]
        taken.append(part)
        left -= len(part)
    drawn = np.concatenate(taken) if taken else np.zeros(0, np.int64)
    return np.asarray(rng.permutation(drawn), np.int64)


def mean_similarity(embeddings: NDArray[np.floating]) -> FloatArray:
    """Return the mean cosine similarity of each text to all others.

    The mean of products with all vectors is the product with their mean, so this is exact at the cost of one pass.

    Parameters
    ----------
    embeddings : (n, d) float array
        Rows of length one; a row of zeros is similar to nothing.

    Examples
    --------
    >>> mean_similarity(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).tolist()
    [0.5, 0.5, 0.0]
    """
    n = len(embeddings)
    if n < 2:
        return np.zeros(n)
    vectors = np.asarray(embeddings, np.float64)
    own = np.einsum("ij,ij->i", vectors, vectors)
    return np.asarray((vectors @ vectors.sum(axis=0) - own) / (n - 1), np.float64)


def draw_fringe(similarity: FloatArray, size: int) -> IntArray:
    """Return the texts that are least similar to the rest, the least similar first.

    >>> draw_fringe(np.array([0.9, 0.1, 0.4]), 2).tolist()
    [1, 2]
    """
    return np.argsort(similarity, kind="stable")[: max(0, size)].astype(np.int64)


def draw_dense(similarity: FloatArray, size: int) -> IntArray:
    """Return the texts that are most similar to the rest, the most similar first.

    >>> draw_dense(np.array([0.9, 0.1, 0.4]), 2).tolist()
    [0, 2]
    """
    return np.argsort(-similarity, kind="stable")[: max(0, size)].astype(np.int64)


def draw_copies(clusters: IntArray, size: int, rng: np.random.Generator) -> IntArray:
    """Return texts that have copies, whole clusters one after the other in random order.

    Parameters
    ----------
    clusters : (n,) int array
        Texts with the same number are copies of each other; a number that is there once has none.

    Examples
    --------
    >>> drawn = draw_copies(np.array([0, 1, 2, 1, 2, 3]), 2, np.random.default_rng(0))
    >>> sorted(drawn.tolist()) in ([1, 3], [2, 4])
    True
    """
    numbers, sizes = np.unique(clusters, return_counts=True)
    parts = [np.flatnonzero(clusters == number) for number in rng.permutation(numbers[sizes > 1])]
    drawn = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return np.asarray(drawn[: max(0, size)], np.int64)


def mix(parts: Mapping[str, IntArray], rng: np.random.Generator) -> list[tuple[int, list[str]]]:
    """Return the union of the parts in random order: each position once, with the names of the parts that drew it.

    The order is random, so that whoever has reviewed some of it has reviewed a random choice of each part.

    >>> mix({"random": np.array([1]), "class": np.array([1])}, np.random.default_rng(0))
    [(1, ['random', 'class'])]
    """
    drawn: dict[int, list[str]] = {}
    for name, positions in parts.items():
        for position in positions.tolist():
            drawn.setdefault(position, []).append(name)
    order = sorted(drawn)
    return [(order[at], drawn[order[at]]) for at in rng.permutation(len(order)).tolist()]
