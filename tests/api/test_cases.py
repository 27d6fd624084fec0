"""Cases over REST: opened, voted on blind, decided once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.models import AuditEntry, Flag, Item, Membership, Project, Role, User
from qc.models import Case
from qc.services.cases import open_cases
from tests.conftest import make_user
from tests.qc.conftest import Answer, answer

__all__ = ["answer"]

Api = Callable[[User | None], APIClient]


@pytest.fixture
def eve(project: Project) -> User:
    """A second adjudicator."""
    user = make_user("eve")
    Membership.objects.create(project=project, user=user, role=Role.ADJUDICATOR)
    return user


@pytest.fixture
def item(answer: Answer) -> Item:
    """A disputed text."""
    return answer("warm rain", ann="good", ben="bad")


def opened(client: APIClient, *items: Item, **more: Any) -> list[dict[str, Any]]:
    made = client.post("/api/v1/projects/weather/cases/", {"items": [item.pk for item in items], **more})
    assert made.status_code == 201, made.json()
    results: list[dict[str, Any]] = made.json()["results"]
    return results


def test_a_case_is_opened_voted_on_and_decided(item: Item, lea: User, ada: User, api: Api) -> None:
    [case] = opened(api(lea), item, source="disagreement", quorum=2)
    assert (case["item_id"], case["item"]["text"]) == (item.pk, "warm rain")
    assert (case["source"], case["quorum"], case["state"]) == ("disagreement", 2, "open")
    voted = api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad", "rationale": "rain is rain"})
    assert voted.status_code == 201
    assert voted.json()["state"] == "open"
    decided = api(lea).post(f"/api/v1/cases/{case['id']}/decision/", {"outcome": "label", "label": "bad"})
    assert decided.status_code == 201
    assert decided.json()["state"] == "decided"
    assert decided.json()["decision"]["label"] == "bad"
    assert decided.json()["decision"]["decided_by"] == "lea"
    listed = api(ada).get("/api/v1/projects/weather/cases/?state=decided").json()
    assert [row["id"] for row in listed["results"]] == [case["id"]]
    assert AuditEntry.objects.filter(action="decide case", user=lea).exists()


def test_items_with_an_open_case_are_skipped(item: Item, answer: Answer, lea: User, api: Api) -> None:
    opened(api(lea), item)
    again = (
        api(lea)
        .post("/api/v1/projects/weather/cases/", {"items": [item.pk, answer("new").pk, item.pk]})
        .json()
    )
    assert (again["opened"], again["skipped"]) == (1, 1)
    assert Case.objects.filter(item=item).count() == 1


def test_a_panel_is_blind_until_one_has_voted(item: Item, lea: User, ada: User, eve: User, api: Api) -> None:
    [case] = opened(api(lea), item, quorum=3)
    api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad", "rationale": "a secret reason"})
    blind = api(eve).get(f"/api/v1/cases/{case['id']}/")
    assert blind.json()["votes"] is None
    assert blind.json()["votes_cast"] == 1
    assert [a["label"] for a in blind.json()["answers"]] == ["good", "bad"]
    assert b"secret" not in blind.content
    assert not any(a["annotator"] for a in blind.json()["answers"])
    listed = api(eve).get("/api/v1/projects/weather/cases/")
    assert b"secret" not in listed.content
    after = api(eve).post(f"/api/v1/cases/{case['id']}/votes/", {"hard": True})
    assert [(v["username"], v["outcome"], v["label"]) for v in after.json()["votes"]] == [
        ("ada", "label", "bad"),
        ("eve", "hard", None),
    ]
    assert not any(a["annotator"] for a in after.json()["answers"])


def test_names_of_annotators_show_to_leads_once_decided(item: Item, lea: User, ada: User, api: Api) -> None:
    [case] = opened(api(lea), item)
    assert not any(a["annotator"] for a in api(lea).get(f"/api/v1/cases/{case['id']}/").json()["answers"])
    api(ada).post(f"/api/v1/cases/{case['id']}/decision/", {"outcome": "hard"})
    seen = api(lea).get(f"/api/v1/cases/{case['id']}/").json()
    assert [a["annotator"] for a in seen["answers"]] == ["ann", "ben"]
    assert not any(a["annotator"] for a in api(ada).get(f"/api/v1/cases/{case['id']}/").json()["answers"])


def test_nobody_votes_twice(item: Item, lea: User, ada: User, api: Api) -> None:
    [case] = opened(api(lea), item, quorum=2)
    assert api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad"}).status_code == 201
    twice = api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "good"})
    assert twice.status_code == 409
    assert "voted" in twice.json()["detail"]


def test_the_vote_that_fills_the_quorum_decides_if_more_than_half_agree(
    item: Item, lea: User, ada: User, eve: User, api: Api
) -> None:
    [case] = opened(api(lea), item, quorum=3)
    api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad", "rationale": "rain"})
    second = api(eve).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad", "rationale": "wet"})
    assert second.json()["state"] == "open"
    third = api(lea).post(f"/api/v1/cases/{case['id']}/votes/", {"exclude": True, "meta_label": "noisy"})
    assert third.json()["state"] == "decided"
    decision = third.json()["decision"]
    assert (decision["label"], decision["by_votes"], decision["rationale"]) == ("bad", True, "rain\nwet")


def test_a_tie_stays_open_for_somebody_to_decide(
    item: Item, lea: User, ada: User, eve: User, api: Api
) -> None:
    [case] = opened(api(lea), item, quorum=2)
    api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad"})
    tied = api(eve).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "good"})
    assert tied.json()["state"] == "open"
    decided = api(lea).post(f"/api/v1/cases/{case['id']}/decision/", {"outcome": "label", "label": "good"})
    assert decided.json()["decision"]["by_votes"] is False


def test_what_votes_decided_can_be_confirmed_but_not_contradicted(
    item: Item, lea: User, ada: User, api: Api
) -> None:
    [case] = opened(api(lea), item)
    path = f"/api/v1/cases/{case['id']}/decision/"
    assert api(ada).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "bad"}).json()["state"] == "decided"
    assert api(lea).post(path, {"outcome": "label", "label": "good"}).status_code == 409
    confirmed = api(lea).post(path, {"outcome": "label", "label": "bad"})
    assert confirmed.status_code == 201
    assert confirmed.json()["decision"]["by_votes"] is False
    assert api(lea).post(path, {"outcome": "label", "label": "bad"}).status_code == 409
    assert Case.objects.get().decisions.count() == 1


def test_a_decided_case_takes_neither_votes_nor_decisions(item: Item, lea: User, ada: User, api: Api) -> None:
    [case] = opened(api(lea), item)
    decision = {"outcome": "exclude", "meta_label": "unsolvable"}
    assert api(ada).post(f"/api/v1/cases/{case['id']}/decision/", decision).status_code == 201
    assert api(ada).post(f"/api/v1/cases/{case['id']}/decision/", decision).status_code == 409
    assert api(lea).post(f"/api/v1/cases/{case['id']}/votes/", {"label": "good"}).status_code == 409


def test_a_decision_resolves_the_open_flags(item: Item, lea: User, ada: User, ann: User, api: Api) -> None:
    Flag.objects.create(item=item, user=ann, kind="ambiguous")
    [case] = opened(api(lea), item, source="flag")
    api(ada).post(f"/api/v1/cases/{case['id']}/decision/", {"outcome": "label", "label": "good"})
    assert not Flag.objects.filter(resolved__isnull=True).exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "label"}, "label"),
        ({"outcome": "label", "label": "rainy"}, "label"),
        ({"outcome": "hard", "label": "good"}, "label"),
        ({"outcome": "exclude"}, "meta_label"),
        ({"outcome": "exclude", "meta_label": "boring"}, "meta_label"),
        ({"outcome": "guideline"}, "rationale"),
        ({"outcome": "maybe"}, "outcome"),
        ({}, "outcome"),
        ({"outcome": "hard", "rationale": "nul\x00"}, "rationale"),
    ],
)
def test_a_decision_says_what_is_missing(
    item: Item, lea: User, api: Api, body: dict[str, str], field: str
) -> None:
    [case] = opened(api(lea), item)
    refused = api(lea).post(f"/api/v1/cases/{case['id']}/decision/", body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == field
    assert Case.objects.get().state == "open"


@pytest.mark.parametrize("body", [{}, {"label": "good", "hard": True}, {"outcome": "hard", "exclude": True}])
def test_a_vote_is_for_exactly_one_outcome(item: Item, lea: User, api: Api, body: dict[str, Any]) -> None:
    [case] = opened(api(lea), item)
    assert api(lea).post(f"/api/v1/cases/{case['id']}/votes/", body).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": []},
        {"items": ["x"]},
        {"items": [999_999_999]},
        {"items": [10**30]},
        {"items": 3},
        {"items": [1], "source": "mood"},
        {"items": [1], "quorum": 0},
    ],
)
def test_what_cannot_be_a_case_is_refused(
    project: Project, lea: User, api: Api, body: dict[str, Any]
) -> None:
    refused = api(lea).post("/api/v1/projects/weather/cases/", body)
    assert refused.status_code == 400
    assert refused.json()["detail"]


def test_items_of_another_project_are_not_there(project: Project, otto: User, item: Item, api: Api) -> None:
    made = api(otto).post(
        "/api/v1/projects/", {"slug": "other", "name": "Other", "labels": [{"name": "a"}, {"name": "b"}]}
    )
    assert made.status_code == 201
    assert api(otto).post("/api/v1/projects/other/cases/", {"items": [item.pk]}).status_code == 400


def test_cases_are_for_adjudicators(item: Item, lea: User, ann: User, otto: User, api: Api) -> None:
    [case] = opened(api(lea), item)
    paths = ["projects/weather/cases/", f"cases/{case['id']}/"]
    posts = ["projects/weather/cases/", f"cases/{case['id']}/votes/", f"cases/{case['id']}/decision/"]
    for user, code in [(ann, 403), (otto, 404), (None, 401)]:
        assert {api(user).get(f"/api/v1/{path}").status_code for path in paths} == {code}
        assert {api(user).post(f"/api/v1/{path}", {}).status_code for path in posts} == {code}


def test_the_list_takes_no_more_statements_with_more_cases(
    project: Project, answer: Answer, lea: User, ada: User, api: Api
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api(ada).get("/api/v1/projects/weather/cases/").status_code == 200
        return len(captured)

    def more(n: int) -> None:
        for _ in range(n):
            text = answer(f"text {Item.objects.count()}", ann="good", ben="bad")
            [case] = open_cases(project, lea, [text.pk], quorum=2)
            api(ada).post(f"/api/v1/cases/{case.pk}/votes/", {"label": "bad"})

    more(3)
    few = statements()
    more(6)
    assert statements() == few
