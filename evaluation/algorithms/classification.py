"""Precision, recall and F1 per class and as macro averages, with intervals, from a confusion matrix.

The confusion matrix is a sufficient statistic: the bootstrap redraws its cells, so its cost depends on the
number of classes and not on that of the predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import (
    Estimate,
    EstimateDict,
    percentile_interval,
    resampled_sums,
    wilson,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NOTHING = "undefined, because there are no predictions"
NEVER_PREDICTED = "undefined, because this class was never predicted"
NO_SUPPORT = "undefined, because no text with a prediction has this class"
ABSENT = "undefined, because no text with a prediction has this class and it was never predicted"


class ClassDict(TypedDict):
    """One row of `per_class`."""

    label: str
    support: int
    precision: EstimateDict
    recall: EstimateDict
    f1: EstimateDict


class MacroDict(TypedDict):
    """The macro averages."""

    precision: EstimateDict
    recall: EstimateDict
    f1: EstimateDict


class ConfusionDict(TypedDict):
    """The confusion matrix; rows are the truth."""

    labels: list[str]
    matrix: list[list[int]]


class ReportDict(TypedDict):
    """The part of a run's report that the confusion matrix determines."""

    n: int
    per_class: list[ClassDict]
    macro: MacroDict
    confusion: ConfusionDict


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall and F1 of one class, or their macro averages."""

    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class ClassScores(Scores):
    """The scores of a class: its code, how many texts have it, and how many predictions name it."""

    label: int
    support: int
    predicted: int


@dataclass(frozen=True, slots=True)
class ClassificationReport:
    """Scores by class code, their macro averages, and the (classes, classes) matrix they come from."""

    n: int
    per_class: tuple[ClassScores, ...]
    macro: Scores
    matrix: IntArray

    def as_dict(self, names: Sequence[str]) -> ReportDict:
        """Return the report ready for JSON; `names` are the classes' names by code."""
        if len(names) != len(self.per_class):
            raise ValueError(f"{len(names)} names for {len(self.per_class)} classes")
        return {
            "n": self.n,
            "per_class": [
                {
                    "label": names[scores.label],
                    "support": scores.support,
                    "precision": scores.precision.as_dict(),
                    "recall": scores.recall.as_dict(),
                    "f1": scores.f1.as_dict(),
                }
                for scores in self.per_class
            ],
            "macro": {
                "precision": self.macro.precision.as_dict(),
                "recall": self.macro.recall.as_dict(),
                "f1": self.macro.f1.as_dict(),
            },
            "confusion": {"labels": list(names), "matrix": self.matrix.tolist()},
        }


def confusion_matrix(truth: IntArray, predicted: IntArray, n_labels: int) -> IntArray:
    """Count predictions by true and predicted class.

    Parameters
    ----------
    truth, predicted : (n,) int arrays
        Class codes from 0 to below n_labels.
    n_labels : int
        Number of classes.

    Returns
    -------
    (n_labels, n_labels) int array
        Rows are the truth.

    Raises
    ------
    ValueError
        When lengths differ or a code is out of range.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"truth and predicted differ in shape: {truth.shape} and {predicted.shape}")
    for name, codes in (("truth", truth), ("predicted", predicted)):
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < n_labels:
            raise ValueError(f"{name} has a code outside 0 to {n_labels - 1}")
    cells = truth.astype(np.int64) * n_labels + predicted
    return np.bincount(cells, minlength=n_labels * n_labels).reshape(n_labels, n_labels).astype(np.int64)


def classification_report(
    matrix: IntArray, seed: int = 0, replicates: int = 1000, confidence: float = 0.95
) -> ClassificationReport:
    """Score a classifier from its confusion matrix.

    Precision and recall have Wilson intervals. F1 = 2 TP / (2 TP + FP + FN) and the macro averages have the
    percentile interval of a bootstrap that draws the cells of the matrix from a multinomial distribution.
    Where that interval does not surround the score (resampling is blind to errors that did not happen, so 0 and
    1 seem certain) F1 has Wilson's interval of TP / (TP + FP + FN), of which it is a monotone function, and the
    macro average the root of the summed squares of the classes' distances to their bounds, divided by the number
    of classes (MOVER).

    A figure whose denominator is 0 is undefined for the class. As in scikit-learn with `zero_division=0`, the
    macro average is over the classes that occur in the truth or in the predictions, and such a figure counts
    there as 0: never predicting a class must not raise the average.

    Parameters
    ----------
    matrix : (classes, classes) int array
        Rows are the truth.
    seed, replicates, confidence
        Of the bootstrap and the intervals.

    Raises
    ------
    ValueError
        When the matrix is not square or has a negative entry.

    Examples
    --------
    >>> report = classification_report(np.array([[8, 2], [1, 9]]))
    >>> [round(scores.f1.value, 4) for scores in report.per_class], round(report.macro.f1.value, 4)
    ([0.8421, 0.8571], 0.8496)

    References
    ----------
    MOVER: Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a confusion matrix is square, not {matrix.shape}")
    if matrix.size and int(matrix.min()) < 0:
        raise ValueError("a confusion matrix has no negative entries")
    size, n = len(matrix), int(matrix.sum())
    hits, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    macro_drawn, f1_drawn = _replicates(matrix, seed, replicates)
    per_class = []
    for label in range(size):
        tp, row, column = int(hits[label]), int(support[label]), int(predicted[label])
        absent = ABSENT if row + column == 0 else None
        per_class.append(
            ClassScores(
                precision=wilson(tp, column, confidence, reason=absent or NEVER_PREDICTED),
                recall=wilson(tp, row, confidence, reason=absent or NO_SUPPORT),
                f1=_f1(tp, row, column, f1_drawn[:, label], confidence),
                label=label,
                support=row,
                predicted=column,
            )
        )
    values = _macro(np.concatenate([hits, support, predicted])[None, :].astype(np.float64))[0]
    estimates = [
        _macro_estimate(
            float(values[i]), macro_drawn[:, i], [getattr(c, name) for c in per_class], n, confidence
        )
        for i, name in enumerate(("precision", "recall", "f1"))
    ]
    return ClassificationReport(n, tuple(per_class), Scores(*estimates), matrix)


def _replicates(matrix: IntArray, seed: int, replicates: int) -> tuple[FloatArray, FloatArray]:
    """Return (replicates, 3) macro averages and (replicates, classes) F1 of redrawn matrices."""
    size = len(matrix)
    row, column = np.nonzero(matrix)
    cell = np.arange(len(row))
    hit = row == column
    where = np.concatenate([row[hit], row + size, column + 2 * size])
    features = sparse.csr_array(
        (np.ones(len(where)), (np.concatenate([cell[hit], cell, cell]), where)), shape=(len(row), 3 * size)
    )
    macro, f1 = [], []
    for sums in resampled_sums(matrix[row, column], features, replicates, np.random.default_rng(seed)):
        macro.append(_macro(sums))
        f1.append(_ratios(sums)[2])
    return np.concatenate(macro), np.concatenate(f1)


def _ratios(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return precision, recall and F1, each (k, classes), NaN where undefined."""
    hits, support, predicted = np.split(sums, 3, axis=1)
    with np.errstate(invalid="ignore"):
        return hits / predicted, hits / support, 2 * hits / (support + predicted)


def _macro(sums: FloatArray) -> FloatArray:
    """Return (k, 3) means over the classes that occur, undefined figures counting as 0; NaN without any."""
    ratios = _ratios(sums)
    occurring = (~np.isnan(ratios[2])).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.stack([np.nan_to_num(ratio).sum(axis=1) / occurring for ratio in ratios], axis=1)


def _f1(hits: int, support: int, predicted: int, drawn: FloatArray, confidence: float) -> Estimate:
    involved = support + predicted - hits
    if involved == 0:
        return Estimate.undefined(ABSENT)
    value = 2 * hits / (support + predicted)
    low, high = percentile_interval(drawn, confidence)
    if low is not None and high is not None and low < value < high:
        return Estimate(value, low, high, involved)
    overlap = wilson(hits, involved, confidence)
    ends = [2 * end / (1 + end) for end in (overlap.low or 0.0, overlap.high or 0.0)]
    return Estimate(value, ends[0], ends[1], involved)


def _macro_estimate(
    value: float, drawn: FloatArray, classes: Sequence[Estimate], n: int, confidence: float
) -> Estimate:
    if np.isnan(value):
        return Estimate.undefined(NOTHING)
    low, high = percentile_interval(drawn, confidence)
    if low is not None and high is not None and low < value < high:
        return Estimate(value, low, high, n)
    # An undefined figure counts as a certain 0; it adds nothing to either distance.
    defined = [c for c in classes if c.value is not None and c.low is not None and c.high is not None]
    occurring = sum(c.value is not None or c.reason != ABSENT for c in classes)
    below = sum(((c.value or 0.0) - (c.low or 0.0)) ** 2 for c in defined) ** 0.5 / occurring
    above = sum(((c.high or 0.0) - (c.value or 0.0)) ** 2 for c in defined) ** 0.5 / occurring
    return Estimate(value, max(0.0, value - below), min(1.0, value + above), n)
