"""Alpha with distances and agreement on spans: published values, the reference package, brute force, coverage."""

import csv
import gzip
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Literal

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import wilson
from qc.algorithms.agreement import estimate_agreement
from qc.algorithms.answer_scores import score_with_distance
from qc.algorithms.distances import Distance, Interval, Nominal, Ratio, Sets
from qc.algorithms.label_counts import count_labels
from qc.algorithms.span_agreement import span_agreement
from qc.algorithms.weighted_alpha import alpha_with_distance, ordinal_alpha

Codes = NDArray[np.int64]


def read_matrix(path: Path) -> tuple[Codes, Codes]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    items = {name: at for at, name in enumerate(dict.fromkeys(row["item_id"] for row in rows))}
    return (
        np.array([items[row["item_id"]] for row in rows]),
        np.array([int(row["label"]) - 1 for row in rows]),
    )


@pytest.mark.parametrize(
    ("name", "nominal", "ordinal", "interval", "ratio"),
    [
        ("krippendorff_4x12", 0.743421, 0.815388, 0.849107, 0.797403),
        ("krippendorff_3x15", 0.691358, 0.806721, 0.810845, 0.808944),
    ],
)
def test_krippendorffs_matrices_give_the_published_values(
    shared_data: Path, name: str, nominal: float, ordinal: float, interval: float, ratio: float
) -> None:
    items, labels = read_matrix(shared_data / "reference_matrices" / f"{name}.csv")
    counts, numbers = count_labels(items, labels, 5), np.arange(1.0, 6.0)
    found = [
        alpha_with_distance(counts, Nominal()).value,
        ordinal_alpha(counts).value,
        alpha_with_distance(counts, Interval(numbers)).value,
        alpha_with_distance(counts, Ratio(numbers)).value,
    ]
    assert found == pytest.approx([nominal, ordinal, interval, ratio], abs=5e-7)


def test_ratings_of_headlines_give_the_interval_and_ordinal_values(shared_data: Path) -> None:
    expected = {
        "anger": (0.3533, 0.3936),
        "disgust": (0.4275, 0.4265),
        "fear": (0.2854, 0.3695),
        "joy": (0.2159, 0.3149),
        "sadness": (0.4370, 0.4818),
        "surprise": (0.0568, 0.0675),
        "valence": (0.3256, 0.3748),
    }
    with (shared_data / "affect" / "annotations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for dimension, values in expected.items():
        chosen = [row for row in rows if row["dimension"] == dimension]
        items = np.unique([row["item_id"] for row in chosen], return_inverse=True)[1]
        numbers, codes = np.unique([float(row["label"]) for row in chosen], return_inverse=True)
        counts = count_labels(items, codes, len(numbers))
        interval = alpha_with_distance(counts, Interval(numbers), replicates=50)
        found = (interval.value, ordinal_alpha(counts, replicates=50).value)
        assert found == pytest.approx(values, abs=5e-5), dimension
        assert interval.low is not None and interval.high is not None and interval.value is not None
        assert interval.low < interval.value < interval.high


@given(
    st.integers(2, 5).flatmap(
        lambda people: st.lists(
            st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=people, max_size=people),
            min_size=2,
            max_size=12,
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_alpha_equals_the_krippendorff_package_on_every_scale(rows: list[list[int | None]]) -> None:
    table = np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=float)
    items, people = np.nonzero(~np.isnan(table))
    values = table[items, people].astype(np.int64)
    pairable = np.bincount(items, minlength=len(rows))[items] >= 2
    if len(np.unique(values[pairable])) < 2:
        return  # undefined; the package divides by zero
    counts = count_labels(items, values, 5, len(rows))
    numbers = np.arange(5.0)
    ours: dict[Literal["nominal", "ordinal", "interval", "ratio"], float | None] = {
        "nominal": alpha_with_distance(counts, Nominal(), replicates=2).value,
        "ordinal": ordinal_alpha(counts, replicates=2).value,
        "interval": alpha_with_distance(counts, Interval(numbers), replicates=2).value,
        "ratio": alpha_with_distance(counts, Ratio(numbers), replicates=2).value,
    }
    for scale, value in ours.items():
        theirs = krippendorff.alpha(
            reliability_data=table.T, level_of_measurement=scale, value_domain=list(range(5))
        )
        assert value == pytest.approx(theirs, abs=1e-9), scale


def brute_alpha(items: Codes, codes: Codes, distance: Callable[[int, int], float]) -> float:
    """Krippendorff's alpha from its definition, pair by pair."""
    by_item = [codes[items == item].tolist() for item in np.unique(items)]
    by_item = [row for row in by_item if len(row) >= 2]
    every = [code for row in by_item for code in row]
    observed = sum(
        2 * distance(a, b) / (len(row) - 1) for row in by_item for a, b in combinations(row, 2)
    ) / len(every)
    n = len(every)
    expected = sum(2 * distance(a, b) for a, b in combinations(every, 2)) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("kind", ["masi", "jaccard"])
def test_alpha_over_sets_of_labels_equals_its_definition(kind: str) -> None:
    rng = np.random.default_rng(3)
    sets = [frozenset(np.flatnonzero(row).tolist()) for row in rng.random((9, 4)) < 0.4]
    sets[0] = frozenset()
    members = np.array([[label in held for label in range(4)] for held in sets])
    items, codes = np.repeat(np.arange(30), 3), rng.integers(9, size=90)

    def between(a: int, b: int) -> float:
        one, other = sets[a], sets[b]
        if one == other:
            return 0.0
        likeness = len(one & other) / len(one | other)
        weight = 1.0
        if kind == "masi":
            weight = 0.0 if not one & other else 2 / 3 if one <= other or other <= one else 1 / 3
        return 1 - likeness * weight

    distance = Sets(members, "masi" if kind == "masi" else "jaccard")
    found = alpha_with_distance(count_labels(items, codes, 9), distance)
    assert found.value == pytest.approx(brute_alpha(items, codes, between), abs=1e-12)
    counts = count_labels(items, codes, 9)
    score = score_with_distance(items, codes, counts, distance)
    for at in range(len(items)):
        others = [codes[row] for row in np.flatnonzero(items == items[at]) if row != at]
        assert score[at] == pytest.approx(np.mean([1 - between(int(codes[at]), int(b)) for b in others]))


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_matrix_of_distances_is_never_needed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, size=(7, 3)).astype(float)
    every = np.arange(7)
    numbers = rng.normal(size=7)
    distances: list[Distance] = [
        Nominal(),
        Interval(numbers),
        Ratio(abs(numbers)),
        Sets(rng.random((7, 4)) < 0.5),
    ]
    for distance in distances:
        matrix = distance.between(np.repeat(every, 7), np.tile(every, 7)).reshape(7, 7)
        assert distance.times(counts) == pytest.approx(matrix @ counts)


def test_spans_agree_as_counted_by_hand() -> None:
    texts = {0: "Anna left Berlin today", 1: "nothing here", 2: "only one answer"}
    items, people = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 0, 1, 0])
    anna, berlin, today = (0, 4, 1), (10, 16, 2), (17, 22, 2)
    spans = [[anna, berlin], [anna, (10, 16, 1)], [anna, today], [], [], [anna]]
    found = span_agreement(items, people, spans, texts)
    # three pairs share one span of two each; the second text has nothing to share
    assert found.entity_f1.value == pytest.approx(0.5)
    assert found.entity_f1.n == 1
    assert found.pairs == {(0, 1): (2, 1, 4), (0, 2): (1, 1, 4), (1, 2): (1, 1, 4)}
    assert found.per_label[1].value == pytest.approx(6 / (6 + 2))
    assert found.per_label[2].value == 0
    assert found.confused == {(1, 2): 1}
    assert found.score[:5].tolist() == pytest.approx([0.5, 0.5, 0.5, 1, 1])
    assert np.isnan(found.score[5])
    # tokens of the first text: 1 1 1 | – – – | 2 1 – | – – 2, of the second: – – | – –
    table = [[1, 1, 1], [0, 0, 0], [2, 1, 0], [0, 0, 2], [0, 0], [0, 0]]
    units = np.repeat(np.arange(6), [len(row) for row in table])
    values = np.concatenate(table)
    assert found.token_alpha.value == pytest.approx(brute_alpha(units, values, lambda a, b: float(a != b)))


def test_spans_that_nobody_marked_have_no_f1() -> None:
    found = span_agreement(np.array([0, 0]), np.array([0, 1]), [[], []], {0: "some words"})
    assert found.entity_f1.value is None
    assert found.entity_f1.reason == (
        "undefined, because nobody marked anything in a text that two people answered"
    )
    assert found.token_alpha.reason == "undefined, because all tokens have the same label"


@pytest.mark.parametrize("row", [[2, 0], [1, 1], [2, 1]])
def test_two_labels_are_as_uncertain_on_any_scale_where_all_texts_say_the_same(row: list[int]) -> None:
    """Two labels have one distance, so that alpha and its interval must be those of nominal labels."""
    counts = np.array([row, row[::-1]] * 15 if 0 in row else [row] * 30)
    nominal = estimate_agreement(counts).alpha
    assert nominal.low is not None and nominal.high is not None and nominal.high - nominal.low > 0.05
    scales = (
        alpha_with_distance(counts, Nominal()),
        alpha_with_distance(counts, Interval(np.array([1.0, 5.0]))),
        ordinal_alpha(counts),
    )
    for found in scales:
        assert found.value == pytest.approx(nominal.value)
        assert found.low == pytest.approx(nominal.low)
        assert found.high == pytest.approx(nominal.high)


def test_spans_on_which_all_agree_do_not_claim_certainty() -> None:
    texts = 40
    items, people = np.repeat(np.arange(texts), 2), np.tile([0, 1], texts)
    spans = [[(0, 4, 1)] if item < 10 else [] for item in items.tolist()]
    found = span_agreement(items, people, spans, dict.fromkeys(range(texts), "Anna left"))
    assert (found.entity_f1.value, found.entity_f1.n) == (1.0, 10)
    assert found.entity_f1.low == pytest.approx(wilson(10, 10).low)
    assert found.token_alpha.value == 1.0
    assert found.token_alpha.low == pytest.approx(wilson(texts, texts).low)


def crowd(seed: int, texts: int, labels: int, skill: float) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    truth = rng.integers(labels, size=texts)
    known = rng.random((texts, 3)) < skill
    answers = np.where(known, truth[:, None], rng.integers(labels, size=(texts, 3)))
    return count_labels(np.repeat(np.arange(texts), 3), answers.ravel(), labels, texts)


@pytest.mark.parametrize(("texts", "least", "most"), [(200, 0.93, 0.97), (30, 0.92, 0.97)])
def test_the_interval_of_alpha_covers_as_often_as_it_says(texts: int, least: float, most: float) -> None:
    """500 simulated data sets of 3 people; what is true is alpha over a million texts."""
    labels, skill = 4, 0.8
    truth = estimate_agreement(crowd(12345, 1_000_000, labels, skill), replicates=2).alpha.value
    assert truth is not None
    covered = 0
    for seed in range(500):
        found = alpha_with_distance(crowd(seed, texts, labels, skill), Nominal(), seed=seed)
        assert found.low is not None and found.high is not None
        covered += found.low <= truth <= found.high
    assert least <= covered / 500 <= most


def test_irony_in_nine_languages_gives_the_values_of_each_cohort(shared_data: Path) -> None:
    folder = shared_data / "multipico"
    with gzip.open(folder / "items.csv.gz", "rt", newline="") as file:
        items = list(csv.DictReader(file))
    with (folder / "annotations.csv").open(newline="") as file:
        answers = list(csv.DictReader(file))
    place = {item["id"]: at for at, item in enumerate(items)}
    codes = np.array([place[answer["item_id"]] for answer in answers])
    labels = np.array([answer["label"] == "ironic" for answer in answers], dtype=np.int64)
    counts = count_labels(codes, labels, 2, len(items))
    assert alpha_with_distance(counts, Nominal()).value == pytest.approx(0.2726, abs=5e-5)
    expected = {
        "lang": {
            "ar": 0.3194,
            "de": 0.3425,
            "en": 0.2039,
            "es": 0.2301,
            "fr": 0.3432,
            "hi": 0.0893,
            "it": 0.3976,
            "nl": 0.3212,
            "pt": 0.2718,
        },
        "source": {"reddit": 0.3062, "twitter": 0.2417},
    }
    for field, values in expected.items():
        for value, alpha in values.items():
            part = np.flatnonzero([item[field] == value for item in items])
            found = alpha_with_distance(counts[part], Nominal()).value
            assert found == pytest.approx(alpha, abs=5e-5), value


def test_a_label_that_was_marked_where_one_person_answered_is_not_called_unused() -> None:
    spans = [[(0, 3, 7)], [(0, 3, 7)], [(0, 3, 8)]]
    found = span_agreement(np.array([0, 0, 1]), np.array([0, 1, 0]), spans, {0: "Ann went", 1: "Bo"})
    assert found.per_label[7].value == 1
    assert (
        found.per_label[8].reason == "undefined, because nobody marked it in a text that two people answered"
    )
