"""Suggestions that scripts send: ids, shapes, errors by row, and what leaves the project."""

import csv
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import Annotation, Item, Project, Round, Suggestion, SuggestionSource, User
from annotation.queries.people import annotator_of
from annotation.services.projects import create_project

pytestmark = pytest.mark.django_db

Api = Callable[[User | None], APIClient]
URL = "/api/v1/projects/weather/suggestions/"


@pytest.fixture
def lead(api: Api, lea: User) -> APIClient:
    return api(lea)


@pytest.fixture
def items(project: Project, olga: User) -> list[Item]:
    """One text without an id of its own, one with; and a text of another project."""
    other = create_project(olga, slug="other", name="Other", labels=[{"name": "x"}, {"name": "y"}])
    Item.objects.create(project=other, text="far", digest=digest("far"), external_id="far")
    return [
        Item.objects.create(project=project, text=text, digest=digest(text), external_id=name)
        for text, name in [("sun", None), ("rain 😀 in Paris", "r/1")]
    ]


def errors(answer: Any) -> set[str]:
    assert answer.status_code == 400, answer.content
    return {problem["field"] for problem in answer.json()["errors"]}


def post(client: APIClient, rows: Any, source: Any = "tfidf") -> Any:
    sent = json.dumps({"source": source, "rows": rows})  # DRF's own writer refuses what no text can hold
    return client.post(URL, sent, content_type="application/json")


def test_rows_are_stored_and_the_last_one_for_a_text_counts(lead: APIClient, items: list[Item]) -> None:
    rows = [
        {"id": str(items[0].pk), "label": "good", "score": 0.5},
        {"id": "r/1", "label": "bad"},
        {"id": items[0].pk, "label": "neither", "score": 1},
    ]
    answered = post(lead, rows)
    assert answered.status_code == 200, answered.content
    assert answered.json() | {"created": "", "changed": ""} == {
        "id": SuggestionSource.objects.get().pk,
        "source": "tfidf",
        "suggestions": 2,
        "rounds": [],
        "created": "",
        "changed": "",
    }
    stored = {
        item: (label, score)
        for item, label, score in Suggestion.objects.values_list("item", "label__name", "score")
    }
    assert stored == {items[0].pk: ("neither", 1.0), items[1].pk: ("bad", None)}
    assert post(lead, [{"id": "r/1", "label": "good"}]).json()["suggestions"] == 2
    assert [one["source"] for one in lead.get(URL).json()["results"]] == ["tfidf"]


def test_wrong_rows_are_named_and_nothing_is_stored(lead: APIClient, items: list[Item]) -> None:
    one = {"id": "r/1", "label": "good"}
    wrong: list[Any] = [
        one,
        "text",
        {"id": "far", "label": "good"},
        {"id": str(items[1].pk), "label": "good"},  # it has an id of its own
        one | {"label": "unheard of"},
        {"id": "r/1"},
        {"id": "r/1", "labels": ["good"]},
        one | {"score": 1.5},
        one | {"score": True},
        {"id": "\x00", "label": "\ud800"},
        {"id": "r/1", "label": "\ud800"},
        {"id": None, "label": ["good"]},
    ]
    assert errors(post(lead, wrong)) == {
        "rows[1]",
        "rows[2].id",
        "rows[3].id",
        "rows[4].label",
        "rows[5].label",
        "rows[6].label",
        "rows[7].score",
        "rows[8].score",
        "rows[9].id",
        "rows[10].label",
        "rows[11].id",
    }
    assert not Suggestion.objects.exists() and not SuggestionSource.objects.exists()


@pytest.mark.parametrize("source", ["", " ", "a\x00b", "\ud800", "x" * 121, None, 7, ["tfidf"]])
def test_a_source_has_a_name_that_can_be_read(lead: APIClient, items: list[Item], source: Any) -> None:
    assert errors(post(lead, [{"id": "r/1", "label": "good"}], source)) == {"source"}


@pytest.mark.parametrize("rows", [None, {}, "rows", [{"id": "r/1", "label": "good"}] * 10_001])
def test_rows_are_a_list_that_can_be_read_at_once(lead: APIClient, items: list[Item], rows: Any) -> None:
    assert errors(post(lead, rows)) == {"rows"}
    assert errors(lead.post(URL, ["not", "an", "object"], format="json")) == {"source"}


def test_several_labels_and_spans_are_kept_as_answers_are(
    lead: APIClient, project: Project, items: list[Item]
) -> None:
    ids = {label.name: label.pk for label in project.labels.all()}
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    assert post(lead, [{"id": "r/1", "labels": ["bad", "good", "bad"]}]).status_code == 200
    assert Suggestion.objects.get().labels == sorted([ids["good"], ids["bad"]])
    assert post(lead, [{"id": "r/1", "labels": []}]).status_code == 200
    assert errors(post(lead, [{"id": "r/1", "labels": "good"}])) == {"rows[0].labels"}

    Project.objects.filter(pk=project.pk).update(task="spans")
    spans = [{"start": 10, "end": 15, "label": "good"}, {"start": 0, "end": 4, "label": "bad"}]
    assert post(lead, [{"id": "r/1", "spans": spans}], "ner").status_code == 200
    assert Suggestion.objects.get(source__name="ner").spans == [[0, 4, ids["bad"]], [10, 15, ids["good"]]]
    for broken in (
        [{"start": 0, "end": 99, "label": "good"}],
        [{"start": "0", "end": 1, "label": "good"}],
        [7],
    ):
        assert errors(post(lead, [{"id": "r/1", "spans": broken}], "ner")) == {"rows[0].spans"}


def test_a_deleted_source_is_gone_until_it_is_restored(lead: APIClient, items: list[Item]) -> None:
    pk = post(lead, [{"id": "r/1", "label": "good"}]).json()["id"]
    assert lead.delete(f"{URL}{pk}/").status_code == 204
    assert lead.get(URL).json()["results"] == []
    assert errors(post(lead, [{"id": "r/1", "label": "good"}])) == {"source"}
    assert lead.post(f"{URL}{pk}/restore/").json()["suggestions"] == 1
    assert lead.delete(f"{URL}{pk + 1}/").status_code == 404


def test_answers_go_out_with_what_was_suggested(
    lead: APIClient, project: Project, items: list[Item], ann: User
) -> None:
    post(lead, [{"id": "r/1", "label": "good", "score": 0.5}])
    made, good = Round.objects.get(project=project), project.labels.get(name="good")
    author, said = annotator_of(project, ann), Suggestion.objects.get()
    more = {"suggestion": said, "suggested": "asked", "followed": True}
    for item, kept in [(items[0], {}), (items[1], more)]:
        Annotation.objects.create(
            round=made, item=item, annotator=author, label=good, key=uuid.uuid4(), **kept
        )
    told = {"state": "asked", "followed": True, "source": "tfidf", "score": 0.5}
    told |= {"label": "good", "labels": None, "spans": None}

    def body(name: str) -> bytes:
        return b"".join(lead.get(f"/api/v1/projects/weather/{name}").streaming_content)  # type: ignore[attr-defined]

    rows = [json.loads(line)["suggestion"] for line in body("annotations.jsonl").splitlines()]
    assert rows == [None, told]
    cells = [row["suggestion"] for row in csv.DictReader(io.StringIO(body("annotations.csv").decode()))]
    assert cells[0] == "" and json.loads(cells[1]) == told
    table = pq.read_table(io.BytesIO(body("annotations.parquet"))).to_pylist()
    assert [row["suggestion"] and json.loads(row["suggestion"]) for row in table] == [None, told]
