"""The labels of a split set come from the method that its recipe names, or from the project's."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotation.models import Annotation, Annotator, Item, Project, User
from evaluation.models import SplitSet
from qc.queries import resolved
from qc.queries.answers import Answers, read_answers
from qc.queries.resolved import resolved_labels
from qc.services.agreement import change_quality_settings
from qc.services.review import change_review_settings
from tests.evaluation.conftest import BuildSplits


@pytest.fixture
def outvoted(project: Project) -> Item:
    """A text on which two people who always say “good” outvote one who is right everywhere else."""
    labels = {label.name: label for label in project.labels.all()}
    people = {name: Annotator.objects.create(project=project, name=name) for name in "abcxy"}

    def answered(text: str, **given: str) -> Item:
        item = Item.objects.create(project=project, text=text, digest=uuid4())
        for name, label in given.items():
            Annotation.objects.create(
                round=project.rounds.get(), item=item, annotator=people[name], label=labels[label]
            )
        return item

    for at in range(16):
        right = ("good", "bad")[at % 2]
        answered(f"text number {at} of many", a=right, b=right, c=right, x="good", y="good")
    return answered("the one that is left", a="bad", x="good", y="good")


def label_of(made: SplitSet, item: Item) -> str | None:
    name: str | None = made.split_items.values_list("label__name", flat=True).get(item=item)
    return name


def test_the_method_is_the_recipes_or_else_the_projects(
    project: Project, lea: User, outvoted: Item, build: BuildSplits
) -> None:
    assert label_of(build(), outvoted) == "good"
    assert label_of(build({"labels": "dawid-skene"}), outvoted) == "bad"
    change_quality_settings(project, lea, method="dawid-skene")
    change_review_settings(project, lea, {"noisy": "keep"})
    made = build({"minimum_agreement": 0.6})
    assert label_of(made, outvoted) == "bad"
    origin: dict[str, Any] = made.manifest["labels"]
    assert (made.manifest["recipe"]["labels"], origin["method"]) == ("dawid-skene", "dawid-skene")
    assert origin["newest_answer"] == Annotation.objects.latest("id").created.isoformat()
    assert (origin["meta_labels"]["noisy"], origin["meta_labels"]["unsolvable"]) == ("keep", "drop")
    # its posterior is near one, yet but a third of the answers say so: it is not evaluated on
    assert made.split_items.get(item=outvoted).split == "train"


def test_soft_labels_are_shares_of_answers_whatever_the_method(outvoted: Item, build: BuildSplits) -> None:
    made = build({"splits": {"train": 1}, "labels": "dawid-skene"})
    soft = made.files.get(name="train.jsonl", labels="soft")
    with soft.file.open() as opened:
        rows = opened.read().decode()
    assert '"good":0.666' in rows.replace(" ", "")


def test_all_answers_are_read_once_whatever_the_method(
    outvoted: Item, build: BuildSplits, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def counted(*scope: Any, **how: Any) -> Answers:
        reads.append(1)
        return read_answers(*scope, **how)

    monkeypatch.setattr(resolved, "read_answers", counted)
    build({"labels": "glad"})
    assert len(reads) == 1


def test_shares_as_said_are_those_of_the_majority_beside_a_models_labels(
    project: Project, outvoted: Item
) -> None:
    found = resolved_labels(project, "dawid-skene", as_said=True)
    by_model, by_majority = resolved_labels(project, "dawid-skene"), resolved_labels(project)
    assert found["label"].tolist() == by_model["label"].tolist()
    assert found["distribution"].tolist() == by_majority["distribution"].tolist()
    shares = [shares[label] for label, shares in zip(found["label"], found["distribution"], strict=True)]
    assert found["confidence"].tolist() == pytest.approx(shares)
    assert found["confidence"].tolist() != pytest.approx(by_model["confidence"].tolist())


def test_the_page_offers_the_methods_and_says_which_was_taken(
    project: Project, lea: User, outvoted: Item, build: BuildSplits, page: Callable[[User | None], Client]
) -> None:
    change_quality_settings(project, lea, method="dawid-skene")
    made = build()
    shown = page(lea).get(f"/projects/weather/splits/{made.pk}/").content.decode()
    assert "the panel and gold, else Dawid–Skene" in shown
    assert '<option value="dawid-skene" selected>' in shown
