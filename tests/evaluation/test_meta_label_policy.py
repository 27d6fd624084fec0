"""Meta-labels in split sets: the policy that a lead sets for each kind."""

from uuid import uuid4

import pytest

from annotation.models import Annotation, Annotator, Item, Project, User
from evaluation.models import SplitSet
from evaluation.services import splits
from qc.services.meta_labels import give_meta_label
from qc.services.review import change_review_settings

RECIPE = {"splits": {"train": 0.5, "test": 0.5}, "group": []}


@pytest.fixture
def texts(project: Project) -> dict[str, Item]:
    """Four imported texts and two answered ones, one of these a tie."""
    labels = {label.name: label for label in project.labels.all()}
    made = {
        name: Item.objects.create(
            project=project, text=f"{name} words", digest=uuid4(), imported_label=labels["good"]
        )
        for name in ("plain", "other", "noisy", "wrong", "answered", "tied")
    }
    for item, given in (("answered", ["bad", "bad"]), ("tied", ["good", "bad"])):
        for at, label in enumerate(given):
            author, _ = Annotator.objects.get_or_create(project=project, name=f"person {at}")
            Annotation.objects.create(
                round=project.rounds.get(), item=made[item], annotator=author, label=labels[label]
            )
    return made


def placed(project: Project, lea: User) -> tuple[dict[int, str], dict[int, str]]:
    """Text → label of what a new split set holds, and text → reason of what it leaves out."""
    made = splits.create_split_set(project, lea, name="s", recipe=RECIPE)
    splits.build_split_set(made.pk, lambda share, message="": None)  # type: ignore[arg-type]
    held = dict(made.split_items.values_list("item_id", "label__name"))
    manifest = SplitSet.objects.get(pk=made.pk).manifest
    return held, {row["item_id"]: row["reason"] for row in manifest["excluded"]}


def test_the_policy_of_each_kind_is_followed(
    project: Project, lea: User, ada: User, texts: dict[str, Item]
) -> None:
    give_meta_label(texts["noisy"], ada, "noisy")
    give_meta_label(texts["wrong"], ada, "mislabeled")
    give_meta_label(texts["answered"], ada, "mislabeled")
    give_meta_label(texts["tied"], ada, "ambiguous")
    held, left_out = placed(project, lea)
    assert left_out == {texts["noisy"].pk: "excluded: noisy", texts["wrong"].pk: "excluded: mislabeled"}
    assert held[texts["answered"].pk] == "bad"
    assert held[texts["tied"].pk] == "good"  # the first of the two in the project's order, with soft labels
    change_review_settings(project, lea, {"noisy": "keep", "mislabeled": "drop", "ambiguous": "keep"})
    held, left_out = placed(project, lea)
    assert held[texts["noisy"].pk] == "good"
    assert set(left_out) == {texts["wrong"].pk, texts["answered"].pk, texts["tied"].pk}
    assert left_out[texts["tied"].pk] == "tie"


def test_texts_without_meta_labels_are_as_before(
    project: Project, lea: User, ada: User, texts: dict[str, Item]
) -> None:
    give_meta_label(texts["plain"], ada, "fine")
    held, left_out = placed(project, lea)
    assert left_out == {texts["tied"].pk: "tie"}
    assert held[texts["plain"].pk] == "good"
