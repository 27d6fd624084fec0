"""A job runs once, says how far it is, can be cancelled, and survives its worker."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.jobs import start_job
from annotation.models import Job, Project, User
from annotation.services import jobs

Api = Callable[[User | None], APIClient]


def fail(error: Exception) -> None:
    raise error


@pytest.fixture
def job(project: Project, lea: User) -> Job:
    return start_job("import_file", project, lea, {"import": 1}, title="Import of a.csv")


def test_an_identical_request_joins_the_job_that_is_there(job: Job, project: Project, lea: User) -> None:
    again = start_job("import_file", project, lea, {"import": 1}, title="Import of a.csv")
    other = start_job("import_file", project, lea, {"import": 2}, title="Import of b.csv")
    assert again == job
    assert other != job


def test_a_request_after_the_end_is_a_new_job(job: Job, project: Project, lea: User) -> None:
    jobs.cancel_job(job)
    assert start_job("import_file", project, lea, {"import": 1}, title="Import of a.csv") != job


def test_a_job_that_was_sent_twice_is_claimed_once(job: Job) -> None:
    assert jobs.claim_job(job.pk) is not None
    assert jobs.claim_job(job.pk) is None


@pytest.mark.parametrize(("last", "kept"), [((0.95, "storing"), ""), ((1, "12 pairs"), "12 pairs")])
def test_what_came_of_a_job_stays_and_what_it_did_last_does_not(
    job: Job, last: tuple[float, str], kept: str
) -> None:
    claimed = jobs.claim_job(job.pk)
    assert claimed is not None
    with jobs.working_on(claimed) as progress:
        progress(0.1, "reading")
        progress(*last)
    job.refresh_from_db()
    assert (job.state, job.message) == ("done", kept)


def test_wrong_input_becomes_the_jobs_error(job: Job) -> None:
    claimed = jobs.claim_job(job.pk)
    assert claimed is not None
    with jobs.working_on(claimed):
        fail(ValidationError("The file has no column “text”."))
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "The file has no column “text”.")


def test_a_fault_of_ours_is_told_without_its_traceback(job: Job) -> None:
    claimed = jobs.claim_job(job.pk)
    assert claimed is not None
    with jobs.working_on(claimed):
        fail(ZeroDivisionError("secret"))
    job.refresh_from_db()
    assert job.state == "failed"
    assert "on our side" in job.error
    assert "Traceback" not in job.error


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_work_goes_on_and_cancelling_stops_it(project: Project, lea: User) -> None:
    job = start_job("import_file", project, lea, {"import": 3}, title="Import")
    claimed = jobs.claim_job(job.pk)
    assert claimed is not None
    seen: list[float] = []

    def watch_then_cancel() -> None:
        for _ in range(100):
            now = Job.objects.get(pk=job.pk)
            if now.progress == 0.5:
                seen.append(now.progress)
                jobs.cancel_job(now)
                break
            threading.Event().wait(0.05)
        connections.close_all()

    watcher = threading.Thread(target=watch_then_cancel)
    watcher.start()
    reached_the_end = False
    with jobs.working_on(claimed) as progress:
        for _ in range(200):
            progress(0.5, "half")
            threading.Event().wait(0.05)
        reached_the_end = True
    watcher.join()
    job.refresh_from_db()
    assert seen == [0.5]
    assert job.state == "cancelled"
    assert not reached_the_end


def test_the_job_of_a_dead_worker_is_taken_up_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Job] = []
    monkeypatch.setattr(jobs, "send_job", sent.append)
    jobs.claim_job(job.pk)
    Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - timedelta(minutes=2))
    jobs.sweep_jobs()
    assert sent == [job]
    again = jobs.claim_job(job.pk)
    assert again is not None
    assert again.attempts == 2


def test_the_late_result_of_a_worker_that_was_given_up_changes_nothing(job: Job) -> None:
    first = jobs.claim_job(job.pk)
    assert first is not None
    with jobs.working_on(first):
        Job.objects.filter(pk=job.pk).update(worker="another")
    job.refresh_from_db()
    assert (job.state, job.worker) == ("running", "another")


def test_a_job_that_kills_its_worker_three_times_is_given_up(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(
        state="running", attempts=3, heartbeat=timezone.now() - timedelta(minutes=2)
    )
    jobs.sweep_jobs()
    job.refresh_from_db()
    assert job.state == "failed"
    assert "died 3 times" in job.error


def test_jobs_are_seen_and_cancelled_over_rest_by_leads_alone(
    api: Api, job: Job, lea: User, ann: User, otto: User
) -> None:
    url = f"/api/v1/jobs/{job.pk}/"
    told = api(lea).get(url).json()
    assert set(told) >= {
        "id",
        "kind",
        "state",
        "progress",
        "message",
        "result_url",
        "error",
        "created",
        "finished",
    }
    assert api(ann).get(url).status_code == 403
    assert api(otto).get(url).status_code == 404
    assert api(ann).post(f"{url}cancel/").status_code == 403
    assert api(lea).post(f"{url}cancel/").json()["state"] == "cancelled"


def test_the_jobs_page_says_that_no_worker_is_alive(
    page: Callable[[User | None], Client],
    job: Job,
    project: Project,
    lea: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("annotation.queries.jobs.worker_seen", lambda: None)
    shown = page(lea).get(f"/projects/{project.slug}/jobs/").content.decode()
    assert "No worker" in shown
    assert "Import of a.csv" in shown
