"""A worker that dies in the middle of an import, and one that loses its database, as real processes."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection, transaction

from annotation.jobs import start_import
from annotation.models import Import, Item, Job, Project, RoundItem, User
from annotation.services import imports
from annotation.services.jobs import sweep_jobs
from tests.annotation.serving import environment

ROWS = 300
WORKER = """
import sys, django
django.setup()
from annotation import tasks
tasks.import_file(sys.argv[1])
"""
BLOCKED = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    " AND query LIKE 'INSERT INTO annotation_rounditem%'"
)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(project: Project, lea: User) -> Job:
    """A file that waits for a worker."""
    rows = "".join(f"x{n},Text number {n % 290}\n" for n in range(ROWS))
    source = imports.store_upload(
        project, lea, ContentFile(f"id,text\n{rows}".encode(), "texts.csv"), into=project.rounds.get()
    )
    imports.choose_mapping(source)
    return start_import(source, lea)


@contextmanager
def worker_in_the_middle(job: Job) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A process that reads the file and, its texts written, cannot get at the round; and its database process."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE annotation_rounditem IN SHARE MODE")
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(job.pk)],
            env=environment(),
            cwd=settings.BASE_DIR,
            stderr=subprocess.DEVNULL,
        ) as worker:
            try:
                for _ in range(1200):
                    # Else a transaction sees the first look again
                    cursor.execute("SELECT pg_stat_clear_snapshot()")
                    cursor.execute(BLOCKED)
                    if found := cursor.fetchone():
                        break
                    assert worker.poll() is None, "the worker ended before it came to the round"
                    time.sleep(0.05)
                yield worker, found[0]
            finally:
                worker.kill()


def counts(project: Project) -> tuple[int, int, int]:
    return (
        Item.objects.filter(project=project).count(),
        RoundItem.objects.count(),
        project.rounds.get().items_total,
    )


def test_a_worker_killed_in_the_middle_of_an_import_leaves_nothing_and_another_finishes_it(
    project: Project, job: Job, work: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker_in_the_middle(job) as (worker, _):
        worker.kill()
        worker.wait()
    job.refresh_from_db()
    assert (job.state, counts(project)) == ("running", (0, 0, 0))
    monkeypatch.setattr(settings, "JOB_DEAD_AFTER", 0)
    assert sweep_jobs() == 1
    assert [done.state for done in work()] == ["done"]
    source = Import.objects.get()
    assert (source.rows, source.imported, source.duplicate_rows, source.rejected) == (ROWS, 290, 10, 0)
    assert counts(project) == (290, 290, 290)
    job.refresh_from_db()
    assert job.attempts == 2


def test_a_worker_that_loses_its_database_rolls_back_and_says_so(
    project: Project, job: Job, work: Callable[[], list[Job]]
) -> None:
    with worker_in_the_middle(job) as (worker, database_process):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [database_process])
        worker.wait(60)
    job.refresh_from_db()
    source = Import.objects.get()
    assert (job.state, source.state, counts(project)) == ("failed", "uploaded", (0, 0, 0))
    assert "on our side" in job.error
    imports.choose_mapping(source)
    start_import(source, source.created_by)
    assert [done.state for done in work()] == ["done"]
    assert counts(project) == (290, 290, 290)
