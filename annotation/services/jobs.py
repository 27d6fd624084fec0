"""A job's life: claimed, at work, done, failed or cancelled; and the sweep that finds the dead.

A claim is a conditional UPDATE, so that a job that was sent twice runs once. While it runs, a thread with a
connection of its own writes progress and a sign of life, outside the transaction in which the work is done.
"""

import contextlib
import logging
import os
import socket
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.db.models import F, Q
from django.utils import timezone

from annotation.models import Job

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 3
BEAT = 0.5  # seconds between two signs of life


class Cancelled(Exception):
    """Somebody cancelled the job, or it was given to another worker; the work is rolled back."""


class JobProgress:
    """What the work says of itself while it goes on: `progress(0.4, "4,000 of 10,000 rows")`.

    What it says at 1, still within its transaction, is what came of it, and stays.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.share, self.message = 0.0, ""
        self.lost = False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def __call__(self, share: float, message: str = "") -> None:
        """Notes progress (0 to 1) and raises Cancelled when nobody wants the result any more."""
        self.share, self.message = min(max(share, 0.0), 1.0), message[:300]
        if self.lost:
            raise Cancelled

    def beat(self) -> None:
        mine = Job.objects.filter(pk=self.job.pk, worker=self.job.worker)
        try:
            while not self.ended.wait(BEAT):
                alive = mine.filter(state=Job.State.RUNNING).update(
                    heartbeat=timezone.now(), progress=self.share, message=self.message
                )
                if not alive and Job.objects.filter(pk=self.job.pk).exists():
                    self.lost = True
        except Exception:  # the work itself will meet the same trouble and say so
            log.exception("No sign of life could be written")
        finally:
            connections.close_all()


def claim_job(job_id: UUID | str) -> Job | None:
    """The job, now ours and running; None if it is somebody else's, over, or gone."""
    worker = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
    claimed = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        worker=worker[:100],
        attempts=F("attempts") + 1,
        started=timezone.now(),
        heartbeat=timezone.now(),
        progress=0,
        message="",
    )
    return Job.objects.select_related("project", "created_by").get(pk=job_id) if claimed else None


@contextlib.contextmanager
def working_on(job: Job) -> Iterator[JobProgress]:
    """Surrounds the work on a claimed job: signs of life while it runs; done, failed or cancelled after it.

    A ValidationError is the user's to mend: its messages become the job's error. Anything else is ours: it is logged
    with its traceback, and the job says that an error was logged.
    """
    progress = JobProgress(job)
    in_transaction = connection.in_atomic_block  # a test's; its rows cannot be seen from another connection
    if not in_transaction:
        progress.thread.start()
    mine = Job.objects.filter(pk=job.pk, worker=job.worker, state=Job.State.RUNNING)
    try:
        yield progress
    except Cancelled:
        log.info("Job %s was cancelled", job.pk)
    except ValidationError as wrong:
        mine.update(state=Job.State.FAILED, error="\n".join(wrong.messages), finished=timezone.now())
    except Exception as broken:
        log.exception("Job %s failed", job.pk)
        name = traceback.format_exception_only(broken)[-1].strip()[:500]
        mine.update(
            state=Job.State.FAILED,
            error=f"Something went wrong on our side. The log has it under job {job.pk}: {name}",
            finished=timezone.now(),
        )
    else:
        mine.update(
            state=Job.State.DONE,
            progress=1,
            # What was said last is what came of it, or only what was done last
            message=progress.message if progress.share == 1 else "",
            finished=timezone.now(),
            result_url=job.result_url,
            page_url=job.page_url,
        )
    finally:
        progress.ended.set()
        if not in_transaction:
            progress.thread.join()


def cancel_job(job: Job) -> None:
    """Takes a queued job from the queue, or tells a running one to stop and roll back."""
    Job.objects.filter(pk=job.pk, state__in=[Job.State.QUEUED, Job.State.RUNNING]).update(
        state=Job.State.CANCELLED, finished=timezone.now()
    )
    job.refresh_from_db()


def send_job(job: Job) -> None:
    """Hands the job to the queue. Sending it twice is harmless."""
    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(heartbeat=timezone.now())
    current_app.send_task(f"loupe.{job.kind}", args=[str(job.pk)])


def sweep_jobs() -> int:
    """Takes running jobs from workers that gave no sign of life and sends lost ones again; how many were sent."""
    limit = timezone.now() - timedelta(seconds=settings.JOB_DEAD_AFTER)
    dead = Job.objects.filter(state=Job.State.RUNNING, heartbeat__lt=limit)
    dead.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=Job.State.FAILED,
        finished=timezone.now(),
        error=f"The worker died {MOST_ATTEMPTS} times on this job. It may need more memory than there is.",
    )
    dead.update(state=Job.State.QUEUED, worker="")
    unsent = Q(heartbeat__isnull=True, created__lt=limit) | Q(heartbeat__lt=limit)
    lost = list(Job.objects.filter(unsent, state=Job.State.QUEUED).order_by("created")[:100])
    for job in lost:
        send_job(job)
    return len(lost)
