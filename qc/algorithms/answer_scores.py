"""How far each single answer agrees with the others on its text: what reports of people are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qc.algorithms.annotator_pairs import entries_at
from qc.algorithms.distances import Distance
from qc.algorithms.weighted_alpha import pairs_of_entries

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def score_labels(items: IntArray, labels: IntArray, counts: sparse.csr_array) -> FloatArray:
    """Return for each answer the share of the other answers to its text that have the same label.

    Parameters
    ----------
    items, labels : (answers,) int arrays
        Codes from 0.
    counts : (n_items, n_labels) sparse int array
        The same answers, counted.

    Returns
    -------
    (answers,) float array
        NaN where nobody else answered.

    Examples
    --------
    >>> from qc.algorithms.label_counts import count_labels
    >>> i, l = np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0])
    >>> score_labels(i, l, count_labels(i, l, 2)).tolist()
    [0.5, 0.5, 0.0, nan]
    """
    if len(items) == 0:
        return np.zeros(0)
    others = counts.sum(axis=1)[items] - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(others > 0, (entries_at(counts, items, labels) - 1) / others, np.nan)


def score_with_distance(
    items: IntArray, codes: IntArray, counts: sparse.csr_array, distance: Distance
) -> FloatArray:
    """Return for each answer the mean of 1 - distance to the other answers to its text, as `score_labels` does."""
    if len(items) == 0:
        return np.zeros(0)
    a, b, _ = pairs_of_entries(counts)
    length = np.diff(counts.indptr).astype(np.int64)
    entry = np.repeat(np.arange(counts.nnz), np.repeat(length, length))
    times = counts.data[_second_entries(counts)].astype(np.float64)
    near = np.bincount(entry, weights=(1 - distance.between(a, b)) * times, minlength=counts.nnz)
    others = counts.sum(axis=1)[items] - 1
    place = sparse.csr_array((np.arange(counts.nnz), counts.indices, counts.indptr), shape=counts.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(others > 0, (near[entries_at(place, items, codes)] - 1) / others, np.nan)


def _second_entries(counts: sparse.csr_array) -> IntArray:
    """Return the place of the second entry of every pair, in the order of `pairs_of_entries`."""
    length = np.diff(counts.indptr).astype(np.int64)
    starts = np.repeat(counts.indptr[:-1].astype(np.int64), length**2)
    within = np.arange(int((length**2).sum())) - np.repeat(np.cumsum(length**2) - length**2, length**2)
    return np.asarray(starts + within % np.repeat(length, length**2), dtype=np.int64)
