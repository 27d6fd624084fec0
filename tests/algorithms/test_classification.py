"""Classification scores against scikit-learn, and their intervals against resampling predictions."""

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import precision_recall_fscore_support

from annotation.algorithms.intervals import wilson
from evaluation.algorithms.classification import ClassificationReport, classification_report, confusion_matrix

IntArray = NDArray[np.int64]
CLASSES = 5
codes = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60)


def score(truth: IntArray, predicted: IntArray, n_labels: int, **options: int) -> ClassificationReport:
    return classification_report(confusion_matrix(truth, predicted, n_labels), **options)


def noisy(n: int, seed: int, classes: int = 3) -> tuple[IntArray, IntArray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, n)
    return truth, np.where(rng.random(n) < 0.7, truth, rng.integers(0, classes, n))


@settings(max_examples=200, deadline=None)
@given(codes)
def test_scores_equal_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    report = score(truth, predicted, CLASSES, replicates=10)
    labels = list(range(CLASSES))
    np.testing.assert_array_equal(report.matrix, sklearn_confusion(truth, predicted, labels=labels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, support = precision_recall_fscore_support(
            truth, predicted, labels=labels, zero_division=np.nan
        )
        macro = precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0)
    for scores in report.per_class:
        i = scores.label
        assert scores.support == support[i]
        for ours, theirs in ((scores.precision, precision), (scores.recall, recall), (scores.f1, f1)):
            if ours.value is None:
                assert np.isnan(theirs[i])
                assert ours.reason
            else:
                assert ours.value == pytest.approx(theirs[i])
    for ours, expected in zip(
        (report.macro.precision, report.macro.recall, report.macro.f1), macro[:3], strict=True
    ):
        assert ours.value == pytest.approx(expected)
        assert ours.n == len(pairs)


@settings(max_examples=100, deadline=None)
@given(codes)
def test_every_interval_holds_its_value_and_stays_between_0_and_1(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    report = score(truth, predicted, CLASSES, replicates=50)
    for scores in report.per_class:
        for estimate in (scores.precision, scores.recall):
            if estimate.value is not None:
                assert estimate.low is not None and estimate.high is not None
                assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    for scores_ in (*report.per_class, report.macro):
        for estimate in (scores_.precision, scores_.recall, scores_.f1):
            if estimate.low is not None and estimate.high is not None:
                assert 0 <= estimate.low <= estimate.high <= 1


def test_precision_and_recall_have_wilson_intervals() -> None:
    scores = classification_report(np.array([[8, 2], [1, 9]])).per_class[0]
    assert scores.precision == wilson(8, 9)
    assert scores.recall == wilson(8, 10)


def test_f1_and_macro_intervals_are_those_of_resampling_predictions() -> None:
    truth, predicted = noisy(250, seed=2)
    report = score(truth, predicted, 3, replicates=4000)
    rng = np.random.default_rng(11)
    f1, macro = [], []
    for _ in range(600):
        chosen = rng.integers(0, 250, 250)
        each = precision_recall_fscore_support(
            truth[chosen], predicted[chosen], labels=[0, 1, 2], zero_division=0
        )
        f1.append(each[2])
        macro.append([part.mean() for part in each[:3]])
    for ours, low, high in zip(
        [scores.f1 for scores in report.per_class], *np.quantile(f1, [0.025, 0.975], axis=0), strict=True
    ):
        assert (ours.low, ours.high) == (pytest.approx(low, abs=0.015), pytest.approx(high, abs=0.015))
    for ours, low, high in zip(
        (report.macro.precision, report.macro.recall, report.macro.f1),
        *np.quantile(macro, [0.025, 0.975], axis=0),
        strict=True,
    ):
        assert (ours.low, ours.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_a_class_that_is_never_predicted_has_no_precision_and_lowers_the_macro_average() -> None:
    report = classification_report(np.array([[5, 0], [3, 0]]))
    never = report.per_class[1]
    assert never.precision.as_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "reason": "undefined, because this class was never predicted",
    }
    assert (never.recall.value, never.f1.value) == (0.0, 0.0)
    assert report.macro.precision.value == pytest.approx((5 / 8 + 0) / 2)
    # Recall is 1 and 0 in every resample with both classes; the interval must not pretend to be certain.
    recall = report.macro.recall
    assert recall.value == 0.5 and recall.low is not None and recall.high is not None
    assert recall.low < 0.5 < recall.high


def test_a_class_without_support_has_no_recall_and_an_absent_one_nothing() -> None:
    report = classification_report(np.array([[4, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert report.per_class[1].recall.reason == "undefined, because no text with a prediction has this class"
    assert report.per_class[1].precision.value == 0.0
    absent = report.per_class[2]
    reason = "undefined, because no text with a prediction has this class and it was never predicted"
    assert {absent.precision.reason, absent.recall.reason, absent.f1.reason} == {reason}
    # The absent class does not count in the average; the one without support does, as 0.
    assert report.macro.recall.value == pytest.approx((4 / 5 + 0) / 2)


def test_without_predictions_everything_is_undefined() -> None:
    report = classification_report(np.zeros((2, 2), np.int64))
    assert report.n == 0
    assert report.macro.f1.value is None
    assert report.macro.f1.reason == "undefined, because there are no predictions"


def test_perfect_scores_of_few_texts_do_not_claim_certainty() -> None:
    report = classification_report(np.diag([5, 5]))
    one = report.per_class[0].f1
    five = wilson(5, 5).low
    assert five is not None and one.low is not None
    assert (one.value, one.high) == (1.0, 1.0)
    assert one.low == pytest.approx(2 * five / (1 + five))
    assert report.macro.recall.low == pytest.approx(1 - math.sqrt(2 * (1 - five) ** 2) / 2)


def test_the_same_seed_gives_the_same_report() -> None:
    matrix = confusion_matrix(*noisy(200, seed=1), 3)
    first, again = classification_report(matrix, seed=3), classification_report(matrix, seed=3)
    other = classification_report(matrix, seed=4)
    assert (first.per_class, first.macro) == (again.per_class, again.macro)
    assert first.macro.f1.value == other.macro.f1.value
    assert first.macro.f1.low != other.macro.f1.low


def test_the_report_has_the_shape_of_the_interface() -> None:
    report = classification_report(np.array([[8, 2], [1, 9]])).as_dict(["good", "bad"])
    assert json.loads(json.dumps(report)) == report
    assert [row["label"] for row in report["per_class"]] == ["good", "bad"]
    assert set(report["per_class"][0]) == {"label", "support", "precision", "recall", "f1"}
    assert set(report["macro"]) == {"precision", "recall", "f1"}
    assert report["confusion"] == {"labels": ["good", "bad"], "matrix": [[8, 2], [1, 9]]}
    with pytest.raises(ValueError, match="1 names for 2 classes"):
        classification_report(np.array([[8, 2], [1, 9]])).as_dict(["good"])


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [([0, 1], [0], "shape"), ([0, 2], [0, 1], "truth has a code"), ([0, 1], [0, -1], "predicted has a code")],
)
def test_codes_that_make_no_sense_are_refused(truth: list[int], predicted: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.array(truth), np.array(predicted), 2)


@pytest.mark.parametrize("matrix", [[[1, 2]], [[1, -1], [0, 1]]])
def test_what_is_no_confusion_matrix_is_refused(matrix: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="confusion matrix"):
        classification_report(np.array(matrix))
