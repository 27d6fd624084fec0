"""Texts are found under one of several labels, and of spans, by whichever way leads to them."""

import random
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    Item,
    LabelBlock,
    LabelBlockMark,
    Project,
    User,
)
from annotation.queries import finding
from annotation.queries.finding import find
from annotation.queries.items import items
from annotation.services import blocks, label_blocks
from tests.annotation.test_finding import small_blocks

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]
__all__ = ["small_blocks"]
SHAPES = {"multilabel": ("labels", "imported_labels"), "spans": ("spans", "imported_spans")}


def value(task: str, labels: list[int]) -> object:
    """Some labels as the task holds them; spans lie where labels have their ids, so that the two can be confused."""
    return labels if task == "multilabel" else [[at, at + 9, label] for at, label in enumerate(labels)]


def fill(project: Project, task: str, n: int) -> None:
    """Texts with what was imported for them or said of them, or neither."""
    draw, labels = random.Random(n), [label.pk for label in project.labels.all()]
    answer, imported = SHAPES[task]
    made = project.rounds.get()
    people = [Annotator.objects.get_or_create(project=project, name=name)[0] for name in "xyz"]
    for at in range(n):
        some = value(task, draw.sample(labels, draw.randrange(3))) if draw.random() < 0.5 else None
        item = Item.objects.create(
            project=project, text=f"red {at}", digest=digest(f"{n} {at}"), **{imported: some}
        )
        for person in draw.sample(people, draw.choice([0, 0, 1, 2])):
            said = {answer: value(task, draw.sample(labels, draw.randrange(1, 3)))}
            Annotation.objects.create(round=made, item=item, annotator=person, **said)


def known(project: Project, task: str, name: str) -> list[int]:
    """By definition: somebody said it, or nobody said anything and it came in so."""
    pk, (answer, imported) = project.labels.get(name=name).pk, SHAPES[task]

    def has(some: object) -> bool:
        return pk in (some if task == "multilabel" else [span[2] for span in some or []])  # type: ignore[operator, attr-defined]

    found = []
    for item in Item.objects.filter(project=project).order_by("pk"):
        answers = list(item.annotations.counted())
        if any(has(getattr(one, answer)) for one in answers) or (
            not answers and has(getattr(item, imported) or [])
        ):
            found.append(item.pk)
    return found


def sort_in() -> None:
    """As the worker does, without the wait for transactions: a test is in one that lasts."""
    for model, statement in ((Annotation, label_blocks._NEW), (AnnotationVersion, label_blocks._REVISED)):
        with connection.cursor() as cursor:
            cursor.execute(statement, {"after": 0, "last": 2**40, "ids": LabelBlock.IDS})
        newest = model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
        name = {Annotation: "answers", AnnotationVersion: "versions"}[model]
        LabelBlockMark.objects.update_or_create(pk=1, defaults={name: newest})


@pytest.mark.parametrize("task", list(SHAPES))
def test_every_way_finds_the_texts_with_a_label(
    project: Project, task: str, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LabelBlock, "IDS", 4)
    Project.objects.filter(pk=project.pk).update(task=task)
    project.refresh_from_db()
    fill(project, task, 40)
    assert not blocks.keep_blocks()
    sort_in()
    assert LabelBlock.objects.exists()
    fill(project, task, 25)
    for few in (finding.FEW, 0):  # as if too many answers were new
        monkeypatch.setattr(finding, "FEW", few)
        for name in ("good", "bad", "neither"):
            wanted = known(project, task, name)
            filters = {"label": name}
            assert 5 < len(wanted) < 65
            assert list(items(project, filters).order_by("pk").values_list("pk", flat=True)) == wanted
            assert find(project, filters, 1000).ids == wanted
            assert find(project, filters, 1000, descending=True).ids == wanted[::-1]
            both = [pk for pk in wanted if "2" in Item.objects.get(pk=pk).text]
            assert find(project, filters | {"q": "red"}, 1000).ids == wanted
            assert both


@pytest.mark.parametrize("task", list(SHAPES))
def test_a_revised_answer_is_found_under_what_it_says_now(project: Project, task: str) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    project.refresh_from_db()
    good, bad = project.labels.get(name="good").pk, project.labels.get(name="bad").pk
    item = Item.objects.create(project=project, text="a", digest=digest("a"))
    person = Annotator.objects.create(project=project, name="x")
    answer = SHAPES[task][0]
    said = Annotation.objects.create(
        round=project.rounds.get(), item=item, annotator=person, **{answer: value(task, [good])}
    )
    sort_in()
    assert find(project, {"label": "good"}, 9).ids == [item.pk]
    AnnotationVersion.objects.create(annotation=said)
    Annotation.objects.filter(pk=said.pk).update(**{answer: value(task, [bad])})
    for _ in range(2):
        assert find(project, {"label": "good"}, 9).ids == []
        assert find(project, {"label": "bad"}, 9).ids == [item.pk]
        sort_in()


def test_new_answers_are_sorted_in_when_all_of_their_time_are_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(number > 0 for number in label_blocks._transactions(connection.cursor()))
    under_way = (100, 110)
    monkeypatch.setattr(label_blocks, "_transactions", lambda cursor: under_way)
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    good = project.labels.get(name="good")
    item = Item.objects.create(project=project, text="a", digest=digest("a"))
    person = Annotator.objects.create(project=project, name="x")
    Annotation.objects.create(round=project.rounds.get(), item=item, annotator=person, labels=[good.pk])
    for under_way, sorted_in in [((100, 110), 0), ((109, 120), 0), ((110, 130), 1)]:  # noqa: B007
        assert not label_blocks.sort_in_answers()
        assert LabelBlock.objects.count() == sorted_in
    assert list(LabelBlock.objects.values_list("label", "block")) == [(good.pk, item.pk // LabelBlock.IDS)]


@pytest.mark.parametrize("task", list(SHAPES))
def test_the_page_and_rest_list_them(project: Project, task: str, page: Page, api: Api, lea: User) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    project.refresh_from_db()
    fill(project, task, 30)
    wanted = known(project, task, "bad")
    shown = page(lea).get("/projects/weather/items/?label=bad")
    assert [row["item"].pk for row in shown.context["rows"]] == wanted
    told = api(lea).get("/api/v1/projects/weather/items/?label=bad").data["results"]
    assert [row["id"] for row in told] == wanted[::-1]
    unanswered = [row for row in shown.context["rows"] if not row["answers"]]
    assert unanswered and all("bad" in row["imported"] for row in unanswered)
    assert [row["imported"] for row in told] == [row["imported"] for row in shown.context["rows"]][::-1]
    assert "bad<br>" in shown.content.decode().replace(", neither", "").replace(", good", "")
