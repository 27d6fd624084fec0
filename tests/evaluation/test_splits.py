"""Split sets: every text has its place, the same recipe gives the same bytes, and a frozen set stays."""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from annotation.models import Annotation, Item, Job, Project, User
from annotation.queries.people import annotator_of
from annotation.services.items import exclude_items
from evaluation.jobs import start_split_set
from evaluation.models import PairDecision, SplitFile, SplitItem, SplitSet
from evaluation.recipes import check_recipe
from evaluation.services.freezing import NotNow, delete_split_set, freeze_split_set
from evaluation.services.splits import create_split_set
from qc.models import Case, Decision
from tests.evaluation.conftest import AddTexts, BuildSplits


def places(split_set: SplitSet) -> dict[int, str]:
    return dict(SplitItem.objects.filter(split_set=split_set).values_list("item_id", "split"))


def reasons(split_set: SplitSet) -> dict[int, str]:
    return {entry["item_id"]: entry["reason"] for entry in split_set.manifest["excluded"]}


def check(split_set: SplitSet, code: str) -> str:
    return next(str(found["state"]) for found in split_set.checks if found["code"] == code)


def test_every_text_is_in_one_split_or_excluded_with_a_reason(
    pool: list[Item], add_texts: AddTexts, build: BuildSplits
) -> None:
    unlabelled = add_texts([("nobody said anything about this", None, {})])
    made = build()
    placed, excluded = places(made), reasons(made)
    assert placed.keys() | excluded.keys() == {item.pk for item in pool + unlabelled}
    assert not placed.keys() & excluded.keys()
    assert excluded == {unlabelled[0].pk: "no answers yet"}
    assert {name: part["items"] for name, part in made.manifest["counts"].items()} == Counter(placed.values())


@pytest.mark.parametrize("task", [Project.Task.MULTILABEL, Project.Task.SPANS])
def test_what_split_sets_cannot_divide_is_said_and_not_called_unanswered(
    task: str, project: Project, lea: User, client: Client
) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    project.refresh_from_db()
    client.force_login(lea)
    sent = {"name": "s", "recipe": {"splits": {"train": 0.5, "test": 0.5}}}
    address = f"/api/v1/projects/{project.slug}/split-sets/"
    refused = client.post(address, sent, content_type="application/json")
    assert refused.status_code == 400
    assert "one label" in refused.json()["detail"]
    assert not SplitSet.objects.exists()
    for page in ("splits", "runs"):
        shown = client.get(f"/projects/{project.slug}/{page}/").content.decode()
        assert "split sets divide texts that have one label" in shown.lower()
        assert "Build v1" not in shown
        assert "Build a split set" not in shown


def test_sizes_and_label_shares_are_as_asked(pool: list[Item], build: BuildSplits) -> None:
    made = build({"splits": {"train": 0.7, "validation": 0.1, "test": 0.2}})
    counts = made.manifest["counts"]
    assert [counts[name]["items"] for name in ("train", "validation", "test")] == [84, 12, 24]
    assert counts["test"]["labels"] == {"good": 16, "bad": 8}
    assert check(made, "sizes") == check(made, "label_coverage") == check(made, "label_drift") == "pass"


def test_same_recipe_seed_and_data_give_the_same_bytes(pool: list[Item], build: BuildSplits) -> None:
    first, second = build(seed=5), build(seed=5)
    assert first.manifest["files"] == second.manifest["files"]
    assert build(seed=6).manifest["files"] != first.manifest["files"]
    assert set(first.manifest["files"]) == {
        f"{split}.{extension}" for split in ("train", "test") for extension in ("parquet", "csv", "jsonl")
    }
    for file in SplitFile.objects.filter(split_set=first, labels="hard"):
        assert (
            hashlib.sha256(file.file.read()).hexdigest() == file.sha256 == first.manifest["files"][file.name]
        )


def test_duplicates_stay_together(pool: list[Item], add_texts: AddTexts, build: BuildSplits) -> None:
    copies = [
        add_texts([(f"The  sun {n} shines", "good", {}), (f"the sun {n} SHINES", "bad", {})])
        for n in range(20)
    ]
    together = build({"group": ["duplicates"]})
    placed = places(together)
    assert all(placed[a.pk] == placed[b.pk] for a, b in copies)
    assert check(together, "exact_copies") == "pass"
    apart = build({"group": []})
    placed = places(apart)
    assert any(placed[a.pk] != placed[b.pk] for a, b in copies)
    assert check(apart, "exact_copies") == "fail"


def test_groups_by_field_stay_together(pool: list[Item], build: BuildSplits) -> None:
    made = build({"splits": {"train": 0.75, "test": 0.25}, "group": ["author"]})
    placed = places(made)
    for author in ("a0", "a1", "a2", "a3"):
        assert len({placed[item.pk] for item in pool if item.meta["author"] == author}) == 1


def test_pair_decisions_are_followed(
    pool: list[Item], add_texts: AddTexts, build: BuildSplits, project: Project, lea: User
) -> None:
    def decide(a: Item, b: Item, action: str) -> None:
        PairDecision.objects.create(project=project, a=a, b=b, action=action, decided_by=lea)

    for a, b in zip(pool[:30], pool[60:90], strict=True):
        decide(a, b, "together")
    twins = add_texts([(f"rain {n}", "bad", {}) for n in range(15) for _ in range(2)])
    for a, b in zip(twins[::2], twins[1::2], strict=True):
        decide(a, b, "ignore")
    one, other = add_texts([("snow falls", "good", {}), ("snow  falls", "good", {})])
    decide(one, other, "drop")
    made = build({"splits": {"train": 0.5, "test": 0.5}})
    placed = places(made)
    assert all(placed[a.pk] == placed[b.pk] for a, b in zip(pool[:30], pool[60:90], strict=True))
    assert any(placed[a.pk] != placed[b.pk] for a, b in zip(twins[::2], twins[1::2], strict=True))
    if placed.get(one.pk, "train") == "train":
        assert other.pk not in placed
        assert reasons(made)[other.pk] == f"dropped from train: copy of text {one.pk} in train"


def test_held_out_values_are_a_split_of_their_own_and_their_copies_go_nowhere(
    pool: list[Item], add_texts: AddTexts, build: BuildSplits
) -> None:
    (copy,) = add_texts([(pool[5].text.upper(), "bad", {"source": "web"})])  # text 5 is from mail
    held_out = [{"field": "source", "values": ["mail"], "name": "mail"}]
    made = build({"splits": {"train": 1}, "hold_out": held_out})
    placed = places(made)
    assert {item.pk for item in pool if item.meta["source"] == "mail"} == {
        k for k, v in placed.items() if v == "mail"
    }
    assert reasons(made) == {copy.pk: "kept together with a text held out as mail"}
    number = build(
        {"splits": {"train": 1}, "hold_out": [{"field": "words", "values": [3, 4], "name": "some"}]}
    )
    assert {k for k, v in places(number).items() if v == "some"} == {pool[3].pk, pool[4].pk}


def test_synthetic_texts_are_only_trained_on(
    pool: list[Item], add_texts: AddTexts, build: BuildSplits
) -> None:
    alone = add_texts([(f"made up {n}", "good", {}) for n in range(10)], provenance="synthetic")
    copies = add_texts([(item.text.upper(), "good", {}) for item in pool], provenance="synthetic")
    made = build({"splits": {"train": 0.5, "test": 0.5}})
    placed, excluded = places(made), reasons(made)
    assert {placed[item.pk] for item in alone} == {"train"}
    for item, copy in zip(pool, copies, strict=True):
        if placed[item.pk] == "train":
            assert placed[copy.pk] == "train"
        else:
            assert excluded[copy.pk] == "synthetic"


def test_panel_decisions_decide_who_is_left_out(
    pool: list[Item], build: BuildSplits, project: Project, ada: User
) -> None:
    for item, kind in zip(pool, ["noisy", "ambiguous", ""], strict=False):
        case = Case.objects.create(project=project, item=item, state="decided")
        Decision.objects.create(case=case, item=item, outcome="exclude", meta_label=kind, decided_by=ada)
    made = build({"exclude": ["noisy"]})
    excluded = reasons(made)
    assert excluded[pool[0].pk] == "excluded: noisy"
    assert excluded[pool[2].pk] == "excluded"
    case = Case.objects.create(project=project, item=pool[9], state="decided")
    label = project.labels.get(name="neither")
    Decision.objects.create(case=case, item=pool[9], outcome="label", label=label, decided_by=ada)
    sure = build({"splits": {"train": 1}, "labels": "adjudicated-only"})
    assert places(sure) == {pool[9].pk: "train"}
    assert reasons(sure)[pool[20].pk] == "not adjudicated"


def test_evaluation_takes_only_texts_with_agreement(
    pool: list[Item], build: BuildSplits, project: Project, ada: User
) -> None:
    for item in pool[:20]:
        case = Case.objects.create(project=project, item=item, state="decided")
        label = project.labels.get(name="good")
        Decision.objects.create(case=case, item=item, outcome="label", label=label, decided_by=ada)
    made = build({"splits": {"train": 0.9, "test": 0.1}, "minimum_agreement": 0.8})
    in_test = {item for item, split in places(made).items() if split == "test"}
    assert len(in_test) == 12
    assert in_test <= {item.pk for item in pool[:20]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"splits": {"train": 0.8, "test": 0.1}}, "add up to 0.9"),
        ({"splits": {}}, "gives each split its share"),
        ({"splits": {"train": True}}, "must be a number"),
        ({"splits": {"Train set": 1}}, "cannot be a split's name"),
        ({"splits": {"fold-0": 1}}, "reserved"),
        ({"shifts": [{"field": "source", "splits": 3}]}, "“shifts” is not offered yet"),
        ({"folds": 5}, "“folds” is not offered yet"),
        ({"labels": "the-loudest"}, "not offered"),
        ({"colour": 1}, "not a key of a recipe"),
        ({"stratify": "label"}, "“stratify” is"),
        ({"group": "duplicates"}, "“group” is a list"),
        ({"exclude": ["boring"]}, "list of meta-labels"),
        ({"minimum_agreement": 2}, "from 0 to 1"),
        ({"hold_out": [{"field": "x", "values": [], "name": "y"}]}, "at least one entry"),
        ({"hold_out": [{"field": "x", "values": ["a"], "name": "train"}]}, "Two splits are called"),
    ],
)
def test_wrong_recipes_are_refused_with_a_reason(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        check_recipe({"splits": {"train": 1}} | change)


def test_absent_keys_and_nulls_of_what_is_not_offered_are_fine() -> None:
    checked = check_recipe(
        {"splits": {"train": 1}, "folds": None, "shifts": [], "recent": None, "hard": None}
    )
    assert checked["group"] == ["duplicates"]
    assert "folds" not in checked


def test_a_set_without_texts_fails_with_a_message(
    project: Project, lea: User, work: Callable[[], list[Job]]
) -> None:
    made = create_split_set(project, lea, name="empty", recipe={"splits": {"train": 1}})
    job = start_split_set(made, lea)
    work()
    job.refresh_from_db()
    made.refresh_from_db()
    assert (job.state, job.error) == ("failed", "There are no texts to divide. Import some first.")
    assert made.state == "failed"


def test_a_frozen_set_never_changes(pool: list[Item], build: BuildSplits, lea: User) -> None:
    made = build()
    freeze_split_set(made, lea)
    with pytest.raises(NotNow):
        freeze_split_set(made, lea)
    with pytest.raises(NotNow):
        delete_split_set(made, lea)
    files = made.manifest["files"]
    job = start_split_set(made, lea)  # a message that comes late
    assert job.alive
    made.refresh_from_db()
    assert (made.state, made.manifest["files"]) == ("frozen", files)


def test_versions_count_up(pool: list[Item], build: BuildSplits, lea: User) -> None:
    first = build()
    delete_split_set(first, lea)
    assert build().version == first.version + 1


def test_a_text_excluded_for_a_reason_that_the_recipe_accepts_keeps_its_peoples_label(
    pool: list[Item], build: BuildSplits, project: Project, ada: User, ann: User
) -> None:
    item = pool[0]
    author = annotator_of(project, ann)
    Annotation.objects.create(
        round=project.rounds.get(), item=item, annotator=author, label=project.labels.get(name="neither")
    )
    case = Case.objects.create(project=project, item=item, state="decided")
    Decision.objects.create(case=case, item=item, outcome="exclude", meta_label="ambiguous", decided_by=ada)
    made = build({"splits": {"train": 1}, "exclude": ["noisy"]})
    assert SplitItem.objects.filter(split_set=made, item=item, label__name="neither").exists()
    strict = build({"splits": {"train": 1}})
    assert reasons(strict) == {item.pk: "excluded: ambiguous"}


def test_fields_that_no_text_has_fail_the_build_with_their_names(
    pool: list[Item], project: Project, lea: User, work: Callable[[], list[Job]]
) -> None:
    recipe = {
        "splits": {"train": 1},
        "group": ["autor"],
        "hold_out": [{"field": "label", "values": [1], "name": "x"}],
    }
    job = start_split_set(create_split_set(project, lea, name="typo", recipe=recipe), lea)
    work()
    job.refresh_from_db()
    assert job.error == "No text has autor, label in its metadata. Correct the recipe's field names."


def test_texts_that_a_lead_excluded_are_left_out_with_the_reason(
    pool: list[Item], build: BuildSplits, lea: User
) -> None:
    exclude_items(pool[3].project, lea, Item.objects.filter(pk=pool[3].pk), "private data")
    made = build()
    assert pool[3].pk not in places(made)
    assert reasons(made)[pool[3].pk] == "excluded by hand: private data"
