"""Split sets over REST: who may, what conflicts, and how files are pulled."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import Annotation, Annotator, Item, Job, Label, Project, User
from evaluation.models import Prediction

Api = Callable[[User | None], APIClient]
Work = Callable[[], list[Job]]
RECIPE = {"splits": {"train": 0.5, "test": 0.5}}


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


@pytest.fixture
def texts(project: Project) -> list[Item]:
    """40 texts with three answers each: two say good, one says bad; the first begins like a formula."""
    items = Item.objects.bulk_create(
        Item(
            project=project,
            external_id=f"t{n}",
            text=f"=1+{n} is sum {n * 17}" if n == 0 else f"text {n} and {n * 17}",
            digest=digest(f"text {n}"),
            meta={"n": n, "mixed": n if n % 2 else "odd", "source": "+web"},
        )
        for n in range(40)
    )
    round_ = project.rounds.get()
    labels = {label.name: label for label in Label.objects.filter(project=project)}
    people = [Annotator.objects.create(project=project, name=name) for name in ("p", "q", "r")]
    Annotation.objects.bulk_create(
        Annotation(round=round_, item=item, annotator=person, label=labels[label])
        for item in items
        for person, label in zip(people, ("good", "good", "bad"), strict=True)
    )
    return items


@pytest.fixture
def built(texts: list[Item], api: Api, lea: User, work: Work) -> str:
    """The address of a built split set."""
    answer = api(lea).post(
        "/api/v1/projects/weather/split-sets/", {"name": "first", "seed": 3, "recipe": RECIPE}
    )
    assert answer.status_code == 202, answer.json()
    work()
    job = api(lea).get(answer["Location"]).json()
    assert job["state"] == "done", job["error"]
    return str(job["result_url"])


def test_a_set_is_read_with_its_manifest_and_checks(built: str, api: Api, lea: User) -> None:
    answer = api(lea).get(built).json()
    assert answer["state"] == "ready"
    assert answer["version"] == 1
    manifest = answer["manifest"]
    assert manifest["seed"] == 3
    assert manifest["recipe"]["group"] == ["duplicates"]
    assert manifest["counts"] == {
        "train": {"items": 20, "labels": {"good": 20}},
        "test": {"items": 20, "labels": {"good": 20}},
    }
    assert manifest["excluded"] == []
    assert {"code", "state", "detail"} == set(answer["checks"][0])
    listed = api(lea).get("/api/v1/projects/weather/split-sets/").json()["results"]
    assert [(row["name"], row["state"], row["counts"]) for row in listed] == [
        ("first", "ready", manifest["counts"])
    ]


@pytest.mark.parametrize("path", ["", "files/train.csv"])
def test_only_leads_read_split_sets(
    path: str, built: str, api: Api, lea: User, ada: User, ann: User, otto: User
) -> None:
    assert [api(user).get(built + path).status_code for user in (lea, ada, ann, otto, None)] == [
        200,
        403,
        403,
        404,
        401,
    ]


def test_only_leads_change_split_sets(built: str, api: Api, ann: User, otto: User) -> None:
    for user, status in ((ann, 403), (otto, 404), (None, 401)):
        client = api(user)
        assert (
            client.post("/api/v1/projects/weather/split-sets/", {"name": "x", "recipe": RECIPE}).status_code
            == status
        )
        assert client.post(f"{built}freeze/").status_code == status
        assert client.delete(built).status_code == status


def test_a_frozen_set_answers_409_to_every_change(built: str, api: Api, lea: User) -> None:
    client = api(lea)
    frozen = client.post(f"{built}freeze/")
    assert (frozen.status_code, frozen.json()["state"]) == (200, "frozen")
    for answer in (
        client.post(f"{built}freeze/"),
        client.delete(built),
        client.patch(built, {"name": "other"}),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert client.get(built).json()["name"] == "first"


def test_a_set_that_is_not_frozen_can_be_renamed_and_deleted(built: str, api: Api, lea: User) -> None:
    client = api(lea)
    assert client.patch(built, {"name": "second"}).json()["name"] == "second"
    assert client.delete(built).status_code == 204
    assert client.get(built).status_code == 404
    assert client.get(f"{built}files/train.csv").status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"name": "x"},
        {"name": "", "recipe": RECIPE},
        {"name": "x", "recipe": []},
        {"name": "x", "recipe": "all"},
        {"name": "x", "recipe": {"splits": {"a": 0.5}}},
        {"name": "x", "recipe": RECIPE | {"hard": {"size": 5, "name": "hard"}}},
        {"name": "x", "recipe": RECIPE, "seed": -1},
        {"name": "x", "recipe": RECIPE, "seed": 2**63},
        {"name": "x", "recipe": RECIPE, "seed": "seven"},
    ],
)
def test_bad_requests_get_400(sent: dict[str, Any], project: Project, api: Api, lea: User) -> None:
    answer = api(lea).post("/api/v1/projects/weather/split-sets/", sent)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_files_have_etag_digest_and_answer_304(built: str, api: Api, lea: User) -> None:
    client = api(lea)
    manifest = client.get(built).json()["manifest"]
    for name, sha256 in manifest["files"].items():
        answer = client.get(f"{built}files/{name}", headers={"Accept": "text/x-unheard-of"})
        content = body(answer)
        assert hashlib.sha256(content).hexdigest() == sha256
        assert answer["ETag"] == f'"{sha256}"'
        assert answer["Digest"] == f"sha-256={base64.b64encode(bytes.fromhex(sha256)).decode()}"
        assert int(answer["Content-Length"]) == len(content)
        for known in (answer["ETag"], f'"x", {answer["ETag"]}', "*"):
            again = client.get(f"{built}files/{name}", headers={"If-None-Match": known})
            assert (again.status_code, body(again)) == (304, b"")
        assert client.get(f"{built}files/{name}", headers={"If-None-Match": '"x"'}).status_code == 200


def test_parts_of_parquet_files_can_be_asked_for(built: str, api: Api, lea: User) -> None:
    client, url = api(lea), f"{built}files/train.parquet"
    whole = body(client.get(url))
    size = len(whole)
    for asked, start, end in (
        ("0-9", 0, 10),
        ("10-", 10, size),
        ("-8", size - 8, size),
        (f"5-{size * 2}", 5, size),
    ):
        answer = client.get(url, headers={"Range": f"bytes={asked}"})
        assert answer.status_code == 206
        assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert body(answer) == whole[start:end]
    beyond = client.get(url, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{size}")
    for ignored in ("lines=0-1", "bytes=0-1,4-5", "bytes=9-3", "bytes=-", "nonsense"):
        assert client.get(url, headers={"Range": ignored}).status_code == 200
    changed = client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert changed.status_code == 200


def test_rows_are_the_same_in_every_format(built: str, texts: list[Item], api: Api, lea: User) -> None:
    client = api(lea)
    ids = set()
    for split in ("train", "test"):
        frame = pd.read_parquet(io.BytesIO(body(client.get(f"{built}files/{split}.parquet"))))
        lines = [json.loads(line) for line in body(client.get(f"{built}files/{split}.jsonl")).splitlines()]
        table = list(csv.DictReader(io.StringIO(body(client.get(f"{built}files/{split}.csv")).decode())))
        columns = ["id", "text", "label", "soft", "meta.mixed", "meta.n", "meta.source"]
        assert list(frame.columns) == list(lines[0]) == list(table[0]) == columns
        assert frame["id"].tolist() == [row["id"] for row in lines] == [row["id"] for row in table]
        assert frame["text"].tolist() == [row["text"] for row in lines]
        assert (
            frame["meta.n"].tolist()
            == [row["meta.n"] for row in lines]
            == [int(row["meta.n"]) for row in table]
        )
        for plain, row in zip(lines, table, strict=True):
            assert row["text"] == ("'" if plain["text"].startswith("=") else "") + plain["text"]
            assert row["meta.source"] == "'+web"
        ids |= set(frame["id"])
    assert ids == {item.external_id for item in texts}


def test_an_id_of_ours_that_another_text_came_with_is_told_apart(
    texts: list[Item], api: Api, lea: User, work: Work
) -> None:
    Item.objects.filter(pk=texts[1].pk).update(external_id=None)
    Item.objects.filter(pk=texts[2].pk).update(external_id=str(texts[1].pk))
    Item.objects.filter(pk=texts[3].pk).update(external_id=None)
    client = api(lea)
    asked = {"name": "first", "recipe": {"splits": {"test": 1.0}}}
    assert client.post("/api/v1/projects/weather/split-sets/", asked).status_code == 202
    url = client.get(f"/api/v1/jobs/{work()[-1].pk}/").json()["result_url"]
    lines = [json.loads(line) for line in body(client.get(f"{url}files/test.jsonl")).splitlines()]
    names = {line["text"]: line["id"] for line in lines}
    assert len(set(names.values())) == len(texts)
    assert [names[texts[at].text] for at in (1, 2, 3)] == [
        f"item-{texts[1].pk}",
        str(texts[1].pk),
        str(texts[3].pk),
    ]
    run = {"name": "r", "split_set": int(url.split("/")[-2]), "split": "test"}
    run_id = client.post("/api/v1/projects/weather/runs/", run).json()["id"]
    rows = [{"id": name, "label": "bad" if text == texts[1].text else "good"} for text, name in names.items()]
    told = client.post(f"/api/v1/runs/{run_id}/predictions/", rows).json()
    assert told == {"rows": 40, "predictions": 40, "split_items": 40}
    assert Prediction.objects.get(label__name="bad").item_id == texts[1].pk


def test_soft_and_annotator_labels(built: str, api: Api, lea: User) -> None:
    client = api(lea)
    soft = pd.read_parquet(io.BytesIO(body(client.get(f"{built}files/train.parquet?labels=soft"))))
    assert soft["soft"].iloc[0]["good"] == pytest.approx(2 / 3)
    assert soft["soft"].iloc[0]["bad"] == pytest.approx(1 / 3)
    lines = [
        json.loads(line)
        for line in body(client.get(f"{built}files/train.jsonl?labels=annotators")).splitlines()
    ]
    assert len(lines) == 60
    assert [(row["annotator"], row["label"]) for row in lines[:3]] == [
        ("p", "good"),
        ("q", "good"),
        ("r", "bad"),
    ]
    assert client.get(f"{built}files/train.csv?labels=fuzzy").status_code == 400
    assert client.get(f"{built}files/train.xlsx").status_code == 404
    assert client.get(f"{built}files/other.csv").status_code == 404


def test_answers_given_later_change_nothing(built: str, texts: list[Item], api: Api, lea: User) -> None:
    client = api(lea)
    before = [
        client.get(f"{built}files/train.csv?labels={kind}")["ETag"] for kind in ("hard", "soft", "annotators")
    ]
    bad = Label.objects.get(name="bad")
    Annotation.objects.filter(item__in=texts).update(label=bad)
    after = [
        body(client.get(f"{built}files/train.csv?labels={kind}")) for kind in ("hard", "soft", "annotators")
    ]
    assert [f'"{hashlib.sha256(content).hexdigest()}"' for content in after] == before


def test_lists_cost_the_same_for_more_sets(built: str, api: Api, lea: User, work: Work) -> None:
    client = api(lea)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get("/api/v1/projects/weather/split-sets/")
        return len(seen)

    before = queries()
    for _ in range(3):
        client.post("/api/v1/projects/weather/split-sets/", {"name": "more", "recipe": RECIPE})
    work()
    assert queries() == before
