"""Before and after a minute of the sitting: the plain weighted mean, people compared with themselves, coverage."""

import numpy as np
import pytest

from qc.algorithms.long_sittings import before_and_after


def simulated(
    rng: np.random.Generator, people: int, fall: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Careless people stop early; all are `fall` worse after minute 30."""
    who, minutes, scores = [], [], []
    for person in range(people):
        careful = person % 3 > 0
        n = int(rng.integers(40, 80))
        at = rng.uniform(0, 60 if careful else 25, n)
        right = (0.9 if careful else 0.4) + rng.normal(0, 0.03) - fall * (at >= 30)
        who.append(np.full(n, person))
        minutes.append(at)
        scores.append((rng.random(n) < right).astype(float))
    return np.concatenate(who), np.concatenate(minutes), np.concatenate(scores)


def test_it_is_the_weighted_mean_of_everybodys_change() -> None:
    who, minutes, scores = simulated(np.random.default_rng(3), 12, 0.1)
    scores[::17] = np.nan
    minutes[::23] = np.nan
    found = before_and_after(who, minutes, scores, 30)
    total = weights = 0.0
    people = 0
    for person in range(12):
        own = (who == person) & np.isfinite(scores)
        first, second = scores[own & (minutes < 30)], scores[own & (minutes >= 30)]
        if len(first) and len(second):
            weight = len(first) * len(second) / (len(first) + len(second))
            total, weights, people = (
                total + weight * (second.mean() - first.mean()),
                weights + weight,
                people + 1,
            )
    assert found.difference.value == pytest.approx(total / weights)
    assert found.difference.n == people == 8
    assert found.before is not None
    assert found.after == pytest.approx(found.before + total / weights)


def test_who_stops_early_does_not_make_it_look_as_if_people_got_better() -> None:
    who, minutes, scores = simulated(np.random.default_rng(4), 60, 0.0)
    plain = np.nanmean(scores[minutes >= 30]) - np.nanmean(scores[minutes < 30])
    found = before_and_after(who, minutes, scores, 30).difference
    assert plain > 0.1
    assert found.value is not None
    assert abs(found.value) < 0.04


def test_the_interval_covers_the_true_fall() -> None:
    rng = np.random.default_rng(6)
    covered = 0
    for seed in range(200):
        found = before_and_after(*simulated(rng, 18, 0.1), 30, seed=seed, replicates=200).difference
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= -0.1 <= found.high
    assert 0.9 <= covered / 200 <= 0.99


def test_without_anybody_past_the_minute_it_says_so() -> None:
    found = before_and_after(np.array([0, 1]), np.array([1.0, 40.0]), np.array([1.0, 1.0]), 30)
    assert (found.before, found.after, found.difference.value) == (None, None, None)
    assert found.difference.reason
    alone = before_and_after(np.array([0, 0]), np.array([1.0, 40.0]), np.array([1.0, 0.0]), 30).difference
    assert (alone.value, alone.low, alone.n) == (-1.0, None, 1)


def test_people_who_all_changed_alike_have_no_interval() -> None:
    people, minutes = np.array([0, 0, 1, 1, 2, 2]), np.tile([1.0, 40.0], 3)
    found = before_and_after(people, minutes, np.ones(6), 30).difference
    assert (found.value, found.low, found.high, found.n) == (0.0, None, None, 3)
