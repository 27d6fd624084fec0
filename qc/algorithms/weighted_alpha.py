"""Krippendorff's alpha where answers can be nearly right: ordered labels, numbers, sets of labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate, bounds_where_all_say
from qc.algorithms.distances import Distance, Interval
from qc.algorithms.item_sums import ALIKE, ItemSums
from qc.algorithms.label_counts import as_counts, distinct_rows

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_OVERLAP = "not enough overlap: no text has two answers"
ONE_ANSWER = "undefined, because only one answer was used"


def alpha_with_distance(
    counts: sparse.csr_array | IntArray, distance: Distance, *, seed: int = 0, replicates: int = 1000
) -> Estimate:
    """Estimate alpha = 1 - observed / expected disagreement, with an interval over texts.

    Observed disagreement is sum_u sum_ck n_uc n_uk d_ck / (m_u - 1) over the texts u with m_u >= 2 answers, n_uc of
    them the answer c; the expected one sum_ck n_c n_k d_ck / (n - 1).

    Parameters
    ----------
    counts : (n_items, codes) int array
        Answers per text and code.
    distance : Distance
        Between codes.
    seed, replicates
        Of the bootstrap; see `ItemSums.intervals`.

    Examples
    --------
    Krippendorff's own example of 12 texts and 4 observers, for interval data published as 0.849:

    >>> from qc.algorithms.distances import Interval
    >>> counts = np.array([[3, 0, 0, 0, 0], [0, 3, 1, 0, 0], [0, 0, 4, 0, 0], [0, 0, 4, 0, 0],
    ...                    [0, 4, 0, 0, 0], [1, 1, 1, 1, 0], [0, 0, 0, 4, 0], [3, 1, 0, 0, 0],
    ...                    [0, 4, 0, 0, 0], [0, 0, 0, 0, 3], [2, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    >>> round(alpha_with_distance(counts, Interval(np.arange(1.0, 6.0))).value, 3)
    0.849

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    kept, texts = _overlapping(counts)
    if len(texts) == 0:
        return Estimate.undefined(NO_OVERLAP)
    answers = kept.sum(axis=1).astype(np.float64)
    split = _within(kept, distance) / (answers - 1)
    size = kept.shape[1]
    features = sparse.csr_array(sparse.hstack([kept.astype(np.float64), sparse.csr_array(split[:, None])]))

    def values(sums: FloatArray) -> FloatArray:
        given = sums[:, :size]
        chance = (distance.times(given.T).T * given).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha = np.where(chance > 0, 1 - (given.sum(axis=1) - 1) * sums[:, size] / chance, np.nan)
        return np.asarray(alpha[:, None])

    weights = texts.astype(np.float64)
    all_given, all_split = kept.T @ weights, float(split @ weights)
    apart = distance.times(all_given[:, None])[:, 0]

    def left_out(part: slice) -> FloatArray:
        n = all_given.sum() - answers[part]
        chance = all_given @ apart - 2 * (kept[part] @ apart) + split[part] * (answers[part] - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha = np.where(chance > 1e-9, 1 - (n - 1) * (all_split - split[part]) / chance, np.nan)
        return np.asarray(alpha[:, None])

    return _estimate(ItemSums(texts, features, values, left_out=left_out), kept, distance, seed, replicates)


def ordinal_alpha(counts: sparse.csr_array | IntArray, *, seed: int = 0, replicates: int = 1000) -> Estimate:
    """Estimate alpha for labels in a known order, with an interval over texts.

    The distance of two labels is the square of how many answers lie between them, each of both labels counted half:
    the difference of their mean ranks. Ranks depend on all answers, so each resample has its own distances.

    Parameters
    ----------
    counts : (n_items, labels) int array
        Answers per text and label, the labels in their order.
    seed, replicates
        Of the bootstrap; see `ItemSums.intervals`.

    Examples
    --------
    Krippendorff's example as ordered labels, published as 0.815:

    >>> counts = np.array([[3, 0, 0, 0, 0], [0, 3, 1, 0, 0], [0, 0, 4, 0, 0], [0, 0, 4, 0, 0],
    ...                    [0, 4, 0, 0, 0], [1, 1, 1, 1, 0], [0, 0, 0, 4, 0], [3, 1, 0, 0, 0],
    ...                    [0, 4, 0, 0, 0], [0, 0, 0, 0, 3], [2, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    >>> round(ordinal_alpha(counts).value, 3)
    0.815
    """
    kept, texts = _overlapping(counts)
    if len(texts) == 0:
        return Estimate.undefined(NO_OVERLAP)
    size = kept.shape[1]
    a, b, weight = pairs_of_entries(kept)
    answers = kept.sum(axis=1).astype(np.float64)
    row = np.repeat(np.arange(kept.shape[0]), np.diff(kept.indptr).astype(np.int64) ** 2)
    # For each text and each two labels how often they met, as coincidences: n_uc n_uk / (m_u - 1)
    met = sparse.csr_array(
        (weight / (answers - 1)[row], (row, size + a * size + b)), shape=(kept.shape[0], size + size * size)
    )
    given = sparse.csr_array(
        (kept.data.astype(np.float64), kept.indices, kept.indptr), shape=(kept.shape[0], size + size * size)
    )

    def values(sums: FloatArray) -> FloatArray:
        n, together = sums[:, :size], sums[:, size:].reshape(len(sums), size, size)
        rank = np.cumsum(n, axis=1) - n / 2
        apart = (rank[:, :, None] - rank[:, None, :]) ** 2
        observed = (together * apart).sum(axis=(1, 2))
        chance = (n[:, :, None] * n[:, None, :] * apart).sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha = np.where(chance > 0, 1 - (n.sum(axis=1) - 1) * observed / chance, np.nan)
        return np.asarray(alpha[:, None])

    n = np.asarray(kept.T @ texts.astype(np.float64))
    ranks = Interval(np.cumsum(n) - n / 2)
    return _estimate(ItemSums(texts, sparse.csr_array(given + met), values), kept, ranks, seed, replicates)


def _overlapping(counts: sparse.csr_array | IntArray) -> tuple[sparse.csr_array, IntArray]:
    """Return the distinct rows with two answers or more, and how many texts have each."""
    rows = distinct_rows(as_counts(counts))
    enough = np.flatnonzero(rows.counts.sum(axis=1) >= 2)
    return rows.counts[enough], rows.texts[enough]


def pairs_of_entries(kept: sparse.csr_array) -> tuple[IntArray, IntArray, FloatArray]:
    """Return every two entries of each row, in the order of the rows: both codes, and the product of their counts."""
    length = np.diff(kept.indptr).astype(np.int64)
    starts = np.repeat(kept.indptr[:-1].astype(np.int64), length**2)
    within = np.arange(int((length**2).sum())) - np.repeat(np.cumsum(length**2) - length**2, length**2)
    width = np.repeat(length, length**2)
    first, second = starts + within // width, starts + within % width
    codes = kept.indices.astype(np.int64)
    return codes[first], codes[second], (kept.data[first] * kept.data[second]).astype(np.float64)


def _within(kept: sparse.csr_array, distance: Distance) -> FloatArray:
    """Return sum_ck n_uc n_uk d_ck of each row."""
    a, b, weight = pairs_of_entries(kept)
    row = np.repeat(np.arange(kept.shape[0]), np.diff(kept.indptr).astype(np.int64) ** 2)
    total = np.bincount(row, weights=weight * distance.between(a, b), minlength=kept.shape[0])
    return np.asarray(total, dtype=np.float64)


def _estimate(
    sums: ItemSums, kept: sparse.csr_array, distance: Distance, seed: int, replicates: int
) -> Estimate:
    n = int(sums.texts.sum())
    value = float(sums.point()[0])
    if np.isnan(value):
        return Estimate.undefined(ONE_ANSWER, n)
    lows, highs = sums.intervals(seed, replicates)
    low, high = _bounds_if_alike(sums.texts, kept, distance) or (float(lows[0]), float(highs[0]))
    if np.isnan(low):
        return Estimate(value, None, None, n)
    return Estimate(value, max(-1.0, low), min(1.0, high), n)


def _bounds_if_alike(
    texts: IntArray, kept: sparse.csr_array, distance: Distance
) -> tuple[float, float] | None:
    """Return bounds where all texts disagree alike, by nothing perhaps, so that every resample says the same.

    As for nominal labels (`AnswerSums`): a text that is other than these disagrees at most as two different answers by
    chance do.
    """
    answers = kept.sum(axis=1).astype(np.float64)
    each = _within(kept, distance) / (answers * (answers - 1))
    if texts.sum() < 2 or np.ptp(each) > ALIKE * max(1.0, float(each[0])):
        return None
    given = np.asarray(kept.T @ texts.astype(np.float64))
    pairs = given.sum() * (given.sum() - 1)
    expected = float(given @ distance.times(given[:, None])[:, 0]) / pairs
    different = 1 - float(given @ (given - 1)) / pairs
    most = max(float(each[0]), expected / different)  # of a text
    low, high = bounds_where_all_say(float(each[0]) / most, int(texts.sum()))
    return 1 - high * most / expected, 1 - low * most / expected
