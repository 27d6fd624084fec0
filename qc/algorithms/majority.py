"""The majority label of each text, with ties reported instead of broken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qc.algorithms.label_counts import as_counts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class Majority:
    """The outcome for each text, by item code.

    Attributes
    ----------
    label : (n_items,) int array
        Code of the label that most gave, or -1 where it is tied or nobody answered.
    tie : (n_items,) bool array
        Two labels or more have the most answers.
    confidence : (n_items,) float array
        Share of the answers that gave the leading label or labels; NaN without answers.
    n : (n_items,) int array
        Answers.
    distribution : (n_items, n_labels) sparse float array
        Share of each label; rows without answers are empty.
    """

    label: IntArray
    tie: BoolArray
    confidence: FloatArray
    n: IntArray
    distribution: sparse.csr_array

    def shares(self, item: int) -> dict[int, float]:
        """Return the label codes given to one text and their shares, in order of code."""
        start, end = self.distribution.indptr[item], self.distribution.indptr[item + 1]
        codes, shares = self.distribution.indices[start:end], self.distribution.data[start:end]
        return {int(code): float(share) for code, share in zip(codes, shares, strict=True)}


def majority(counts: sparse.csr_array | IntArray) -> Majority:
    """Resolve each text to the label that most people gave it.

    Parameters
    ----------
    counts : (n_items, n_labels) int array
        Answers per text and label, as `count_labels` makes it.

    Examples
    --------
    >>> found = majority(np.array([[2, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 3]]))
    >>> found.label.tolist(), found.tie.tolist()
    ([0, -1, -1, 2], [False, True, False, False])
    >>> found.shares(1)
    {0: 0.5, 1: 0.5}
    """
    matrix = as_counts(counts)
    size = matrix.shape[0]
    row = np.repeat(np.arange(size), np.diff(matrix.indptr))
    n = np.bincount(row, weights=matrix.data, minlength=size).astype(np.int64)
    most = np.zeros(size, np.int64)
    np.maximum.at(most, row, matrix.data)
    leads = matrix.data == most[row]
    leaders = np.bincount(row[leads], minlength=size)
    label = np.full(size, NO_LABEL, np.int64)
    label[row[leads]] = matrix.indices[leads]
    label[leaders != 1] = NO_LABEL
    with np.errstate(invalid="ignore"):
        confidence = most / n
    shares = sparse.csr_array((matrix.data / n[row], matrix.indices, matrix.indptr), shape=matrix.shape)
    return Majority(label, leaders > 1, confidence, n, shares)
