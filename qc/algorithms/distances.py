"""How far two answers are apart: as labels, as numbers, as sets of labels.

A distance is always used in two ways: `between` two arrays of codes, and `times` a matrix of counts, since chance
disagreement is n'Dn for the counts n and the matrix D of all distances. The matrix itself is never made where a
formula does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_ROWS_AT_ONCE = 512


class Distance(Protocol):
    """Distances between answers that are known by their codes; 0 for equal ones."""

    def between(self, a: IntArray, b: IntArray) -> FloatArray:
        """Return the distance of each a to the b in the same place."""

    def times(self, counts: FloatArray) -> FloatArray:
        """Return D @ counts for (codes, r) counts."""


@dataclass(frozen=True)
class Nominal:
    """1 between different labels.

    >>> Nominal().between(np.array([0, 1]), np.array([0, 2])).tolist()
    [0.0, 1.0]
    """

    def between(self, a: IntArray, b: IntArray) -> FloatArray:
        """Return the distance of each a to the b in the same place."""
        return np.asarray(a != b, dtype=np.float64)

    def times(self, counts: FloatArray) -> FloatArray:
        """Return D @ counts."""
        return np.asarray(counts.sum(axis=0)[None, :] - counts)


@dataclass(frozen=True)
class Interval:
    """The squared difference of two numbers.

    >>> Interval(np.array([0.0, 50.0, 100.0])).between(np.array([0, 1]), np.array([2, 2])).tolist()
    [10000.0, 2500.0]
    """

    numbers: FloatArray

    def between(self, a: IntArray, b: IntArray) -> FloatArray:
        """Return the distance of each a to the b in the same place."""
        return np.asarray((self.numbers[a] - self.numbers[b]) ** 2)

    def times(self, counts: FloatArray) -> FloatArray:
        """Return D @ counts."""
        v = (self.numbers - self.numbers.mean())[:, None] if len(self.numbers) else self.numbers[:, None]
        return np.asarray(
            v**2 * counts.sum(axis=0) + (v**2 * counts).sum(axis=0) - 2 * v * (v * counts).sum(axis=0)
        )


@dataclass(frozen=True)
class Ratio:
    """((a - b) / (a + b)) squared, for numbers from 0 on."""

    numbers: FloatArray

    def between(self, a: IntArray, b: IntArray) -> FloatArray:
        """Return the distance of each a to the b in the same place."""
        x, y = self.numbers[a], self.numbers[b]
        total = x + y
        return np.asarray(np.where(total == 0, 0.0, (x - y) / np.where(total == 0, 1.0, total)) ** 2)

    def times(self, counts: FloatArray) -> FloatArray:
        """Return D @ counts."""
        every = np.arange(len(self.numbers))
        return np.asarray(self.between(every[:, None], every[None, :]) @ counts)


@dataclass(frozen=True)
class Sets:
    """Distance between two sets of labels: 1 - Jaccard, or MASI.

    Jaccard is |A and B| / |A or B|. MASI multiplies it by 1 for equal sets, 2/3 where one holds the other, 1/3 where
    both have labels of their own, 0 without a common label (Passonneau 2006). Two empty sets are equal.

    Attributes
    ----------
    members : (codes, labels) bool array
        Which labels each set holds.

    Examples
    --------
    >>> sets = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    >>> Sets(sets, "jaccard").between(np.array([0, 0, 2]), np.array([1, 2, 2])).tolist()
    [0.5, 1.0, 0.0]
    >>> Sets(sets, "masi").between(np.array([0]), np.array([1])).round(4).tolist()
    [0.6667]
    """

    members: BoolArray
    kind: Literal["jaccard", "masi"] = "masi"

    def between(self, a: IntArray, b: IntArray) -> FloatArray:
        """Return the distance of each a to the b in the same place."""
        sizes = self.members.sum(axis=1).astype(np.float64)
        common = (self.members[a] & self.members[b]).sum(axis=-1).astype(np.float64)
        return self._distance(common, sizes[a], sizes[b])

    def times(self, counts: FloatArray) -> FloatArray:
        """Return D @ counts, some rows of D at a time."""
        members = self.members.astype(np.float64)
        sizes = members.sum(axis=1)
        found = np.empty(counts.shape)
        for start in range(0, len(members), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            common = members[part] @ members.T
            found[part] = self._distance(common, sizes[part, None], sizes[None, :]) @ counts
        return found

    def _distance(self, common: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
        union = a + b - common
        likeness = np.where(union > 0, common / np.maximum(union, 1), 1.0)
        if self.kind == "masi":
            same = (common == a) & (common == b)
            inside = (common == a) | (common == b)
            likeness = likeness * np.where(
                same, 1.0, np.where(common == 0, 0.0, np.where(inside, 2 / 3, 1 / 3))
            )
        return np.asarray(1.0 - likeness)
