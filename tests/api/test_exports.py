"""Everything that leaves a project: every format says the same as the tables."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.algorithms.formulas import defuse
from annotation.algorithms.text import digest
from annotation.models import Annotation, Annotator, AnswerKind, Item, Project, Round, User

FIELDS = [
    *("item_id", "external_id", "text", "annotator", "label", "labels", "spans", "seconds"),
    *("comment", "kind", "round", "guideline_version", "created", "suggestion"),
]
WHEN = datetime(2024, 1, 5, 6, 7, 8, 90, tzinfo=UTC)
Api = Callable[[User | None], APIClient]


@pytest.fixture
def lead(api: Api, lea: User) -> APIClient:
    return api(lea)


def body(client: APIClient, name: str, **choices: str) -> bytes:
    answer = client.get(f"/api/v1/projects/weather/{name}", choices)
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.split(b"\n") if line]


def item(project: Project, text: str, **more: Any) -> Item:
    return Item.objects.create(project=project, text=text, digest=digest(text), **more)


@pytest.fixture
def answers(project: Project) -> list[Annotation]:
    """A text with a formula answered by two people, one of them a placeholder; and a gold answer."""
    made, label = project.rounds.get(), {label.name: label for label in project.labels.all()}
    guideline = project.guidelines.get()
    people = [Annotator.objects.create(project=project, name=name) for name in ("=zoe", "ben")]
    sun = item(project, '=1+"1"\n\\ “sun” 😀', external_id="s/1", meta={"source": "mail", "n": 2})
    rain = item(project, "rain")
    values: list[dict[str, Any]] = [
        {"item": sun, "annotator": people[0], "label": label["good"], "seconds": 1.5, "comment": "-a,b"},
        {"item": rain, "annotator": people[0], "label": label["bad"], "kind": AnswerKind.GOLD},
        {"item": sun, "annotator": people[1], "label": label["bad"], "guideline": guideline},
    ]
    return [Annotation.objects.create(round=made, created=WHEN, **value) for value in values]


def test_json_lines_have_the_fields_of_the_contract(lead: APIClient, answers: list[Annotation]) -> None:
    content = body(lead, "annotations.jsonl")
    assert b"\xf0\x9f\x98\x80" in content  # as UTF-8, not as an escape
    first, second, third = lines(content)
    assert list(first) == FIELDS
    assert first == {
        "item_id": answers[0].item_id,
        "external_id": "s/1",
        "text": '=1+"1"\n\\ “sun” 😀',
        "annotator": "=zoe",
        "label": "good",
        "labels": None,
        "spans": None,
        "seconds": 1.5,
        "comment": "-a,b",
        "kind": "normal",
        "round": "main",
        "guideline_version": None,
        "created": "2024-01-05T06:07:08.00009Z",
        "suggestion": None,
    }
    assert (second["annotator"], second["guideline_version"]) == ("ben", 1)
    assert (third["text"], third["kind"]) == ("rain", "gold")


def test_csv_has_the_same_rows_and_runs_no_formulas(lead: APIClient, answers: list[Annotation]) -> None:
    table = list(csv.reader(io.StringIO(body(lead, "annotations.csv").decode(), newline="")))
    assert table[0] == FIELDS
    row = dict(zip(FIELDS, table[1], strict=True))
    assert (row["text"], row["annotator"], row["comment"]) == (
        '\'=1+"1"\n\\ “sun” 😀',
        "'=zoe",
        "'-a,b",
    )
    assert (row["seconds"], row["labels"], row["guideline_version"]) == ("1.5", "", "")
    assert len(table) == 4


def test_parquet_has_the_same_rows_with_types(lead: APIClient, answers: list[Annotation]) -> None:
    table = pq.read_table(pa.BufferReader(body(lead, "annotations.parquet")))
    assert table.column_names == FIELDS
    assert table.schema.field("created").type == pa.timestamp("us", "UTC")
    rows = table.to_pylist()
    assert rows[0]["created"] == WHEN
    said = lines(body(lead, "annotations.jsonl"))
    assert [row | {"created": None} for row in rows] == [row | {"created": None} for row in said]
    assert pd.read_parquet(io.BytesIO(body(lead, "items.parquet")))["label"].isna().tolist() == [True, True]


def test_an_empty_project_gives_empty_files(lead: APIClient, project: Project) -> None:
    assert body(lead, "annotations.jsonl") == b""
    assert body(lead, "annotations.csv").decode().split() == [",".join(FIELDS)]
    assert pq.read_table(pa.BufferReader(body(lead, "annotations.parquet"))).num_rows == 0
    assert json.loads(body(lead, "annotations.label-studio.json")) == []


def test_answers_leave_by_round_annotator_and_kind(
    lead: APIClient, project: Project, answers: list[Annotation]
) -> None:
    assert len(lines(body(lead, "annotations.jsonl", annotator="=zoe"))) == 2
    assert [row["text"] for row in lines(body(lead, "annotations.jsonl", kind="gold"))] == ["rain"]
    Round.objects.create(project=project, name="second")
    assert body(lead, "annotations.jsonl", round="second") == b""
    for wrong in (
        {"round": "third"},
        {"kind": "x"},
        {"set_aside": "no"},
        {"colour": "red"},
        {"round": "\x00"},
    ):
        for name in ("annotations.csv", "annotations.conll", "dataset.zip"):
            assert lead.get(f"/api/v1/projects/weather/{name}", wrong).status_code == 400, wrong


def test_what_was_set_aside_or_deleted_stays_behind(
    lead: APIClient, project: Project, answers: list[Annotation]
) -> None:
    Annotation.objects.filter(pk=answers[0].pk).update(set_aside=timezone.now())
    assert len(lines(body(lead, "annotations.jsonl"))) == 2
    assert len(lines(body(lead, "annotations.jsonl", set_aside="include"))) == 3
    assert "=zoe" not in body(lead, "annotations.doccano.jsonl").decode()
    Item.objects.filter(text="rain").update(deleted=timezone.now())
    assert len(lines(body(lead, "annotations.jsonl"))) == 1
    Round.objects.filter(project=project).update(deleted=timezone.now())
    assert body(lead, "annotations.jsonl") == b""
    assert [row["round"] for row in lines(body(lead, "items.jsonl"))] == [None]


def test_texts_leave_with_their_label_and_under_filters(
    lead: APIClient, project: Project, answers: list[Annotation]
) -> None:
    third = Annotator.objects.create(project=project, name="third")
    Annotation.objects.create(
        round=answers[0].round, item=answers[0].item, annotator=third, label=answers[0].label
    )
    item(project, "fog", imported_label=project.labels.get(name="neither"))
    sun, rain, fog = lines(body(lead, "items.jsonl"))
    assert (sun["label"], sun["label_source"], round(sun["confidence"], 4)) == ("good", "majority", 0.6667)
    assert sun["meta"] == {"source": "mail", "n": 2} and sun["state"] == "pool"
    assert (rain["label"], rain["label_source"], rain["confidence"]) == (None, None, None)
    assert (fog["label"], fog["label_source"], fog["imported_label"]) == ("neither", "imported", "neither")
    assert [row["id"] for row in lines(body(lead, "items.jsonl", **{"meta.source": "mail"}))] == [sun["id"]]
    assert [row["text"] for row in lines(body(lead, "items.jsonl", q="fog"))] == ["fog"]
    assert lead.get("/api/v1/projects/weather/items.jsonl?colour=red").status_code == 400
    assert lead.get("/api/v1/projects/weather/items.xml").status_code == 404


def spans_project(project: Project, text: str, *answers: list[tuple[int, int, str]]) -> Item:
    project.task = Project.Task.SPANS
    project.save()
    label = {label.name: label.pk for label in project.labels.all()}
    made = item(project, text, external_id="one")
    for at, spans in enumerate(answers):
        Annotation.objects.create(
            round=project.rounds.get(),
            item=made,
            annotator=Annotator.objects.create(project=project, name=f"p{at}"),
            spans=[[start, end, label[name]] for start, end, name in spans],
        )
    return made


def test_label_studio_counts_as_javascript_does(lead: APIClient, project: Project) -> None:
    text = "😀 Ann met 👩‍👩‍👧 Bo"
    spans_project(project, text, [(2, 5, "good"), (16, 18, "bad")])
    (task,) = json.loads(body(lead, "annotations.label-studio.json"))
    regions = task["annotations"][0]["result"]
    units = text.encode("utf-16-le")
    for region, quoted in zip(regions, ["Ann", "Bo"], strict=True):
        value = region["value"]
        assert value["text"] == quoted
        assert units[2 * value["start"] : 2 * value["end"]].decode("utf-16-le") == quoted
    assert (task["data"], regions[0]["type"]) == ({"text": text, "id": "one"}, "labels")


def test_label_studio_and_doccano_hold_labels(
    lead: APIClient, project: Project, answers: list[Annotation]
) -> None:
    first, second = json.loads(body(lead, "annotations.label-studio.json"))[0]["annotations"]
    assert first["result"][0]["value"] == {"choices": ["good"]}
    assert first["result"][1]["value"] == {"text": ["-a,b"]}
    assert second["completed_by"]["email"] == "ben"
    one, two = lines(body(lead, "annotations.doccano.jsonl"))
    assert (one["label"], one["annotator"], one["source"]) == (["good"], "=zoe", "mail")
    assert (two["label"], two["external_id"]) == (["bad"], "s/1")
    assert lead.get("/api/v1/projects/weather/annotations.conll").status_code == 400


def test_several_labels_and_none_are_lists(lead: APIClient, project: Project) -> None:
    project.task = Project.Task.MULTILABEL
    project.save()
    ids = [label.pk for label in project.labels.all()]
    made = item(project, "both")
    for name, labels in (("x", ids[:2]), ("y", [])):
        person = Annotator.objects.create(project=project, name=name)
        Annotation.objects.create(round=project.rounds.get(), item=made, annotator=person, labels=labels)
    rows = lines(body(lead, "annotations.jsonl"))
    assert [(row["label"], row["labels"]) for row in rows] == [(None, ["good", "bad"]), (None, [])]
    table = pq.read_table(pa.BufferReader(body(lead, "annotations.parquet")))
    assert table["labels"].to_pylist() == [["good", "bad"], []]
    assert '"[""good"",""bad""]"' in body(lead, "annotations.csv").decode()
    assert [row["label"] for row in lines(body(lead, "annotations.doccano.jsonl"))] == [["good", "bad"], []]


def test_spans_that_most_people_marked_become_tags(lead: APIClient, project: Project) -> None:
    ann, bo = (0, 3, "good"), (8, 10, "bad")
    spans_project(project, "Ann met Bo", [ann, bo], [ann], [ann, (8, 10, "good")])
    assert body(lead, "annotations.conll") == b"Ann\tB-good\nmet\tO\nBo\tO\n\n"
    rows = lines(body(lead, "annotations.jsonl"))
    assert rows[0]["spans"] == [
        {"start": 0, "end": 3, "label": "good"},
        {"start": 8, "end": 10, "label": "bad"},
    ]
    one = body(lead, "annotations.conll", annotator="p2")
    assert one == b"Ann\tB-good\nmet\tO\nBo\tB-good\n\n"
    table = pq.read_table(pa.BufferReader(body(lead, "annotations.parquet")))
    assert table["spans"].to_pylist()[1] == [{"start": 0, "end": 3, "label": "good"}]


@pytest.mark.parametrize("version", ["v0", "v1", "v2", "final"])
def test_conll_of_real_sentences_is_the_same_bytes(
    lead: APIClient, project: Project, shared_data: Path, version: str
) -> None:
    """Read here by a few lines of its own: tokens joined by one space, spans from B- to the last I-."""
    content = (shared_data / "ner_pud" / f"test.{version}.conll").read_bytes()
    project.task = Project.Task.SPANS
    project.save()
    ids: dict[str, int] = {}
    made = []
    for sentence in content.decode().rstrip("\n").split("\n\n"):
        text, spans = "", list[list[int]]()
        for line in sentence.split("\n"):
            token, tag = line.split("\t")
            start = len(text) + bool(text)
            text += (" " if text else "") + token
            if tag.startswith("B-"):
                name = tag[2:]
                if name not in ids:
                    ids[name] = project.labels.create(name=name).pk
                spans.append([start, len(text), ids[name]])
            elif tag.startswith("I-"):
                spans[-1][1] = len(text)
        made.append(Item(project=project, text=text, digest=digest(text), imported_spans=spans))
    Item.objects.bulk_create(made)
    assert body(lead, "annotations.conll") == content


def test_doccano_gets_a_file_for_each_member(
    lead: APIClient, project: Project, answers: list[Annotation]
) -> None:
    odd = Annotator.objects.create(project=project, name="../zoe")
    Annotation.objects.create(
        round=answers[0].round,
        item=answers[0].item,
        annotator=odd,
        label=project.labels.first(),
        comment="hm",
    )
    together = lines(body(lead, "annotations.doccano.jsonl"))
    with zipfile.ZipFile(io.BytesIO(body(lead, "annotations.doccano.zip"))) as members:
        assert members.testzip() is None
        files = {name: lines(members.read(name)) for name in members.namelist()}
    assert all("/" not in name and name.endswith(".jsonl") for name in files)
    assert len(files) == len({row["annotator"] for row in together}) > 1
    for kept in files.values():
        (who,) = {row["annotator"] for row in kept}
        assert kept == [row for row in together if row["annotator"] == who]
    with zipfile.ZipFile(io.BytesIO(body(lead, "annotations.doccano.zip", annotator="nobody"))) as empty:
        assert empty.namelist() == []


def test_the_card_of_a_folder_names_no_table_without_rows(lead: APIClient, project: Project) -> None:
    def card() -> str:
        with zipfile.ZipFile(io.BytesIO(body(lead, "dataset.zip"))) as folder:
            assert len(folder.namelist()) == 3
            return folder.read("weather-dataset/README.md").decode()

    assert "configs" not in card() and "load_dataset" not in card()
    Item.objects.create(project=project, text="a", digest=digest("a"))
    Project.objects.filter(pk=project.pk).update(task="spans")
    assert (
        "- config_name: texts\n  default: true\n  data_files:" in card() and "is `imported_spans`" in card()
    )
    assert "config_name: answers" not in card() and card().count(" = load_dataset(") == 1


def test_a_folder_for_datasets_is_whole(lead: APIClient, answers: list[Annotation]) -> None:
    with zipfile.ZipFile(io.BytesIO(body(lead, "dataset.zip"))) as folder:
        assert folder.testzip() is None
        card = folder.read("weather-dataset/README.md").decode()
        texts = pq.read_table(pa.BufferReader(folder.read("weather-dataset/texts.parquet")))
        said = pq.read_table(pa.BufferReader(folder.read("weather-dataset/answers.parquet")))
    assert card.startswith("---\n") and "path: answers.parquet" in card
    assert said["label"].to_pylist() == ["good", "bad", "bad"]
    features = json.loads(texts.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == texts.column_names
    assert json.loads(texts["meta"].to_pylist()[0]) == {"source": "mail", "n": 2}


TEXTS = st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)
TRICKY = st.text(alphabet=st.sampled_from("'=+-@\t\r\n\",\\ab\x01\x02\x1f\u2028é"), min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS | TRICKY, min_size=1, max_size=20))
def test_any_text_comes_out_as_it_is(lead: APIClient, project: Project, texts: list[str]) -> None:
    Item.objects.filter(project=project).delete()
    Item.objects.bulk_create(Item(project=project, text=text, digest=digest(text)) for text in texts)
    assert [row["text"] for row in lines(body(lead, "items.jsonl"))] == texts
    assert pq.read_table(pa.BufferReader(body(lead, "items.parquet")))["text"].to_pylist() == texts
    table = csv.DictReader(io.StringIO(body(lead, "items.csv").decode(), newline=""))
    assert [row["text"] for row in table] == [defuse(text) for text in texts]
