"""Celery addresses of evaluation: id → claim → service → done or failed."""

from celery import shared_task

from annotation.jobs import measure_rounds_of
from annotation.services import jobs
from evaluation.jobs import look_at_new_texts as start_looks
from evaluation.services import archives, cleaning, leakage, offering, runs, splits


@shared_task(name="loupe.run_report")
def run_report(job_id: str) -> None:
    """Computes a run's report."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            runs.compute_report(job.parameters["run"], progress)


@shared_task(name="loupe.offer_run")
def offer_run(job_id: str) -> None:
    """Offers a run's predictions as suggestions to annotators."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            assert job.created_by is not None
            source = offering.offer_run(job.parameters["run"], job.created_by, progress)
            measure_rounds_of(source, job.created_by)


@shared_task(name="loupe.find_copies")
def find_copies(job_id: str) -> None:
    """Finds the copies in the pool, or between the splits of a split set."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            leakage.find_copies(job.parameters["report"], progress)


@shared_task(name="loupe.clean_pool")
def clean_pool(job_id: str) -> None:
    """Looks at all texts of a project."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            cleaning.clean_pool(job.project, job.created_by, job.parameters["threshold"], progress)


@shared_task(name="loupe.look_at_new_texts")
def look_at_new_texts() -> None:
    """Starts a look at every pool into which texts came."""
    start_looks()


@shared_task(name="loupe.build_split_set")
def build_split_set(job_id: str) -> None:
    """Builds a split set."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            splits.build_split_set(job.parameters["split_set"], progress)


@shared_task(name="loupe.make_archive")
def make_archive(job_id: str) -> None:
    """Writes everything of a project into one file."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            archives.make_archive(job, progress)


@shared_task(name="loupe.forget_abandoned_archives")
def forget_abandoned_archives() -> None:
    """Deletes uploaded archives that nobody went on to restore."""
    archives.forget_abandoned()


@shared_task(name="loupe.restore_archive")
def restore_archive(job_id: str) -> None:
    """Puts an archive into a new project."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            assert job.created_by is not None
            asked = job.parameters
            archives.restore_archive(
                job.project, job.created_by, asked["file"], progress, asked.get("people")
            )
