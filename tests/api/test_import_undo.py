"""Taking imports out again: at once or by a job, and what keeps one."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import Import, Item, Job, Project, User
from annotation.services import undoing
from annotation.services.jobs import cancel_job
from tests.api.importing import Send, post, sender


@pytest.fixture
def lead(api: Callable[[User | None], APIClient], lea: User) -> APIClient:
    return api(lea)


@pytest.fixture
def send(lead: APIClient, project: Project, work: Callable[[], list[Job]]) -> Send:
    return sender(lead, work)


def test_a_large_import_is_undone_by_a_job(
    send: Send,
    lead: APIClient,
    project: Project,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(undoing, "INLINE", 1)
    result = send("text\nSun today\nRain\n")
    url = f"/api/v1/imports/{result['id']}/"
    answer = lead.post(f"{url}undo/")
    assert (answer.status_code, answer.data["kind"], answer.data["result_url"]) == (202, "undo_import", url)
    assert Item.objects.count() == 2
    assert work()[0].state == "done"
    assert lead.get(url).data["state"] == "undone"
    assert not Item.objects.exists()
    assert lead.post(f"{url}undo/").status_code == 409


def test_whatever_refers_to_a_text_keeps_its_import(
    send: Send,
    lead: APIClient,
    project: Project,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(undoing, "INLINE", 0)
    result = send("text\nSun today\nRain\n")
    item = Item.objects.filter(project=project).first()
    assert item is not None
    assert (
        lead.post("/api/v1/projects/weather/cases/", {"items": [item.pk]}, format="json").status_code == 201
    )
    assert lead.post(f"/api/v1/imports/{result['id']}/undo/").status_code == 202
    job = work()[-1]
    assert (job.state, job.error) == ("failed", "Cases made since then use it, so the import stays.")
    assert Item.objects.count() == 2 and project.rounds.get().items_total == 2


def test_where_the_database_checks_row_by_row_undo_does_the_same(
    send: Send, lead: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM pg_class")

    monkeypatch.setattr(undoing, "_set_role", refuse)
    result = send("text\nSun today\nRain\n")
    assert lead.post(f"/api/v1/imports/{result['id']}/undo/").data["state"] == "undone"
    assert not Item.objects.exists()


def test_an_import_that_was_cancelled_in_the_queue_can_be_read_in_another_way(
    lead: APIClient, lea: User, project: Project, page: Callable[[User | None], Client]
) -> None:
    assert post(lead, "weather", b"text\nSun today\n").status_code == 202
    cancel_job(Job.objects.get())
    source = Import.objects.get()
    client = page(lea)
    shown = client.get(f"/projects/weather/imports/{source.pk}/").content.decode()
    columns = f"/projects/weather/imports/{source.pk}/columns/"
    assert "was cancelled" in shown and columns in shown and "every 2s" not in shown
    assert client.get(columns).status_code == 200
