"""Meta-labels in split sets: the policy that a lead sets for each kind."""

import json
from uuid import uuid4

import pytest

from annotation.models import Annotation, Annotator, Flag, Item, Project, User
from annotation.services.watching import unwatched
from evaluation.models import SplitSet
from evaluation.services import splits
from qc.services.cases import open_cases
from qc.services.meta_labels import give_meta_label
from qc.services.review import change_review_settings
from qc.services.votes import cast_vote

RECIPE = {"splits": {"train": 0.5, "test": 0.5}, "group": []}


@pytest.fixture
def texts(project: Project) -> dict[str, Item]:
    """Four imported texts and three answered ones, one of these a tie."""
    labels = {label.name: label for label in project.labels.all()}
    made = {
        name: Item.objects.create(
            project=project, text=f"{name} words", digest=uuid4(), imported_label=labels["good"]
        )
        for name in ("plain", "other", "noisy", "wrong", "answered", "doubted", "tied")
    }
    for item, given in (("doubted", ["bad", "bad"]), ("tied", ["good", "bad"])):
        answer(project, made[item], given)
    return made


def answer(project: Project, item: Item, given: list[str]) -> None:
    """Each label by another person."""
    for at, label in enumerate(given):
        author, _ = Annotator.objects.get_or_create(project=project, name=f"person {at}")
        Annotation.objects.create(
            round=project.rounds.get(), item=item, annotator=author, label=project.labels.get(name=label)
        )


def placed(project: Project, lea: User) -> tuple[dict[int, str], dict[int, str]]:
    """Text → label of what a new split set holds, and text → reason of what it leaves out."""
    made = splits.create_split_set(project, lea, name="s", recipe=RECIPE)
    splits.build_split_set(made.pk, unwatched)
    held = dict(made.split_items.values_list("item_id", "label__name"))
    manifest = SplitSet.objects.get(pk=made.pk).manifest
    return held, {row["item_id"]: row["reason"] for row in manifest["excluded"]}


def test_the_policy_of_each_kind_is_followed(
    project: Project, lea: User, ada: User, texts: dict[str, Item]
) -> None:
    give_meta_label(texts["noisy"], ada, "noisy")
    give_meta_label(texts["wrong"], ada, "mislabeled")
    give_meta_label(texts["answered"], ada, "mislabeled")
    answer(project, texts["answered"], ["bad", "bad"])
    give_meta_label(texts["doubted"], ada, "mislabeled")  # the label that people gave it, which the panel saw
    give_meta_label(texts["tied"], ada, "ambiguous")
    held, left_out = placed(project, lea)
    assert left_out == {
        texts["noisy"].pk: "excluded: noisy",
        texts["wrong"].pk: "excluded: mislabeled",
        texts["doubted"].pk: "excluded: mislabeled",
    }
    assert held[texts["answered"].pk] == "bad"
    assert held[texts["tied"].pk] == "good"  # the first of the two in the project's order, with soft labels
    change_review_settings(project, lea, {"noisy": "keep", "mislabeled": "drop", "ambiguous": "keep"})
    held, left_out = placed(project, lea)
    assert held[texts["noisy"].pk] == "good"
    assert set(left_out) == {texts[name].pk for name in ("wrong", "answered", "doubted", "tied")}
    assert left_out[texts["tied"].pk] == "tie"


def test_texts_without_meta_labels_are_as_before(
    project: Project, lea: User, ada: User, texts: dict[str, Item]
) -> None:
    give_meta_label(texts["plain"], ada, "fine")
    held, left_out = placed(project, lea)
    assert left_out == {texts["tied"].pk: "tie"}
    assert held[texts["plain"].pk] == "good"


def test_a_label_that_is_decided_or_flagged_with_an_answer_stays_in(
    project: Project, lea: User, ada: User, texts: dict[str, Item]
) -> None:
    Flag.objects.create(item=texts["doubted"], user=ada, kind="mislabeled")
    [case] = open_cases(project, lea, [texts["wrong"].pk])
    cast_vote(case, ada, outcome="label", label="bad")
    give_meta_label(texts["wrong"], lea, "mislabeled")
    held, _ = placed(project, lea)
    assert (held[texts["doubted"].pk], held[texts["wrong"].pk]) == ("bad", "bad")


def test_soft_labels_of_a_decided_text_are_what_was_decided(
    project: Project, lea: User, ada: User, texts: dict[str, Item]
) -> None:
    [case] = open_cases(project, lea, [texts["doubted"].pk])
    cast_vote(case, ada, outcome="label", label="good")
    placed(project, lea)
    files = SplitSet.objects.get().files.filter(labels="soft", name__endswith=".jsonl")
    rows = [json.loads(line) for file in files for line in file.file.open().read().decode().splitlines()]
    soft = {row["text"]: (row["label"], row["soft"]) for row in rows}
    assert soft["doubted words"] == ("good", {"good": 1.0})
