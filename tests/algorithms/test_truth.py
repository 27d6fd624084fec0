"""Truth inference: the anaesthetists of 1979, the crowd of RTE, crowd-kit, and people planted in simulations."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import DawidSkene
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import wilson
from qc.algorithms.ceiling import human_ceiling
from qc.algorithms.label_counts import count_labels
from qc.algorithms.majority import majority
from qc.algorithms.truth import METHODS, dawid_skene, infer_truth

Codes = NDArray[np.int64]


def read(path: Path) -> tuple[list[str], list[str], Codes, Codes, Codes]:
    """Names of items and labels; codes of items, annotators and labels."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    items, item = np.unique([row["item_id"] for row in rows], return_inverse=True)
    person = np.unique([row["annotator_id"] for row in rows], return_inverse=True)[1]
    labels, label = np.unique([row["label"] for row in rows], return_inverse=True)
    return items.tolist(), labels.tolist(), item, person, label


def truth_of(path: Path, items: list[str], labels: list[str]) -> Codes:
    with path.open(newline="") as file:
        known = {row["id"]: row["truth"] for row in csv.DictReader(file)}
    return np.array([labels.index(known[item]) for item in items])


def test_dawid_and_skenes_patients_give_what_they_published(shared_data: Path) -> None:
    folder = shared_data / "reference_matrices"
    items, _, item, person, label = read(folder / "dawid_skene_1979.csv")
    found = dawid_skene(item, person, label, 4, len(items))
    assert found.prevalence.tolist() == pytest.approx([0.3996, 0.4220, 0.1118, 0.0667], abs=5e-5)
    assert found.prevalence.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    assert found.log_likelihood == pytest.approx(-192.8909, abs=5e-5)
    assert np.bincount(found.label).tolist() == [18, 19, 5, 3]
    assert found.confusion is not None
    assert found.confusion[0].round(2).tolist() == [
        [0.89, 0.11, 0.00, 0.00],
        [0.07, 0.88, 0.05, 0.00],
        [0.00, 0.34, 0.66, 0.00],
        [0.00, 0.00, 0.56, 0.44],
    ]
    with (folder / "dawid_skene_1979_posterior.csv").open(newline="") as file:
        published = [[float(row[f"p{c}"]) for c in (1, 2, 3, 4)] for row in csv.DictReader(file)]
    assert found.posterior == pytest.approx(np.array(published), abs=1e-4)


def test_rte_gives_the_published_accuracies(shared_data: Path) -> None:
    items, labels, item, person, label = read(shared_data / "rte" / "annotations.csv")
    truth = truth_of(shared_data / "rte" / "items.csv", items, labels)
    votes = majority(count_labels(item, label, 2))
    assert votes.tie.sum() == 65
    right = np.where(votes.tie, 0.5, votes.label == truth)
    assert right.mean() == pytest.approx(0.8969, abs=5e-5)
    right_of = {
        method: float((infer_truth(method, item, person, label, 2).label == truth).mean())
        for method in METHODS
    }
    assert right_of["dawid-skene"] == pytest.approx(0.9275)
    assert min(right_of.values()) >= 0.92


def test_weather_gives_plain_ems_accuracy(shared_data: Path) -> None:
    folder = shared_data / "weather_sentiment"
    items, labels, item, person, label = read(folder / "annotations.csv")
    found = dawid_skene(item, person, label, len(labels), len(items))
    assert (found.label == truth_of(folder / "items.csv", items, labels)).mean() == pytest.approx(0.896)
    assert found.log_likelihood == pytest.approx(-17909.954, abs=5e-4)


def crowd(seed: int) -> tuple[Codes, Codes, Codes, Codes]:
    """Truth of 300 texts of three labels, and answers of 12 people of whom the last two press at random."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=300)
    items, people = np.repeat(np.arange(300), 12), np.tile(np.arange(12), 300)
    skill = np.append(rng.uniform(0.55, 0.9, 10), [1 / 3, 1 / 3])
    known = rng.random(len(items)) < skill[people]
    return truth, items, people, np.where(known, truth[items], rng.integers(3, size=len(items)))


def test_dawid_skene_equals_crowd_kit() -> None:
    _, items, people, labels = crowd(3)
    ours = dawid_skene(items, people, labels, 3, 300)
    model = DawidSkene(n_iter=400, tol=1e-9)
    model.fit(pd.DataFrame({"task": items, "worker": people, "label": labels}))
    theirs = model.probas_
    assert theirs is not None
    assert ours.posterior == pytest.approx(theirs.sort_index().sort_index(axis=1).to_numpy(), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_who_presses_at_random_is_trusted_least_and_the_rest_outvotes_them(method: str) -> None:
    truth, items, people, labels = crowd(5)
    found = infer_truth(method, items, people, labels, 3)
    assert (found.label == truth).mean() >= 0.97
    assert set(np.argsort(found.reliability)[:2].tolist()) == {10, 11}
    assert np.nansum(found.posterior, axis=1) == pytest.approx(np.ones(300))
    same = infer_truth(method, items, people, labels, 3)
    assert same.posterior.tolist() == found.posterior.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_texts_without_answers_have_no_label_and_equal_ones_are_tied(method: str) -> None:
    items, people, labels = np.array([0, 0]), np.array([0, 1]), np.array([0, 1])
    found = infer_truth(method, items, people, labels, 2, n_items=2)
    assert found.label.tolist()[1] == -1
    assert np.isnan(found.posterior[1]).all()
    if method != "mace":  # its starting points are not symmetric
        assert found.tie.tolist() == [True, False]
        assert found.label.tolist() == [-1, -1]


def test_the_ceilings_interval_draws_texts_with_all_their_answers() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=400)
    easy = rng.random(400) < 0.7  # everybody is right on these, nobody on the others
    labels = np.where(easy, truth, 1 - truth)
    counts = count_labels(np.repeat(np.arange(400), 5), np.repeat(labels, 5), 2)
    found = human_ceiling(counts, truth).accuracy
    assert found.value == pytest.approx(easy.mean())
    assert found.low is not None and found.high is not None
    by_texts = 2 * 1.96 * np.sqrt(0.3 * 0.7 / 400)
    assert found.high - found.low == pytest.approx(by_texts, rel=0.1)


def test_a_label_on_few_texts_has_the_ceiling_of_few_texts() -> None:
    """Five texts with a label say little of it, however many there are with another one."""
    few, many = [[2, 0], [2, 0], [1, 1], [2, 0], [2, 0]], [[0, 2], [0, 2], [1, 1]] * 100
    counts, truth = sparse.csr_array(np.array(few + many)), np.repeat([0, 1], [5, 300])
    found = human_ceiling(counts, truth).classes[0].recall
    assert found.value == pytest.approx(0.9)
    assert found.n == 5
    # Student's t with 4 degrees of freedom, times the standard error of the shares 1, 1, 0.5, 1 and 1
    assert found.low == pytest.approx(0.9 - 2.7764 * np.std([1, 1, 0.5, 1, 1], ddof=1) / np.sqrt(5), abs=1e-4)


def test_a_ceiling_that_every_text_has_alike_is_not_certain() -> None:
    found = human_ceiling(sparse.csr_array(np.array([[1, 1]] * 60)), np.zeros(60, np.int64)).accuracy
    assert found.value == 0.5
    assert found.low is not None and found.high is not None
    assert found.high - found.low == pytest.approx(wilson(0, 60).high)
