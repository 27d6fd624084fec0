"""Labels over their life: renamed, moved, merged, retired and brought back, with every answer's history kept."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation import jobs
from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    AuditEntry,
    GoldItem,
    Item,
    Job,
    Label,
    LabelMigration,
    Project,
    Round,
    User,
)
from annotation.queries.labels import labels_with_counts
from annotation.services import merging
from qc.models import Case, Decision, Vote

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]


@pytest.fixture
def good(project: Project) -> Label:
    return project.labels.get(name="good")


@pytest.fixture
def bad(project: Project) -> Label:
    return project.labels.get(name="bad")


def url(project: Project, label: Label | None = None, action: str = "") -> str:
    address = f"/api/v1/projects/{project.slug}/labels/"
    return address + (f"{label.pk}/" if label else "") + (f"{action}/" if action else "")


def answered(project: Project, name: str, **value: Any) -> Annotation:
    """An answer of a placeholder to a text of its own."""
    item = Item.objects.create(project=project, text=f"text of {name}", digest=uuid4())
    author, _ = Annotator.objects.get_or_create(project=project, user=None, name=name)
    made = project.rounds.get()
    Round.objects.filter(pk=made.pk).update(answers_total=made.answers_total + 1)
    return Annotation.objects.create(round=made, item=item, annotator=author, comment="why", **value)


def test_a_renamed_label_keeps_its_id_and_its_answers(
    api: Api, project: Project, lea: User, good: Label
) -> None:
    answer = answered(project, "x", label=good)
    told = api(lea).patch(url(project, good), {"name": " fine "})
    assert (told.status_code, told.json()["name"], told.json()["id"]) == (200, "fine", good.pk)
    answer.refresh_from_db()
    assert answer.label_name == "fine"
    assert not AnnotationVersion.objects.exists()
    (migration,) = LabelMigration.objects.all()
    assert (migration.kind, migration.name_before, migration.name_after) == ("rename", "good", "fine")


def test_moving_a_label_is_in_the_log(api: Api, project: Project, lea: User, good: Label) -> None:
    for _ in range(2):  # the second one moves nothing
        assert api(lea).patch(url(project, good), {"position": 2}).status_code == 200
    entry = AuditEntry.objects.get(action="change label")
    assert (entry.before, entry.after) == ({"position": 0}, {"position": 2})


def test_the_same_name_again_is_no_migration(api: Api, project: Project, lea: User, good: Label) -> None:
    assert api(lea).patch(url(project, good), {"name": "good"}).status_code == 200
    assert not LabelMigration.objects.exists()
    assert not AuditEntry.objects.filter(action="change label").exists()


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"name": "bad"}, "name", "already"),
        ({"name": ""}, "name", "blank"),
        ({"hotkey": "2"}, "hotkey", "taken by “bad”"),
        ({"hotkey": "Z"}, "hotkey", "already means undo"),
        ({"hotkey": "ä"}, "hotkey", "cannot be a key"),
        ({"color": 9}, "color", "less than or equal to 8"),
        ({"examples": ["x"] * 21}, "examples", "20"),
        ({"position": -1}, "position", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    api: Api, project: Project, lea: User, good: Label, change: dict[str, Any], field: str, said: str
) -> None:
    refused = api(lea).patch(url(project, good), change)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == field
    assert said in refused.json()["detail"]
    good.refresh_from_db()
    assert (good.name, good.hotkey) == ("good", "1")


def test_labels_are_added_listed_and_moved(api: Api, project: Project, lea: User) -> None:
    made = api(lea).post(url(project), {"name": "mixed", "examples": ["sun and rain"]})
    assert made.status_code == 201
    assert (made.json()["hotkey"], made.json()["position"], made.json()["color"]) == ("4", 3, 4)
    mixed = Label.objects.get(name="mixed")
    api(lea).patch(url(project, mixed), {"position": 1})
    listed = api(lea).get(url(project)).json()["results"]
    assert [label["name"] for label in listed] == ["good", "mixed", "bad", "neither"]
    assert [label["position"] for label in listed] == [0, 1, 2, 3]
    assert api(lea).post(url(project), {"name": "none", "hotkey": ""}).json()["hotkey"] == ""


def test_gold_answers_are_judged_anew_by_the_merged_label(
    api: Api, project: Project, lea: User, good: Label, bad: Label
) -> None:
    wrong, other = (answered(project, "x", label=bad) for _ in "ab")
    Annotation.objects.update(kind="gold", correct=False)
    Annotator.objects.filter(pk=wrong.annotator_id).update(gold_answers=2)
    GoldItem.objects.create(project=project, item=wrong.item, label=good)
    GoldItem.objects.create(project=project, item=other.item, label=project.labels.get(name="neither"))
    assert api(lea).post(url(project, good, "merge"), {"into": bad.pk}).status_code == 200
    assert list(Annotation.objects.order_by("id").values_list("correct", flat=True)) == [True, False]
    counts = Annotator.objects.values_list("gold_correct", "gold_answers")
    assert counts.get(pk=wrong.annotator_id) == (1, 2)


def test_merging_gives_every_answer_the_other_label_and_keeps_what_it_was(
    api: Api, project: Project, lea: User, olga: User, good: Label, bad: Label
) -> None:
    answers = [answered(project, name, label=good) for name in ("x", "y")]
    other = answered(project, "z", label=bad)
    gold = GoldItem.objects.create(project=project, item=answers[0].item, label=good)
    Item.objects.filter(pk=other.item_id).update(imported_label=good)
    case = Case.objects.create(project=project, item=answers[1].item)
    Vote.objects.create(case=case, user=olga, outcome="label", label=good)
    Decision.objects.create(case=case, item=case.item, outcome="label", label=good, decided_by=olga)
    told = api(lea).post(url(project, good, "merge"), {"into": bad.pk})
    assert told.status_code == 200
    assert told.json()["merged_into"] == bad.pk
    assert not Annotation.objects.filter(label=good).exists()
    assert Annotation.objects.filter(label=bad).count() == 3
    versions = AnnotationVersion.objects.order_by("annotation")
    assert [(v.annotation_id, v.label_id, v.comment) for v in versions] == [
        (answer.pk, good.pk, "why") for answer in answers
    ]
    gold.refresh_from_db()
    other.item.refresh_from_db()
    assert (gold.label_id, other.item.imported_label_id) == (bad.pk, bad.pk)
    assert Vote.objects.get().label_id == Decision.objects.get().label_id == bad.pk
    assert LabelMigration.objects.get().answers == 2
    names = [label["name"] for label in api(lea).get(f"/api/v1/projects/{project.slug}/").json()["labels"]]
    assert names == ["bad", "neither"]


def test_several_labels_are_joined_without_doubles(
    api: Api, project: Project, lea: User, good: Label, bad: Label
) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    neither = project.labels.get(name="neither")
    both = answered(project, "x", labels=[good.pk, bad.pk])
    first = answered(project, "y", labels=[good.pk, neither.pk])
    none = answered(project, "z", labels=[])
    assert api(lea).post(url(project, good, "merge"), {"into": bad.pk}).status_code == 200
    for answer in (both, first, none):
        answer.refresh_from_db()
    assert both.labels == [bad.pk]
    assert first.labels == sorted([bad.pk, neither.pk])
    assert none.labels == []
    assert AnnotationVersion.objects.count() == 2


def test_spans_change_their_label_and_doubles_become_one(
    api: Api, project: Project, lea: User, good: Label, bad: Label
) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    answer = answered(project, "x", spans=[[0, 4, good.pk], [0, 4, bad.pk], [5, 7, good.pk]])
    empty = answered(project, "y", spans=[])
    assert api(lea).post(url(project, good, "merge"), {"into": bad.pk}).status_code == 200
    answer.refresh_from_db()
    empty.refresh_from_db()
    assert answer.spans == [[0, 4, bad.pk], [5, 7, bad.pk]]
    assert empty.spans == []
    assert AnnotationVersion.objects.get().spans == [[0, 4, good.pk], [0, 4, bad.pk], [5, 7, good.pk]]


def test_doing_a_merge_again_changes_nothing_more(
    project: Project, lea: User, good: Label, bad: Label
) -> None:
    answered(project, "x", label=good)
    migration, job = jobs.merge_label(good, bad, lea)
    assert job is None
    assert merging.rewrite_values(migration.pk) == 0
    migration.refresh_from_db()
    assert (migration.answers, AnnotationVersion.objects.count()) == (1, 1)


def test_a_merge_of_much_is_a_job(
    api: Api,
    project: Project,
    lea: User,
    good: Label,
    bad: Label,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(merging, "INLINE", 0)
    answer = answered(project, "x", label=good)
    told = api(lea).post(url(project, good, "merge"), {"into": bad.pk})
    assert told.status_code == 202
    assert told.json()["kind"] == "merge_label"
    answer.refresh_from_db()
    assert answer.label_id == good.pk
    (job,) = work()
    assert job.state == Job.State.DONE, job.error
    answer.refresh_from_db()
    assert answer.label_id == bad.pk


def test_a_merge_leaves_other_projects_alone(
    project: Project, lea: User, olga: User, good: Label, bad: Label
) -> None:
    answered(project, "x", label=good)
    with CaptureQueriesContext(connection) as said:
        jobs.merge_label(good, bad, lea)
    rewritten = [query["sql"] for query in said if "CASE WHEN" in query["sql"]]
    assert len(rewritten) >= 3
    assert all("project_id" in sql for sql in rewritten)


@pytest.mark.parametrize("into", ["itself", "retired", "foreign", "nothing", "text"])
def test_a_label_is_merged_only_into_another_one_in_use(
    api: Api, project: Project, lea: User, olga: User, good: Label, bad: Label, into: str
) -> None:
    other = Project.objects.create(slug="other", name="Other", created_by=olga)
    foreign = Label.objects.create(project=other, name="f")
    api(lea).post(url(project, bad, "retire"))
    chosen = {"itself": good.pk, "retired": bad.pk, "foreign": foreign.pk, "nothing": 0, "text": "bad"}[into]
    refused = api(lea).post(url(project, good, "merge"), {"into": chosen})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "into"
    assert Label.objects.filter(name="good", retired__isnull=True).exists()


def test_what_was_merged_before_follows(
    api: Api, project: Project, lea: User, good: Label, bad: Label
) -> None:
    mixed = Label.objects.create(project=project, name="mixed")
    api(lea).post(url(project, good, "merge"), {"into": bad.pk})
    api(lea).post(url(project, bad, "merge"), {"into": mixed.pk})
    good.refresh_from_db()
    assert good.merged_into_id == mixed.pk


def test_two_labels_stay(api: Api, project: Project, lea: User, good: Label, bad: Label) -> None:
    assert api(lea).post(url(project, good, "retire")).status_code == 200
    for action, body in [("retire", {}), ("merge", {"into": project.labels.get(name="neither").pk})]:
        refused = api(lea).post(url(project, bad, action), body)
        assert refused.status_code == 400
        assert "too few labels" in refused.json()["detail"]


def test_a_retired_label_keeps_its_answers_and_comes_back_with_its_gold(
    api: Api, project: Project, lea: User, good: Label
) -> None:
    answer = answered(project, "x", label=good)
    gold = GoldItem.objects.create(project=project, item=answer.item, label=good)
    assert api(lea).post(url(project, good, "retire")).json()["retired"]
    answer.refresh_from_db()
    assert GoldItem.objects.get(pk=gold.pk).retired is not None
    assert answer.label_id == good.pk
    assert api(lea).post(url(project, good, "restore")).json()["retired"] is None
    assert GoldItem.objects.get(pk=gold.pk).retired is None
    assert list(LabelMigration.objects.order_by("id").values_list("kind", flat=True)) == ["retire", "restore"]


def test_a_key_that_was_given_away_meanwhile_is_not_taken_back(
    api: Api, project: Project, lea: User, good: Label, bad: Label
) -> None:
    api(lea).post(url(project, good, "retire"))
    assert api(lea).patch(url(project, bad), {"hotkey": "1"}).status_code == 200
    assert api(lea).post(url(project, good, "restore")).json()["hotkey"] == ""


def test_a_retired_name_is_not_given_twice(api: Api, project: Project, lea: User, good: Label) -> None:
    api(lea).post(url(project, good, "retire"))
    refused = api(lea).post(url(project), {"name": "good"})
    assert refused.status_code == 400
    assert "Bring it back" in refused.json()["detail"]


def test_an_answer_with_a_merged_name_gets_the_label_that_took_over(
    api: Api, project: Project, lea: User, ann: User, good: Label, bad: Label
) -> None:
    made = project.rounds.get()
    item = Item.objects.create(project=project, text="held while it was merged", digest=uuid4())
    made.round_items.create(item=item, position=1, overlap=3, open_slots=3)
    lease = api(ann).post(f"/api/v1/projects/{project.slug}/next/", {"count": 1}).json()["assignments"][0]
    api(lea).post(url(project, good, "merge"), {"into": bad.pk})
    sent = {"key": str(uuid4()), "label": "good"}
    assert api(ann).post(f"/api/v1/assignments/{lease['id']}/answer/", sent).status_code == 201
    assert Annotation.objects.get().label_id == bad.pk


def test_counts_are_exact_while_there_are_few_and_said_to_be_about_when_there_are_many(
    project: Project, good: Label, bad: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        answered(project, f"x{n}", label=good if n < 4 else bad)
    labels, about = labels_with_counts(project)
    assert not about
    assert {label.name: label.chosen for label in labels} == {"good": 4, "bad": 2, "neither": 0}  # type: ignore[attr-defined]
    monkeypatch.setattr("annotation.queries.labels.MOST_COUNTED", 2)
    monkeypatch.setattr("annotation.queries.labels.FEWEST_A_ROUND", 2)
    labels, about = labels_with_counts(project)
    assert about
    assert sum(label.chosen for label in labels) == 6  # type: ignore[attr-defined]


def test_the_page_changes_merges_retires_and_brings_back(
    page: Page, project: Project, lea: User, good: Label, bad: Label
) -> None:
    base = f"/projects/{project.slug}/settings/labels/"
    added = page(lea).post(f"{base}new/", {"name": "mixed", "hotkey": "4", "color": "5", "examples": "a\nb"})
    assert added.status_code == 302
    assert Label.objects.get(name="mixed").examples == ["a", "b"]
    sent = {"name": "fine", "hotkey": "q", "color": "2", "description": "Sun.", "examples": "", "place": "2"}
    assert page(lea).post(f"{base}{good.pk}/", sent).status_code == 302
    good.refresh_from_db()
    assert (good.name, good.hotkey, good.color, good.position) == ("fine", "q", 2, 1)
    refused = page(lea).post(f"{base}{good.pk}/", sent | {"hotkey": "2"})
    assert refused.status_code == 400
    assert "taken by “bad”" in refused.content.decode()
    page(lea).post(f"{base}{bad.pk}/merge/", {"into": good.pk})
    shown = page(lea).get(f"/projects/{project.slug}/settings/").content.decode()
    assert "merged into fine" in shown
    assert "merged into “fine”" in page(lea).get(f"{base}{bad.pk}/").content.decode()
    page(lea).post(f"{base}{bad.pk}/restore/")
    bad.refresh_from_db()
    assert bad.retired is None
    page(lea).post(f"{base}{bad.pk}/retire/")
    bad.refresh_from_db()
    assert bad.retired is not None
