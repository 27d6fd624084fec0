"""How often each text got each label: the sufficient statistic of nominal agreement and of the majority."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """The distinct rows of a count matrix.

    Attributes
    ----------
    counts : (rows, labels) sparse int array
        One row for each different combination of answers; texts without an answer have none.
    texts : (rows,) int array
        Number of texts that have this combination.
    """

    counts: sparse.csr_array
    texts: IntArray


@dataclass(frozen=True, slots=True)
class ConfusedLabels:
    """Two labels, a < b, and how many pairs of people gave one text the one and the other."""

    a: int
    b: int
    n: int


def check_codes(name: str, codes: IntArray, limit: int | None = None) -> None:
    """Raise ValueError unless codes is a 1-D array of whole numbers from 0 to below limit."""
    if codes.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {codes.ndim}")
    if len(codes) and not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"{name} must be whole numbers, not {codes.dtype}")
    if len(codes) and int(codes.min()) < 0:
        raise ValueError(f"{name} must not be negative")
    if limit is not None and len(codes) and int(codes.max()) >= limit:
        raise ValueError(f"{name} must be below {limit}, not {int(codes.max())}")


def count_labels(
    items: IntArray, labels: IntArray, n_labels: int, n_items: int | None = None
) -> sparse.csr_array:
    """Count the answers of each text per label.

    Parameters
    ----------
    items, labels : (answers,) int arrays
        Codes from 0; one row an answer.
    n_labels : int
        Number of labels, used or not.
    n_items : int, optional
        Number of texts; by default the largest code and one.

    Returns
    -------
    (n_items, n_labels) sparse int array
        With sorted column indices and no stored zeros.

    Examples
    --------
    >>> count_labels(np.array([0, 0, 1]), np.array([1, 1, 0]), 2).toarray()
    array([[0, 2],
           [1, 0]])
    """
    check_codes("labels", labels, n_labels)
    check_codes("items", items, n_items)
    if len(items) != len(labels):
        raise ValueError(f"items and labels differ in length: {len(items)} and {len(labels)}")
    if n_items is None:
        n_items = int(items.max()) + 1 if len(items) else 0
    counts = sparse.csr_array((np.ones(len(items), np.int64), (items, labels)), shape=(n_items, n_labels))
    counts.sum_duplicates()
    return counts


def as_counts(counts: sparse.csr_array | IntArray) -> sparse.csr_array:
    """Return a count matrix, dense or sparse, as a canonical sparse one."""
    matrix = sparse.csr_array(counts)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def distinct_rows(counts: sparse.csr_array) -> DistinctRows:
    """Collapse the texts that have the same answers.

    The rows are told apart exactly, without hashing: entry by entry the (label, count) pairs of each row refine
    the group it is in.

    Parameters
    ----------
    counts : (n_items, n_labels) sparse int array
        As `count_labels` makes it.

    Returns
    -------
    DistinctRows
        In an order that depends on the rows alone, not on which text had them.

    Examples
    --------
    >>> rows = distinct_rows(as_counts(np.array([[2, 0], [0, 0], [1, 1], [2, 0]])))
    >>> rows.counts.toarray().tolist(), rows.texts.tolist()
    ([[1, 1], [2, 0]], [1, 2])
    """
    starts = counts.indptr.astype(np.int64)
    length = np.diff(starts)
    rows = np.flatnonzero(length)
    # One code for each (label, count) pair that occurs.
    largest = int(counts.data.max(initial=0)) + 1
    entry = _dense(counts.indices.astype(np.int64) * largest + counts.data)
    width = int(entry.max(initial=0)) + 2
    group = np.zeros(len(rows), np.int64)
    active = np.arange(len(rows))
    for position in range(int(length.max(initial=0))):
        # Rows that ended keep their group, but must be told from those that go on: code 0 is the end.
        here = np.zeros(len(rows), np.int64)
        active = active[length[rows[active]] > position]
        here[active] = entry[starts[rows[active]] + position] + 1
        group = _dense(group * width + here)
    first, texts = _first_of_each(group)
    return DistinctRows(counts[rows[first]], texts)


def entropy_of_answers(counts: sparse.csr_array) -> FloatArray:
    """Return the entropy of each text's answers in bits; 0 where all agree, NaN where nobody answered.

    >>> entropy_of_answers(as_counts(np.array([[2, 2], [3, 0], [0, 0]]))).tolist()
    [1.0, 0.0, nan]
    """
    answers = counts.sum(axis=1).astype(np.float64)
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    share = counts.data / answers[row]
    bits = np.bincount(row, weights=-share * np.log2(share), minlength=counts.shape[0])
    # Adding 0.0 turns the -0.0 of unanimous texts into 0.
    return np.where(answers > 0, bits + 0.0, np.nan)


def disputed_items(counts: sparse.csr_array, limit: int | None = None) -> IntArray:
    """Return the codes of the texts with different answers, most disputed first.

    Ordered by entropy, then by number of answers, then by code.

    >>> disputed_items(as_counts(np.array([[2, 1], [3, 0], [2, 2]]))).tolist()
    [2, 0]
    """
    bits = entropy_of_answers(counts)
    disputed = np.flatnonzero(np.nan_to_num(bits) > 0)
    answers = counts.sum(axis=1)[disputed]
    # Equal answers in another order may differ in the last digit of the sum.
    order = np.lexsort((disputed, -answers, -np.round(bits[disputed], 12)))
    return np.asarray(disputed[order][:limit], dtype=np.int64)


def confused_labels(counts: sparse.csr_array) -> tuple[ConfusedLabels, ...]:
    """Count the pairs of answers to one text that have two different labels.

    Returns
    -------
    tuple of ConfusedLabels
        Pairs that occur, most frequent first, then by label code.

    Examples
    --------
    >>> confused_labels(as_counts(np.array([[2, 1, 0], [0, 1, 1]])))
    (ConfusedLabels(a=0, b=1, n=2), ConfusedLabels(a=1, b=2, n=1))
    """
    together = sparse.triu(counts.T @ counts, k=1).tocoo()
    order = np.lexsort((together.col, together.row, -together.data))
    return tuple(
        ConfusedLabels(int(together.row[i]), int(together.col[i]), int(together.data[i])) for i in order
    )


def _dense(keys: IntArray) -> IntArray:
    """Renumber keys from 0 in their order, without sorting where their range is small."""
    if len(keys) == 0:
        return keys
    largest = int(keys.max())
    if largest > 4 * len(keys) + 1024:
        return np.unique(keys, return_inverse=True)[1].astype(np.int64)
    present = np.zeros(largest + 1, np.int64)
    present[keys] = 1
    return np.asarray((np.cumsum(present) - 1)[keys], dtype=np.int64)


def _first_of_each(group: IntArray) -> tuple[IntArray, IntArray]:
    """Return an index of each group and the groups' sizes."""
    sizes = np.bincount(group)
    first = np.empty(len(sizes), np.int64)
    first[group[::-1]] = np.arange(len(group) - 1, -1, -1)
    return first, sizes.astype(np.int64)
