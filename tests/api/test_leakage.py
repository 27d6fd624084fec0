"""Leakage over REST."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import Item, Job, Project, User

Api = Callable[[User | None], APIClient]
Work = Callable[[], list[Job]]
URL = "/api/v1/projects/weather/leakage/"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


@pytest.fixture
def copies(project: Project) -> list[Item]:
    rows = [
        ("s1", "lovely sunny day here"),
        (None, "Lovely  sunny day here"),
        ("s3", "lovely sunny day here today"),
    ]
    return Item.objects.bulk_create(
        Item(project=project, external_id=pk, text=text, digest=digest(text)) for pk, text in rows
    )


@pytest.fixture
def found(copies: list[Item], api: Api, lea: User, work: Work) -> str:
    answer = api(lea).post(URL, {"threshold": 0.6})
    assert answer.status_code == 202, answer.json()
    job = answer.json()
    assert api(lea).get(job["result_url"]).status_code == 404
    work()
    return str(job["result_url"])


def test_the_report_has_the_fields_of_the_contract(found: str, api: Api, lea: User) -> None:
    report = api(lea).get(found).json()
    assert report["exact"] == {"pairs": 1, "clusters": 1}
    assert report["near"] == {"pairs": 2, "clusters": 1}
    assert report["semantic"]["pairs"] is None
    assert report["between"] == []
    assert report["divergence"] is None


def test_pairs_come_in_three_formats_with_external_ids(
    found: str, copies: list[Item], api: Api, lea: User
) -> None:
    client = api(lea)
    lines = [json.loads(line) for line in body(client.get(f"{found}pairs.jsonl")).splitlines()]
    assert {key: lines[0][key] for key in ("a", "b", "kind")} == {
        "a": "s1",
        "b": str(copies[1].pk),
        "kind": "exact",
    }
    assert [row["similarity"] for row in lines] == pytest.approx([1, 2 / 3, 2 / 3])
    table = list(csv.DictReader(io.StringIO(body(client.get(f"{found}pairs.csv")).decode())))
    frame = pd.read_parquet(io.BytesIO(body(client.get(f"{found}pairs.parquet"))))
    columns = ["a", "b", "kind", "similarity", "split_a", "split_b"]
    assert list(frame.columns) == list(table[0]) == list(lines[0]) == columns
    assert frame["b"].tolist() == [row["b"] for row in table] == [row["b"] for row in lines]
    assert client.get(f"{found}pairs.xls").status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        {"threshold": 0.4},
        {"threshold": 1.01},
        {"threshold": "much"},
        {"threshold": None},
        {"ngram": 0},
        {"ngram": 9},
        {"ngram": 2.5},
        {"split_set": 999},
        {"split_set": "a"},
        {"split_set": 2**70},
        {"embedding_threshold": 0.95},
    ],
)
def test_bad_requests_get_400(sent: dict[str, Any], project: Project, api: Api, lea: User) -> None:
    answer = api(lea).post(URL, sent)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_only_leads_look_for_copies(
    found: str, api: Api, lea: User, ada: User, ann: User, otto: User
) -> None:
    for user, status in ((ada, 403), (ann, 403), (otto, 404), (None, 401)):
        client = api(user)
        assert client.post(URL, {}).status_code == status
        assert client.get(found).status_code == status
        assert client.get(f"{found}pairs.csv").status_code == status


def test_the_same_request_joins_the_one_that_waits(copies: list[Item], api: Api, lea: User) -> None:
    first, second = api(lea).post(URL, {}).json(), api(lea).post(URL, {"threshold": 0.995, "ngram": 3}).json()
    assert first["id"] == second["id"]
    assert api(lea).post(URL, {"ngram": 4}).json()["id"] != first["id"]
