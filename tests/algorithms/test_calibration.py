"""Calibration error against its definition prediction by prediction, entropy against SciPy's."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from evaluation.algorithms.calibration import calibration, entropy_of_probabilities


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_calibration_error_equals_its_definition(predictions: list[tuple[float, bool]]) -> None:
    confidence, correct = np.array([p for p, _ in predictions]), np.array([c for _, c in predictions])
    found = calibration(confidence, correct)
    edges = np.linspace(0, 1, 16)
    error, seen = 0.0, 0
    for low, high, row in zip(edges[:-1], edges[1:], found.bins, strict=True):
        inside = [(p, c) for p, c in predictions if low < p <= high or (low == 0 == p)]
        assert row.n == len(inside)
        seen += len(inside)
        if not inside:
            assert row.confidence is None and row.accuracy.value is None and row.accuracy.reason
            continue
        mean, right = (sum(column) / len(inside) for column in zip(*inside, strict=True))
        assert row.confidence == pytest.approx(mean)
        assert row.accuracy.value == pytest.approx(right)
        error += len(inside) / len(predictions) * abs(right - mean)
    assert seen == len(predictions)
    assert found.ece == pytest.approx(error, abs=1e-12)


def test_without_predictions_there_is_no_calibration_error() -> None:
    found = calibration(np.zeros(0), np.zeros(0, bool))
    assert found.ece is None and len(found.bins) == 15


def test_a_top_probability_just_above_one_belongs_to_the_last_bin() -> None:
    found = calibration(np.array([1.0005]), np.array([True]))
    assert (found.bins[-1].n, found.ece) == (1, 0.0)
    assert json.loads(json.dumps(found.bins[-1].as_dict()))["confidence"] == 1.0


@pytest.mark.parametrize("confidence", [[-0.1], [math.nan], [0.5, 0.5]])
def test_probabilities_that_make_no_sense_are_refused(confidence: list[float]) -> None:
    with pytest.raises(ValueError, match=r"probabilities|shape"):
        calibration(np.array(confidence), np.array([True]))


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=10))
def test_entropy_equals_scipys(rows: list[list[float]]) -> None:
    probabilities = np.array(rows) + np.array([0.001, 0.0, 0.0])
    np.testing.assert_allclose(
        entropy_of_probabilities(probabilities), entropy(probabilities, base=2, axis=1), atol=1e-9
    )


def test_entropy_of_nothing_is_undefined() -> None:
    assert np.isnan(entropy_of_probabilities(np.zeros((1, 3)))).all()
