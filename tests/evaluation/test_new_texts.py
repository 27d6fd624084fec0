"""After an import the pool is looked at by itself, once for all that came in; unless it is large or nobody wants it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import Import, Job, Project, User
from annotation.services import jobs
from evaluation.models import CleaningReport
from evaluation.queries import new_texts
from tests.api.importing import Send, sender

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]
FIRST = "text\nThe parcel that you sent to my old address has not come back to you yet\n"
SECOND = "text\nThe parcel that you sent to my old address has not come back to you yet sadly\nQuite another matter\n"


@pytest.fixture
def send(api: Api, lea: User, work: Work) -> Send:
    return sender(api(lea), work)


@pytest.fixture
def beat(work: Work) -> Callable[[], list[Job]]:
    """`beat()` does what beat does every ten seconds; the looks that are waiting."""

    def run() -> list[Job]:
        current_app.tasks["loupe.look_at_new_texts"]()
        return list(Job.objects.filter(kind="clean_pool", state=Job.State.QUEUED))

    return run


def result(client: Client, source: dict[str, Any]) -> str:
    return client.get(f"/projects/weather/imports/{source['id']}/").content.decode()


def test_near_duplicates_are_found_without_being_asked_and_shown(
    project: Project, send: Send, beat: Callable[[], list[Job]], work: Work, page: Page, lea: User
) -> None:
    client = page(lea)
    CleaningReport.objects.create(project=project, threshold=0.8, computed=timezone.now())
    send(FIRST)
    second = send(SECOND)
    assert "compared when one is back" in result(client, second) and 'hx-trigger="every 2s"' in result(
        client, second
    )
    [look] = beat()
    assert look.parameters == {"threshold": 0.8} and look.created_by == lea
    assert look.title in result(client, second) and beat() == [look]
    [done] = work()
    assert done.state == "done", done.error
    shown = result(client, second)
    assert "1 text came in that is nearly one from before" in shown and "it stays until you drop it" in shown
    assert 'hx-trigger="every 2s"' not in shown
    assert beat() == []


def test_what_comes_in_while_a_look_runs_is_looked_at_by_the_next(
    project: Project, send: Send, beat: Callable[[], list[Job]], work: Work, page: Page, lea: User
) -> None:
    send(FIRST)
    [look] = beat()
    claimed = jobs.claim_job(look.pk)
    assert claimed is not None
    with jobs.working_on(claimed):  # it has read the pool
        CleaningReport.objects.create(project=project, computed=timezone.now(), revision=0)
        CleaningReport.objects.update(revision=project.items.latest("pk").pk)
    second = send(SECOND)
    assert "compared when one is back" in result(page(lea), second)
    [again] = beat()
    assert again != look
    work()
    assert "No text of this file is nearly one from before" in result(page(lea), second)


def test_a_look_that_was_stopped_is_not_begun_again_but_offered(
    project: Project, send: Send, beat: Callable[[], list[Job]], work: Work, page: Page, lea: User
) -> None:
    client, first = page(lea), send(FIRST)
    [look] = beat()
    jobs.cancel_job(look)
    assert beat() == []
    shown = result(client, first)
    assert "was cancelled" in shown and "Look for them" in shown
    asked = client.post("/projects/weather/cleaning/", {"threshold": "0.995", "import": first["id"]})
    assert asked["Location"] == f"/projects/weather/imports/{first['id']}/"
    work()
    assert "No text of this file" in result(client, first)


def test_a_project_can_do_without(
    project: Project, send: Send, beat: Callable[[], list[Job]], api: Api, page: Page, lea: User
) -> None:
    rest = api(lea)
    assert rest.get("/api/v1/projects/weather/").data["looks_for_copies"] is True
    assert rest.patch("/api/v1/projects/weather/", {"looks_for_copies": False}).status_code == 200
    first = send(FIRST)
    assert beat() == []
    shown = result(page(lea), first)
    assert "does not look for them by itself" in shown and "Look for them" in shown
    assert 'name="looks_for_copies"' in page(lea).get("/projects/weather/settings/").content.decode()


def test_a_large_pool_waits_for_one_press(
    project: Project,
    send: Send,
    beat: Callable[[], list[Job]],
    page: Page,
    lea: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(new_texts, "MOST_MEMORY", new_texts.FIXED)
    first = send(FIRST)
    assert beat() == []
    shown = result(page(lea), first)
    assert "This pool is large" in shown and "GB of memory" in shown and "Look for them" in shown


def test_a_pool_is_large_from_the_text_on_that_memory_does_not_reach_for(
    project: Project, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(FIRST)
    send(SECOND)
    texts = project.items.count()
    assert texts == 3
    for reaches_for, large in ((texts - 1, True), (texts, False), (texts + 1, False)):
        monkeypatch.setattr(new_texts, "MOST_MEMORY", new_texts.FIXED + new_texts.A_LABEL * reaches_for)
        assert new_texts.is_large(project) is large


def test_old_imports_answers_and_gold_start_nothing(
    project: Project, send: Send, beat: Callable[[], list[Job]], page: Page, lea: User
) -> None:
    first = send(FIRST)
    send("text,label\nSomething that is known,good\n", kind="gold")
    Import.objects.filter(pk=first["id"]).update(finished=timezone.now() - timedelta(hours=2))
    assert beat() == []
    assert "is not known yet" in result(page(lea), first)
    answers = "text,annotator,label\nThe parcel that you sent to my old address has not come back to you yet,z,good\n"
    only_answers = send(answers, kind="annotations")
    assert beat() == []
    assert "Near-duplicates" not in result(page(lea), only_answers)
