"""Importing over REST: every row is accounted for, whatever is sent."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Annotation, Annotator, Import, Item, Job, Project, RoundItem, User
from annotation.services.projects import create_project
from tests.api.importing import Send, accounted, body, post, rejected, sender


@pytest.fixture
def lead(api: Callable[[User | None], APIClient], lea: User) -> APIClient:
    return api(lea)


@pytest.fixture
def send(lead: APIClient, project: Project, work: Callable[[], list[Job]]) -> Send:
    return sender(lead, work)


def test_every_row_is_imported_a_duplicate_or_rejected(send: Send, lead: APIClient) -> None:
    result = send(
        "id,text,label,channel\n"
        "a,The sun is out,good,mail\n"  # 1
        "b,the SUN  is out,good,mail\n"  # 2 duplicate
        "c,,good,mail\n"  # 3 empty
        "d,Rain again,awful,mail\n"  # 4 unknown label
        "a,Something else,good,mail\n"  # 5 duplicate id
        "a,The sun is out,good,mail\n"  # 6 duplicate: same id, same text
        'e,"two\nlines",bad,chat\n'  # 7
        "f,12345 678,bad,chat\n"  # 8 mostly not letters
        "g,bell\x07,bad,chat\n"  # 9 control characters
        "h,more,bad,chat,cells\n"  # 10 more cells than columns
        "i,Snow,,chat\n"  # 11
    )
    assert accounted(result) == (3, 2, 6)
    assert result["reasons"] == {
        "empty": 1,
        "unknown label": 1,
        "duplicate id": 1,
        "mostly not letters": 1,
        "control characters": 1,
        "more cells than columns": 1,
    }
    table = rejected(lead, result)
    assert table[0] == ["row", "reason", "id", "text", "label", "channel"]
    assert [row[0] for row in table[1:]] == ["3", "4", "5", "8", "9", "10"]
    assert table[2] == ["4", "unknown label: awful", "d", "Rain again", "awful", "mail"]
    item = Item.objects.get(external_id="e")
    assert (item.text, item.meta, item.row) == ("two\nlines", {"channel": "chat"}, 7)
    assert item.imported_label is not None and item.imported_label.name == "bad"
    assert Item.objects.get(external_id="i").imported_label is None


def test_the_same_file_again_brings_nothing_new(send: Send) -> None:
    content = "id,text\n1,One text\n2,Another text\n,A third without an id\n"
    assert accounted(send(content)) == (3, 0, 0)
    assert accounted(send(content)) == (0, 3, 0)
    assert Item.objects.count() == 3


def test_rejected_rows_can_be_corrected_and_imported_again(send: Send, lead: APIClient) -> None:
    first = send("id,text,label\n1,Sun,good\n2,Wind,odd\n3,=SUM(A1) cell,odd\n")
    table = rejected(lead, first)
    assert table[2][3] == "'=SUM(A1) cell"
    buffer = io.StringIO()
    csv.writer(buffer).writerows([[cell.replace("odd", "bad") for cell in row] for row in table])
    again = send(buffer.getvalue())
    assert accounted(again) == (2, 0, 0)
    item = Item.objects.get(external_id="3")
    assert (item.text, item.meta) == ("=SUM(A1) cell", {})


def test_items_enter_the_open_round_with_all_slots(send: Send, project: Project) -> None:
    send("text\nOne text\nAnother text\n")
    made = project.rounds.get()
    assert (made.items_total, made.items_done, made.answers_total) == (2, 0, 0)
    slots = RoundItem.objects.filter(round=made)
    assert {(slot.overlap, slot.open_slots, slot.answers) for slot in slots} == {(3, 3, 0)}
    assert len({slot.position for slot in slots}) == 2


def test_an_empty_round_means_no_round(send: Send, project: Project) -> None:
    assert send("text\nOne text\n", round="")["round"] is None
    assert not RoundItem.objects.exists()
    assert project.rounds.get().items_total == 0


def test_mapping_names_their_columns_and_the_rest_is_metadata(send: Send) -> None:
    lines = [
        {"utterance": "Sun today", "uid": 7, "intent": "good", "n": 3, "deep": {"a": [1]}},
        {"utterance": "Rain today", "uid": "8", "intent": "bad", "text": "other"},
    ]
    content = "\n".join(json.dumps(line) for line in lines)
    mapping = {"text": "utterance", "id": "uid", "label": "intent"}
    assert accounted(send(content, "file.jsonl", mapping=mapping)) == (2, 0, 0)
    assert Item.objects.get(external_id="7").meta == {"n": 3, "deep": {"a": [1]}}
    assert Item.objects.get(external_id="8").meta == {"text": "other"}


def test_kept_duplicates_count_as_imported(send: Send) -> None:
    result = send("id,text\n1,Same text\n2,same  TEXT\n2,same text\n", duplicates="keep")
    assert accounted(result) == (2, 1, 0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"text\ndon\x92t go\n", "don’t go"),
        ("text\ncafé don\x92t\n".encode(), "café don’t"),
        ("text\ncaf\u00e9 latin\n".encode("latin-1"), "café latin"),
        ("\ufefftext\nwith a mark\n".encode(), "with a mark"),
        ("text\nin two bytes é\n".encode("utf-16"), "in two bytes é"),
        (b"text;more\nsemicolons, here;x\n", "semicolons, here"),
        (b"text\r\nold ends\r\n", "old ends"),
        (b"text\n'=formula\n", "=formula"),
        (b"text\n'quoted' only\n", "'quoted' only"),
    ],
)
def test_encodings_and_separators(send: Send, content: bytes, text: str) -> None:
    assert accounted(send(content)) == (1, 0, 0)
    assert Item.objects.get().text == text


def test_undecodable_rows_are_rejected_and_the_others_are_not(send: Send) -> None:
    result = send("text\ncafé\n".encode() + b"broken \xff\xfe\n" + b"fine\n")
    assert result["reasons"] == {"undecodable": 1}
    assert accounted(result) == (2, 0, 1)


def test_texts_of_the_longest_length_pass(send: Send) -> None:
    result = send(f"text\n{'a' * 100_000}\n{'b' * 100_001}\n")
    assert (accounted(result), result["reasons"]) == ((1, 0, 1), {"too long": 1})


def test_bad_json_lines_are_rejected_by_number(send: Send, lead: APIClient) -> None:
    content = '{"text": "Fine one"}\n{"text": \n[1]\n\n{"text": "x", "n": 1e999}\n{"text": 5}\n{"text": "a\\u0000"}\n'
    result = send(content, "file.jsonl")
    assert accounted(result) == (1, 0, 5)
    assert [row[0] for row in rejected(lead, result)[1:]] == ["2", "3", "4", "5", "6"]


def test_answers_make_items_labels_and_placeholders(send: Send, project: Project, ann: User) -> None:
    result = send(
        "id,text,annotator,label,timestamp\n"
        "1,Sun today,ann,good,2024-01-01T10:00:00\n"
        "1,Sun today,zoe,lovely,2024-01-01T10:01:00Z\n"
        "1,Sun today,ann,bad,2024-01-02T10:00:00\n"  # 3 a repeat
        "1,Sun today,ann,good,2024-01-01T10:00:00\n"  # 4 a duplicate
        "2,Rain,ann,bad,yesterday\n"  # 5 bad time
        "2,Rain,,bad,2024-01-01\n"  # 6 nobody
        "3,,ann,bad,2024-01-01\n",  # 7 unknown id, no text
        kind="annotations",
    )
    assert accounted(result) == (3, 1, 3)
    assert result["reasons"] == {"bad timestamp": 1, "no annotator": 1, "unknown id": 1}
    placeholder = Annotator.objects.get(name="ann")
    assert placeholder.user is None
    kinds = (
        Annotation.objects.filter(annotator=placeholder)
        .order_by("created")
        .values_list("kind", "label__name")
    )
    assert list(kinds) == [("normal", "good"), ("repeat", "bad")]
    assert project.labels.filter(name="lovely").exists()
    slot = RoundItem.objects.get()
    assert (slot.answers, slot.overlap, slot.open_slots) == (2, 3, 1)
    made = project.rounds.get()
    assert (made.items_total, made.items_done, made.answers_total) == (1, 0, 2)


def test_of_several_answers_the_earliest_counts(send: Send) -> None:
    rows = "1,Sun,zoe,good,2024-01-05\n1,Sun,zoe,bad,2024-01-03\n1,Sun,zoe,neither,2024-01-09\n"
    send(f"id,text,annotator,label,timestamp\n{rows}", kind="annotations")
    kinds = Annotation.objects.order_by("created").values_list("label__name", "kind")
    assert list(kinds) == [("bad", "normal"), ("good", "repeat"), ("neither", "repeat")]


def test_answers_of_one_file_again_are_duplicates(send: Send) -> None:
    content = "id,text,annotator,label\n1,Sun,zoe,good\n1,Sun,yan,bad\n"
    assert accounted(send(content, kind="annotations")) == (2, 0, 0)
    assert accounted(send(content, kind="annotations")) == (0, 2, 0)
    assert accounted(send("id,annotator,label\n1,zoe,bad\n", kind="annotations")) == (1, 0, 0)
    assert Annotation.objects.filter(kind="repeat").count() == 1


def test_a_file_without_annotators_speaks_for_its_uploader(send: Send, lea: User) -> None:
    send("text,label\nSun today,good\n", kind="annotations")
    send("text,label\nSun today,bad\n", kind="annotations", annotator="the old team")
    authors = [answer.annotator for answer in Annotation.objects.order_by("id")]
    assert [(author.name, author.user) for author in authors] == [("lea", None), ("the old team", None)]


def test_answers_to_a_merged_text_reach_the_one_that_was_kept(send: Send) -> None:
    send("id,text\n1,Same text\n2,same TEXT\n")
    result = send("id,annotator,label\n1,zoe,good\n2,yan,bad\n", kind="annotations")
    assert accounted(result) == (2, 0, 0)
    assert Item.objects.get().annotations.count() == 2


def test_weather_comes_in_whole(send: Send, project: Project, shared_data: Path) -> None:
    folder = shared_data / "weather_sentiment"
    items = send((folder / "items.csv").read_bytes(), duplicates="keep")
    assert accounted(items) == (1000, 0, 0)
    mapping = {"id": "item_id", "annotator": "annotator_id", "label": "label"}
    answers = send((folder / "annotations.csv").read_bytes(), kind="annotations", mapping=mapping)
    assert accounted(answers) == (20_000, 0, 0)
    assert Annotator.objects.filter(project=project, user__isnull=True).count() == 102
    made = project.rounds.get()
    assert (made.items_total, made.items_done, made.answers_total) == (1000, 1000, 20_000)
    assert set(RoundItem.objects.values_list("answers", "overlap", "open_slots")) == {(20, 20, 0)}


@pytest.mark.parametrize(("duplicates", "counts"), [("keep", (13_083, 0, 0)), ("drop", (13_071, 12, 0))])
def test_banking_is_accounted_for(
    send: Send, lea: User, shared_data: Path, duplicates: str, counts: tuple[int, int, int]
) -> None:
    content = (shared_data / "banking77" / "items.csv").read_bytes()
    labels = sorted({row["label"] for row in csv.DictReader(io.StringIO(content.decode()))})
    bank = create_project(lea, slug="bank", name="Bank", labels=[{"name": label} for label in labels])
    assert accounted(send(content, slug="bank", duplicates=duplicates)) == counts
    assert bank.items.filter(imported_label__isnull=False).count() == counts[0]


@pytest.mark.parametrize(
    ("content", "fields", "status"),
    [
        (b"", {}, 422),
        (b"PK\x03\x04 workbook", {}, 422),
        (b"\x00\x01\x02\x03" * 50, {}, 422),
        (b"[{}]", {}, 422),
        (b"text,text\na,b\n", {}, 422),
        (b'text\n"never closed\nmore\n', {}, 422),
        (b"message\nhello\n", {}, 400),
        (b"text\nhello\n", {"mapping": {"text": "message"}}, 400),
        (b"text\nhello\n", {"mapping": {"words": "text"}}, 400),
        (b"text\nhello\n", {"mapping": "[1]"}, 400),
        (b"text\nhello\n", {"mapping": "{"}, 400),
        (b"text\nhello\n", {"kind": "gold"}, 400),
        (b"text\nhello\n", {"format": "parquet"}, 422),
        (b"text\nhello\n", {"format": "xml"}, 400),
        (b"text\nhello\n", {"duplicates": "merge"}, 400),
        (b"text\nhello\n", {"provenance": "dreamt"}, 400),
        (b"text\nhello\n", {"round": "second"}, 400),
        (b"text\nhello\n", {"kind": "annotations"}, 400),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    lead: APIClient, project: Project, content: bytes, fields: dict[str, Any], status: int
) -> None:
    answer = post(lead, "weather", content, **fields)
    assert answer.status_code == status, answer.data
    assert answer.data["detail"]
    assert not Import.objects.exists()


def test_a_file_is_needed(lead: APIClient, project: Project) -> None:
    assert lead.post("/api/v1/projects/weather/imports/", {}, format="multipart").status_code == 400


def test_undo_takes_out_what_came_in(send: Send, lead: APIClient, project: Project) -> None:
    items = send("id,text\n1,Sun\n2,Rain\n")
    answers = send("id,text,annotator,label\n1,,zoe,good\n3,Snow,zoe,bad\n", kind="annotations")
    assert items["undoable"] is True
    assert lead.post(f"/api/v1/imports/{items['id']}/undo/").status_code == 409
    undone = lead.post(f"/api/v1/imports/{answers['id']}/undo/")
    assert (undone.status_code, undone.data["state"], undone.data["undoable"]) == (200, "undone", False)
    assert not Annotator.objects.filter(name="zoe").exists()
    assert set(Item.objects.values_list("external_id", flat=True)) == {"1", "2"}
    made = project.rounds.get()
    assert (made.items_total, made.items_done, made.answers_total) == (2, 0, 0)
    assert set(RoundItem.objects.values_list("answers", "overlap", "open_slots")) == {(0, 3, 3)}
    assert lead.post(f"/api/v1/imports/{items['id']}/undo/").status_code == 200
    made.refresh_from_db()
    assert (Item.objects.count(), made.items_total) == (0, 0)
    assert lead.post(f"/api/v1/imports/{items['id']}/undo/").status_code == 409
    assert accounted(send("id,text\n1,Sun\n2,Rain\n")) == (2, 0, 0)


def test_undo_is_refused_once_somebody_has_answered(
    send: Send, lead: APIClient, project: Project, ann: User
) -> None:
    result = send("id,text\n1,Sun\n")
    author = Annotator.objects.create(project=project, user=ann, name="ann")
    made, label = project.rounds.get(), project.labels.all()[0]
    Annotation.objects.create(round=made, item=Item.objects.get(), annotator=author, label=label)
    answer = lead.post(f"/api/v1/imports/{result['id']}/undo/")
    assert (answer.status_code, Item.objects.count()) == (409, 1)
    assert lead.get(f"/api/v1/imports/{result['id']}/").data["undoable"] is False


def test_running_twice_changes_nothing(send: Send, work: Callable[[], list[Job]]) -> None:
    send("id,text\n1,Sun\n")
    Job.objects.update(state="queued")
    assert work()[0].state == "done"
    assert Item.objects.count() == 1


@pytest.mark.parametrize("who", ["ann", "ada", "otto"])
def test_imports_are_for_leads(
    request: pytest.FixtureRequest, api: Callable[[User | None], APIClient], send: Send, who: str
) -> None:
    result = send("text\nSun\n")
    client = api(request.getfixturevalue(who))
    status = 404 if who == "otto" else 403
    for path in (
        "projects/weather/imports/",
        f"imports/{result['id']}/",
        f"imports/{result['id']}/rejected.csv",
    ):
        assert client.get(f"/api/v1/{path}").status_code == status
    assert post(client, "weather", b"text\nhello\n").status_code == status
    assert client.post(f"/api/v1/imports/{result['id']}/undo/").status_code == status


def test_answers_go_out_and_come_back_the_same(
    send: Send, lead: APIClient, lea: User, project: Project
) -> None:
    send(
        "id,text,annotator,label,timestamp\n1,'=Sun,zoe,good,2024-01-05\n1,=Sun,yan,bad,2024-01-06T01:02:03Z\n",
        kind="annotations",
    )
    lines = body(lead.get("/api/v1/projects/weather/annotations.jsonl")).splitlines()
    first = json.loads(lines[0])
    assert (first["external_id"], first["text"], first["annotator"], first["label"], first["kind"]) == (
        "1",
        "=Sun",
        "zoe",
        "good",
        "normal",
    )
    assert first["created"] == "2024-01-05T00:00:00Z"
    table = body(lead.get("/api/v1/projects/weather/annotations.csv"))
    assert "'=Sun" in table
    create_project(lea, slug="copy", name="Copy", labels=[{"name": "good"}, {"name": "bad"}])
    mapping = {
        "id": "external_id",
        "text": "text",
        "label": "label",
        "annotator": "annotator",
        "timestamp": "created",
    }
    send(table, slug="copy", kind="annotations", mapping=mapping)
    columns = ("item__text", "annotator__name", "label__name", "created")
    answers = Annotation.objects.order_by("created")
    copied = answers.filter(round__project__slug="copy").values_list(*columns)
    assert list(copied) == list(answers.filter(round__project=project).values_list(*columns))
    assert lead.get("/api/v1/projects/weather/annotations.xml").status_code == 404
