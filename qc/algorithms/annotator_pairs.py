"""How every two annotators agree on the texts they share, and each with the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import normal_quantile
from qc.algorithms.label_counts import check_codes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class PairDict(TypedDict):
    """One pair of annotators: their codes, shared texts, and agreement (None where undefined)."""

    a: int
    b: int
    items: int
    kappa: float | None
    low: float | None
    high: float | None
    agreement: float


@dataclass(frozen=True, slots=True)
class AnnotatorPairs:
    """Every pair of annotators with a text in common, as columns sorted by (a, b).

    Attributes
    ----------
    a, b : (pairs,) int arrays
        Annotator codes, a < b.
    items : (pairs,) int array
        Texts that both answered.
    agreement : (pairs,) float array
        Share of these on which both gave the same label.
    kappa : (pairs,) float array
        Cohen's kappa on them; NaN where both used one and the same label only.
    low, high : (pairs,) float arrays
        Its 95 % interval: Wilson's for the share of texts on which they agree, with chance agreement as it is.
    """

    a: IntArray
    b: IntArray
    items: IntArray
    agreement: FloatArray
    kappa: FloatArray
    low: FloatArray
    high: FloatArray

    def __len__(self) -> int:
        return len(self.a)

    def rows(self) -> Iterator[PairDict]:
        """Yield the pairs one by one, an undefined kappa as None."""
        rounded = [
            [None if value != value else value for value in np.round(column, 12).tolist()]  # NaN
            for column in (self.kappa, self.low, self.high)
        ]
        columns = [column.tolist() for column in (self.a, self.b, self.items)]
        for a, b, items, kappa, low, high, agreement in zip(
            *columns, *rounded, self.agreement.tolist(), strict=True
        ):
            yield {
                "a": a,
                "b": b,
                "items": items,
                "kappa": kappa,
                "low": low,
                "high": high,
                "agreement": agreement,
            }


def annotator_pairs(items: IntArray, annotators: IntArray, labels: IntArray, n_labels: int) -> AnnotatorPairs:
    """Compare every two annotators on the texts that both answered.

    With X the texts x annotators incidence matrix and X_c the part of it where the label is c, X'X counts shared
    texts, the sum of X_c'X_c agreements, and X_c'X how often one said c on the texts shared with the other: the
    marginals of Cohen's chance agreement. The cost is the number of pairs of answers, the memory that of the
    pairs of annotators.

    Parameters
    ----------
    items, annotators, labels : (answers,) int arrays
        Codes from 0; at most one answer of an annotator to a text.
    n_labels : int
        Number of labels, used or not.

    Raises
    ------
    ValueError
        When lengths differ, a code is out of range or somebody answered a text twice.

    Examples
    --------
    Two people on four texts, of which they agree on three; chance agreement is 1/2:

    >>> pairs = annotator_pairs(
    ...     np.array([0, 1, 2, 3, 0, 1, 2, 3]), np.repeat([0, 1], 4), np.array([0, 0, 1, 1, 0, 0, 1, 0]), 2)
    >>> list(pairs.rows())
    [{'a': 0, 'b': 1, 'items': 4, 'kappa': 0.5, 'low': -0.398..., 'high': 0.908..., 'agreement': 0.75}]

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement 20, 37-46.
    """
    incidence = _incidence(items, annotators, labels, n_labels)
    size = incidence.shape[1]
    agreed = sparse.csr_array((size, size), dtype=np.int64)
    chance = sparse.csr_array((size, size), dtype=np.int64)
    order = np.argsort(labels.astype(np.int16 if n_labels < 2**15 else np.int64), kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=n_labels))
    for start, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
        if start == end:
            continue
        chosen = order[start:end]
        said = _matrix(items[chosen], annotators[chosen], incidence.shape).T.tocsr()
        agreed = agreed + said @ said.T
        marginal = said @ incidence
        chance = chance + marginal.multiply(marginal.T).tocsr()
    shared = sparse.triu(incidence.T @ incidence, k=1).tocoo()
    order = np.lexsort((shared.col, shared.row))
    a, b = shared.row[order].astype(np.int64), shared.col[order].astype(np.int64)
    n = shared.data[order].astype(np.int64)
    observed = entries_at(agreed, a, b) / n
    expected = entries_at(chance, a, b) / n.astype(np.float64) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa, low, high = (
            np.where(expected < 1, (share - expected) / (1 - expected), np.nan)
            for share in (observed, *_wilson_ends(observed, n))
        )
    return AnnotatorPairs(a, b, n, observed, kappa, low, high)


def _wilson_ends(share: FloatArray, n: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return both ends of Wilson's 95 % interval for many shares at once; see `intervals.wilson`."""
    z = normal_quantile(0.975)
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    return np.where(share == 0, 0.0, centre - half), np.where(share == 1, 1.0, centre + half)


def agreement_with_rest(
    items: IntArray, annotators: IntArray, labels: IntArray, counts: sparse.csr_array
) -> FloatArray:
    """Return how far each annotator agrees with the others on the same texts.

    On each text it is the share of the other answers that have the same label; the mean is over the annotator's
    texts that somebody else answered too.

    Parameters
    ----------
    items, annotators, labels : (answers,) int arrays
        Codes from 0; one row an answer.
    counts : (n_items, n_labels) sparse int array
        The same answers, counted by `count_labels`.

    Returns
    -------
    (largest annotator code + 1,) float array
        NaN for an annotator whose texts nobody else answered.

    Examples
    --------
    >>> from qc.algorithms.label_counts import count_labels
    >>> i, a, l = np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([1, 1, 0])
    >>> agreement_with_rest(i, a, l, count_labels(i, l, 2)).tolist()
    [0.5, 0.5, 0.0]
    """
    if len(items) == 0:
        return np.zeros(0)
    size = int(annotators.max()) + 1
    others = (counts.sum(axis=1) - 1)[items]
    shared = others > 0
    items, annotators, labels, others = items[shared], annotators[shared], labels[shared], others[shared]
    share = (entries_at(counts, items, labels) - 1) / others
    total = np.bincount(annotators, weights=share, minlength=size)
    texts = np.bincount(annotators, minlength=size)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / texts, dtype=np.float64)


def _incidence(items: IntArray, annotators: IntArray, labels: IntArray, n_labels: int) -> sparse.csr_array:
    """Return the texts x annotators matrix of ones, having checked the answers."""
    check_codes("items", items)
    check_codes("annotators", annotators)
    check_codes("labels", labels, n_labels)
    if not len(items) == len(annotators) == len(labels):
        raise ValueError(
            f"items, annotators and labels differ in length: {len(items)}, {len(annotators)}, {len(labels)}"
        )
    shape = (int(items.max(initial=-1)) + 1, int(annotators.max(initial=-1)) + 1)
    matrix = _matrix(items, annotators, shape)
    if matrix.nnz and int(matrix.data.max()) > 1:
        twice = matrix.tocoo()
        at = int(np.argmax(twice.data))
        raise ValueError(f"annotator {twice.col[at]} answered item {twice.row[at]} more than once")
    return matrix


def _matrix(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> sparse.csr_array:
    matrix = sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def entries_at(matrix: sparse.csr_array, rows: IntArray, columns: IntArray) -> IntArray:
    """Return the entries at the given places, 0 where none is stored."""
    if len(rows) == 0 or matrix.nnz == 0:
        return np.zeros(len(rows), np.int64)
    matrix.sort_indices()  # products come unsorted
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * matrix.shape[1] + matrix.indices
    wanted = rows * matrix.shape[1] + columns
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, matrix.data[place], 0).astype(np.int64)
