"""Agreement on marked spans: entity-level F1 between annotators, and alpha over tokens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate, bounds_where_all_say
from annotation.algorithms.spans import Span
from qc.algorithms.item_sums import ItemSums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_OVERLAP = "not enough overlap: no text has two answers"
NO_SPANS = "undefined, because nobody marked anything in a text that two people answered"
NOT_MARKED = "undefined, because nobody marked it in a text that two people answered"
ONE_STATE = "undefined, because all tokens have the same label"
TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class SpanAgreement:
    """Entity-level F1, over all labels and for each; alpha over tokens; F1 of each two annotators.

    `pairs` maps (a, b), a < b, to (shared texts, spans that both marked, sum of the spans of both). `score` is the mean
    F1 of each answer with the others on its text, NaN where nobody else answered, 1 where neither marked anything.
    `confused` counts, for two labels a < b, the pairs of people of whom one gave a and the other b to the same place;
    `confused_in` has the codes of the texts in which they did.
    """

    entity_f1: Estimate
    token_alpha: Estimate
    per_label: dict[int, Estimate]
    pairs: dict[tuple[int, int], tuple[int, int, int]]
    score: FloatArray
    confused: Counter[tuple[int, int]]
    confused_in: dict[tuple[int, int], set[int]]


def span_agreement(
    items: IntArray,
    annotators: IntArray,
    spans: Sequence[Sequence[Span]],
    texts: dict[int, str],
    *,
    seed: int = 0,
    replicates: int = 1000,
) -> SpanAgreement:
    """Measure how far people mark the same.

    F1 of two people on a text is 2 |A and B| / (|A| + |B|), a span counting as the same only with the same start, end
    and label. It is taken over all pairs of people on all texts together, so that a text with nothing to mark weighs
    nothing. Alpha takes each token for a unit and the set of labels on it (often none) for its value, and is nominal;
    the interval of both draws texts, since the tokens of a text are no independent witnesses.

    Parameters
    ----------
    items, annotators : (answers,) int arrays
        Codes; at most one answer of an annotator to a text.
    spans : sequence of (answers,) lists of (start, end, label)
        What each answer marks.
    texts : dict
        Text by item code, for those with two answers or more; tokens are words and single signs.
    seed, replicates
        Of the bootstrap.

    Examples
    --------
    >>> found = span_agreement(np.array([0, 0]), np.array([0, 1]),
    ...                        [[(0, 4, 7), (10, 16, 8)], [(0, 4, 7)]], {0: "Anna left Berlin"})
    >>> round(found.entity_f1.value, 4), found.pairs
    (0.6667, {(0, 1): (1, 1, 3)})

    References
    ----------
    Hripcsak & Rothschild (2005), JAMIA 12, 296-298: F1 between people is kappa's limit where the number of things that
    nobody marked is unknown.
    """
    by_item: dict[int, list[int]] = {}
    for at, item in enumerate(items.tolist()):
        by_item.setdefault(item, []).append(at)
    shared = [rows for rows in by_item.values() if len(rows) >= 2]
    labels = sorted({label for marked in spans for _, _, label in marked})
    place = {label: at for at, label in enumerate(labels)}
    entity = np.zeros((len(shared), 2 * (len(labels) + 1)))
    pairs: dict[tuple[int, int], list[int]] = {}
    tokens: list[Counter[tuple[int, ...]]] = []
    token_split = np.zeros(len(shared))
    score = np.full(len(items), np.nan)
    confused: Counter[tuple[int, int]] = Counter()
    confused_in: dict[tuple[int, int], set[int]] = {}
    for unit, rows in enumerate(shared):
        marked = [set(spans[row]) for row in rows]
        seen = Counter(span for one in marked for span in one)
        for (_, _, label), n in seen.items():
            for column in (0, place[label] + 1):
                entity[unit, 2 * column] += n * (n - 1)  # 2 |A and B| over pairs
                entity[unit, 2 * column + 1] += n * (len(rows) - 1)  # |A| + |B| over pairs
        for x, first in enumerate(rows):
            for y in range(x + 1, len(rows)):
                a, b = int(annotators[first]), int(annotators[rows[y]])
                row = pairs.setdefault((min(a, b), max(a, b)), [0, 0, 0])
                both, sizes = len(marked[x] & marked[y]), len(marked[x]) + len(marked[y])
                row[0] += 1
                row[1] += both
                row[2] += sizes
                f1 = 2 * both / sizes if sizes else 1.0
                score[[first, rows[y]]] = np.nan_to_num(score[[first, rows[y]]]) + f1 / (len(rows) - 1)
                if both < len(marked[x]):
                    for both_labels in _other_labels(marked[x] - marked[y], marked[y] - marked[x]):
                        confused[both_labels] += 1
                        confused_in.setdefault(both_labels, set()).add(int(items[first]))
        given, token_split[unit] = _token_counts(texts[int(items[rows[0]])], marked)
        tokens.append(given)
    entities = _ratio_estimates(entity, seed, replicates)
    return SpanAgreement(
        entity_f1=entities[0],
        token_alpha=_token_alpha(tokens, token_split, seed, replicates),
        per_label={label: entities[at + 1] for at, label in enumerate(labels)},
        pairs={pair: (row[0], row[1], row[2]) for pair, row in sorted(pairs.items())},
        score=score,
        confused=confused,
        confused_in=confused_in,
    )


def _other_labels(a: set[Span], b: set[Span]) -> list[tuple[int, int]]:
    """Return the two labels, the smaller first, of each place that has one in a and another in b."""
    places: dict[tuple[int, int], list[int]] = {}
    for start, end, label in b:
        places.setdefault((start, end), []).append(label)
    return [
        (min(label, other), max(label, other))
        for start, end, label in a
        for other in places.get((start, end), [])
    ]


def _token_counts(text: str, marked: Sequence[set[Span]]) -> tuple[Counter[tuple[int, ...]], float]:
    """Return how often each value (the labels on a token, ascending) was given in a text, and its disagreement."""
    places = [match.span() for match in TOKEN.finditer(text)]
    starts = np.array([start for start, _ in places], dtype=np.int64)
    ends = np.array([end for _, end in places], dtype=np.int64)
    touched: dict[int, dict[int, set[int]]] = {}
    for who, spans in enumerate(marked):
        for start, end, label in spans:
            first, last = (
                int(np.searchsorted(ends, start, "right")),
                int(np.searchsorted(starts, end, "left")),
            )
            for token in range(first, last):
                touched.setdefault(token, {}).setdefault(who, set()).add(label)
    people = len(marked)
    given: Counter[tuple[int, ...]] = Counter({(): people * (len(places) - len(touched))})
    split = 0.0
    for by_person in touched.values():
        values = Counter(tuple(sorted(labels)) for labels in by_person.values())
        if people > len(by_person):
            values[()] = people - len(by_person)
        given.update(values)
        split += sum(n * (people - n) for n in values.values()) / (people - 1)
    return given, split


def _token_alpha(
    tokens: Sequence[Counter[tuple[int, ...]]], split: FloatArray, seed: int, replicates: int
) -> Estimate:
    if not tokens:
        return Estimate.undefined(NO_OVERLAP)
    codes = {value: at for at, value in enumerate(sorted({value for given in tokens for value in given}))}
    size = len(codes)
    rows = [(unit, codes[value], n) for unit, given in enumerate(tokens) for value, n in given.items() if n]
    where = np.array(rows, dtype=np.int64).reshape(-1, 3)
    features = sparse.csr_array(
        (
            np.append(where[:, 2].astype(np.float64), split),
            (
                np.append(where[:, 0], np.arange(len(split))),
                np.append(where[:, 1], np.full(len(split), size)),
            ),
        ),
        shape=(len(tokens), size + 1),
    )

    def values(sums: FloatArray) -> FloatArray:
        n = sums[:, :size].sum(axis=1)
        chance = n**2 - (sums[:, :size] ** 2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(chance > 0, 1 - (n - 1) * sums[:, size] / chance, np.nan)[:, None])

    sums = ItemSums(np.ones(len(tokens), np.int64), features, values)
    value = float(sums.point()[0])
    if np.isnan(value):
        return Estimate.undefined(ONE_STATE, len(tokens))
    if not split.any():  # no resample can disagree either; a text that does would do so as chance has it
        return Estimate(value, bounds_where_all_say(1.0, len(tokens))[0], 1.0, len(tokens))
    lows, highs = sums.intervals(seed, replicates)
    if np.isnan(lows[0]):
        return Estimate(value, None, None, len(tokens))
    return Estimate(value, max(-1.0, float(lows[0])), min(1.0, float(highs[0])), len(tokens))


def _ratio_estimates(entity: FloatArray, seed: int, replicates: int) -> list[Estimate]:
    """Return the ratio of each two columns over the texts, with its interval; n texts have something in them."""
    if len(entity) == 0:
        return [Estimate.undefined(NO_OVERLAP) for _ in range(entity.shape[1] // 2)]
    kinds, texts = np.unique(entity, axis=0, return_counts=True)

    def values(sums: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(sums[:, 1::2] > 0, sums[:, ::2] / sums[:, 1::2], np.nan))

    sums = ItemSums(texts.astype(np.int64), sparse.csr_array(kinds), values)
    units = (entity[:, 1::2] > 0).sum(axis=0).astype(np.int64)
    lows, highs = sums.intervals_of_each(units, seed, replicates)
    return [
        Estimate.undefined(NOT_MARKED if at else NO_SPANS)
        if np.isnan(value)
        else Estimate(float(value), None, None, n)
        if np.isnan(low)
        else Estimate(float(value), float(low), float(high), n)
        for at, (value, low, high, n) in enumerate(
            zip(sums.point(), lows, highs, units.tolist(), strict=True)
        )
    ]
