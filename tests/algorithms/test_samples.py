"""Drawing samples and suspecting labels, against plain counts, brute force and cleanlab's figures on real data."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qc.algorithms.samples import (
    draw_copies,
    draw_evenly,
    draw_fringe,
    draw_random,
    mean_similarity,
    mix,
    sample_size,
)
from qc.algorithms.suspects import label_issues, out_of_sample_probabilities

codes = st.lists(st.integers(-1, 4), min_size=1, max_size=60).map(lambda given: np.array(given, np.int64))
seeds = st.integers(0, 2**32 - 1)
# Other tests share the machine
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(n=st.integers(0, 50), size=st.integers(0, 80), seed=seeds)
def test_a_random_draw_has_each_text_once(n: int, size: int, seed: int) -> None:
    drawn = draw_random(n, size, np.random.default_rng(seed)).tolist()
    assert len(drawn) == len(set(drawn)) == min(n, size)
    assert drawn == draw_random(n, size, np.random.default_rng(seed)).tolist()


@unhurried
@given(codes=codes, size=st.integers(0, 80), seed=seeds)
def test_an_even_draw_takes_as_much_of_each_value_as_can_be(codes: np.ndarray, size: int, seed: int) -> None:
    drawn = draw_evenly(codes, size, np.random.default_rng(seed))
    there = {value: int((codes == value).sum()) for value in range(5)}
    got = {value: int((codes[drawn] == value).sum()) for value in range(5)}
    assert len(set(drawn.tolist())) == len(drawn) == min(size, sum(there.values()))
    most = max(got.values(), default=0)
    for value, n in got.items():  # who has less than the most by more than one has nothing left to give
        assert n >= most - 1 or n == there[value]


@unhurried
@given(codes=codes, chosen=st.sets(st.integers(0, 4), min_size=1), seed=seeds)
def test_a_biased_draw_stays_with_the_chosen_values(codes: np.ndarray, chosen: set[int], seed: int) -> None:
    drawn = draw_evenly(codes, 10, np.random.default_rng(seed), sorted(chosen))
    assert set(codes[drawn].tolist()) <= chosen


@unhurried
@given(
    st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3), min_size=2, max_size=12),
    st.integers(0, 12),
)
def test_the_mean_similarity_is_that_over_all_pairs(rows: list[list[int]], size: int) -> None:
    vectors = np.array(rows, float)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    pairs = vectors @ vectors.T
    expected = [np.delete(pairs[at], at).mean() for at in range(len(rows))]
    found = mean_similarity(vectors)
    assert found == pytest.approx(expected, abs=1e-9)
    fringe = draw_fringe(found, size)
    assert all(
        found[at] <= found[other] + 1e-12 for at in fringe for other in set(range(len(rows))) - set(fringe)
    )


@unhurried
@given(clusters=st.lists(st.integers(0, 4), max_size=30), size=st.integers(0, 30), seed=seeds)
def test_copies_are_drawn_cluster_by_cluster(clusters: list[int], size: int, seed: int) -> None:
    numbers = np.array(clusters, np.int64)
    drawn = draw_copies(numbers, size, np.random.default_rng(seed))
    several = [number for number in clusters if clusters.count(number) > 1]
    assert len(drawn) == min(size, len(several))
    assert set(numbers[drawn].tolist()) <= set(several)
    torn = {int(c) for c in numbers[drawn] if (numbers[drawn] == c).sum() < (numbers == c).sum()}
    assert len(torn) <= 1  # the last one only


@unhurried
@given(parts=st.lists(st.sets(st.integers(0, 20)), min_size=1, max_size=4), seed=seeds)
def test_a_mix_is_the_union_and_knows_who_drew_what(parts: list[set[int]], seed: int) -> None:
    named = {str(at): np.array(sorted(part), np.int64) for at, part in enumerate(parts)}
    drawn = mix(named, np.random.default_rng(seed))
    assert sorted(at for at, _ in drawn) == sorted(set().union(*parts))
    for at, by in drawn:
        assert by == [name for name, part in zip(named, parts, strict=True) if at in part]


@pytest.mark.parametrize("wrong", [(1.5, 0.1, 0.95), (0.5, 0, 0.95), (0.5, 0.1, 1), (-0.1, 0.1, 0.95)])
def test_an_impossible_margin_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        sample_size(*wrong)


@unhurried
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.3))
def test_the_size_gives_the_margin_and_one_less_does_not(share: float, margin: float) -> None:
    n = sample_size(share, margin)
    half = [1.959963984540054 * (share * (1 - share) / k) ** 0.5 for k in (n, max(1, n - 1))]
    assert half[0] <= margin * (1 + 1e-9)
    assert n == 1 or half[1] > margin * (1 - 1e-9)


def test_suspects_on_real_data_are_cleanlabs_and_as_good_as_people_found(shared_data: Path) -> None:
    folder = shared_data / "label_errors_imdb"
    with (folder / "probabilities.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "human_check.csv").open(newline="") as file:
        checked = {int(row["id"]): int(row["votes_given"]) <= 2 for row in csv.DictReader(file)}
    shares = np.array([[float(row["p0"]), float(row["p1"])] for row in rows])
    found = label_issues(
        np.array([int(row["label"]) for row in rows]), shares / shares.sum(axis=1, keepdims=True)
    )
    ids = [int(rows[at]["id"]) for at in found.positions]
    seen = [checked[pk] for pk in ids if pk in checked]
    assert (len(ids), len(seen), sum(seen), sum(checked.values())) == (
        1309,
        1307,
        725,
        725,
    )  # the data set's README
    assert sum(seen) / len(seen) == pytest.approx(725 / 1307)  # precision among those that people looked at
    assert sum(seen) / sum(checked.values()) == 1  # recall of what people found wrong
    # The README's 100 least probable given labels
    assert sum(checked.get(pk, False) for pk in ids[:100]) == 76
    assert (np.diff(found.confidence) >= 0).all()


def test_planted_wrong_labels_are_found_and_copies_do_not_hide_them() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1, 2], 60)
    vectors = np.eye(3)[truth] + rng.normal(0, 0.15, (180, 3))
    labels = truth.copy()
    wrong = np.array([5, 70, 130])
    labels[wrong] = (truth[wrong] + 1) % 3
    copies = np.repeat(wrong, 8)  # each wrong text eight times more, with its wrong label
    vectors, labels = np.vstack([vectors, vectors[copies]]), np.concatenate([labels, labels[copies]])
    groups = np.concatenate([np.arange(180), copies])
    shares = out_of_sample_probabilities(vectors, labels, groups, 3)
    assert shares is not None
    assert shares.sum(axis=1) == pytest.approx(1)
    found = set(label_issues(labels, shares).positions.tolist())
    assert set(wrong.tolist()) <= found
    torn = out_of_sample_probabilities(vectors, labels, np.arange(len(labels)), 3)
    assert torn is not None
    assert (torn[wrong, labels[wrong]] > shares[wrong, labels[wrong]]).all()  # what grouping is for


def test_without_two_labels_or_enough_groups_there_are_no_probabilities() -> None:
    vectors = np.eye(6)
    assert out_of_sample_probabilities(vectors, np.zeros(6, np.int64), np.arange(6), 2) is None
    assert out_of_sample_probabilities(vectors, np.array([0, 1] * 3), np.array([0, 0, 1, 1, 2, 2]), 2) is None
