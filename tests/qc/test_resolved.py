"""Resolved labels: what comes before what, and what a tie is."""

import csv
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import Annotation, Annotator, GoldItem, Item, Project, User
from annotation.services.rounds import create_round
from qc.queries.resolved import resolved_labels
from qc.services.agreement import change_quality_settings
from qc.services.cases import open_cases, reopen_case
from qc.services.votes import decide_case
from tests.qc.conftest import Answer


def resolved(project: Project) -> dict[str, dict[Hashable, Any]]:
    return {row["external_id"]: row for row in resolved_labels(project).to_dict("records")}


def decide(project: Project, user: User, item: Item, outcome: str, **content: str) -> None:
    [case] = open_cases(project, user, [item.pk])
    decide_case(case, user, outcome=outcome, **content)


def test_majority_wins_and_a_tie_has_no_label(project: Project, answer: Answer) -> None:
    answer("two to one", a="good", b="good", c="bad")
    answer("one to one", a="good", b="bad")
    rows = resolved(project)
    assert rows["two to one"]["label"] == "good"
    assert rows["two to one"]["confidence"] == pytest.approx(2 / 3)
    assert rows["two to one"]["distribution"] == {"good": pytest.approx(2 / 3), "bad": pytest.approx(1 / 3)}
    assert rows["two to one"]["n"] == 3
    assert not rows["two to one"]["tie"]
    assert rows["one to one"]["label"] is None
    assert rows["one to one"]["tie"]
    assert rows["one to one"]["source"] == "inferred"


def test_adjudicated_comes_before_inferred_before_imported(
    project: Project, answer: Answer, ada: User
) -> None:
    bad = project.labels.get(name="bad")
    adjudicated = answer("adjudicated", a="good", b="good")
    answer("inferred", a="good", b="good")
    answer("imported")
    answer("nothing known")
    Item.objects.filter(external_id__in=["adjudicated", "inferred", "imported"]).update(imported_label=bad)
    decide(project, ada, adjudicated, "label", label="neither")
    rows = resolved(project)
    assert {name: (row["label"], row["source"]) for name, row in rows.items()} == {
        "adjudicated": ("neither", "adjudicated"),
        "inferred": ("good", "inferred"),
        "imported": ("bad", "imported"),
    }
    assert rows["adjudicated"]["n"] == 2
    assert rows["adjudicated"]["confidence"] == 1
    assert rows["imported"]["distribution"] == {"bad": 1.0}
    assert int(str(rows["imported"]["label_id"])) == bad.pk


def test_an_excluded_item_has_no_label_and_a_hard_one_keeps_its_majority(
    project: Project, answer: Answer, ada: User
) -> None:
    decide(project, ada, answer("out", a="good", b="good"), "exclude", meta_label="noisy")
    decide(project, ada, answer("hard", a="good", b="good"), "hard")
    rows = resolved(project)
    assert (rows["out"]["label"], rows["out"]["source"], rows["out"]["outcome"]) == (
        None,
        "adjudicated",
        "exclude",
    )
    assert (rows["hard"]["label"], rows["hard"]["source"], rows["hard"]["outcome"]) == (
        "good",
        "inferred",
        "hard",
    )


def test_the_newest_decision_counts_and_a_reopened_case_counts_no_more(
    project: Project, answer: Answer, ada: User, lea: User
) -> None:
    item = answer("t", a="good", b="good")
    decide(project, ada, item, "label", label="bad")
    decide(project, lea, item, "label", label="neither")
    assert resolved(project)["t"]["label"] == "neither"
    for case in item.cases.order_by("-id"):
        reopen_case(case, lea, "a vote by mistake")
        break
    assert resolved(project)["t"]["label"] == "bad"


def test_repeats_and_deleted_items_do_not_count(project: Project, answer: Answer) -> None:
    item = answer("repeated", a="good", b="bad")
    first = Annotation.objects.filter(item=item).earliest("id")
    first.pk, first.kind = None, Annotation.Kind.REPEAT
    first.save()
    answer("gone", a="good")
    Item.objects.filter(external_id="gone").update(deleted=timezone.now())
    rows = resolved(project)
    assert rows["repeated"]["n"] == 2
    assert "gone" not in rows


def test_who_answered_in_two_rounds_counts_once_with_the_newest(
    project: Project, answer: Answer, lea: User
) -> None:
    item = answer("asked twice", a="good")
    answer("", item=item, into=create_round(project, lea, name="again"), a="bad")
    row = resolved(project)["asked twice"]
    assert (row["label"], row["n"]) == ("bad", 1)


def test_lists_of_texts_say_the_same_of_texts_that_were_asked_in_two_rounds(
    project: Project, answer: Answer, lea: User, api: Callable[[User | None], APIClient]
) -> None:
    again = create_round(project, lea, name="again")
    settled = answer("settled", a="good", b="good", c="bad")
    answer("", item=settled, into=again, a="bad", b="bad")
    doubted = answer("doubted", a="good", b="good")
    answer("", item=doubted, into=again, b="bad")

    def listed(query: str) -> dict[str, tuple[str | None, float]]:
        found = api(lea).get(f"/api/v1/projects/weather/items/?{query}").json()["results"]
        return {row["external_id"]: (row["label"], row["confidence"]) for row in found}

    assert listed("") == {"settled": ("bad", 1.0), "doubted": (None, 0.5)}
    assert set(listed("label=bad")) == {"settled"}
    assert listed("label=good") == {}
    assert set(listed("state=disputed")) == {"doubted"}
    rows = resolved(project)
    assert {name: rows[name]["label"] for name in rows} == {"settled": "bad", "doubted": None}


def test_external_ids_keep_quotes_line_breaks_and_emptiness(project: Project, answer: Answer) -> None:
    names = ['say "hi", twice', "two\nlines", "naïve", ""]
    for name in names:
        answer(name, a="good")
    Item.objects.filter(external_id="naïve").update(external_id=None)
    assert set(resolved(project)) == {'say "hi", twice', "two\nlines", "", None}


def test_an_empty_project_has_no_rows(project: Project) -> None:
    assert resolved_labels(project).empty


def test_only_offered_methods_are_taken(project: Project) -> None:
    with pytest.raises(ValidationError, match="majority"):
        resolved_labels(project, "wisdom")


def test_gold_comes_after_decisions_and_before_answers(project: Project, answer: Answer, ada: User) -> None:
    neither = project.labels.get(name="neither")
    for name in ("gold", "decided"):
        GoldItem.objects.create(project=project, item=answer(name, a="good", b="good"), label=neither)
    decide(project, ada, Item.objects.get(external_id="decided"), "label", label="bad")
    rows = resolved(project)
    assert (rows["gold"]["label"], rows["gold"]["source"], rows["gold"]["confidence"]) == (
        "neither",
        "gold",
        1,
    )
    assert (rows["decided"]["label"], rows["decided"]["source"]) == ("bad", "adjudicated")
    # Of what is known nothing is left to the answers that say otherwise
    assert (rows["gold"]["distribution"], rows["decided"]["distribution"]) == ({"neither": 1.0}, {"bad": 1.0})
    assert rows["gold"]["n"] == 2


@pytest.mark.parametrize("method", ["dawid-skene", "glad", "mace"])
def test_methods_give_posteriors_and_the_projects_choice_is_the_default(
    project: Project, answer: Answer, lea: User, method: str
) -> None:
    for n in range(12):
        said = "good" if n % 2 else "bad"
        answer(f"t{n}", a=said, b=said, c="good")
    change_quality_settings(project, lea, method=method)
    frame = resolved_labels(project, None)
    rows = {row["external_id"]: row for row in frame.to_dict("records")}
    assert rows["t0"]["label"] == "bad"
    assert rows["t0"]["distribution"]["bad"] == pytest.approx(rows["t0"]["confidence"])
    assert sum(rows["t1"]["distribution"].values()) == pytest.approx(1, abs=1e-5)
    if method == "dawid-skene":  # who always says “good” has no say
        assert rows["t0"]["confidence"] > 0.99


def test_several_labels_resolve_each_by_itself_and_spans_by_exact_majority(project: Project) -> None:
    good, bad, _ = [label.pk for label in project.labels.order_by("position")]
    people = [Annotator.objects.create(project=project, name=name) for name in ("a", "b", "c", "d")]

    def given(name: str, field: str, values: list[Any]) -> None:
        item = Item.objects.create(project=project, text=name, external_id=name, digest=uuid.uuid4())
        for author, value in zip(people, values, strict=False):
            Annotation.objects.create(
                round=project.rounds.get(), item=item, annotator=author, **{field: value}
            )

    Project.objects.filter(pk=project.pk).update(task="multilabel")
    project.refresh_from_db()
    given("two of three", "labels", [[good, bad], [good], []])
    given("none", "labels", [[], [], [bad]])
    given("half", "labels", [[good], []])
    rows = resolved(project)
    assert rows["two of three"]["labels"] == ["good"]
    assert rows["two of three"]["distribution"] == {"good": pytest.approx(2 / 3), "bad": pytest.approx(1 / 3)}
    assert rows["none"]["labels"] == []
    assert (rows["half"]["labels"], rows["half"]["tie"]) == (None, True)
    assert resolved_labels(project, "dawid-skene")["labels"].notna().any()
    said = resolved_labels(project, "dawid-skene", as_said=True).set_index("external_id").to_dict("index")
    assert said["two of three"]["distribution"] == rows["two of three"]["distribution"]
    shares = rows["two of three"]["distribution"]
    kept = said["two of three"]["labels"]
    agree = [share if label in kept else 1 - share for label, share in shares.items()]
    assert said["two of three"]["confidence"] == pytest.approx(min(agree))

    Annotation.objects.all().delete()
    Item.objects.all().delete()
    Project.objects.filter(pk=project.pk).update(task="spans")
    project.refresh_from_db()
    given("spans", "spans", [[[0, 2, good], [3, 5, bad]], [[0, 2, good], [3, 4, bad]], [[0, 2, bad]]])
    assert resolved(project)["spans"]["spans"] == [{"start": 0, "end": 2, "label": "good"}]
    assert resolved(project)["spans"]["distribution"]["0-2:good"] == pytest.approx(2 / 3)


def test_real_data_gives_the_majority_of_a_plain_count(weather: Project, shared_data: Path) -> None:
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    with (shared_data / "weather_sentiment" / "annotations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            votes[row["item_id"]][row["label"]] += 1
    rows = resolved(weather)
    assert len(rows) == 1000
    for name, counted in votes.items():
        most = max(counted.values())
        winners = [label for label, n in counted.items() if n == most]
        assert rows[name]["tie"] == (len(winners) > 1)
        assert rows[name]["label"] == (winners[0] if len(winners) == 1 else None)
        assert rows[name]["distribution"] == {label: n / 20 for label, n in counted.items()}
    assert sum(bool(row["tie"]) for row in rows.values()) == 31  # the data set's README
