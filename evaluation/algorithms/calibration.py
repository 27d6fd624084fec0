"""Whether probabilities mean what they say: calibration error and its bins, and the entropy of a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import Estimate, EstimateDict, wilson

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

BINS = 15


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Predictions whose top probability lies in (low, high]: how many, its mean, and how many were right."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: Estimate

    def as_dict(self) -> dict[str, float | int | EstimateDict | None]:
        """Return the fields, ready for JSON."""
        return {
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "confidence": self.confidence,
            "accuracy": self.accuracy.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error of n predictions (None without any), and its bins from 0 to 1."""

    ece: float | None
    n: int
    bins: tuple[CalibrationBin, ...]


def calibration(
    confidence: FloatArray, correct: BoolArray, bins: int = BINS, *, interval: float = 0.95
) -> Calibration:
    """Compare the top probability of predictions with how often they are right.

    ECE is the mean over predictions of |share right - mean probability| of their bin. The bins are equally
    wide and closed above; 0 belongs to the first.

    Parameters
    ----------
    confidence : (n,) float array
        Probability of the predicted class; values above 1 by rounding are taken as 1.
    correct : (n,) bool array
        Whether the predicted class is the true one.
    bins : int
        Number of bins.
    interval : float
        Confidence of the Wilson intervals of the bins' accuracy.

    Raises
    ------
    ValueError
        When lengths differ or a probability is negative or not a number.

    Examples
    --------
    >>> calibration(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, False, True, False])).ece
    0.25

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On Calibration of Modern Neural Networks, ICML.
    """
    if confidence.shape != correct.shape or confidence.ndim != 1:
        raise ValueError(f"confidence and correct differ in shape: {confidence.shape} and {correct.shape}")
    if not np.all(confidence >= 0):
        raise ValueError("probabilities must not be negative or missing")
    edges = np.linspace(0.0, 1.0, bins + 1)
    top = np.minimum(confidence, 1.0)
    place = np.maximum(np.searchsorted(edges, top, side="left") - 1, 0)
    n = np.bincount(place, minlength=bins)
    total = np.bincount(place, weights=top, minlength=bins)
    right = np.bincount(place, weights=correct, minlength=bins)
    return Calibration(
        float(np.abs(right - total).sum() / len(top)) if len(top) else None,
        len(top),
        tuple(
            CalibrationBin(
                float(edges[i]),
                float(edges[i + 1]),
                int(n[i]),
                float(total[i] / n[i]) if n[i] else None,
                wilson(int(right[i]), int(n[i]), interval, reason="no predictions in this bin"),
            )
            for i in range(bins)
        ),
    )


def entropy_of_probabilities(probabilities: FloatArray) -> FloatArray:
    """Return the entropy of each prediction in bits.

    Parameters
    ----------
    probabilities : (n, classes) float array
        Non-negative; rows are scaled to sum to 1.

    Returns
    -------
    (n,) float array
        0 for a certain prediction, log2(classes) for a uniform one; NaN for a row of zeros.

    Examples
    --------
    >>> entropy_of_probabilities(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = probabilities / probabilities.sum(axis=1, keepdims=True)
        bits = np.where(share > 0, -share * np.log2(np.where(share > 0, share, 1.0)), share)
    return np.asarray(bits.sum(axis=1) + 0.0, dtype=np.float64)
