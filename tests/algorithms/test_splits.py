from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from evaluation.algorithms.splits import build, folds, join

SHARES = [0.8, 0.1, 0.1]


@st.composite
def recipes(draw: st.DrawFn) -> tuple[list[int], list[int], list[float]]:
    n = draw(st.integers(1, 60))
    components = draw(st.lists(st.integers(0, draw(st.integers(0, 60))), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(-1, 5), min_size=n, max_size=n))
    shares = draw(
        st.sampled_from([SHARES, [0.5, 0.5], [1.0], [0.6, 0.0, 0.4], [0.2] * 5, [0.98, 0.01, 0.01]])
    )
    return components, labels, shares


@settings(max_examples=300, deadline=None)
@given(recipes(), st.integers(0, 5))
def test_components_are_never_torn_and_empty_shares_stay_empty(
    recipe: tuple[list[int], list[int], list[float]], seed: int
) -> None:
    components, labels, shares = recipe
    split = build(components, labels, shares, seed)
    assert len({(c, s) for c, s in zip(components, split.tolist(), strict=True)}) == len(set(components))
    assert set(split.tolist()) <= {s for s, share in enumerate(shares) if share > 0}


@settings(max_examples=200, deadline=None)
@given(recipes(), st.randoms(use_true_random=False))
def test_split_of_an_item_depends_on_ids_alone_not_on_the_order_of_the_input(
    recipe: tuple[list[int], list[int], list[float]], random: "np.random.RandomState"
) -> None:
    components, labels, shares = recipe
    order = list(range(len(labels)))
    random.shuffle(order)
    straight = build(components, labels, shares, 7, ids=range(len(labels)))
    names = [1000 - components[i] for i in order]  # other component numbers for the same groups
    shuffled = build(names, [labels[i] for i in order], shares, 7, ids=order)
    assert shuffled.tolist() == straight[order].tolist()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=6), st.sampled_from([SHARES, [0.7, 0.3], [0.25] * 4])
)
def test_single_items_are_dealt_by_label_up_to_rounding(sizes: list[int], shares: list[float]) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    split = build(range(len(labels)), labels, shares, seed=3)
    counts = np.array(
        [np.bincount(split[labels == label], minlength=len(shares)) for label in range(len(sizes))]
    )
    wanted = np.outer(sizes, shares)
    # Where a rare label comes to a split of which its share is less than one item, another label may go back for it
    brought = int(((wanted < 1) & (counts > 0)).sum())
    assert np.abs(counts - wanted).max() < 2 + brought
    if (wanted >= 1).all():
        assert np.abs(counts - wanted).max() < 2
    sizes_of_splits = np.bincount(split, minlength=len(shares))
    assert np.abs(sizes_of_splits - len(labels) * np.array(shares)).max() < 2


def test_rounding_does_not_favour_the_largest_split_when_labels_are_small() -> None:
    split = build(range(3000), np.repeat(np.arange(1000), 3), SHARES)
    assert np.abs(np.bincount(split) - [2400, 300, 300]).max() <= 2


def test_every_label_is_in_every_split_when_it_has_an_item_for_each() -> None:
    labels = np.repeat([0, 1, 2, 3], [5, 4, 3, 1000])
    split = build(range(len(labels)), labels, SHARES)
    for label in range(4):
        assert set(split[labels == label].tolist()) == {0, 1, 2}
    assert np.abs(np.bincount(split) - len(labels) * np.array(SHARES)).max() < 1


@pytest.mark.parametrize("seed", range(5))
def test_sizes_and_label_shares_are_approached_with_groups_of_very_different_sizes(seed: int) -> None:
    generator = np.random.default_rng(seed)
    components = np.repeat(np.arange(400), generator.integers(1, 25, 400))
    labels = generator.choice(6, len(components), p=[0.5, 0.25, 0.12, 0.08, 0.04, 0.01])
    split = build(components, labels, SHARES, seed)
    sizes = np.bincount(split, minlength=3) / len(split)
    assert np.abs(sizes - SHARES).max() < 0.01
    for label in range(6):
        shares = np.bincount(split[labels == label], minlength=3) / (labels == label).sum()
        assert np.abs(shares - SHARES).max() < (0.03 if label < 4 else 0.12)
        assert (shares > 0).all()


def test_component_too_large_for_the_small_splits_goes_to_the_large_one() -> None:
    components = np.concatenate([np.zeros(300, int), np.arange(1, 701)])
    split = build(components, components % 3, SHARES)
    assert set(split[:300].tolist()) == {0}
    assert np.abs(np.bincount(split) - [800, 100, 100]).max() <= 1


def test_several_fields_are_stratified_each_for_itself() -> None:
    generator = np.random.default_rng(1)
    fields = np.stack([generator.integers(0, 7, 5000), generator.integers(0, 4, 5000)], axis=1)
    split = build(range(5000), fields, SHARES)
    for field in fields.T:
        for value in np.unique(field):
            counts = np.bincount(split[field == value], minlength=3)
            assert np.abs(counts - counts.sum() * np.array(SHARES)).max() < 15


def test_multi_label_items_are_stratified_by_each_of_their_labels() -> None:
    generator = np.random.default_rng(2)
    held = generator.random((4000, 8)) < [0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01]
    split = build(range(4000), sparse.csr_array(held), SHARES)
    assert np.abs(np.bincount(split) - [3200, 400, 400]).max() <= 1
    for label in held.T:
        counts = np.bincount(split[label], minlength=3)
        assert np.abs(counts - counts.sum() * np.array(SHARES)).max() <= 6
        assert (counts > 0).all()


def test_seed_changes_the_splits_and_repeats_them() -> None:
    labels = [i % 3 for i in range(300)]
    first, again, other = (build(range(300), labels, SHARES, seed).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_items_of_one_label_are_not_dealt_in_their_order() -> None:
    split = build(range(1000), [0] * 1000, SHARES)
    assert 0.7 < (split[:500] == 0).mean() < 0.9


@pytest.mark.parametrize("k", [2, 5, 10])
def test_folds_have_equal_sizes_and_labels(k: int) -> None:
    labels = np.repeat([0, 1, 2], [500, 250, 50])
    fold = folds(range(800), labels, k, seed=1)
    assert np.ptp(np.bincount(fold, minlength=k)) <= 1
    for label in range(3):
        assert np.ptp(np.bincount(fold[labels == label], minlength=k)) <= 1


def test_items_are_joined_by_pairs_and_by_equal_values_but_not_by_missing_ones() -> None:
    authors = ["ann", None, "bob", None, "ann", float("nan"), "bob"]
    assert join(7, [([1], [3])], [authors]).tolist() == [0, 1, 2, 1, 0, 3, 2]
    assert join(3).tolist() == [0, 1, 2]
    assert join(4, groupings=[["x", "x", "y", "z"], [1, 2, 2, 3]]).tolist() == [0, 0, 0, 1]


def test_no_items_are_no_splits() -> None:
    assert build([], [], SHARES).tolist() == []


@pytest.mark.parametrize("shares", [[], [0, 0], [0.5, -0.5], [float("nan"), 1], [float("inf"), 1]])
def test_shares_that_cannot_be_shares_are_refused(shares: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="Shares"):
        build([0], [0], shares)


def test_lengths_that_differ_ids_that_repeat_and_single_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="2 components but 1 labels"):
        build([0, 1], [0], SHARES)
    with pytest.raises(ValueError, match="different ids"):
        build([0, 1], [0, 0], SHARES, ids=[4, 4])
    with pytest.raises(ValueError, match="at least 2"):
        folds([0], [0], 1)
    with pytest.raises(ValueError, match="grouping has 1"):
        join(2, groupings=[["a"]])
