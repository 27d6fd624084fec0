"""Files of every format come in as what they mean."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from rest_framework.test import APIClient

from annotation.models import Annotation, GoldItem, Item, Job, Label, Project, User
from annotation.queries.values import label_names, named_value
from tests.api.importing import Make, Send, accounted, maker, post, rejected, said, sender


@pytest.fixture
def lead(api: Callable[[User | None], APIClient], lea: User) -> APIClient:
    return api(lea)


@pytest.fixture
def send(lead: APIClient, work: Callable[[], list[Job]]) -> Send:
    return sender(lead, work)


@pytest.fixture
def make(lea: User) -> Make:
    return maker(lea)


RECORDS = [
    {"id": "1", "text": "Sun, all day", "label": "good", "n": 3, "deep": {"a": [1, None]}},
    {"id": "2", "text": "Rain – “again”\nand again", "label": "bad", "n": 4, "deep": {}},
]


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(records).drop(columns="deep").to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "format"),
    [
        (json.dumps(RECORDS).encode(), "json"),
        (json.dumps(RECORDS, indent=2).encode("utf-16"), "json"),
        ("\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS).encode(), "jsonl"),
        ("\n".join(json.dumps(record, indent=1) for record in RECORDS).encode(), "json"),
        (pd.DataFrame(RECORDS).drop(columns="deep").to_csv(index=False).encode(), "csv"),
        (pd.DataFrame(RECORDS).drop(columns="deep").to_csv(index=False, sep="\t").encode(), "tsv"),
        (as_parquet(RECORDS), "parquet"),
    ],
    ids=["json", "json utf-16", "jsonl", "objects over lines", "csv", "tsv", "parquet"],
)
def test_the_same_records_in_every_format(
    send: Send, project: Project, content: bytes, format: str, packed: bool
) -> None:
    result = send(gzip.compress(content) if packed else content, "upload")
    assert (result["format"], accounted(result)) == (format, (2, 0, 0))
    assert said(project) == [("Sun, all day", "good"), ("Rain – “again”\nand again", "bad")]
    metas = [item.meta for item in Item.objects.order_by("pk")]
    if format in {"json", "jsonl"}:
        assert metas == [{"n": 3, "deep": {"a": [1, None]}}, {"n": 4, "deep": {}}]
    else:
        assert [int(meta["n"]) for meta in metas] == [3, 4]


def test_a_json_array_is_read_a_value_at_a_time(send: Send, lead: APIClient, project: Project) -> None:
    content = '[{"text": "One text"}, 5, {"text": "Another", "n": 1e999}, [1], {"text": "A third"}]'
    result = send(content)
    assert accounted(result) == (2, 0, 3)
    assert [row[:2] for row in rejected(lead, result)[1:]] == [
        ["2", "not a JSON object"],
        ["3", "not readable as JSON"],
        ["4", "not a JSON object"],
    ]


@pytest.mark.parametrize(
    "content", ['[{"text": "a b"}', '[{"text": "a b"} {"text": "c"}]', '[{"text": "a b"}, {"text": ]']
)
def test_a_broken_json_array_is_refused_whole(lead: APIClient, project: Project, content: str) -> None:
    answer = post(lead, "weather", content.encode())
    assert answer.status_code == 422
    assert "After row" in answer.data["detail"]


UTF_16 = "😀 Ann flew to 🇫🇷 Lyon"


def task(text: str, spans: list[tuple[int, int, str, str]], by: Any = 7) -> dict[str, Any]:
    result = [
        {
            "from_name": "ner",
            "to_name": "text",
            "type": "labels",
            "value": {"start": start, "end": end, "text": quoted, "labels": [label]},
        }
        for start, end, quoted, label in spans
    ]
    about = {"completed_by": by, "created_at": "2026-01-02T03:04:05Z", "was_cancelled": False}
    return {"id": 11, "data": {"text": text, "channel": "mail"}, "annotations": [{"result": result, **about}]}


def units(text: str, quoted: str) -> tuple[int, int]:
    """Where JavaScript would find it: in UTF-16 units."""
    start = len(text[: text.index(quoted)].encode("utf-16-le")) // 2
    return start, start + len(quoted.encode("utf-16-le")) // 2


def test_label_studios_offsets_end_on_the_quoted_text(send: Send, make: Make) -> None:
    project = make("spans", ["PER", "LOC"])
    places = [(*units(UTF_16, quoted), quoted, name) for quoted, name in [("Ann", "PER"), ("Lyon", "LOC")]]
    wrong = [(0, 3, "Ann", "PER")]
    result = send(json.dumps([task(UTF_16, places), task("Another Ann", wrong)]), slug="spans")
    assert result["format"] == "label-studio"
    assert result["reasons"] == {"span not where its text is": 1}
    assert said(project) == [(UTF_16, [("Ann", "PER"), ("Lyon", "LOC")])]
    item = Item.objects.get()
    assert (item.external_id, item.meta) == ("11", {"channel": "mail"})


def test_label_studios_annotations_are_answers(send: Send, make: Make) -> None:
    project = make("spans", ["PER", "LOC"])
    first = task(UTF_16, [(*units(UTF_16, "Ann"), "Ann", "PER")], {"id": 1, "email": "zoe@example.org"})
    first["annotations"].append({"result": [], "completed_by": 4, "created_at": None})
    first["annotations"].append({"result": [], "completed_by": 5, "was_cancelled": True})
    result = send(json.dumps([first]), slug="spans", kind="annotations")
    assert accounted(result) == (2, 0, 1)
    assert result["reasons"] == {"skipped by its annotator": 1}
    names = label_names(project)
    answers = [
        (a.annotator.name, named_value(a, names)["spans"])
        for a in Annotation.objects.order_by("annotator__name")
    ]
    assert answers == [("4", []), ("zoe@example.org", [{"start": 2, "end": 5, "label": "PER"}])]


def test_label_studios_choices_and_its_flat_form(send: Send, make: Make) -> None:
    choices = {"from_name": "mood", "type": "choices", "value": {"choices": ["good"]}}
    content = [{"id": 1, "data": {"message": "Sun today"}, "annotations": [{"result": [choices]}]}]
    project = make("classification", ["good", "bad"])
    assert accounted(send(json.dumps(content), slug="classification")) == (1, 0, 0)
    flat = [
        {"message": "Rain", "id": 2, "mood": "bad", "annotator": 3, "annotation_id": 9, "lead_time": 1.5},
        {"message": "Hail", "id": 3, "mood": "bad", "annotator": 3, "annotation_id": 10, "lead_time": 1.5},
    ]
    mapping = {"text": "message", "label": "labels"}
    result = send(json.dumps(flat), slug="classification", mapping=mapping)
    assert (result["format"], accounted(result)) == ("label-studio", (2, 0, 0))
    assert said(project) == [("Sun today", "good"), ("Rain", "bad"), ("Hail", "bad")]


def test_several_labels_in_every_writing(send: Send, make: Make) -> None:
    project = make("multilabel", ["a", "b", "c, d"])
    rows = [["text", "labels"], ["One text", '["a", "b"]'], ["Two texts", "b|a"], ["Three texts", "c, d"]]
    rows += [["Four texts", "a; b"], ["Five texts", ""], ["Six texts", "[]"], ["Seven texts", "a|x"]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    result = send(buffer.getvalue(), slug="multilabel")
    assert result["reasons"] == {"unknown label": 1}
    assert [value for _, value in said(project)] == [["a", "b"], ["a", "b"], ["c, d"], ["a", "b"], None, []]


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("I-PER I-PER O I-LOC", [("Ann Lee", "PER"), ("Rome", "LOC")]),  # IOB1
        ("B-PER I-PER O B-LOC", [("Ann Lee", "PER"), ("Rome", "LOC")]),  # IOB2
        ("B-PER E-PER O S-LOC", [("Ann Lee", "PER"), ("Rome", "LOC")]),  # IOBES
        ("B-PER L-PER O U-LOC", [("Ann Lee", "PER"), ("Rome", "LOC")]),  # BILOU
        ("I-PER B-PER O O", [("Ann", "PER"), ("Lee", "PER")]),  # IOB1: two that touch
    ],
)
def test_conll_in_every_scheme(send: Send, make: Make, tags: str, spans: list[tuple[str, str]]) -> None:
    project = make("spans", ["PER", "LOC"])
    tokens = zip(["Ann", "Lee", "saw", "Rome"], tags.split(), strict=True)
    content = "# sent_id = s1\n" + "".join(f"{token}\t{tag}\n" for token, tag in tokens)
    result = send(content, slug="spans")
    assert (result["format"], accounted(result)) == ("conll", (1, 0, 0))
    assert said(project) == [("Ann Lee saw Rome", spans)]
    assert Item.objects.get().external_id == "s1"


def test_argillas_records_are_answers_or_texts(send: Send, make: Make) -> None:
    record = {
        "id": "r1",
        "status": "completed",
        "_server_id": "x",
        "text": "Sun today",
        "source": "mail",
        "mood.suggestion": "bad",
        "mood.responses": ["good", "good", "bad"],
        "mood.responses.users": ["u1", "u2", "u3"],
        "mood.responses.status": ["submitted", "submitted", "draft"],
    }
    make("classification", ["good", "bad"])
    result = send(json.dumps([record]), slug="classification", kind="annotations")
    assert (result["format"], accounted(result)) == ("argilla", (2, 0, 1))
    answers = Annotation.objects.order_by("annotator__name").values_list("annotator__name", "label__name")
    assert list(answers) == [("u1", "good"), ("u2", "good")]
    again = send(json.dumps([record | {"id": "r2", "text": "More sun"}]), slug="classification")
    assert accounted(again) == (1, 0, 0)
    item = Item.objects.get(external_id="r2")
    assert item.imported_label is not None and item.imported_label.name == "good"
    assert item.meta == {"source": "mail", "mood.suggestion": "bad"}


def test_gold_texts_are_known_answers(send: Send, project: Project, lead: APIClient) -> None:
    send("id,text\n1,Sun today\n")
    content = (
        "id,text,label,explanation\n"
        "1,,good,Sun is good\n"
        ",Rain,bad,\n"
        ",rain,bad,\n"  # 3 the same again
        "1,,bad,\n"  # 4 another answer
        "9,,good,\n"  # 5 unknown id
        ",Snow,cold,\n"  # 6 unknown label
        ",Hail,,\n"  # 7 nothing known
    )
    result = send(content, kind="gold")
    assert accounted(result) == (2, 1, 4)
    assert result["reasons"] == {
        "gold with another answer already": 1,
        "unknown id": 1,
        "unknown label": 1,
        "no label": 1,
    }
    gold = GoldItem.objects.order_by("pk").values_list("item__text", "label__name", "explanation", "origin")
    assert list(gold) == [("Sun today", "good", "Sun is good", "imported"), ("Rain", "bad", "", "imported")]
    assert project.rounds.get().items_total == 1  # gold is mixed in, and takes no place in a round
    assert lead.post(f"/api/v1/imports/{result['id']}/undo/").status_code == 200
    assert not GoldItem.objects.exists()
    assert [item.text for item in Item.objects.all()] == ["Sun today"]


def test_labels_of_a_merged_name_are_no_choice(send: Send, project: Project) -> None:
    Label.objects.filter(project=project, name="neither").update(retired="2026-01-01T00:00:00Z")
    assert send("text,label\nSun today,neither\n")["reasons"] == {"unknown label": 1}
