"""Celery addresses of quality control: id → claim → service → done or failed."""

from celery import shared_task
from django.core.exceptions import ValidationError

from annotation.models import Round
from annotation.services import jobs
from qc.services.agreement import compute_agreement
from qc.services.meta_labels import compute_meta_label_agreement
from qc.services.samples import draw_sample as draw_texts
from qc.services.suspects import explore_texts as look_at_texts
from qc.services.truth import compute_truth


@shared_task(name="loupe.agreement")
def agreement(job_id: str) -> None:
    """Computes agreement over a project or one of its rounds."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            chosen = job.parameters["round"]
            round_ = Round.objects.filter(pk=chosen, project=job.project).first() if chosen else None
            if chosen and round_ is None:
                raise ValidationError("The round is gone.")
            compute_agreement(job.project, round_, progress)


@shared_task(name="loupe.meta_label_agreement")
def meta_label_agreement(job_id: str) -> None:
    """Computes agreement on meta-labels."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            compute_meta_label_agreement(job.project, progress)


@shared_task(name="loupe.explore_texts")
def explore_texts(job_id: str) -> None:
    """Looks at all texts of a project."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            look_at_texts(job.project, progress)


@shared_task(name="loupe.draw_sample")
def draw_sample(job_id: str) -> None:
    """Draws a sample."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            draw_texts(job.parameters["sample"], progress)


@shared_task(name="loupe.truth")
def truth(job_id: str) -> None:
    """Infers a project's labels by every method and compares them."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            compute_truth(job.project, progress)
