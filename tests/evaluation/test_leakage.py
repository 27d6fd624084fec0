"""Copies are all found, between splits only across them, and what a lead decides about them is kept."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from annotation.models import Item, Job, Project, User
from evaluation.jobs import start_leakage
from evaluation.models import LeakagePair, LeakageReport, PairDecision, SplitSet
from evaluation.queries.leakage import newer_texts, pairs_of
from evaluation.services.leakage import decide_pair, keep_all_together, open_report
from tests.evaluation.conftest import AddTexts, BuildSplits

FindCopies = Callable[..., LeakageReport]


@pytest.fixture
def find(project: Project, lea: User, work: Callable[[], list[Job]]) -> FindCopies:
    """`find(split_set, threshold)` computes a report as a worker would."""

    def run(split_set: SplitSet | None = None, threshold: float = 0.6, ngram: int = 3) -> LeakageReport:
        report = open_report(project, split_set, threshold, ngram)
        job = start_leakage(report, lea)
        work()
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.error
        report.refresh_from_db()
        return report

    return run


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = text.lower().split()
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset([tuple(words)])


def test_every_pair_is_found_and_no_other(add_texts: AddTexts, find: FindCopies) -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = (
        [" ".join([*words[:at], "changed", *words[at + 1 :]]) for at in range(10)]
        + ["Same here"] * 3
        + ["SAME  here"]
    )
    items = add_texts([(text, "good", {}) for text in texts])
    report = find(threshold=0.25 + 0.25)
    expected: dict[tuple[int, int], Any] = {}
    for a, b in combinations(items, 2):
        if a.text.lower().split() == b.text.lower().split():
            expected[a.pk, b.pk] = ("exact", 1.0)
            continue
        x, y = shingles(a.text), shingles(b.text)
        if len(x & y) / len(x | y) >= 0.5:
            expected[a.pk, b.pk] = ("near", len(x & y) / len(x | y))
    found = {
        (p.a_id, p.b_id): (p.kind, pytest.approx(p.similarity))
        for p in LeakagePair.objects.filter(report=report)
    }
    assert found == expected
    assert report.result["exact"] == {"pairs": 6, "clusters": 1}
    assert report.result["semantic"]["pairs"] is None
    assert report.result["semantic"]["reason"]


def test_pairs_come_most_similar_first(add_texts: AddTexts, find: FindCopies) -> None:
    add_texts([("a b c d e f", "good", {}), ("a b c d e g", "good", {}), ("a b c d e f", "good", {})])
    pairs = list(pairs_of(find(threshold=0.5)))
    assert [pair.kind for pair in pairs] == ["exact", "near", "near"]


def test_with_a_split_set_only_pairs_across_splits_are_listed(
    add_texts: AddTexts, build: BuildSplits, find: FindCopies
) -> None:
    add_texts(
        [
            ("red roses are nice flowers", "good", {"part": "x"}),
            ("red roses are nice flowers", "good", {"part": "y"}),
            ("red roses are NICE flowers", "good", {"part": "x"}),
            ("red roses are nice flowers indeed", "good", {"part": "y"}),
        ]
    )
    made = build(
        {
            "splits": {"train": 1},
            "group": [],
            "hold_out": [{"field": "part", "values": ["y"], "name": "test"}],
        }
    )
    report = find(made, threshold=0.7)
    assert (report.result["exact"]["pairs"], report.result["near"]["pairs"]) == (2, 2)
    (row,) = report.result["between"]
    assert (row["a"], row["b"], row["exact"], row["near"]) == ("train", "test", 2, 2)
    assert (row["items_a"], row["items_b"], row["size_a"], row["size_b"]) == (2, 2, 2, 2)
    assert {(p.split_a, p.split_b) for p in pairs_of(report)} <= {("train", "test"), ("test", "train")}


def test_asking_again_replaces_the_report(add_texts: AddTexts, find: FindCopies) -> None:
    add_texts([("hello world", "good", {}), ("hello  world", "bad", {})])
    first = find()
    (later,) = add_texts([("hello   world", "bad", {})])
    assert newer_texts(first) == 1
    second = find()
    assert second.pk == first.pk
    assert newer_texts(second) == 0
    assert LeakagePair.objects.filter(report=second).count() == 3
    Item.objects.filter(pk=later.pk).update(deleted="2026-01-01T00:00Z")
    assert find().result["exact"]["pairs"] == 1


def test_a_pool_without_texts_has_no_copies(find: FindCopies) -> None:
    report = find()
    assert (report.items, report.result["exact"]["pairs"], report.result["between"]) == (0, 0, [])


@pytest.mark.parametrize(("threshold", "ngram"), [(0.4, 3), (1.1, 3), (0.7, 0), (0.7, 9)])
def test_settings_out_of_range_are_refused(project: Project, threshold: float, ngram: int) -> None:
    with pytest.raises(ValidationError):
        open_report(project, None, threshold, ngram)


def test_a_decision_is_kept_changed_and_taken_back(add_texts: AddTexts, find: FindCopies, lea: User) -> None:
    a, b, _ = add_texts([("x y z", "good", {}), ("X y z", "good", {}), ("x y  z", "good", {})])
    report = find()
    pair = pairs_of(report)[0]
    decide_pair(pair, lea, "together")
    decide_pair(pair, lea, "ignore", "a template")
    decision = PairDecision.objects.get()
    assert (decision.a_id, decision.b_id, decision.action, decision.reason) == (
        a.pk,
        b.pk,
        "ignore",
        "a template",
    )
    assert keep_all_together(report, lea) == 2
    decide_pair(pair, lea, "")
    assert PairDecision.objects.count() == 2
    with pytest.raises(ValidationError):
        decide_pair(pair, lea, "burn")


def test_banking77_has_the_pairs_of_its_reference(
    banking: Project, olga: User, work: Callable[[], list[Job]]
) -> None:
    report = open_report(banking, None, 0.7, 3)
    start_leakage(report, olga)
    work()
    report.refresh_from_db()
    assert (report.result["exact"]["pairs"], report.result["near"]["pairs"]) == (12, 234)
