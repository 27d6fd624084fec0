"""Labels that change while people have them on the screen."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import Annotation, Label, Project, User
from annotation.services import labels, projects
from tests.annotation.labelling_steps import fill

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
NEXT = "/api/v1/projects/weather/next/"


def label(project: Project, name: str) -> Label:
    return Label.objects.select_related("project").get(project=project, name=name)


def taken(client: APIClient) -> int:
    return int(client.post(NEXT).json()["assignments"][0]["id"])


def answer(client: APIClient, assignment: int, **value: Any) -> Any:
    return client.post(f"/api/v1/assignments/{assignment}/answer/", {"key": str(uuid.uuid4()), **value})


@pytest.mark.parametrize("task", ["classification", "multilabel", "spans"])
def test_an_answer_with_the_former_name_is_stored_under_the_label(
    project: Project, olga: User, ann: User, api: Api, task: str
) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    fill(project, 2)
    client = api(ann)
    held = taken(client)
    renamed = label(project, "good")
    labels.change_label(renamed, olga, {"name": "fine"})
    labels.change_label(renamed, olga, {"name": "splendid"})
    values: dict[str, dict[str, Any]] = {
        "classification": {"label": "good"},
        "multilabel": {"labels": ["good", "bad"]},
        "spans": {"spans": [{"start": 0, "end": 4, "label": "good"}]},
    }
    stored = answer(client, held, **values[task])
    assert stored.status_code == 201, stored.json()
    assert "splendid" in json.dumps(stored.json())
    assert "good" not in json.dumps(stored.json())
    revised = client.patch(f"/api/v1/annotations/{stored.json()['id']}/", values[task])
    assert (revised.status_code, revised.json()["revised"]) == (200, None)  # it is the same
    assert Annotation.objects.count() == 1


def test_a_former_name_that_another_label_has_today_means_that_one(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    fill(project, 2)
    labels.change_label(label(project, "good"), olga, {"name": "fine"})
    labels.change_label(label(project, "bad"), olga, {"name": "good"})
    client = api(ann)
    stored = answer(client, taken(client), label="good")
    assert Annotation.objects.get(pk=stored.json()["id"]).label == label(project, "good")


def test_former_names_of_retired_labels_and_retired_names_are_refused(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    fill(project, 2)
    labels.add_label(project, olga, name="more")
    labels.change_label(label(project, "good"), olga, {"name": "fine"})
    labels.retire_label(label(project, "fine"), olga)
    client = api(ann)
    held = taken(client)
    for name in ("good", "fine", "never"):
        assert answer(client, held, label=name).status_code == 400
    assert not Annotation.objects.exists()


def test_the_former_name_of_a_merged_label_means_what_it_was_merged_into(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    fill(project, 2)
    labels.change_label(label(project, "good"), olga, {"name": "fine"})
    labels.merge_label(label(project, "fine"), label(project, "bad"), olga)
    client = api(ann)
    assert answer(client, taken(client), label="good").json()["label"] == "bad"


def test_screens_learn_of_changed_labels_and_questions_with_their_next_text(
    project: Project, olga: User, ann: User, api: Api, page: Callable[[User | None], Client]
) -> None:
    fill(project, 3)
    client = api(ann)

    def version() -> int:
        return int(client.post(NEXT).json()["screen_version"])

    first = version()
    shown = page(ann).get("/projects/weather/annotate/").content.decode()
    assert f'"screen_version": {first}' in shown
    projects.change_project(project, olga, {"name": "Weather again", "overlap": 2})
    assert version() == first
    projects.change_project(project, olga, {"question": "How is it?"})
    second = version()
    labels.add_label(project, olga, name="foggy")
    assert first < second < version()
