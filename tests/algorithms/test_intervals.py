"""Intervals: Wilson against published values and its defining equation, resampling against drawing rows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from annotation.algorithms.intervals import (
    Estimate,
    jackknife_error,
    percentile_interval,
    resampled_sums,
    student_interval,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    estimate = wilson(successes, n)
    assert estimate.low == pytest.approx(low, abs=5e-5)
    assert estimate.high == pytest.approx(high, abs=5e-5)
    assert estimate.n == n


@given(st.integers(1, 10**6), st.floats(0, 1), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_the_ends_of_wilson_are_where_the_score_test_is_on_the_edge(
    n: int, share: float, level: float
) -> None:
    successes = round(share * n)
    estimate = wilson(successes, n, level)
    assert estimate.value is not None and estimate.low is not None and estimate.high is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    z = {0.8: 1.2815515655, 0.9: 1.6448536270, 0.95: 1.9599639845, 0.99: 2.5758293035}[level]
    for end in (estimate.low, estimate.high):
        distance = abs(successes / n - end)
        assert distance == pytest.approx(z * math.sqrt(end * (1 - end) / n), rel=1e-6, abs=1e-9)


def test_a_share_of_nothing_is_undefined_and_says_why() -> None:
    assert wilson(0, 0, reason="no gold answers yet").as_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "reason": "no gold answers yet",
    }


@pytest.mark.parametrize(("successes", "n", "level"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 0.0)])
def test_impossible_counts_and_levels_are_refused(successes: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"successes|confidence"):
        wilson(successes, n, level)


def test_undefined_replicates_drop_out_until_they_are_the_majority() -> None:
    half = np.array([math.nan, math.nan, 1.0, 3.0])
    assert percentile_interval(half, 0.5) == (1.5, 2.5)
    assert percentile_interval(np.append(half, math.nan)) == (None, None)
    assert percentile_interval(np.zeros(0)) == (None, None)


def test_multinomial_sums_are_distributed_like_sums_over_resampled_rows() -> None:
    rng = np.random.default_rng(7)
    kinds = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0], [2.0, 2.0, 0.0]])
    counts = np.array([30, 5, 15])
    ours = np.concatenate(list(resampled_sums(counts, sparse.csr_array(kinds), 20_000, rng)))
    rows = np.repeat(kinds, counts, axis=0)
    theirs = np.stack([rows[rng.integers(0, len(rows), len(rows))].sum(axis=0) for _ in range(20_000)])
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), rtol=0.01)
    np.testing.assert_allclose(np.cov(ours.T), np.cov(theirs.T), rtol=0.06, atol=0.6)


def test_replicates_do_not_depend_on_how_the_work_is_cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, features = np.arange(1, 8), sparse.csr_array(np.eye(7))
    whole = np.concatenate(list(resampled_sums(counts, features, 50, np.random.default_rng(1))))
    monkeypatch.setattr("annotation.algorithms.intervals._DRAWS_AT_ONCE", 20)
    parts = list(resampled_sums(counts, features, 50, np.random.default_rng(1)))
    assert len(parts) == 25
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_at_least_one_replicate_is_needed() -> None:
    with pytest.raises(ValueError, match="replicate"):
        list(resampled_sums(np.array([1]), sparse.csr_array(np.eye(1)), 0, np.random.default_rng(0)))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30))
def test_the_jackknife_of_a_mean_is_its_standard_error(values: list[float]) -> None:
    x = np.array(values)
    n = len(x)
    left_out = (x.sum() - x) / (n - 1) - x.mean()
    error = jackknife_error(np.array([left_out.mean()]), np.array([(left_out**2).mean()]), n)[0]
    assert error == pytest.approx(x.std(ddof=1) / math.sqrt(n), rel=1e-6, abs=1e-6)


def test_one_unit_has_no_jackknife_error() -> None:
    assert np.isnan(jackknife_error(np.zeros(1), np.zeros(1), 1)).all()


def test_student_interval_uses_the_quantiles_of_the_table() -> None:
    low, high = student_interval(0.0, 1.0, 5)
    assert [low, high] == pytest.approx([-2.776, 2.776], abs=5e-4)


def test_an_estimate_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Estimate(1.0, None, None, 1).value = 2.0  # type: ignore[misc]
