"""Agreement of several people on nominal labels, with intervals over texts.

Krippendorff's alpha, Gwet's AC1 and percent agreement are functions of sums over texts, so the bootstrap
draws how often each *distinct* combination of answers occurs, never the texts themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate, normal_quantile
from qc.algorithms.annotator_pairs import AnnotatorPairs, agreement_with_rest, annotator_pairs
from qc.algorithms.answer_sums import AnswerSums
from qc.algorithms.label_counts import (
    ConfusedLabels,
    as_counts,
    confused_labels,
    count_labels,
    entropy_of_answers,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_OVERLAP = "not enough overlap: no text has two answers"
ONE_LABEL = "undefined, because only one label was used"
UNUSED_LABEL = "undefined, because nobody used this label"


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """One label against all others: its code, alpha, and the answers `n` that gave it on texts with overlap."""

    label: int
    alpha: Estimate
    n: int


@dataclass(frozen=True, slots=True)
class AgreementResult:
    """All that `agreement_report` finds.

    Attributes
    ----------
    items, answered_items, annotators, annotations : int
        Texts with two answers or more; with any; people; answers.
    alpha, ac1, percent_agreement : Estimate
        `n` is the number of texts with two answers or more.
    detectable_drop : float or None
        See `detectable_drop`, for alpha.
    per_label : tuple of LabelAgreement
        One for each label code, in order.
    pairs : AnnotatorPairs
        Cohen's kappa of every two annotators.
    with_rest : (annotators,) float array
        Agreement of each annotator code with the others; NaN where undefined.
    confused_labels : tuple of ConfusedLabels
        Most frequent first.
    entropy : (texts,) float array
        Bits, by item code; NaN where there is no answer.
    """

    items: int
    answered_items: int
    annotators: int
    annotations: int
    alpha: Estimate
    ac1: Estimate
    percent_agreement: Estimate
    detectable_drop: float | None
    per_label: tuple[LabelAgreement, ...]
    pairs: AnnotatorPairs
    with_rest: FloatArray
    confused_labels: tuple[ConfusedLabels, ...]
    entropy: FloatArray


@dataclass(frozen=True, slots=True)
class AgreementEstimates:
    """The part of an `AgreementResult` that the count matrix alone determines."""

    alpha: Estimate
    ac1: Estimate
    percent_agreement: Estimate
    per_label: tuple[LabelAgreement, ...]


def agreement_report(
    items: IntArray,
    annotators: IntArray,
    labels: IntArray,
    n_labels: int,
    seed: int = 0,
    replicates: int = 1000,
) -> AgreementResult:
    """Measure how far people agree on nominal labels.

    Parameters
    ----------
    items, annotators, labels : (answers,) int arrays
        Codes from 0; one row an answer, at most one of an annotator to a text. Gold answers and repeats do not
        belong here.
    n_labels : int
        Number of labels, used or not.
    seed : int
        Of the bootstrap; the same answers and seed give the same result, in whatever order the texts come.
    replicates : int
        Bootstrap replicates.

    Raises
    ------
    ValueError
        When lengths differ, a code is out of range or somebody answered a text twice.

    Examples
    --------
    >>> report = agreement_report(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), 2)
    >>> report.alpha.value, report.pairs.kappa.tolist()
    (1.0, [1.0])
    """
    items, annotators, labels = (np.asarray(codes) for codes in (items, annotators, labels))
    if len(items) == 0:
        items, annotators, labels = (codes.astype(np.int64) for codes in (items, annotators, labels))
    pairs = annotator_pairs(items, annotators, labels, n_labels)
    counts = count_labels(items, labels, n_labels)
    estimates = estimate_agreement(counts, seed=seed, replicates=replicates)
    answers = counts.sum(axis=1)
    return AgreementResult(
        items=int((answers >= 2).sum()),
        answered_items=int((answers >= 1).sum()),
        annotators=int(np.count_nonzero(np.bincount(annotators))),
        annotations=len(items),
        alpha=estimates.alpha,
        ac1=estimates.ac1,
        percent_agreement=estimates.percent_agreement,
        detectable_drop=detectable_drop(estimates.alpha),
        per_label=estimates.per_label,
        pairs=pairs,
        with_rest=agreement_with_rest(items, annotators, labels, counts),
        confused_labels=confused_labels(counts),
        entropy=entropy_of_answers(counts),
    )


def krippendorff_alpha(counts: sparse.csr_array | IntArray) -> float | None:
    """Return Krippendorff's alpha for nominal labels, or None where it is undefined.

    alpha = 1 - (n - 1) * sum_u sum_c n_uc (m_u - n_uc) / (m_u - 1) / (n^2 - sum_c n_c^2), over texts u with
    m_u >= 2 answers, n_uc of them with label c.

    Parameters
    ----------
    counts : (n_items, n_labels) int array
        Answers per text and label; texts with fewer than two drop out.

    Examples
    --------
    Krippendorff's own example of 12 texts and 4 observers, published as 0.743:

    >>> counts = np.array([[3, 0, 0, 0, 0], [0, 3, 1, 0, 0], [0, 0, 4, 0, 0], [0, 0, 4, 0, 0],
    ...                    [0, 4, 0, 0, 0], [1, 1, 1, 1, 0], [0, 0, 0, 4, 0], [3, 1, 0, 0, 0],
    ...                    [0, 4, 0, 0, 0], [0, 0, 0, 0, 3], [2, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    >>> round(krippendorff_alpha(counts), 6)
    0.743421

    Three coders and 15 texts (0.691358):

    >>> counts = np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 2, 0], [0, 0, 2, 1],
    ...                    [0, 0, 0, 3], [1, 0, 1, 0], [0, 2, 0, 0], [2, 0, 0, 0], [2, 0, 0, 0], [0, 0, 2, 0],
    ...                    [0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 1, 1]])
    >>> round(krippendorff_alpha(counts), 6)
    0.691358

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    return AnswerSums(as_counts(counts)).point()["alpha"]


def percent_agreement(counts: sparse.csr_array | IntArray) -> float | None:
    """Return the mean over texts with two answers or more of the share of agreeing pairs of answers.

    >>> percent_agreement(np.array([[2, 0], [1, 1], [2, 1], [1, 0]]))
    0.4444444444444444
    """
    return AnswerSums(as_counts(counts)).point()["percent"]


def gwet_ac1(counts: sparse.csr_array | IntArray) -> float | None:
    """Return Gwet's AC1, or None where it is undefined.

    AC1 = (p_a - p_e) / (1 - p_e) with p_a the percent agreement, p_e = sum_c pi_c (1 - pi_c) / (q - 1), pi_c
    the mean over all answered texts of the share of their answers with label c, and q the labels used.

    Parameters
    ----------
    counts : (n_items, n_labels) int array
        Answers per text and label; texts with one answer count for pi alone.

    Examples
    --------
    Two answers each to four texts, nearly always the same label: alpha is 0, agreement 0.75.

    >>> round(gwet_ac1(np.array([[2, 0], [2, 0], [2, 0], [1, 1]])), 6)
    0.68

    References
    ----------
    Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29-48.
    """
    return AnswerSums(as_counts(counts)).point()["ac1"]


def estimate_agreement(
    counts: sparse.csr_array | IntArray, *, seed: int = 0, replicates: int = 1000, confidence: float = 0.95
) -> AgreementEstimates:
    """Estimate alpha, AC1, percent agreement and alpha per label from a count matrix, with intervals over texts.

    The interval is the BCa interval of a bootstrap over texts (those with one answer, which only AC1
    uses, are drawn among themselves), or below 50 texts that of the jackknife with Student's t (see `ItemSums`).
    Where nobody disagreed no resample can either, so the interval is Wilson's for the share of texts without
    disagreement, carried over to the coefficient. Where a figure is undefined in more than half of the replicates, or
    in any leave-one-out sample, it has no interval.

    Parameters
    ----------
    counts : (n_items, n_labels) int array
        Answers per text and label.
    seed, replicates, confidence
        Of the bootstrap.
    """
    matrix = as_counts(counts)
    sums = AnswerSums(matrix)
    lows, highs = sums.intervals(seed, replicates, confidence)
    point = sums.values(sums.total[None, :])[0]
    per_label = sums.label_answers
    n_labels = len(per_label)

    def estimate(column: int, reason: str, bounds: tuple[float, float]) -> Estimate:
        if sums.n == 0:
            return Estimate.undefined(NO_OVERLAP)
        if np.isnan(point[column]):
            return Estimate.undefined(reason, sums.n)
        low, high = float(lows[column]), float(highs[column])
        if np.isnan(low):
            return Estimate(float(point[column]), None, None, sums.n)
        return Estimate(float(point[column]), max(bounds[0], low), min(bounds[1], high), sums.n)

    return AgreementEstimates(
        alpha=estimate(n_labels, ONE_LABEL, (-1.0, 1.0)),
        percent_agreement=estimate(n_labels + 1, NO_OVERLAP, (0.0, 1.0)),
        ac1=estimate(n_labels + 2, ONE_LABEL, (-1.0, 1.0)),
        per_label=tuple(
            LabelAgreement(
                label,
                estimate(label, UNUSED_LABEL if per_label[label] == 0 else ONE_LABEL, (-1.0, 1.0)),
                int(per_label[label]),
            )
            for label in range(n_labels)
        ),
    )


def detectable_drop(estimate: Estimate, confidence: float = 0.95, power: float = 0.8) -> float | None:
    """Return the smallest drop that a second round of the same size would probably show.

    Two independent rounds with this standard error s (taken from the interval's width, width / (2 z)) differ
    significantly at the confidence with the power when the true difference is (z + z_power) * sqrt(2) * s: for
    95 % and 80 % that is 1.01 times the width of the interval.

    Parameters
    ----------
    estimate : Estimate
        With an interval at the same confidence.
    confidence, power : float
        Two-sided confidence of the comparison and its power.

    Returns
    -------
    float or None
        In units of the figure; None without an interval.

    Examples
    --------
    >>> round(detectable_drop(Estimate(0.74, 0.71, 0.77, 1236)), 3)
    0.061
    """
    if estimate.low is None or estimate.high is None:
        return None
    z = normal_quantile((1 + confidence) / 2)
    error = (estimate.high - estimate.low) / (2 * z)
    return float((z + normal_quantile(power)) * np.sqrt(2) * error)
