"""Agreement over REST, on real answers and on too few."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.models import Annotation, Annotator, Job, Project, User
from annotation.services.rounds import create_round
from tests.qc.conftest import Answer, answer, weather

__all__ = ["answer", "weather"]

Api = Callable[[User | None], APIClient]
Work = Callable[[], list[Job]]


def computed(client: APIClient, project: Project, work: Work, **body: Any) -> dict[str, Any]:
    accepted = client.post(f"/api/v1/projects/{project.slug}/agreement/", body)
    assert accepted.status_code == 202, accepted.json()
    assert accepted.headers["Location"].endswith(f"/api/v1/jobs/{accepted.json()['id']}/")
    [job] = work()
    assert job.state == "done", job.error
    shown: dict[str, Any] = client.get(job.result_url).json()
    return shown


def test_real_answers_give_the_published_figures(
    weather: Project, lea: User, api: Api, work: Work, shared_data: Path
) -> None:
    found = computed(api(lea), weather, work, round=None)
    assert found["alpha"]["value"] == pytest.approx(0.2886074942, abs=1e-6)
    assert found["alpha"]["low"] < 0.2886 < found["alpha"]["high"]
    assert found["alpha"]["n"] == 1000
    assert found["percent_agreement"] == pytest.approx(0.4525, abs=5e-5)
    assert (found["items"], found["annotators"], found["annotations"]) == (1000, 102, 20000)
    assert found["metric"] == "nominal"
    assert found["spans"] is None
    assert found["newer"] == 0
    assert {row["label"]: row["n"] for row in found["per_label"]} == {
        "neutral": 5371,
        "negative": 4986,
        "positive": 4953,
        "unrelated": 3553,
        "cant_tell": 1137,
    }


def test_pairs_confusions_and_people_equal_a_plain_count(
    weather: Project, lea: User, api: Api, work: Work, shared_data: Path
) -> None:
    found = computed(api(lea), weather, work)
    given: dict[str, dict[str, str]] = defaultdict(dict)
    with (shared_data / "weather_sentiment" / "annotations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            given[row["item_id"]][row["annotator_id"]] = row["label"]
    confused: Counter[frozenset[str]] = Counter()
    texts: Counter[frozenset[str]] = Counter()
    for answers in given.values():
        confused.update(frozenset(p) for p in combinations(answers.values(), 2) if p[0] != p[1])
        texts.update(frozenset(p) for p in combinations(sorted(set(answers.values())), 2))
    assert {frozenset((r["a"], r["b"])): (r["n"], r["texts"]) for r in found["confused_labels"]} == {
        pair: (n, texts[pair]) for pair, n in confused.items()
    }
    pair = found["pairs"][0]
    shared = [a for a in given.values() if pair["a"] in a and pair["b"] in a]
    assert pair["items"] == len(shared)
    assert pair["agreement"] == pytest.approx(sum(a[pair["a"]] == a[pair["b"]] for a in shared) / len(shared))
    person = found["annotator_reports"][0]
    assert person["annotations"] == sum(person["username"] in a for a in given.values())
    assert person["state"] == "imported"
    assert person["median_seconds"] is None
    assert person["gold"] == {
        "n": 0,
        "accuracy": None,
        "low": None,
        "high": None,
        "reason": "no gold answers yet",
    }
    assert person["consistency"]["n"] == 0
    entropies = [row["entropy"] for row in found["disputed_items"]]
    assert entropies == sorted(entropies, reverse=True)


def test_before_it_is_computed_there_is_nothing(project: Project, lea: User, api: Api) -> None:
    answer = api(lea).get("/api/v1/projects/weather/agreement/")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "not computed yet"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([], "overlap"),
        ([{"a": "good"}, {"b": "bad"}], "overlap"),
        ([{"a": "good", "b": "good"}, {"a": "good", "b": "good"}], "only one label"),
    ],
)
def test_what_is_undefined_is_null_with_its_reason(
    project: Project,
    lea: User,
    api: Api,
    work: Work,
    answer: Answer,
    answers: list[dict[str, str]],
    reason: str,
) -> None:
    for at, given in enumerate(answers):
        answer(f"text {at}", **given)
    found = computed(api(lea), project, work)
    assert found["alpha"]["value"] is None
    assert reason in found["alpha"]["reason"]


def test_a_round_has_its_own_report(
    project: Project, lea: User, api: Api, work: Work, answer: Answer
) -> None:
    answer("one", a="good", b="good")
    answer("two", a="bad", b="bad")
    answer("three", into=create_round(project, lea, name="pilot", kind="pilot"), a="good", b="bad")
    whole = computed(api(lea), project, work)
    pilot = computed(api(lea), project, work, round="pilot")
    assert (whole["items"], whole["round"]) == (3, None)
    assert (pilot["items"], pilot["round"], pilot["percent_agreement"]) == (1, "pilot", 0)
    assert api(lea).get("/api/v1/projects/weather/agreement/").json()["items"] == 3
    unknown = api(lea).post("/api/v1/projects/weather/agreement/", {"round": "nowhere"})
    assert unknown.status_code == 400
    assert "nowhere" in unknown.json()["detail"]


def test_answers_given_or_revised_later_make_it_out_of_date(
    project: Project, lea: User, api: Api, work: Work, answer: Answer
) -> None:
    item = answer("one", a="good", b="good")
    answer("two", a="bad", b="bad")
    assert computed(api(lea), project, work)["newer"] == 0
    answer("", item=item, c="bad")
    first = Annotation.objects.earliest("id")
    first.versions.create(label=first.label)
    assert api(lea).get("/api/v1/projects/weather/agreement/").json()["newer"] == 2
    assert computed(api(lea), project, work)["newer"] == 0


def test_only_leads_see_agreement(project: Project, ann: User, ada: User, otto: User, api: Api) -> None:
    for user, code in [(ann, 403), (ada, 403), (otto, 404), (None, 401)]:
        for method in ("get", "post"):
            answer = getattr(api(user), method)("/api/v1/projects/weather/agreement/")
            assert answer.status_code == code


def test_identical_requests_join(project: Project, lea: User, api: Api) -> None:
    made = [api(lea).post("/api/v1/projects/weather/agreement/", {}).json()["id"] for _ in range(2)]
    assert made[0] == made[1]


def test_the_job_and_its_result_take_no_more_statements_with_more_answers(
    project: Project, lea: User, api: Api, work: Work, answer: Answer
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            computed(api(lea), project, work)
        return len(captured)

    for at in range(5):
        answer(f"text {at}", a="good", b="bad")
    statements()
    few = statements()
    for at in range(5, 25):
        answer(f"text {at}", a="good", b="bad", **{f"person{at}": "neither"})
    assert Annotator.objects.count() > 20
    assert statements() == few


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_resolved_labels_are_pulled_in_three_formats(
    project: Project, lea: User, api: Api, answer: Answer, form: str, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    answer("=1+1", a="good", b="good", c="bad")
    answer("tied", a="good", b="bad")
    response = api(lea).get(f"/api/v1/projects/weather/labels/resolved.{form}", HTTP_ACCEPT="text/csv")
    assert response.status_code == 200
    file = tmp_path / f"resolved.{form}"
    file.write_bytes(b"".join(response))
    read = {
        "jsonl": lambda f: pandas.read_json(f, lines=True),
        "csv": pandas.read_csv,
        "parquet": pandas.read_parquet,
    }
    frame = read[form](file)
    assert list(frame.columns[:8]) == [
        *["item_id", "external_id", "label", "confidence", "distribution", "source", "n", "tie"]
    ]
    assert frame["external_id"].tolist() == ["'=1+1" if form == "csv" else "=1+1", "tied"]
    assert frame["label"][0] == "good"
    assert pandas.isna(frame["label"][1])
    assert frame["tie"].tolist() == [False, True]
    if form == "parquet":
        assert dict(frame["distribution"][0]) == {"good": pytest.approx(2 / 3), "bad": pytest.approx(1 / 3)}


def test_resolved_labels_refuse_what_is_not_offered(
    project: Project, lea: User, ann: User, otto: User, api: Api
) -> None:
    refused = api(lea).get("/api/v1/projects/weather/labels/resolved.jsonl?method=wisdom")
    assert refused.status_code == 400
    assert "majority" in refused.json()["detail"]
    assert api(lea).get("/api/v1/projects/weather/labels/resolved.xlsx").status_code == 404
    assert api(ann).get("/api/v1/projects/weather/labels/resolved.jsonl").status_code == 403
    assert api(otto).get("/api/v1/projects/weather/labels/resolved.jsonl").status_code == 404
