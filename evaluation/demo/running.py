"""A job's work here and now, since no worker runs while the demo is loaded."""

from celery import current_app

from annotation.models import Job


def run_job(job: Job) -> None:
    """Does a job's work here and now, as a worker would."""
    if f"loupe.{job.kind}" not in current_app.tasks:
        current_app.loader.import_default_modules()  # a worker does this when it starts
    current_app.tasks[f"loupe.{job.kind}"](str(job.pk))
    job.refresh_from_db()
    if job.state != Job.State.DONE:
        raise RuntimeError(f"{job.title}: {job.error}")
