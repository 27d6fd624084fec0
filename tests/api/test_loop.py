"""The whole loop over REST, on real data: import, agreement, cases, leakage, split set, pull, run, report."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.pipeline import make_pipeline

from annotation.models import Job, User

Api = Callable[[User | None], APIClient]
Work = Callable[[], list[Job]]


def body(answer: Any) -> bytes:
    """A response's bytes, streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def finish(client: APIClient, answer: Any, work: Work) -> dict[str, Any]:
    """Follows a 202 to its result."""
    assert answer.status_code == 202, answer.json()
    assert answer["Location"] == f"/api/v1/jobs/{answer.json()['id']}/"
    work()
    job = client.get(answer["Location"]).json()
    assert job["state"] == "done", job["error"]
    return dict(client.get(job["result_url"]).json())


def send_file(client: APIClient, slug: str, path: Path, work: Work, **fields: Any) -> dict[str, Any]:
    """Imports a file; the import as REST tells it."""
    sent: dict[str, Any] = {"file": SimpleUploadedFile(path.name, path.read_bytes())}
    sent |= {name: json.dumps(value) if isinstance(value, dict) else value for name, value in fields.items()}
    return finish(client, client.post(f"/api/v1/projects/{slug}/imports/", sent, format="multipart"), work)


def test_weather_sentiment_from_import_to_decision(
    api: Api, otto: User, work: Work, shared_data: Path
) -> None:
    folder, client = shared_data / "weather_sentiment", api(otto)
    labels = ["negative", "neutral", "positive", "unrelated", "cant_tell"]
    made = client.post(
        "/api/v1/projects/",
        {"slug": "tweets", "name": "Tweets", "labels": [{"name": name} for name in labels]},
    )
    assert made.status_code == 201

    items = send_file(
        client, "tweets", folder / "items.csv", work, mapping={"id": "id", "text": "text"}, duplicates="keep"
    )
    assert (items["rows"], items["imported"], items["duplicates"], items["rejected"]) == (1000, 1000, 0, 0)
    answers = send_file(
        client,
        "tweets",
        folder / "annotations.csv",
        work,
        kind="annotations",
        mapping={"id": "item_id", "annotator": "annotator_id", "label": "label"},
    )
    assert (answers["rows"], answers["imported"]) == (20000, 20000)

    assert client.get("/api/v1/projects/tweets/agreement/").status_code == 404
    agreement = finish(client, client.post("/api/v1/projects/tweets/agreement/", {"round": None}), work)
    assert agreement["alpha"]["value"] == pytest.approx(0.2886074942, abs=1e-6)
    assert agreement["alpha"]["low"] < 0.2886 < agreement["alpha"]["high"]
    assert agreement["percent_agreement"] == pytest.approx(0.4525, abs=5e-5)
    assert (agreement["items"], agreement["annotators"], agreement["annotations"]) == (1000, 102, 20000)

    resolved = [
        json.loads(line)
        for line in body(client.get("/api/v1/projects/tweets/labels/resolved.jsonl")).splitlines()
    ]
    assert len(resolved) == 1000
    truth = pd.read_csv(folder / "items.csv", dtype=str).set_index("id")["truth"]
    untied = [row for row in resolved if not row["tie"]]
    assert len(resolved) - len(untied) == 31
    right = sum(row["label"] == truth[row["external_id"]] for row in untied)
    assert right / len(untied) == pytest.approx(0.9866, abs=5e-5)

    disputed = [row["item_id"] for row in agreement["disputed_items"][:5]]
    opened = client.post(
        "/api/v1/projects/tweets/cases/", {"items": disputed, "source": "disagreement", "quorum": 1}
    )
    assert opened.status_code == 201
    case = client.get("/api/v1/projects/tweets/cases/").json()["results"][0]
    decided = client.post(
        f"/api/v1/cases/{case['id']}/decision/",
        {"outcome": "label", "label": "neutral", "rationale": "No feeling."},
    )
    assert decided.status_code in (200, 201)
    again = client.post(f"/api/v1/cases/{case['id']}/decision/", {"outcome": "hard"})
    assert again.status_code == 409
    after = csv.DictReader(
        io.StringIO(body(client.get("/api/v1/projects/tweets/labels/resolved.csv")).decode())
    )
    adjudicated = [row for row in after if row["source"] == "adjudicated"]
    assert [(row["label"], int(row["item_id"])) for row in adjudicated] == [("neutral", case["item_id"])]


@pytest.fixture
def banking(api: Api, otto: User, work: Work, shared_data: Path) -> APIClient:
    """A project with all of banking77, duplicates kept."""
    folder, client = shared_data / "banking77", api(otto)
    names = sorted(pd.read_csv(folder / "items.csv")["label"].unique())
    client.post(
        "/api/v1/projects/", {"slug": "bank", "name": "Bank", "labels": [{"name": name} for name in names]}
    )
    items = send_file(
        client,
        "bank",
        folder / "items.csv",
        work,
        duplicates="keep",
        mapping={"id": "id", "text": "text", "label": "label"},
    )
    assert (items["rows"], items["imported"], items["rejected"]) == (13083, 13083, 0)
    return client


def pairs_of(client: APIClient, report: dict[str, Any], url: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body(client.get(f"{url}pairs.jsonl")).splitlines()]


def test_banking77_leaks_what_its_reference_says(banking: APIClient, work: Work, shared_data: Path) -> None:
    started = banking.post(
        "/api/v1/projects/bank/leakage/", {"split_set": None, "threshold": 0.7, "ngram": 3}
    )
    report = finish(banking, started, work)
    url = banking.get(started["Location"]).json()["result_url"]
    assert report["exact"]["pairs"] == 12
    expected = pd.read_csv(shared_data / "banking77" / "near_pairs_3gram.csv")
    found = [row for row in pairs_of(banking, report, url) if row["kind"] == "near"]
    assert {frozenset((row["a"], row["b"])) for row in found} == {
        frozenset(pair) for pair in zip(expected["a"], expected["b"], strict=True)
    }
    assert report["near"]["pairs"] == len(expected) == 234


def test_banking77_between_train_and_test_and_on_to_a_report(
    banking: APIClient, work: Work, shared_data: Path
) -> None:
    recipe = {
        "splits": {"train": 1.0},
        "stratify": ["label"],
        "group": [],
        "hold_out": [{"field": "split", "values": ["test"], "name": "test"}],
    }
    as_published = finish(
        banking,
        banking.post("/api/v1/projects/bank/split-sets/", {"name": "published", "seed": 0, "recipe": recipe}),
        work,
    )
    counts = as_published["manifest"]["counts"]
    assert {name: counts[name]["items"] for name in counts} == {"train": 10003, "test": 3080}
    leakage = finish(
        banking,
        banking.post("/api/v1/projects/bank/leakage/", {"split_set": as_published["id"], "threshold": 0.7}),
        work,
    )
    (between,) = leakage["between"]
    assert {between["a"], between["b"]} == {"train", "test"}
    assert (between["exact"], between["near"]) == (7, 94)

    recipe = {"splits": {"train": 0.8, "test": 0.2}, "stratify": ["label"], "group": ["duplicates"]}
    built = finish(
        banking,
        banking.post("/api/v1/projects/bank/split-sets/", {"name": "ours", "seed": 7, "recipe": recipe}),
        work,
    )
    url = f"/api/v1/split-sets/{built['id']}/"
    assert banking.post(f"{url}freeze/").status_code == 200
    assert banking.post(f"{url}freeze/").status_code == 409
    assert banking.delete(url).status_code == 409
    manifest = banking.get(url).json()["manifest"]

    frames = {}
    for name in ("train", "test"):
        pulled = banking.get(f"{url}files/{name}.parquet")
        content = body(pulled)
        digest = hashlib.sha256(content)
        assert digest.hexdigest() == manifest["files"][f"{name}.parquet"]
        assert pulled["Digest"] == f"sha-256={base64.b64encode(digest.digest()).decode()}"
        unchanged = banking.get(f"{url}files/{name}.parquet", headers={"if-none-match": pulled["ETag"]})
        assert unchanged.status_code == 304
        frames[name] = pd.read_parquet(io.BytesIO(content))
    train, test = frames["train"], frames["test"]
    assert len(train) + len(test) == 13083
    assert not set(train["text"].str.lower().str.split().str.join(" ")) & set(
        test["text"].str.lower().str.split().str.join(" ")
    )

    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=200, C=4))
    model.fit(train["text"], train["label"])
    predicted = model.predict(test["text"])
    probabilities = model.predict_proba(test["text"])
    run = banking.post(
        "/api/v1/projects/bank/runs/",
        {
            "name": "tfidf",
            "split_set": built["id"],
            "split": "test",
            "params": {"C": 4},
            "tags": ["baseline"],
        },
    ).json()
    rows = [
        {"id": i, "label": y, "probabilities": dict(zip(model.classes_, map(float, p), strict=True))}
        for i, y, p in zip(test["id"], predicted, probabilities, strict=True)
    ]
    half = len(rows) // 2
    for part in (rows[:half], rows[half:]):
        assert banking.post(f"/api/v1/runs/{run['id']}/predictions/", part).status_code == 200
    report = finish(banking, banking.post(f"/api/v1/runs/{run['id']}/report/"), work)

    assert (report["n"], report["missing"]) == (len(test), 0)
    names = [row["label"] for row in report["per_class"]]
    precision, recall, f1, support = precision_recall_fscore_support(
        test["label"], predicted, labels=names, zero_division=0
    )
    for at, row in enumerate(report["per_class"]):
        assert row["support"] == support[at]
        assert row["recall"]["value"] == pytest.approx(recall[at])
        assert (row["precision"]["value"] or 0) == pytest.approx(precision[at])
        assert (row["f1"]["value"] or 0) == pytest.approx(f1[at])
        assert row["recall"]["low"] <= row["recall"]["value"] <= row["recall"]["high"]
    macro = precision_recall_fscore_support(test["label"], predicted, average="macro", zero_division=0)
    assert report["macro"]["f1"]["value"] == pytest.approx(macro[2])
    assert report["confusion"]["labels"] == names
    assert report["confusion"]["matrix"] == confusion_matrix(test["label"], predicted, labels=names).tolist()
    assert 0 < report["calibration"]["ece"] < 1

    wrong = int((test["label"] != predicted).sum())
    listed = banking.get(f"/api/v1/runs/{run['id']}/errors/?limit=1000").json()
    assert len(listed["results"]) == wrong
