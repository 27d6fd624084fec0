"""How often people give the label that is known to be right: what a model is measured beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate
from qc.algorithms.item_sums import ItemSums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_TRUTH = "no text with a known label has an answer"
NOT_TRUE = "no text is known to have this label"
NOT_GIVEN = "nobody gave this label"


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one label: the share of answers to its texts that give it, the share of its answers that are right, and F1."""

    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Accuracy over all answers, and figures by label code; `n` counts texts throughout."""

    accuracy: Estimate
    classes: tuple[ClassFigures, ...]


def human_ceiling(
    counts: sparse.csr_array, truth: IntArray, *, seed: int = 0, replicates: int = 1000
) -> Ceiling:
    """Compare every answer with the label that is known.

    The answers to one text are no independent witnesses, so intervals draw texts with all their answers. A figure that
    rests on fewer than 50 texts has the jackknife's with Student's t.

    Parameters
    ----------
    counts : (texts, labels) sparse int array
        Answers per text and label; several people's.
    truth : (texts,) int array
        The label of each text.
    seed, replicates
        Of the bootstrap; see `ItemSums.intervals_of_each`.

    Examples
    --------
    Two texts of label 0 with answers 0, 0 and 0, 1; one of label 1 with 1, 1:

    >>> found = human_ceiling(sparse.csr_array(np.array([[2, 0], [1, 1], [0, 2]])), np.array([0, 0, 1]))
    >>> round(found.accuracy.value, 4), found.classes[0].recall.value, round(found.classes[1].precision.value, 4)
    (0.8333, 0.75, 0.6667)
    """
    dense = counts.toarray().astype(np.float64)
    answered = dense.sum(axis=1) > 0
    dense, truth = dense[answered], truth[answered]
    size = counts.shape[1]
    n = len(truth)
    if n == 0:
        nothing = Estimate.undefined(NO_TRUTH)
        return Ceiling(nothing, tuple(ClassFigures(nothing, nothing, nothing) for _ in range(size)))
    is_true = np.zeros((n, size))
    is_true[np.arange(n), truth] = 1.0
    right, asked = dense * is_true, dense.sum(axis=1, keepdims=True) * is_true
    kinds, texts = np.unique(np.concatenate([right, dense, asked], axis=1), axis=0, return_counts=True)

    def values(sums: FloatArray) -> FloatArray:
        hit, given, due = sums[:, :size], sums[:, size : 2 * size], sums[:, 2 * size :]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.concatenate(
                [
                    hit / due,
                    hit / given,
                    np.where(given + due > 0, 2 * hit / (given + due), np.nan),
                    (hit.sum(axis=1) / given.sum(axis=1))[:, None],
                ],
                axis=1,
            )

    sums = ItemSums(texts.astype(np.int64), sparse.csr_array(kinds), values)
    point = sums.point()
    texts_of, texts_with = is_true.sum(axis=0).astype(int), (dense > 0).sum(axis=0)
    units = np.concatenate([texts_of, texts_with, np.maximum(texts_of, texts_with), [n]]).astype(np.int64)
    lows, highs = sums.intervals_of_each(units, seed, replicates)

    def estimate(at: int, reason: str) -> Estimate:
        if np.isnan(point[at]):
            return Estimate.undefined(reason)
        if np.isnan(lows[at]):
            return Estimate(float(point[at]), None, None, int(units[at]))
        return Estimate(float(point[at]), float(lows[at]), float(highs[at]), int(units[at]))

    return Ceiling(
        accuracy=estimate(3 * size, NO_TRUTH),
        classes=tuple(
            ClassFigures(
                estimate(label, NOT_TRUE),
                estimate(size + label, NOT_GIVEN),
                estimate(2 * size + label, NOT_TRUE),
            )
            for label in range(size)
        ),
    )
