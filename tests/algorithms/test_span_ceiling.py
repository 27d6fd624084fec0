"""The ceiling of spans: seqeval's strict figures, the interval's coverage, and where there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from annotation.algorithms.intervals import Estimate
from annotation.algorithms.spans import Span
from qc.algorithms.span_ceiling import NOT_GIVEN, NOT_TRUE, crowd_spans, span_figures, tally_spans

LABELS = [7, 8, 9]


@st.composite
def disjoint(draw: st.DrawFn) -> frozenset[Span]:
    """Spans of words 0 to 9 that do not overlap; a word is one place."""
    ends = sorted(draw(st.sets(st.integers(0, 10), max_size=8)))
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    return frozenset((start, end, draw(st.sampled_from(LABELS))) for start, end in pairs)


answers = st.lists(st.tuples(st.integers(0, 3), disjoint()), min_size=1, max_size=12)


def tags(spans: frozenset[Span]) -> list[str]:
    """The spans as seqeval reads them."""
    found = ["O"] * 10
    for start, end, label in spans:
        found[start:end] = [f"I-{label}"] * (end - start)
        found[start] = f"B-{label}"
    return found


@settings(max_examples=60, deadline=None)
@given(answers, st.lists(disjoint(), min_size=4, max_size=4))
def test_the_figures_are_those_of_seqeval(
    given_: list[tuple[int, frozenset[Span]]], known: list[frozenset[Span]]
) -> None:
    texts = np.array([text for text, _ in given_])
    marked, right = [spans for _, spans in given_], [known[text] for text, _ in given_]
    whole, *_ = span_figures(texts, tally_spans(marked, right, LABELS), replicates=10)
    truth, said = [tags(spans) for spans in right], [tags(spans) for spans in marked]
    for found, score in (
        (whole.precision, precision_score),
        (whole.recall, recall_score),
        (whole.f1, f1_score),
    ):
        if found.value is not None:
            assert found.value == pytest.approx(
                score(truth, said, mode="strict", scheme=IOB2, zero_division=0), abs=1e-12
            )
    assert (whole.precision.reason, whole.recall.reason) == (
        None if any(marked) else NOT_GIVEN,
        None if any(right) else NOT_TRUE,
    )


def simulated(rng: np.random.Generator, texts: int) -> tuple[np.ndarray, sparse.csr_array]:
    """Each text has up to four spans, which three people overlook in three cases of ten, more on some texts."""
    place, marked, known = [], [], []
    for text in range(texts):
        spans = [(2 * at, 2 * at + 1, 7) for at in range(rng.integers(0, 5))]
        miss = rng.choice([0.1, 0.5])
        for _ in range(3):
            place.append(text)
            known.append(set(spans))
            marked.append({span for span in spans if rng.random() >= miss})
    return np.array(place), tally_spans(marked, known, [7])


@pytest.mark.parametrize("texts", [30, 80])
def test_the_interval_covers_the_true_recall(texts: int) -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(200):
        recall = span_figures(*simulated(rng, texts), seed=seed, replicates=300)[0].recall
        assert recall.low is not None
        assert recall.high is not None
        covered += recall.low <= 0.7 <= recall.high
    assert 0.91 <= covered / 200 <= 0.99


def test_where_nobody_is_wrong_the_interval_is_wilsons() -> None:
    one: set[Span] = {(0, 4, 7)}
    whole, seven, eight = span_figures(np.arange(12), tally_spans([one] * 12, [one] * 12, [7, 8]))
    assert whole == seven
    assert whole.recall.value == 1.0
    assert whole.recall.low == pytest.approx(0.7575, abs=1e-4)  # 12 of 12
    assert eight.recall == Estimate.undefined(NOT_TRUE)
    assert eight.precision == Estimate.undefined(NOT_GIVEN)


def test_a_label_on_few_texts_has_a_wide_interval_beside_one_on_many() -> None:
    rng = np.random.default_rng(2)
    known = [{(0, 1, 7)} | ({(3, 4, 8)} if text < 4 else set()) for text in range(200)]
    marked = [spans if rng.random() < 0.8 else set() for spans in known]
    marked[0] = {(0, 1, 7)}
    marked[1] = known[1]
    _, seven, eight = span_figures(np.arange(200), tally_spans(marked, known, [7, 8]), replicates=500)
    assert (seven.recall.n, eight.recall.n) == (200, 4)
    assert eight.recall.low is not None
    assert eight.recall.high is not None
    assert seven.recall.low is not None
    assert seven.recall.high is not None
    assert eight.recall.high - eight.recall.low > 0.5 > 0.2 > seven.recall.high - seven.recall.low


def test_the_crowd_has_what_more_than_half_marked() -> None:
    a, b = (0, 4, 7), (5, 9, 8)
    assert crowd_spans([{a, b}, {a}, {a}]) == (frozenset({a}), False)
    assert crowd_spans([{a, b}, {a}]) == (frozenset(), True)
    assert crowd_spans([set(), {a}, set()]) == (frozenset(), False)
