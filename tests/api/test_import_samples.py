"""Real files of other tools and real data sets come in as their descriptions say."""

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from annotation.models import Item, Job, User
from tests.api.importing import Make, Send, accounted, maker, rejected, said, sender


@pytest.fixture
def lead(api: Callable[[User | None], APIClient], lea: User) -> APIClient:
    return api(lea)


@pytest.fixture
def send(lead: APIClient, work: Callable[[], list[Job]]) -> Send:
    return sender(lead, work)


@pytest.fixture
def make(lea: User) -> Make:
    return maker(lea)


def sample(shared_data: Path, name: str) -> bytes:
    return (shared_data / "export_samples" / f"doccano_{name}").read_bytes()


@pytest.mark.parametrize("name", ["export_text_classification.jsonl", "import_text_classification.jsonl"])
def test_doccanos_classification(send: Send, make: Make, shared_data: Path, name: str) -> None:
    project = make("classification", ["positive", "negative"])
    mapping = (
        {"mapping": {"text": "column_data", "label": "column_label"}} if name.startswith("import") else {}
    )
    assert accounted(send(sample(shared_data, name), slug="classification", **mapping)) == (3, 0, 0)
    assert said(project)[0] == ("Terrible customer service.", "negative")


@pytest.mark.parametrize("name", ["export_sequence_labeling.jsonl", "import_sequence_labeling.jsonl"])
def test_doccanos_sequences(send: Send, make: Make, shared_data: Path, name: str) -> None:
    project = make("spans", ["ORG", "MISC", "PERSON"])
    mapping = (
        {"mapping": {"text": "column_data", "spans": "column_label"}} if name.startswith("import") else {}
    )
    assert accounted(send(sample(shared_data, name), slug="spans", **mapping)) == (3, 0, 0)
    found = dict(said(project))
    assert found["Peter Blackburn"] == [("Peter Blackburn", "PERSON")]
    assert ("EU", "ORG") in found["EU rejects German call to boycott British lamb."]


@pytest.mark.parametrize("name", ["export_intent_detection.jsonl", "import_intent_detection.jsonl"])
def test_doccanos_intents_are_labels_or_spans(send: Send, make: Make, shared_data: Path, name: str) -> None:
    intents, slots = make("classification", ["flight", "airport"]), make("spans", ["City", "Airline"])
    content = sample(shared_data, name)
    assert send(content, slug="classification")["format"] == "doccano"
    assert [value for _, value in said(intents)] == ["flight", "airport"]
    assert accounted(send(content, slug="spans")) == (2, 0, 0)
    assert said(slots)[1][1] == [("Los Angeles", "City")]


@pytest.mark.parametrize("name", ["export_relation_extraction.jsonl", "import_relation_extraction.jsonl"])
def test_doccanos_relations_stay_beside_the_spans(
    send: Send, make: Make, shared_data: Path, name: str
) -> None:
    project = make("spans", ["ORG", "DATE", "PERSON"])
    result = send(sample(shared_data, name), slug="spans")
    assert result["rows"] == result["imported"] >= 1
    assert [mark for mark, _ in said(project)[0][1]] == [
        "Google",
        "September 4, 1998",
        "Larry Page",
        "Sergey Brin",
    ]
    assert len(Item.objects.all()[0].meta["relations"]) == 3


def test_doccanos_conll(send: Send, lead: APIClient, make: Make, shared_data: Path) -> None:
    project = make("spans", ["LOC", "PER"])
    assert accounted(send(sample(shared_data, "test_example.conll"), slug="spans")) == (2, 0, 0)
    assert said(project) == [("JAPAN GET", [("JAPAN", "LOC")]), ("Nadim Ladki", [("Nadim Ladki", "PER")])]
    broken = send(sample(shared_data, "test_labeling.invalid.conll"), slug="spans", format="conll")
    assert accounted(broken) == (1, 1, 1)
    assert [row[:2] for row in rejected(lead, broken)[1:]] == [
        ["1", "not a tag: “SOCCERO” in line 1"],
    ]
    trailing = send(sample(shared_data, "test_labeling.trailing.conll"), slug="spans")
    assert accounted(trailing) == (1, 0, 0)
    assert said(project)[-1][1] == [("JAPAN", "LOC"), ("CHINA", "PER")]


def test_doccanos_tables(send: Send, lead: APIClient, make: Make, shared_data: Path) -> None:
    project = make("classification", ["positive", "negative", "Positive", "Negative"])
    broken = send(sample(shared_data, "test_example.invalid.2.csv"), slug="classification")
    assert accounted(broken) == (2, 0, 1)
    assert [row[:2] for row in rejected(lead, broken)[1:]] == [["1", "more cells than columns: 3 for 2"]]
    assert said(project) == [("BBB", "Negative"), ("CCC", "Negative")]
    out_of_order = send(sample(shared_data, "test_example_out_of_order_columns.csv"), slug="classification")
    assert (accounted(out_of_order), out_of_order["reasons"]) == ((2, 0, 1), {"empty": 1})
    utf_16 = send(sample(shared_data, "test_utf16.csv"), slug="classification")
    assert accounted(utf_16) == (1, 2, 0)  # two are there already


def test_doccanos_fasttext_and_overlaps(send: Send, lead: APIClient, make: Make, shared_data: Path) -> None:
    project = make("multilabel", ["positive", "negative"])
    result = send(sample(shared_data, "test_example_fasttext.txt"), slug="multilabel")
    assert (result["format"], accounted(result)) == ("fasttext", (3, 0, 1))
    assert [row[:2] for row in rejected(lead, result)[1:]] == [["4", "empty"]]
    assert said(project) == [
        ("exampleA", ["positive"]),
        ("exampleB", ["positive", "negative"]),
        ("exampleC", []),
    ]
    spans = make("spans", ["LOC", "PER"])
    assert accounted(send(sample(shared_data, "test_example_overlapping.jsonl"), slug="spans")) == (1, 0, 0)
    assert said(spans) == [("exampleA", [("e", "LOC")])]  # one span, written twice


def test_ner_pud_comes_in_whole(send: Send, make: Make, shared_data: Path) -> None:
    project = make("spans", ["LOC", "ORG", "PER"])
    content = (shared_data / "ner_pud" / "test.final.conll").read_bytes()
    assert accounted(send(content, slug="spans", duplicates="keep")) == (1000, 0, 0)
    spans = [name for _, value in said(project) for _, name in value]
    assert {name: spans.count(name) for name in ("LOC", "ORG", "PER")} == {"LOC": 426, "ORG": 235, "PER": 414}
    sentences = content.decode().strip().split("\n\n")
    texts = [" ".join(line.split("\t")[0] for line in sentence.split("\n")) for sentence in sentences]
    assert [text for text, _ in said(project)] == texts


SQUARES_ALONE = "m2777"  # a game's result, of which under a fifth are letters


def test_multipico_comes_in_equal(send: Send, make: Make, shared_data: Path) -> None:
    make("classification", ["ironic", "not_ironic"])
    content = (shared_data / "multipico" / "items.csv.gz").read_bytes()
    result = send(content, "items.csv.gz", slug="classification", duplicates="keep")
    assert (accounted(result), result["reasons"]) == ((3004, 0, 1), {"mostly not letters": 1})
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(content).decode())))
    stored = {item.external_id: item for item in Item.objects.all()}
    assert [row["id"] for row in rows if row["id"] not in stored] == [SQUARES_ALONE]
    assert all(stored[row["id"]].text == row["text"] for row in rows if row["id"] in stored)
    assert {row["lang"] for row in rows} == {item.meta["lang"] for item in stored.values()}
    mapping = {"id": "item_id", "annotator": "annotator_id", "label": "label"}
    answers = (shared_data / "multipico" / "annotations.csv").read_bytes()
    result = send(answers, slug="classification", kind="annotations", mapping=mapping)
    answers_to_it = answers.decode().count(f"\n{SQUARES_ALONE},")
    assert accounted(result) == (15_178 - answers_to_it, 0, answers_to_it)
