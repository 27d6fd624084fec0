"""What tests of importing over REST share."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.response import Response
from rest_framework.test import APIClient

from annotation.models import Item, Job, Project, User
from annotation.queries.values import label_names
from annotation.services.projects import create_project

Send = Callable[..., dict[str, Any]]


def post(client: APIClient, slug: str, content: bytes, name: str = "file.csv", **fields: Any) -> Response:
    """Uploads a file."""
    data = {"file": SimpleUploadedFile(name, content)} | {
        field: json.dumps(value) if isinstance(value, dict) else value for field, value in fields.items()
    }
    return client.post(f"/api/v1/projects/{slug}/imports/", data, format="multipart")


def sender(lead: APIClient, work: Callable[[], list[Job]]) -> Send:
    """`send(content, …)` uploads a file, runs the job, and returns the import's JSON."""

    def send_file(
        content: bytes | str, name: str = "file.csv", slug: str = "weather", **fields: Any
    ) -> dict[str, Any]:
        content = content.encode() if isinstance(content, str) else content
        answer = post(lead, slug, content, name, **fields)
        assert answer.status_code == 202, answer.data
        job = work()[-1]
        assert job.state == "done", job.error
        return dict(lead.get(answer.data["result_url"]).data)

    return send_file


def accounted(result: dict[str, Any]) -> tuple[int, int, int]:
    """Imported, duplicates, rejected, once it is sure that they add up."""
    assert result["imported"] + result["duplicates"] + result["rejected"] == result["rows"]
    assert sum(result["reasons"].values()) == result["rejected"]
    return result["imported"], result["duplicates"], result["rejected"]


def body(answer: Any) -> str:
    """A streamed answer's text."""
    return b"".join(answer.streaming_content).decode()


def rejected(client: APIClient, result: dict[str, Any]) -> list[list[str]]:
    """The table of rejected rows, its header first."""
    answer = client.get(f"/api/v1/imports/{result['id']}/rejected.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(body(answer))))


Make = Callable[..., Project]


def maker(lea: User) -> Make:
    """`make(task, labels)` is a project of that task, called by it."""

    def made(task: str, labels: list[str]) -> Project:
        project = create_project(lea, slug=task, name=task, labels=[{"name": name} for name in labels])
        Project.objects.filter(pk=project.pk).update(task=task)
        project.refresh_from_db()
        return project

    return made


def said(project: Project) -> list[tuple[str, Any]]:
    """(text, imported value by names) of the project's items, in the order of the file."""
    names = label_names(project)
    found = []
    for item in Item.objects.filter(project=project).order_by("pk"):
        value: Any = None
        if item.imported_label_id:
            value = names[item.imported_label_id]
        elif item.imported_labels is not None:
            value = [names[pk] for pk in item.imported_labels]
        elif item.imported_spans is not None:
            value = [(item.text[start:end], names[pk]) for start, end, pk in item.imported_spans]
        found.append((item.text, value))
    return found
