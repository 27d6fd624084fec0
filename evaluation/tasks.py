"""Celery addresses of evaluation: id → claim → service → done or failed."""

from celery import shared_task

from annotation.services import jobs
from evaluation.services import leakage, runs, splits


@shared_task(name="loupe.run_report")
def run_report(job_id: str) -> None:
    """Computes a run's report."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            runs.compute_report(job.parameters["run"], progress)


@shared_task(name="loupe.find_copies")
def find_copies(job_id: str) -> None:
    """Finds the copies in the pool, or between the splits of a split set."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            leakage.find_copies(job.parameters["report"], progress)


@shared_task(name="loupe.build_split_set")
def build_split_set(job_id: str) -> None:
    """Builds a split set."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            splits.build_split_set(job.parameters["split_set"], progress)
