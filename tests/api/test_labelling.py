"""Labelling over REST: the fields of the contract, who may, and what bad input gets."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    Assignment,
    AuditEntry,
    Flag,
    Item,
    Membership,
    Project,
    Round,
    User,
)
from tests.annotation.labelling_steps import fill

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
NEXT = "/api/v1/projects/weather/next/"


def take(client: APIClient, count: int = 1) -> list[dict[str, Any]]:
    return list(client.post(NEXT, {"count": count}).json()["assignments"])


def answer(client: APIClient, assignment: dict[str, Any], **body: Any) -> Any:
    body = {"key": str(uuid.uuid4()), "label": "good"} | body
    return client.post(f"/api/v1/assignments/{assignment['id']}/answer/", body)


class TestNext:
    def test_it_has_the_fields_of_the_contract(self, project: Project, ann: User, api: Api) -> None:
        fill(project, 3)
        given = api(ann).post(NEXT, {"count": 2}).json()
        assert [a["item"]["text"] for a in given["assignments"]] == ["text 0", "text 1"]
        assert given["assignments"][0]["item"].keys() == {"id", "text", "meta"}
        assert given["assignments"][0]["item"]["meta"] == {"k": 0}
        assert given["assignments"][0]["expires"].endswith("Z")
        assert given["progress"] == {"mine": 0, "round_done": 0, "round_total": 3}
        assert given["sitting"] == {"minutes": 0.0, "limit": None}
        assert "reason" not in given

    def test_without_a_body_it_is_one(self, project: Project, ann: User, api: Api) -> None:
        fill(project, 3)
        assert len(api(ann).post(NEXT).json()["assignments"]) == 1

    def test_nothing_left_has_a_reason(self, project: Project, ann: User, api: Api) -> None:
        given = api(ann).post(NEXT).json()
        assert (given["assignments"], given["reason"]) == ([], "done")

    def test_paused_removed_and_outsiders(self, project: Project, ann: User, otto: User, api: Api) -> None:
        fill(project, 1)
        assert api(otto).post(NEXT).status_code == 404
        assert not Annotator.objects.filter(user=otto).exists()
        assert api(None).post(NEXT).status_code == 401
        Membership.objects.filter(user=ann).update(state="paused")
        assert api(ann).post(NEXT).json()["reason"] == "paused"
        Membership.objects.filter(user=ann).update(state="removed")
        assert api(ann).post(NEXT).status_code == 404

    @pytest.mark.parametrize("body", [{"count": 0}, {"count": 1000}, {"count": "x"}, {"count": None}, [1]])
    def test_bad_counts_are_named(self, project: Project, ann: User, api: Api, body: Any) -> None:
        assert api(ann).post(NEXT, body).status_code == 400


class TestAnswer:
    def test_stored_and_sent_again(self, project: Project, ann: User, api: Api) -> None:
        fill(project, 1)
        client = api(ann)
        assignment = take(client)[0]
        key = str(uuid.uuid4())
        first = answer(client, assignment, key=key, seconds=2.5, comment="so it seems", difficulty=2)
        assert first.status_code == 201
        stored = Annotation.objects.get()
        assert first.json()["id"] == stored.pk
        assert first.json()["item_id"] == assignment["item"]["id"]
        assert (first.json()["label"], first.json()["guideline_version"]) == ("good", 1)
        again = answer(client, assignment, key=key)
        assert (again.status_code, again.json()["id"]) == (200, stored.pk)
        assert answer(client, assignment).status_code == 409
        assert Annotation.objects.count() == 1

    def test_another_persons_assignment_is_not_there(
        self, project: Project, ann: User, ben: User, olga: User, otto: User, api: Api
    ) -> None:
        fill(project, 1)
        assignment = take(api(ann))[0]
        for other in (ben, olga, otto):
            assert answer(api(other), assignment).status_code == 404
            assert api(other).post(f"/api/v1/assignments/{assignment['id']}/skip/").status_code == 404
        assert not Annotation.objects.exists()

    def test_a_paused_member_is_refused_and_keeps_the_text(
        self, project: Project, ann: User, api: Api
    ) -> None:
        fill(project, 1)
        client = api(ann)
        assignment = take(client)[0]
        Membership.objects.filter(user=ann).update(state="paused")
        assert answer(client, assignment).status_code == 403
        Membership.objects.filter(user=ann).update(state="active")
        assert answer(client, assignment).status_code == 201

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("label", "no such label"),
            ("label", None),
            ("label", ""),
            ("label", ["good"]),
            ("label", "good\x00"),
            ("key", "not a uuid"),
            ("key", None),
            ("key", 10**60),
            ("seconds", -1),
            ("seconds", "1e999"),
            ("difficulty", 0),
            ("difficulty", 6),
            ("difficulty", 2.5),
            ("comment", "x" * 10_000_000),
            ("comment", "a\x00b"),
            ("comment", {"a": 1}),
        ],
    )
    def test_bad_input_is_named(self, project: Project, ann: User, api: Api, field: str, value: Any) -> None:
        fill(project, 1)
        client = api(ann)
        refused = answer(client, take(client)[0], **{field: value})
        assert refused.status_code == 400
        assert [error["field"] for error in refused.json()["errors"]] == [field]
        assert not Annotation.objects.exists()

    def test_half_a_surrogate_is_refused(self, project: Project, ann: User, api: Api) -> None:
        fill(project, 1)
        client = api(ann)
        body = f'{{"key": "{uuid.uuid4()}", "label": "good", "comment": "\\ud800"}}'
        path = f"/api/v1/assignments/{take(client)[0]['id']}/answer/"
        assert client.post(path, body, content_type="application/json").status_code == 400

    def test_a_closed_round_conflicts(self, project: Project, ann: User, api: Api) -> None:
        fill(project, 2)
        client = api(ann)
        first, second = take(client, 2)
        made = answer(client, first).json()
        Round.objects.update(state="closed")
        refused = answer(client, second)
        assert refused.status_code == 409
        assert "closed" in refused.json()["detail"]
        assert client.post(f"/api/v1/assignments/{second['id']}/skip/").status_code == 409
        assert client.patch(f"/api/v1/annotations/{made['id']}/", {"label": "bad"}).status_code == 409

    def test_a_late_answer_to_a_text_that_others_hold_conflicts(
        self, project: Project, ann: User, ben: User, api: Api
    ) -> None:
        fill(project, 1, overlap=1)
        late, other = api(ann), api(ben)
        held = take(late)[0]
        Assignment.objects.update(expires=timezone.now() - timedelta(minutes=1))
        theirs = take(other)[0]
        refused = answer(late, held)
        assert (refused.status_code, "ran out" in refused.json()["detail"]) == (409, True)
        assert answer(other, theirs).status_code == 201
        assert answer(late, held).status_code == 409
        assert Annotation.objects.count() == 1

    @pytest.mark.parametrize("pk", [0, 999_999, 2**63, 2**70])
    def test_unknown_assignments_are_not_there(self, project: Project, ann: User, api: Api, pk: int) -> None:
        assert answer(api(ann), {"id": pk}).status_code == 404


class TestSkip:
    def test_it_goes_to_others(self, project: Project, ann: User, ben: User, api: Api) -> None:
        fill(project, 1)
        client = api(ann)
        path = f"/api/v1/assignments/{take(client)[0]['id']}/skip/"
        assert client.post(path, {"reason": "in Dutch"}).status_code == 200
        assert client.post(path, {"reason": "in Dutch"}).status_code == 200
        assert take(client) == []
        assert len(take(api(ben))) == 1

    def test_a_long_reason_is_refused(self, project: Project, ann: User, api: Api) -> None:
        fill(project, 1)
        client = api(ann)
        path = f"/api/v1/assignments/{take(client)[0]['id']}/skip/"
        assert client.post(path, {"reason": "x" * 501}).status_code == 400


class TestRevise:
    def test_ones_own_answer_only(self, project: Project, ann: User, ben: User, olga: User, api: Api) -> None:
        fill(project, 1)
        client = api(ann)
        path = f"/api/v1/annotations/{answer(client, take(client)[0]).json()['id']}/"
        for other in (ben, olga):
            assert api(other).patch(path, {"label": "bad"}).status_code == 404
        revised = client.patch(path, {"label": "bad", "difficulty": 5})
        assert (revised.status_code, revised.json()["label"], revised.json()["difficulty"]) == (200, "bad", 5)
        assert AnnotationVersion.objects.get().label_name == "good"
        assert client.patch(path, {"label": "no such label"}).status_code == 400
        assert client.patch(path, {}).status_code == 200


class TestFlag:
    def test_members_flag(self, project: Project, ann: User, otto: User, api: Api) -> None:
        fill(project, 1)
        path = f"/api/v1/items/{Item.objects.get().pk}/flags/"
        assert api(ann).post(path, {"kind": "noisy", "note": "cut off"}).status_code == 201
        assert api(ann).post(path, {"kind": "noisy"}).status_code == 201
        assert api(otto).post(path, {"kind": "noisy"}).status_code == 404
        assert Flag.objects.get().note == "cut off"
        assert api(ann).post(path, {"kind": "noisy", "note": "broken off"}).status_code == 201
        assert Flag.objects.get().note == "broken off"
        entry = AuditEntry.objects.get(action="change flag")
        assert (entry.before, entry.after) == ({"note": "cut off"}, {"note": "broken off"})

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"kind": "bad"},
            {"kind": "\ud800"},
            {"kind": "other"},
            {"kind": "noisy", "note": "x" * 2001},
            {"kind": "noisy", "note": "\ud800"},
        ],
    )
    def test_bad_flags_are_named(self, project: Project, ann: User, api: Api, body: Any) -> None:
        fill(project, 1)
        address, sent = f"/api/v1/items/{Item.objects.get().pk}/flags/", json.dumps(body)
        refused = api(ann).post(address, sent, content_type="application/json")
        assert refused.status_code == 400
        assert refused.json()["detail"]
