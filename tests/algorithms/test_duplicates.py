import csv
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.algorithms import duplicates, shingles, similarity_join
from annotation.algorithms.duplicates import (
    clusters,
    duplicate_clusters,
    exact_groups,
    exact_pairs,
    near_pairs,
)

Pairs = dict[tuple[int, int], float]


def shingle_set(text: str, n: int) -> set[tuple[str, ...]]:
    words = unicodedata.normalize("NFKC", text).lower().split()
    if len(words) < n:
        return {tuple(words)}
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def brute_force(
    texts: Sequence[str], threshold: Fraction, n: int, sides: Sequence[int] | None = None
) -> Pairs:
    """Every pair compared with every other, in rational numbers."""
    sets = [shingle_set(text, n) for text in texts]
    plain = [" ".join(unicodedata.normalize("NFKC", text).lower().split()) for text in texts]
    found = {}
    for a, b in combinations(range(len(texts)), 2):
        if plain[a] == plain[b] or (sides is not None and sides[a] == sides[b]):
            continue
        similarity = Fraction(len(sets[a] & sets[b]), len(sets[a] | sets[b]))
        if similarity >= threshold:
            found[a, b] = float(similarity)
    return found


def as_dict(pairs: duplicates.NearPairs) -> Pairs:
    return {
        (a, b): s
        for a, b, s in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.similarity.tolist(), strict=True)
    }


TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "A", "ﬁ", "d."]), max_size=9).map(" ".join), max_size=14
)
THRESHOLDS = st.sampled_from(
    [
        Fraction(1, 2),
        Fraction(3, 5),
        Fraction(2, 3),
        Fraction(7, 10),
        Fraction(3, 4),
        Fraction(4, 5),
        Fraction(5, 6),
        Fraction(6, 7),
        Fraction(9, 10),
        Fraction(995, 1000),
        Fraction(1),
    ]
)


@settings(max_examples=400, deadline=None)
@given(TEXTS, THRESHOLDS, st.integers(1, 4))
def test_near_pairs_are_those_of_brute_force(texts: list[str], threshold: Fraction, n: int) -> None:
    pairs = near_pairs(texts, float(threshold), n)
    assert as_dict(pairs) == brute_force(texts, threshold, n)
    assert list(zip(pairs.a, pairs.b, strict=True)) == sorted(zip(pairs.a, pairs.b, strict=True))


@settings(max_examples=200, deadline=None)
@given(TEXTS, THRESHOLDS, st.data())
def test_with_sides_only_pairs_across_are_returned(
    texts: list[str], threshold: Fraction, data: st.DataObject
) -> None:
    sides = data.draw(st.lists(st.integers(3, 5), min_size=len(texts), max_size=len(texts)))
    assert as_dict(near_pairs(texts, float(threshold), 2, sides)) == brute_force(texts, threshold, 2, sides)


@settings(max_examples=200, deadline=None)
@given(TEXTS, THRESHOLDS, st.integers(1, 3))
def test_working_in_tiny_chunks_changes_nothing(texts: list[str], threshold: Fraction, n: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shingles, "_TEXTS_AT_ONCE", 2)
        patch.setattr(shingles, "_SHINGLES_AT_ONCE", 3)
        patch.setattr(similarity_join, "_CANDIDATES_AT_ONCE", 2)
        patch.setattr(similarity_join, "_VERIFIED_AT_ONCE", 5)
        patch.setattr(similarity_join, "_ENTRIES_AT_ONCE", 3)
        assert as_dict(near_pairs(texts, float(threshold), n)) == brute_force(texts, threshold, n)


@settings(max_examples=200, deadline=None)
@given(TEXTS, THRESHOLDS, st.integers(1, 3), st.integers(0, 2))
def test_hashes_that_are_equal_for_many_shingles_change_nothing(
    texts: list[str], threshold: Fraction, n: int, bits: int
) -> None:
    whole = shingles.Interned.keys
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            shingles.Interned,
            "keys",
            lambda self, at: whole(self, at) >> np.uint64(32 - bits) << np.uint64(3),
        )
        assert as_dict(near_pairs(texts, float(threshold), n)) == brute_force(texts, threshold, n)


def test_more_pairs_than_are_wanted_are_refused_and_as_many_are_not() -> None:
    changed = [f"a b c d e f g h i {last}" for last in "jklmnopq"]
    copies = ["one two three four five"] * 40 + ["one two three four five six"] * 40
    for texts, pairs in ((changed, 28), (copies, 1600)):
        comparison = duplicates.Comparison(iter(texts))
        assert len(comparison.near_pairs(0.5, most=pairs)) == pairs
        with pytest.raises(duplicates.TooManyPairs):
            comparison.near_pairs(0.5, most=pairs - 1)


@pytest.mark.parametrize("n", [5, 6, 9])
def test_many_words_and_long_shingles_that_do_not_fit_one_integer_side_by_side(n: int) -> None:
    generator = np.random.default_rng(n)
    base = [[f"w{word}" for word in generator.integers(0, 3000, 40)] for _ in range(150)]
    copies = [[*words[:20], "x", *words[20:]] for words in base]
    texts = [" ".join(words) for words in base + copies]
    assert as_dict(near_pairs(texts, 0.6, n)) == brute_force(texts, Fraction(3, 5), n)


def test_similar_long_texts_at_every_distance_are_found_down_to_the_threshold_and_no_further() -> None:
    generator = np.random.default_rng(4)
    texts = []
    for _ in range(12):
        words = [f"w{word}" for word in generator.zipf(1.4, 60) % 400]
        for changes in (0, 1, 2, 3, 5, 8):
            changed = list(words)
            for place in generator.choice(60, changes, replace=False):
                changed[place] = f"w{generator.integers(400)}"
            texts.append(" ".join(changed))
    for threshold in (Fraction(1, 2), Fraction(7, 10), Fraction(17, 20), Fraction(19, 20)):
        assert as_dict(near_pairs(texts, float(threshold))) == brute_force(texts, threshold, 3)


def test_different_texts_with_equal_shingle_sets_are_near_with_similarity_1() -> None:
    pairs = near_pairs(["a a a", "a a a a", "A  a a"], threshold=1)
    assert as_dict(pairs) == {(0, 1): 1.0, (1, 2): 1.0}


def test_near_pair_is_expanded_to_every_exact_copy_of_both() -> None:
    pairs = near_pairs(["a b c d", "x", "A B C D", "a b c d e", "x"], threshold=0.5)
    assert as_dict(pairs) == {(0, 3): 2 / 3, (2, 3): 2 / 3}


def test_short_text_is_one_shingle_the_whole() -> None:
    assert len(near_pairs(["lost card", "lost card now", "card"], threshold=0.5)) == 0
    assert as_dict(near_pairs(["", "a", "b"], threshold=0.5)) == {}


def test_progress_rises_to_1() -> None:
    seen: list[float] = []
    near_pairs(["a b c d", "a b c d e"] * 3, 0.5, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(("threshold", "n"), [(0.49, 3), (1.01, 3), (float("nan"), 3), (0.8, 0)])
def test_thresholds_and_lengths_out_of_range_are_refused(threshold: float, n: int) -> None:
    with pytest.raises(ValueError, match=r"threshold|shingle"):
        near_pairs(["a"], threshold, n)


def test_sides_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 texts but 1 sides"):
        near_pairs(["a", "b"], sides=[1])


def test_no_texts_have_no_duplicates() -> None:
    assert len(near_pairs([])) == 0
    assert exact_groups([]) == []
    assert duplicate_clusters([]).tolist() == []
    assert clusters(0, [], []).tolist() == []


@given(TEXTS)
def test_exact_groups_hold_all_texts_that_are_equal_after_normalisation(texts: list[str]) -> None:
    plain = [" ".join(unicodedata.normalize("NFKC", text).lower().split()) for text in texts]
    expected = [(a, b) for a, b in combinations(range(len(texts)), 2) if plain[a] == plain[b]]
    a, b = exact_pairs(exact_groups(texts))
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == expected


@given(TEXTS)
def test_duplicate_clusters_are_the_components_of_exact_and_near_pairs(texts: list[str]) -> None:
    a, b = exact_pairs(exact_groups(texts))
    near = near_pairs(texts, 0.6, 2)
    expected = clusters(len(texts), np.concatenate([a, near.a]), np.concatenate([b, near.b]))
    assert duplicate_clusters(texts, 0.6, 2).tolist() == expected.tolist()


@given(st.integers(1, 12), st.data())
def test_clusters_are_reached_through_pairs_and_numbered_by_first_member(n: int, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12))
    sets = [{i} for i in range(n)]
    for a, b in pairs:
        joined = sets[a] | sets[b]
        for member in joined:
            sets[member] = joined
    firsts = sorted({min(s) for s in sets})
    expected = [firsts.index(min(s)) for s in sets]
    assert clusters(n, [a for a, _ in pairs], [b for _, b in pairs]).tolist() == expected


@pytest.fixture(scope="module")
def banking77() -> list[dict[str, str]]:
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "banking77" / "items.csv"
    if not path.exists():
        pytest.skip(f"the real data set is not at {path}")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_banking77_has_12_exact_pairs(banking77: list[dict[str, str]]) -> None:
    a, b = exact_pairs(exact_groups([row["text"] for row in banking77]))
    splits = [
        tuple(sorted((banking77[i]["split"], banking77[j]["split"]))) for i, j in zip(a, b, strict=True)
    ]
    assert len(splits) == 12
    assert [splits.count(pair) for pair in [("train", "train"), ("test", "train"), ("test", "test")]] == [
        4,
        7,
        1,
    ]


def test_banking77_has_the_near_pairs_of_the_reference_and_no_others(
    banking77: list[dict[str, str]], shared_data: Path
) -> None:
    with (shared_data / "banking77" / "near_pairs_3gram.csv").open(encoding="utf-8", newline="") as file:
        expected = {frozenset((row["a"], row["b"])): float(row["jaccard"]) for row in csv.DictReader(file)}
    pairs = near_pairs([row["text"] for row in banking77], 0.7)
    found = {frozenset((banking77[a]["id"], banking77[b]["id"])): s for (a, b), s in as_dict(pairs).items()}
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("threshold", "every", "across"), [(0.995, 0, 0), (0.9, 5, 1), (0.8, 71, 30), (0.7, 234, 94)]
)
def test_banking77_has_as_many_near_pairs_as_its_readme_says(
    banking77: list[dict[str, str]], threshold: float, every: int, across: int
) -> None:
    texts = [row["text"] for row in banking77]
    sides = [int(row["split"] == "test") for row in banking77]
    assert len(near_pairs(texts, threshold)) == every
    assert len(near_pairs(texts, threshold, sides=sides)) == across
