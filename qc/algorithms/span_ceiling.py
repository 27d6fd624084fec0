"""How exactly people mark the spans that are known to be right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate
from annotation.algorithms.spans import Span
from qc.algorithms.item_sums import ItemSums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NOT_TRUE = "no text is known to have such a span"
NOT_GIVEN = "nobody marked such a span"


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """Of the spans of one label, or of all: the share of those marked that are right, of those known that were marked.

    Counted over texts and answers together, as seqeval does in its strict mode. `n` counts texts: those with such a
    span in an answer, those that are known to have one, those with either.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate


def tally_spans(
    marked: Sequence[AbstractSet[Span]], known: Sequence[AbstractSet[Span]], labels: Sequence[int]
) -> sparse.csr_array:
    """Count of each answer its right spans, its spans, and those it should have.

    A span is right when one with the same start, end and label is known.

    Parameters
    ----------
    marked, known : (answers,) sequences of sets of (start, end, label)
        What each answer marks, and what its text is known to have.
    labels : (labels,) sequence
        Whatever spans carry.

    Returns
    -------
    (answers, 3 * (labels + 1)) sparse int array
        Three blocks, each with a column for all labels together and then one for each label.

    Examples
    --------
    >>> tally_spans([{(0, 4, 7), (5, 9, 8)}], [{(0, 4, 7)}], [7, 8]).toarray().tolist()
    [[1, 1, 0, 2, 1, 1, 1, 1, 0]]
    """
    width = len(labels) + 1
    place = {label: at for at, label in enumerate(labels, 1)}
    counted: Counter[tuple[int, int]] = Counter()
    for row, (said, right) in enumerate(zip(marked, known, strict=True)):
        for block, spans in enumerate((said & right, said, right)):
            for _, _, label in spans:
                counted[row, block * width] += 1
                counted[row, block * width + place[label]] += 1
    where = np.array(list(counted), dtype=np.int64).reshape(-1, 2)
    n = np.array(list(counted.values()), dtype=np.int64)
    return sparse.csr_array((n, (where[:, 0], where[:, 1])), shape=(len(marked), 3 * width))


def of_all_labels(tally: sparse.csr_array) -> sparse.csr_array:
    """Return the columns of a tally that count all labels together."""
    width = tally.shape[1] // 3
    return tally[:, [0, width, 2 * width]]


def span_figures(
    texts: IntArray, tally: sparse.csr_array, *, seed: int = 0, replicates: int = 1000
) -> list[SpanFigures]:
    """Return the figures of all labels together, and of each label.

    The answers to one text are no independent witnesses, so intervals draw texts with all their answers; see
    `ItemSums.intervals_of_each`. Below 50 texts they are the jackknife's with Student's t, and Wilson's where all texts
    say 0, or all say 1.

    Parameters
    ----------
    texts : (answers,) int array
        The text of each answer.
    tally : (answers, 3 * (labels + 1)) sparse int array
        As `tally_spans` makes it.
    seed, replicates
        Of the bootstrap.

    Examples
    --------
    Two people on a text with two spans: one marks both, the other one of them and another one:

    >>> two = {(0, 4, 7), (5, 9, 7)}
    >>> whole, _ = span_figures(np.array([0, 0]), tally_spans([two, {(0, 4, 7), (5, 8, 7)}], [two, two], [7]))
    >>> whole.precision.value, whole.recall.value, whole.f1.value, whole.f1.n
    (0.75, 0.75, 0.75, 1)
    """
    width = tally.shape[1] // 3
    codes, of_text = np.unique(texts, return_inverse=True)
    n = len(codes)
    gather = sparse.csr_array(
        (np.ones(len(texts), np.int64), (of_text, np.arange(len(texts)))), shape=(n, len(texts))
    )
    each = (gather @ tally).toarray().astype(np.float64)
    given, due = each[:, width : 2 * width] > 0, each[:, 2 * width :] > 0
    units = np.concatenate([given.sum(axis=0), due.sum(axis=0), (given | due).sum(axis=0)]).astype(np.int64)
    kinds, often = np.unique(each, axis=0, return_counts=True)
    sums = ItemSums(often.astype(np.int64), sparse.csr_array(kinds), _shares)
    point = sums.point()
    lows, highs = sums.intervals_of_each(units, seed, replicates)

    def estimate(at: int, reason: str) -> Estimate:
        value, texts_with = float(point[at]), int(units[at])
        if np.isnan(value):
            return Estimate.undefined(reason)
        if np.isnan(lows[at]):
            return Estimate(value, None, None, texts_with)
        return Estimate(value, float(lows[at]), float(highs[at]), texts_with)

    return [
        SpanFigures(
            precision=estimate(at, NOT_GIVEN),
            recall=estimate(width + at, NOT_TRUE),
            f1=estimate(2 * width + at, NOT_TRUE),
        )
        for at in range(width)
    ]


def _shares(sums: FloatArray) -> FloatArray:
    """Return precisions, recalls and F1s of rows of summed tallies, NaN where undefined."""
    hit, given, due = np.split(sums, 3, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate([hit / given, hit / due, 2 * hit / (given + due)], axis=1)


def crowd_spans(marked: Sequence[AbstractSet[Span]]) -> tuple[frozenset[Span], bool]:
    """Return the spans that more than half of the people marked, and whether the text is tied.

    It is tied, and then has none, where exactly half of the people marked some span.

    Examples
    --------
    >>> crowd_spans([{(0, 4, 7), (5, 9, 8)}, {(0, 4, 7)}, {(0, 4, 7)}])
    (frozenset({(0, 4, 7)}), False)
    >>> crowd_spans([{(0, 4, 7), (5, 9, 8)}, {(0, 4, 7)}])
    (frozenset(), True)
    """
    times = Counter(span for spans in marked for span in spans)
    if any(2 * n == len(marked) for n in times.values()):
        return frozenset(), True
    return frozenset(span for span, n in times.items() if 2 * n > len(marked)), False
