"""Agreement against published values, the `krippendorff` package, scikit-learn and definitions spelt out."""

import itertools
import math
from collections import Counter
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import cohen_kappa_score

from annotation.algorithms.intervals import Estimate, wilson
from qc.algorithms.agreement import (
    AgreementResult,
    agreement_report,
    detectable_drop,
    estimate_agreement,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
)
from qc.algorithms.annotator_pairs import agreement_with_rest, annotator_pairs
from qc.algorithms.label_counts import confused_labels, count_labels, disputed_items, distinct_rows

IntArray = NDArray[np.int64]
Answers = dict[tuple[int, int], int]  # (item, annotator) -> label
LABELS = 4


@st.composite
def answers_of_people(draw: st.DrawFn) -> Answers:
    n_items, n_people = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    cells = draw(
        st.lists(st.integers(-1, LABELS - 1), min_size=n_items * n_people, max_size=n_items * n_people)
    )
    places = itertools.product(range(n_items), range(n_people))
    return {place: label for place, label in zip(places, cells, strict=True) if label >= 0}


def columns(answers: Answers) -> tuple[IntArray, IntArray, IntArray]:
    items, annotators = (np.array([key[i] for key in answers], dtype=np.int64) for i in (0, 1))
    return items, annotators, np.array(list(answers.values()), dtype=np.int64)


def by_item(answers: Answers) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = {}
    for (item, _), label in answers.items():
        grouped.setdefault(item, []).append(label)
    return grouped


def reliability_data(answers: Answers) -> NDArray[np.float64]:
    data = np.full((5, 12), np.nan)
    for (item, annotator), label in answers.items():
        data[annotator, item] = label
    return data


def report_of(answers: Answers) -> AgreementResult:
    return agreement_report(*columns(answers), LABELS, replicates=20)


def read(path: Path) -> tuple[IntArray, IntArray, IntArray]:
    frame = pd.read_csv(path)
    codes = [pd.factorize(frame[name], sort=True)[0] for name in ("item_id", "annotator_id", "label")]
    return codes[0].astype(np.int64), codes[1].astype(np.int64), codes[2].astype(np.int64)


def simulated(n_items: int, people: int, seed: int) -> tuple[IntArray, IntArray, IntArray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n_items, p=[0.6, 0.3, 0.1])
    items = np.repeat(np.arange(n_items), people)
    labels = np.where(rng.random(len(items)) < 0.75, truth[items], rng.integers(0, 3, len(items)))
    return items, np.tile(np.arange(people), n_items), labels


def simulated_counts(n_items: int, people: int, seed: int) -> sparse.csr_array:
    items, _, labels = simulated(n_items, people, seed)
    return count_labels(items, labels, 3)


# Values


@pytest.mark.parametrize(
    ("name", "alpha"), [("krippendorff_4x12", 0.743421), ("krippendorff_3x15", 0.691358)]
)
def test_alpha_equals_the_published_values(shared_data: Path, name: str, alpha: float) -> None:
    items, _, labels = read(shared_data / "reference_matrices" / f"{name}.csv")
    assert krippendorff_alpha(count_labels(items, labels, 5)) == pytest.approx(alpha, abs=5e-7)


def test_weather_sentiment_has_the_reference_agreement(shared_data: Path) -> None:
    report = agreement_report(*read(shared_data / "weather_sentiment" / "annotations.csv"), 5)
    assert report.alpha.value == pytest.approx(0.2886074942, abs=1e-9)
    assert report.percent_agreement.value == pytest.approx(0.4525, abs=5e-5)
    assert (report.items, report.annotators, report.annotations) == (1000, 102, 20000)
    assert report.alpha.low is not None and report.alpha.high is not None
    assert report.alpha.low < 0.2886 < report.alpha.high
    assert sum(label.n for label in report.per_label) == 20000


@settings(max_examples=200)
@given(answers_of_people())
def test_alpha_equals_the_krippendorff_package(answers: Answers) -> None:
    items, _, labels = columns(answers)
    counts = count_labels(items, labels, LABELS)
    used = {label for given_ in by_item(answers).values() if len(given_) > 1 for label in given_}
    if len(used) < 2:
        assert krippendorff_alpha(counts) is None
        return
    expected = krippendorff.alpha(
        reliability_data(answers), level_of_measurement="nominal", value_domain=list(range(LABELS))
    )
    assert krippendorff_alpha(counts) == pytest.approx(expected, abs=1e-10)


@settings(max_examples=100)
@given(answers_of_people())
def test_alpha_of_a_label_is_alpha_of_that_label_against_the_rest(answers: Answers) -> None:
    report = report_of(answers)
    data = reliability_data(answers)
    paired = [label for given_ in by_item(answers).values() if len(given_) > 1 for label in given_]
    for found in report.per_label:
        assert found.n == paired.count(found.label)
        if not 0 < found.n < len(paired):
            assert found.alpha.value is None and found.alpha.reason
            continue
        binary = np.where(np.isnan(data), np.nan, data == found.label)
        expected = krippendorff.alpha(binary, level_of_measurement="nominal", value_domain=[0.0, 1.0])
        assert found.alpha.value == pytest.approx(expected, abs=1e-10)


def percent_by_definition(grouped: list[list[int]]) -> float:
    shares = []
    for given_ in grouped:
        if len(given_) > 1:
            pairs = list(itertools.combinations(given_, 2))
            shares.append(sum(a == b for a, b in pairs) / len(pairs))
    return sum(shares) / len(shares)


@settings(max_examples=200)
@given(answers_of_people())
def test_percent_agreement_and_ac1_equal_their_definitions(answers: Answers) -> None:
    grouped = list(by_item(answers).values())
    assume(any(len(given_) > 1 for given_ in grouped))
    items, _, labels = columns(answers)
    counts = count_labels(items, labels, LABELS)
    agreed = percent_by_definition(grouped)
    assert percent_agreement(counts) == pytest.approx(agreed)
    used = sorted({label for given_ in grouped for label in given_})
    if len(used) < 2:
        assert gwet_ac1(counts) is None
        return
    shares = [sum(given_.count(k) / len(given_) for given_ in grouped) / len(grouped) for k in used]
    chance = sum(share * (1 - share) for share in shares) / (len(used) - 1)
    assert gwet_ac1(counts) == pytest.approx((agreed - chance) / (1 - chance))


@settings(max_examples=150)
@given(answers_of_people())
@pytest.mark.filterwarnings("ignore")  # scikit-learn warns where kappa is undefined
def test_pairs_equal_cohens_kappa_of_scikit_learn(answers: Answers) -> None:
    pairs = {(row["a"], row["b"]): row for row in annotator_pairs(*columns(answers), LABELS).rows()}
    people = sorted({annotator for _, annotator in answers})
    for a, b in itertools.combinations(people, 2):
        shared = [item for item in range(12) if (item, a) in answers and (item, b) in answers]
        if not shared:
            assert (a, b) not in pairs
            continue
        ours, theirs = [answers[i, a] for i in shared], [answers[i, b] for i in shared]
        row = pairs[a, b]
        assert row["items"] == len(shared)
        assert row["agreement"] == pytest.approx(np.mean(np.array(ours) == theirs))
        if len({*ours, *theirs}) == 1:
            assert row["kappa"] is None
        else:
            assert row["kappa"] == pytest.approx(cohen_kappa_score(ours, theirs))


@settings(max_examples=100)
@given(answers_of_people())
def test_entropy_confusions_and_agreement_with_the_rest_equal_their_definitions(answers: Answers) -> None:
    report = report_of(answers)
    grouped = by_item(answers)
    confused: Counter[tuple[int, int]] = Counter()
    for item, given_ in grouped.items():
        shares = [n / len(given_) for n in Counter(given_).values()]
        assert report.entropy[item] == pytest.approx(-sum(s * math.log2(s) for s in shares))
        confused.update((min(a, b), max(a, b)) for a, b in itertools.combinations(given_, 2) if a != b)
    assert {(pair.a, pair.b): pair.n for pair in report.confused_labels} == dict(confused)
    assert [pair.n for pair in report.confused_labels] == sorted(confused.values(), reverse=True)
    for person, found in enumerate(report.with_rest):
        means = []
        for item, given_ in grouped.items():
            if (item, person) in answers and len(given_) > 1:
                means.append((given_.count(answers[item, person]) - 1) / (len(given_) - 1))
        assert found == pytest.approx(np.mean(means)) if means else np.isnan(found)


def test_disputed_items_come_by_entropy_then_answers_then_code() -> None:
    counts = np.array([[1, 1, 0], [5, 0, 0], [1, 1, 1], [2, 2, 0], [1, 1, 0], [0, 1, 0]])
    items, labels = np.nonzero(counts)
    answers = np.repeat(items, counts[items, labels]), np.repeat(labels, counts[items, labels])
    matrix = count_labels(*answers, 3)
    assert disputed_items(matrix).tolist() == [2, 3, 0, 4]
    assert disputed_items(matrix, limit=2).tolist() == [2, 3]


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=30))
def test_distinct_rows_are_the_rows_and_how_often_they_occur(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    items, labels = np.nonzero(counts)
    times = counts[items, labels]
    matrix = count_labels(np.repeat(items, times), np.repeat(labels, times), 3, n_items=len(rows))
    found = distinct_rows(matrix)
    listed = [tuple(int(n) for n in row) for row in found.counts.toarray()]
    assert len(set(listed)) == len(listed)
    assert dict(zip(listed, found.texts.tolist(), strict=True)) == Counter(
        tuple(row) for row in rows if any(row)
    )


# Intervals


def test_the_interval_is_that_of_resampling_texts() -> None:
    items, annotators, labels = simulated(120, 3, seed=3)
    report = agreement_report(items, annotators, labels, 3, seed=1, replicates=4000)
    counts = np.zeros((120, 3), np.int64)
    np.add.at(counts, (items, labels), 1)
    rng = np.random.default_rng(99)
    drawn = [counts[rng.integers(0, 120, 120)] for _ in range(1500)]
    for ours, coefficient in (
        (report.alpha, krippendorff_alpha),
        (report.percent_agreement, percent_agreement),
        (report.ac1, gwet_ac1),
    ):
        low, high = np.quantile([coefficient(sample) for sample in drawn], [0.025, 0.975])
        assert ours.low == pytest.approx(low, abs=0.012)
        assert ours.high == pytest.approx(high, abs=0.012)


def test_below_fifty_texts_the_interval_is_the_jackknifes() -> None:
    items, annotators, labels = simulated(40, 3, seed=4)
    # One text with a single answer: AC1 counts it, alpha does not.
    items, annotators, labels = np.append(items, 40), np.append(annotators, 0), np.append(labels, 2)
    report = agreement_report(items, annotators, labels, 3)
    counts = np.zeros((41, 3), np.int64)
    np.add.at(counts, (items, labels), 1)
    for ours, coefficient, units, t in (
        (report.alpha, krippendorff_alpha, 40, 2.022691),
        (report.percent_agreement, percent_agreement, 40, 2.022691),
        (report.ac1, gwet_ac1, 41, 2.021075),
    ):
        left_out = np.array([coefficient(np.delete(counts, i, axis=0)) for i in range(units)], dtype=float)
        error = math.sqrt((units - 1) / units * ((left_out - left_out.mean()) ** 2).sum())
        assert ours.value == pytest.approx(coefficient(counts))
        assert ours.value is not None
        assert ours.low == pytest.approx(ours.value - t * error, abs=1e-5)
        assert ours.high == pytest.approx(min(1.0, ours.value + t * error), abs=1e-5)


def test_with_very_many_different_texts_the_jackknife_gives_the_bootstraps_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = simulated_counts(5000, 4, seed=5)
    drawn = estimate_agreement(counts, replicates=4000)
    monkeypatch.setattr("qc.algorithms.item_sums.MOST_DRAWS", 0)
    monkeypatch.setattr("qc.algorithms.item_sums._CELLS_AT_ONCE", 100)
    left_out = estimate_agreement(counts, replicates=4000)
    for a, b in ((drawn.alpha, left_out.alpha), (drawn.ac1, left_out.ac1)):
        assert a.value == b.value
        assert a.low == pytest.approx(b.low, abs=0.0015)
        assert a.high == pytest.approx(b.high, abs=0.0015)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    whole = krippendorff_alpha(simulated_counts(200_000, 3, seed=0))
    assert whole is not None
    for size in (30, 200):
        hits = 0
        for seed in range(1, 201):
            alpha = estimate_agreement(simulated_counts(size, 3, seed), seed=seed, replicates=300).alpha
            assert alpha.low is not None and alpha.high is not None
            hits += alpha.low <= whole <= alpha.high
        assert 0.89 <= hits / 200 <= 0.99


def test_the_same_seed_gives_the_same_report_whatever_the_order_of_texts_and_answers() -> None:
    items, annotators, labels = simulated(300, 3, seed=6)
    first = agreement_report(items, annotators, labels, 3, seed=5)
    order = np.random.default_rng(0).permutation(len(items))
    renamed = np.random.default_rng(1).permutation(300)[items]
    second = agreement_report(renamed[order], annotators[order], labels[order], 3, seed=5)
    assert (first.alpha, first.ac1, first.percent_agreement) == (
        second.alpha,
        second.ac1,
        second.percent_agreement,
    )
    assert first.per_label == second.per_label
    other = agreement_report(items, annotators, labels, 3, seed=6)
    assert other.alpha.value == first.alpha.value
    assert (other.alpha.low, other.alpha.high) != (first.alpha.low, first.alpha.high)


@pytest.mark.parametrize("texts", [20, 400])
def test_unanimous_answers_do_not_claim_certainty(texts: int) -> None:
    items = np.repeat(np.arange(texts), 2)
    estimates = estimate_agreement(count_labels(items, items % 2, 2))
    doubt = wilson(texts, texts)
    shown = estimates.percent_agreement
    assert (shown.value, shown.high) == (1.0, 1.0)
    assert shown.low == pytest.approx(doubt.low)
    for found in (estimates.alpha, estimates.ac1, estimates.per_label[0].alpha):
        assert (found.value, found.high) == (1.0, 1.0)
        assert found.low is not None and doubt.low is not None
        # Half of the answers to each label: chance agreement is one half.
        assert found.low == pytest.approx(1 - 2 * (1 - doubt.low), abs=0.01)


@pytest.mark.parametrize("texts", [9, 200])
def test_texts_that_are_all_split_alike_do_not_claim_certainty(texts: int) -> None:
    estimates = estimate_agreement(np.array([[1, 1, 0]] * texts))
    doubt = wilson(0, texts).high
    assert doubt is not None
    assert estimates.percent_agreement.high == pytest.approx(doubt)
    for found in (estimates.alpha, estimates.per_label[0].alpha):
        assert found.value == found.low == pytest.approx(1 / texts - 1)
        # Of all there could be, so many may be agreed on
        assert found.high == pytest.approx(1 - (1 - doubt) * (2 * texts - 1) / texts)
    assert (detectable_drop(estimates.alpha) or 0) > 0


def test_a_drop_is_detectable_from_about_the_width_of_the_interval() -> None:
    drop = detectable_drop(Estimate(0.7, 0.65, 0.75, 300))
    assert drop == pytest.approx((1.959964 + 0.841621) * math.sqrt(2) * 0.1 / (2 * 1.959964), rel=1e-5)
    assert detectable_drop(Estimate.undefined("x")) is None


# Undefined


def test_without_overlap_every_figure_says_so() -> None:
    report = agreement_report(np.array([0, 1]), np.array([0, 1]), np.array([0, 1]), 2)
    for found in (report.alpha, report.ac1, report.percent_agreement, report.per_label[0].alpha):
        assert found.value is found.low is found.high is None
        assert found.reason == "not enough overlap: no text has two answers"
    assert (report.items, report.answered_items, report.annotators, len(report.pairs)) == (0, 2, 2, 0)
    assert report.detectable_drop is None


def test_without_any_answer_there_is_still_a_report() -> None:
    report = agreement_report(np.array([]), np.array([]), np.array([]), 3)
    assert (report.items, report.annotations, len(report.per_label)) == (0, 0, 3)
    assert report.alpha.reason == "not enough overlap: no text has two answers"
    assert report.confused_labels == ()
    assert len(report.entropy) == len(report.with_rest) == 0


def test_with_one_label_alpha_and_ac1_are_undefined_but_people_agree() -> None:
    items = np.repeat(np.arange(10), 2)
    report = agreement_report(items, np.tile([0, 1], 10), np.zeros(20, np.int64), 2)
    assert report.alpha.as_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "n": 10,
        "reason": "undefined, because only one label was used",
    }
    assert report.ac1.reason == "undefined, because only one label was used"
    assert report.percent_agreement.value == 1.0
    assert report.per_label[1].alpha.reason == "undefined, because nobody used this label"
    assert [row["kappa"] for row in report.pairs.rows()] == [None]


def test_where_leaving_one_text_out_leaves_nothing_to_compare_there_is_no_interval() -> None:
    alpha = estimate_agreement(np.array([[1, 1]])).alpha
    assert (alpha.value, alpha.low, alpha.high, alpha.n) == (0.0, None, None, 1)


def test_annotators_without_a_text_in_common_are_not_a_pair() -> None:
    items, people, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])
    assert [(row["a"], row["b"]) for row in annotator_pairs(items, people, labels, 2).rows()] == [
        (0, 1),
        (2, 3),
    ]


def test_agreement_with_the_rest_is_undefined_for_who_works_alone() -> None:
    items, people, labels = np.array([0, 0, 1]), np.array([0, 1, 2]), np.array([0, 0, 1])
    rest = agreement_with_rest(items, people, labels, count_labels(items, labels, 2))
    assert rest[:2].tolist() == [1.0, 1.0]
    assert len(rest) == 3 and np.isnan(rest[2])


@pytest.mark.parametrize(
    ("items", "people", "labels", "message"),
    [
        ([0, 0], [1, 1], [0, 1], "annotator 1 answered item 0 more than once"),
        ([0, 0], [0, 1], [0, 2], "labels must be below 2"),
        ([0, -1], [0, 1], [0, 1], "items must not be negative"),
        ([0, 0], [0], [0, 1], "differ in length"),
        ([0.5, 0], [0, 1], [0, 1], "whole numbers"),
    ],
)
def test_answers_that_make_no_sense_are_refused(
    items: list[int], people: list[int], labels: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        agreement_report(np.array(items), np.array(people), np.array(labels), 2)


def test_confused_labels_of_one_answer_each_are_none() -> None:
    assert confused_labels(count_labels(np.array([0, 1]), np.array([0, 1]), 2)) == ()
