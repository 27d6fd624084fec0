"""Rejected rows of every format come in once they are corrected, and none of them by being sent again as it was."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Annotation, Import, Item, Job, Label, Project, User
from annotation.services.projects import create_project
from tests.api.importing import Make, Send, accounted, body, maker, post, rejected, said, sender

Table = list[list[str]]


@pytest.fixture
def lead(api: Callable[[User], APIClient], lea: User) -> APIClient:
    return api(lea)


@pytest.fixture
def send(lead: APIClient, project: Project, work: Callable[[], list[Job]]) -> Send:
    return sender(lead, work)


@pytest.fixture
def make(lea: User) -> Make:
    return maker(lea)


def sent_again(table: Table, *changes: tuple[str, str], delimiter: str = ",") -> str:
    """The list of rejected rows as somebody saves it after these changes in its cells."""
    buffer = io.StringIO()
    rows = [list(row) for row in table]
    for before, after in changes:
        rows = [rows[0], *([cell.replace(before, after) for cell in row] for row in rows[1:])]
    assert not changes or rows != table
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


def test_what_is_still_wrong_in_a_corrected_list_can_be_corrected_again(
    send: Send, lead: APIClient, project: Project
) -> None:
    first = rejected(lead, send("id,text,label,reason\n1,Sun,odd,asked\n"))
    second = send(sent_again(first, ("odd", "ugly")))
    assert accounted(second) == (0, 0, 1)
    assert second["format"] == "rejected"
    table = rejected(lead, second)
    assert table == [
        ["row", "reason", "id", "text", "label", "reason"],
        ["1", "unknown label: ugly", "1", "Sun", "ugly", "asked"],
    ]
    assert accounted(send(sent_again(table, ("ugly", "good"), delimiter=";"))) == (1, 0, 0)
    assert said(project) == [("Sun", "good")]
    assert Item.objects.get().meta == {"reason": "asked"}


def test_a_list_that_is_read_as_a_plain_table_gets_one_pair_of_columns_too(
    send: Send, lead: APIClient
) -> None:
    first = rejected(lead, send("id,text,label\n1,Sun,odd\n"))
    again = rejected(lead, send(sent_again(first), format="csv"))
    assert again == first


@pytest.mark.parametrize("kind", ["items", "annotations"])
def test_a_list_with_one_label_is_that_label_in_a_table_too(
    send: Send, lead: APIClient, project: Project, kind: str
) -> None:
    lines = '{"id": 1, "text": "Sun", "label": ["good", "bad"]}\n'
    table = rejected(lead, send(lines, kind=kind))
    assert accounted(send(sent_again(table, ('["good", "bad"]', '["good"]')), kind=kind)) == (1, 0, 0)
    if kind == "items":
        assert said(project) == [("Sun", "good")]
    else:
        assert Annotation.objects.get().label == Label.objects.get(project=project, name="good")
    assert Label.objects.count() == 3


def test_lines_that_were_no_json_come_in_as_what_they_say(
    send: Send, lead: APIClient, project: Project
) -> None:
    lines = [
        '{"text": "Sun", "label": "good"}',
        '{"text": "Wind", "label": "bad", "n": [1]',
        '{"text": "Rain", "label": "odd"}',
    ]
    table = rejected(lead, send("\n".join(lines)))
    assert table[0] == ["row", "reason", "text", "label", "line"]
    again = send(sent_again(table, ("[1]", "[1]}"), ("odd", "neither")))
    assert accounted(again) == (2, 0, 0)
    assert said(project) == [("Sun", "good"), ("Wind", "bad"), ("Rain", "neither")]
    assert Item.objects.get(text="Wind").meta == {"n": [1]}


def test_lines_that_were_no_json_are_rejected_as_often_as_they_come(send: Send, lead: APIClient) -> None:
    table = rejected(lead, send('{"text": "Sun"}\n{"text": "Wind"\n[1]\n'))
    again = send(sent_again([*table, ["9", "", '{"text": "Rain"}']]))
    assert accounted(again) == (1, 0, 2)
    assert rejected(lead, again)[:3] == [
        ["row", "reason", "line"],
        ["1", "not readable as JSON", '{"text": "Wind"'],
        ["2", "not a JSON object", "[1]"],
    ]


def test_a_broken_conll_text_is_corrected_in_its_lines(send: Send, lead: APIClient, make: Make) -> None:
    project = make("spans", ["PER", "LOC"])
    first = send("Ann\tB-PER\nran\tO\n\nBob\tPER\nran\tO\n", slug="spans", format="conll")
    table = rejected(lead, first)
    assert table[0] == ["row", "reason", "lines"]
    assert accounted(send(sent_again(table, ("PER", "B-PER")), slug="spans")) == (1, 0, 0)
    assert said(project) == [("Ann ran", [("Ann", "PER")]), ("Bob ran", [("Bob", "PER")])]


def test_skipped_annotations_are_no_answers_when_their_rows_come_again(
    send: Send, lead: APIClient, make: Make
) -> None:
    make("spans", ["PER", "LOC"])
    tasks = [{"id": 1, "data": {"text": "Ann ran"}, "annotations": [{"was_cancelled": True, "result": []}]}]
    first = send(json.dumps(tasks), slug="spans", kind="annotations", annotator="zoe")
    again = send(sent_again(rejected(lead, first)), slug="spans", kind="annotations", annotator="zoe")
    assert accounted(again) == (0, 0, 1)
    assert not Annotation.objects.exists()


def test_characters_that_were_lost_do_not_come_in_with_the_list(send: Send, lead: APIClient) -> None:
    table = rejected(lead, send(b"id,text\n1,caf\xe9 one\n2,caf\xc3\xa9 two\n"))
    assert table[1][3] == "caf\ufffd one"
    again = send(sent_again(table))
    assert (accounted(again), again["reasons"]) == ((0, 0, 1), {"undecodable": 1})
    assert accounted(send(sent_again(table, ("\ufffd", "é")))) == (1, 0, 0)


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\r\n"])
def test_excels_note_of_the_separator_is_no_header(send: Send, line: str) -> None:
    result = send(f"{line}id;text;price\n1;One text;1,5\n2;Another;2,5\n")
    assert accounted(result) == (2, 0, 0)
    assert list(Item.objects.order_by("row").values_list("external_id", "row", "meta")) == [
        ("1", 1, {"price": "1,5"}),
        ("2", 2, {"price": "2,5"}),
    ]


def test_numbers_that_pandas_made_of_whole_ones_are_the_ids_and_labels_that_they_were(
    send: Send, make: Make
) -> None:
    project = make("classification", ["0", "1", "2.0"])
    lines = [{"id": 7.0, "text": "One", "label": 1.0, "x": 1.0}, {"id": 7.5, "text": "Two", "label": 2.0}]
    content = "\n".join(json.dumps(line) for line in lines)
    mapping: dict[str, Any] = {"text": "text", "id": "id", "label": "label"}
    assert accounted(send(content, slug="classification", mapping=mapping)) == (2, 0, 0)
    assert said(project) == [("One", "1"), ("Two", "2.0")]
    assert list(Item.objects.order_by("pk").values_list("external_id", "meta")) == [
        ("7", {"x": 1.0}),
        ("7.5", {}),
    ]


def test_what_python_writes_for_a_missing_number_is_nothing_and_infinity_is_refused(send: Send) -> None:
    result = send(
        '{"text": "One", "n": NaN, "m": [NaN, 1]}\n{"text": NaN}\n{"text": "Two", "n": 1e999}\n'
        '{"text": "Three", "n": -Infinity}\n'
    )
    assert (accounted(result), result["reasons"]) == ((1, 0, 3), {"empty": 1, "not readable as JSON": 2})
    assert Item.objects.get().meta == {"n": None, "m": [None, 1]}


def test_a_first_line_without_a_label_does_not_hide_fasttext(send: Send, project: Project) -> None:
    content = "Nothing known\n__label__good Sun, and more of it\n__label__bad Wind\n"
    assert (send(content)["format"], said(project)) == (
        "fasttext",
        [("Nothing known", None), ("Sun, and more of it", "good"), ("Wind", "bad")],
    )


def test_a_document_is_announced_in_conll_alone(send: Send, make: Make) -> None:
    project = make("spans", ["PER", "LOC"])
    result = send("-DOCSTART- -X- O\n\nAnn NNP PER\n\nBob NNP B-PER\n", slug="spans")
    assert (result["format"], accounted(result)) == ("conll", (1, 0, 1))
    assert said(project) == [("Bob", [("Bob", "PER")])]


def test_a_list_of_texts_without_a_header_is_told_what_it_lacks(lead: APIClient, project: Project) -> None:
    told = post(lead, "weather", b"Sun all day\nRain at night\n").data["detail"]
    assert told.endswith("If that is a text, put a line with a column's name before it.")
    assert "put a line" not in post(lead, "weather", b'{"data": [{"text": "Sun"}]}').data["detail"]


def test_tasks_for_label_studio_are_read_before_anybody_answered(send: Send) -> None:
    result = send(
        json.dumps([{"data": {"text": "One text", "channel": "chat"}}, {"data": {"text": "Another"}}])
    )
    assert (result["format"], accounted(result)) == ("label-studio", (2, 0, 0))
    assert Item.objects.order_by("pk").first().meta == {"channel": "chat"}  # type: ignore[union-attr]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("task", ["classification", "multilabel", "spans"])
def test_what_went_out_of_a_project_comes_in_as_it_was_without_a_mapping(
    send: Send, lead: APIClient, lea: User, make: Make, task: str, form: str
) -> None:
    """Texts with metadata and labels, and answers with names, times and comments."""
    values: dict[str, tuple[str, Any, Any]] = {
        "classification": ("label", "a", "-b"),
        "multilabel": ("labels", ["a", "-b"], []),
        "spans": ("spans", [{"start": 0, "end": 4, "label": "a"}], []),
    }
    field, first, second = values[task]
    texts = [
        {"id": "x", "text": "=One text", "meta": {"n": 1, "deep": {"k": ["v"]}}, field: first},
        {"text": "Another text", "meta": {}, field: second},
    ]
    answers: list[dict[str, Any]] = [
        {"annotator": "zoe", field: first, "timestamp": "2024-01-05T01:02:03.000004Z", "comment": "+"},
        {"annotator": "yan", field: second, "timestamp": "2024-01-06T00:00:00Z", "comment": ""},
    ]
    make(task, ["a", "-b"])
    create_project(lea, slug="copy", name="Copy", task=task, labels=[{"name": "a"}, {"name": "-b"}])
    fields = ("text", "annotator", "timestamp", "comment", field)
    mapping = {name: name for name in fields}
    answers = [{"text": "=One text", **answer} for answer in answers]
    given: dict[str, Any] = {"items": (texts, {}), "annotations": (answers, {"mapping": mapping})}
    for kind, (rows, asked) in given.items():
        send("\n".join(map(json.dumps, rows)), slug=task, kind=kind, **asked)
        answer: Any = lead.get(f"/api/v1/projects/{task}/{kind}.{form}")
        assert accounted(send(b"".join(answer.streaming_content), slug="copy", kind=kind)) == (2, 0, 0)
        assert went_out(lead, "copy", kind) == went_out(lead, task, kind)


def went_out(lead: APIClient, slug: str, kind: str) -> list[dict[str, Any]]:
    """What a project holds, but for the numbers of its texts and when they came in."""
    own = {"id", "item_id"} | ({"created"} if kind == "items" else set())
    lines = body(lead.get(f"/api/v1/projects/{slug}/{kind}.jsonl")).splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in own} for line in lines]


def test_reasons_say_what_would_be_right(send: Send, lead: APIClient) -> None:
    mapping: dict[str, Any] = {"text": "text", "provenance": "from"}
    table = rejected(lead, send("text,from\nOne text,Real\n", mapping=mapping))
    assert table[1][1] == "unknown provenance: Real is none of augmented, real, synthetic"
    late = send("text,label,annotator,timestamp\nOne text,good,zoe,1.2.2024\n", kind="annotations")
    assert rejected(lead, late)[1][1] == "bad timestamp: 1.2.2024 is not like 2024-03-09 10:30"
    assert Import.objects.count() == 2
