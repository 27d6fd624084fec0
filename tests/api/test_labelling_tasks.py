"""Several labels and marked spans over REST, what each refuses, and that gold and repeats look like the rest."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Annotation, AnnotationVersion, Item, Membership, Project, Round, User
from annotation.services import gold
from tests.annotation.labelling_steps import fill

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
NEXT = "/api/v1/projects/weather/next/"
TEXT = "🌦 e\u0301té, שלום"  # 12 code points; more UTF-16 units and bytes
FIELDS = [
    "id",
    "item_id",
    "round",
    "label",
    "labels",
    "spans",
    "comment",
    "difficulty",
    "confidence",
    "seconds",
    "guideline_version",
    "created",
    "revised",
]


def ask_for(project: Project, task: str, **settings: Any) -> None:
    Project.objects.filter(pk=project.pk).update(task=task, **settings)
    project.refresh_from_db()
    fill(project, 2)
    Item.objects.filter(project=project).update(text=TEXT)


def take(client: APIClient) -> dict[str, Any]:
    return dict(client.post(NEXT).json()["assignments"][0])


def answer(client: APIClient, assignment: dict[str, Any], **body: Any) -> Any:
    return client.post(f"/api/v1/assignments/{assignment['id']}/answer/", {"key": str(uuid.uuid4())} | body)


class TestSeveralLabels:
    def test_answer_revise_and_versions(self, project: Project, ann: User, api: Api) -> None:
        ask_for(project, "multilabel")
        client = api(ann)
        made = answer(client, take(client), labels=["bad", "good", "bad"], confidence=4)
        assert made.status_code == 201
        assert list(made.json()) == FIELDS
        assert made.json()["labels"] == ["good", "bad"]
        assert (made.json()["label"], made.json()["spans"], made.json()["confidence"]) == (None, None, 4)
        revised = client.patch(f"/api/v1/annotations/{made.json()['id']}/", {"labels": []})
        assert (revised.status_code, revised.json()["labels"]) == (200, [])
        assert len(AnnotationVersion.objects.get().labels or []) == 2

    def test_a_shape_that_is_null_is_one_that_was_not_sent(
        self, project: Project, ann: User, api: Api
    ) -> None:
        ask_for(project, "multilabel")
        client = api(ann)
        sent = {"label": None, "labels": ["good"], "spans": None}
        assert answer(client, take(client), **sent).json()["labels"] == ["good"]

    def test_none_of_the_labels_is_an_answer(self, project: Project, ann: User, api: Api) -> None:
        ask_for(project, "multilabel")
        client = api(ann)
        assert answer(client, take(client), labels=[]).json()["labels"] == []

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"label": "good"},
            {"labels": ["good"], "label": "good"},
            {"labels": ["good"], "spans": []},
            {"labels": ["splendid"]},
            {"labels": "good"},
            {"labels": [None]},
            {"labels": [["good"]]},
            {"labels": {"good": 1}},
            {"labels": ["good\x00"]},
            {"labels": ["good"], "confidence": 6},
            {"labels": ["good"], "comment": "x" * 10_000_000},
        ],
    )
    def test_what_is_not_asked_for_is_refused(self, project: Project, ann: User, api: Api, body: Any) -> None:
        ask_for(project, "multilabel")
        client = api(ann)
        refused = answer(client, take(client), **body)
        assert refused.status_code == 400
        assert refused["Content-Type"] == "application/problem+json"
        assert refused.json()["errors"]
        assert not Annotation.objects.exists()


class TestSpans:
    def test_offsets_are_code_points_and_come_back_in_order(
        self, project: Project, ann: User, api: Api
    ) -> None:
        ask_for(project, "spans")
        client = api(ann)
        spans = [{"start": 8, "end": 12, "label": "bad"}, {"start": 2, "end": 6, "label": "good"}]
        made = answer(client, take(client), spans=spans)
        assert made.status_code == 201, made.json()
        assert list(made.json()) == FIELDS
        assert made.json()["spans"] == spans[::-1]
        assert [TEXT[s["start"] : s["end"]] for s in made.json()["spans"]] == ["e\u0301té", "שלום"]
        revised = client.patch(f"/api/v1/annotations/{made.json()['id']}/", {"spans": spans[:1]})
        assert revised.json()["spans"] == spans[:1]
        assert len(AnnotationVersion.objects.get().spans or []) == 2

    def test_a_text_without_spans_is_answered(self, project: Project, ann: User, api: Api) -> None:
        ask_for(project, "spans")
        client = api(ann)
        assert answer(client, take(client), spans=[]).json()["spans"] == []

    @pytest.mark.parametrize(
        "spans",
        [
            [{"start": 0, "end": 13, "label": "good"}],
            [{"start": -1, "end": 3, "label": "good"}],
            [{"start": 3, "end": 2, "label": "good"}],
            [{"start": 3, "end": 3, "label": "good"}],
            [{"start": 0, "end": 3, "label": "splendid"}],
            [{"start": 0.0, "end": 3, "label": "good"}],
            [{"start": 0.5, "end": 3, "label": "good"}],
            [{"start": "0", "end": 3, "label": "good"}],
            [{"start": True, "end": 3, "label": "good"}],
            [{"start": 0, "end": 10**30, "label": "good"}],
            [{"start": 0, "label": "good"}],
            [{"start": 0, "end": 3, "label": "good"}, {"start": 2, "end": 5, "label": "bad"}],
            [[0, 3, "good"]],
            [None],
            {"start": 0, "end": 3, "label": "good"},
            "0-3",
            None,
        ],
    )
    def test_wrong_spans_are_named_and_change_nothing(
        self, project: Project, ann: User, api: Api, spans: Any
    ) -> None:
        ask_for(project, "spans")
        client = api(ann)
        assignment = take(client)
        refused = answer(client, assignment, spans=spans)
        assert refused.status_code == 400
        assert all(error["field"].startswith("spans") for error in refused.json()["errors"])
        assert not Annotation.objects.exists()
        assert take(client) == assignment | {"expires": take(client)["expires"]}

    def test_overlapping_spans_where_the_project_allows_them(
        self, project: Project, ann: User, api: Api
    ) -> None:
        ask_for(project, "spans", overlapping_spans=True)
        client = api(ann)
        spans = [{"start": 0, "end": 3, "label": "good"}, {"start": 2, "end": 5, "label": "bad"}]
        assert answer(client, take(client), spans=spans).status_code == 201


class TestNothingTellsGoldOrRepeats:
    @pytest.mark.parametrize("meta", [{}, {"source": "chat"}])
    def test_the_three_kinds_have_the_same_fields_in_the_same_order(
        self, project: Project, ann: User, olga: User, api: Api, meta: dict[str, Any]
    ) -> None:
        Project.objects.update(repeat_distance=1)
        made = fill(project, 12)
        for n, item in enumerate(Item.objects.order_by("-id")[:4]):
            item.meta = meta
            item.save()
            gold.set_gold(project, olga, item, label="good", explanation=f"because of {n}")
        client = api(ann)
        shapes: dict[str, set[tuple[Any, ...]]] = {}
        for rates in ((0.0, 0.0), (1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 1.0)):
            Round.objects.filter(pk=made.pk).update(gold_rate=rates[0], repeat_rate=rates[1])
            given = client.post(NEXT)
            assignment = given.json()["assignments"][0]
            stored = answer(client, assignment, label="good")
            kind = Annotation.objects.latest("id").kind
            shape = (
                given.status_code,
                stored.status_code,
                keys(
                    given.json() | {"assignments": [assignment | {"item": assignment["item"] | {"meta": 0}}]}
                ),
                keys(stored.json()),
                sorted(given.headers) == sorted(stored.headers),
            )
            shapes.setdefault(kind, set()).add(shape)
        assert shapes.keys() == {"normal", "gold", "repeat"}
        assert shapes["normal"] == shapes["gold"] == shapes["repeat"]
        assert len(shapes["normal"]) == 1
        assert client.post(NEXT).json()["progress"]["mine"] == 5

    def test_the_rounds_progress_moves_in_steps_while_there_may_be_gold(
        self, project: Project, ann: User, api: Api
    ) -> None:
        made = fill(project, 12, overlap=1, gold_rate=0.05)
        client = api(ann)
        seen = []
        for done in (0, 4, 5, 9, 11, 12):
            Round.objects.filter(pk=made.pk).update(items_done=done)
            seen.append(client.post(NEXT).json()["progress"]["round_done"])
        assert seen == [0, 0, 5, 5, 10, 12]

    def test_feedback_comes_with_the_answer_only_where_the_project_gives_it(
        self, project: Project, ann: User, olga: User, api: Api
    ) -> None:
        fill(project, 3, gold_rate=1.0)
        for item in Item.objects.all()[:2]:
            gold.set_gold(project, olga, item, label="good", explanation="The sun shines.")
        client = api(ann)
        assert list(answer(client, take(client), label="bad").json()) == FIELDS
        Project.objects.update(gold_feedback="explanation")
        assignment, key = take(client), str(uuid.uuid4())
        told = answer(client, assignment, label="good", key=key).json()
        assert list(told) == [*FIELDS, "feedback"]
        assert told["feedback"]["explanation"] == "The sun shines."
        assert (told["feedback"]["correct"], told["feedback"]["right"], told["feedback"]["answers"]) == (
            True,
            1,
            2,
        )
        assert answer(client, assignment, label="good", key=key).json()["feedback"] == told["feedback"]

    def test_the_reason_of_a_pause_is_not_a_failed_answer(
        self, project: Project, ann: User, olga: User, api: Api
    ) -> None:
        Project.objects.update(gold_minimum=1, gold_threshold=0.9)
        fill(project, 3, gold_rate=1.0)
        gold.set_gold(project, olga, Item.objects.all()[0], label="good")
        client = api(ann)
        assert answer(client, take(client), label="bad").status_code == 201
        assert Membership.objects.get(user=ann).state == "paused"
        assert client.post(NEXT).json()["reason"] == "paused"


def keys(value: Any) -> str:
    """The fields of a JSON value in their order, without what is in them."""
    if isinstance(value, dict):
        return json.dumps([[name, keys(inner)] for name, inner in value.items()])
    return json.dumps([keys(inner) for inner in value]) if isinstance(value, list) else ""
