"""Celery addresses of the ground floor: id → claim → service → done or failed."""

from celery import shared_task

from annotation.models import Annotator, Import
from annotation.services import (
    blocks,
    bulk,
    comparisons,
    gold,
    imports,
    jobs,
    label_blocks,
    labelling,
    merging,
    metadata_fields,
    requeueing,
    rounds,
    suggestion_figures,
    tallies,
    undoing,
)


@shared_task(name="loupe.import_file")
def import_file(job_id: str) -> None:
    """Reads an uploaded file into its project."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            imports.run_import(job.parameters["import"], progress)


@shared_task(name="loupe.undo_import")
def undo_import(job_id: str) -> None:
    """Takes out what an import brought in."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            source = Import.objects.get(project=job.project, pk=job.parameters["import"])
            if source.state != Import.State.UNDONE:  # a worker may have died after it
                undoing.undo_import(source, job.created_by, progress)


@shared_task(name="loupe.fill_round")
def fill_round(job_id: str) -> None:
    """Puts the chosen texts into a round."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            made = job.project.rounds.get(pk=job.parameters["round"])
            rounds.fill_round(made, progress)
            if made.suggestions != made.Suggestions.OFF:
                suggestion_figures.measure_suggestions(made)


@shared_task(name="loupe.resize_round")
def resize_round(job_id: str) -> None:
    """Gives a round's texts the overlap that the round has now."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job):
            made = job.project.rounds.get(pk=job.parameters["round"])
            rounds.resize_round(made, job.parameters["before"])


@shared_task(name="loupe.compare_round")
def compare_round(job_id: str) -> None:
    """Compares a round's answers with older ones."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            comparisons.compare_round(job.project.rounds.get(pk=job.parameters["round"]), progress)


@shared_task(name="loupe.measure_suggestions")
def measure_suggestions(job_id: str) -> None:
    """Counts what a round's suggestions reach, and what they did."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            made = job.project.rounds.get(pk=job.parameters["round"])
            suggestion_figures.measure_suggestions(made, progress)


@shared_task(name="loupe.change_items")
def change_items(job_id: str) -> None:
    """Does one thing to many texts."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            asked = job.parameters
            found = bulk.chosen(job.project, asked["choice"])
            said = {"because": asked["because"], "round": asked["round"]}
            bulk.change_items(job.project, job.created_by, asked["action"], found, progress=progress, **said)


@shared_task(name="loupe.merge_label")
def merge_label(job_id: str) -> None:
    """Gives what has a merged label the other one."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            merging.rewrite_values(job.parameters["migration"], progress)


@shared_task(name="loupe.set_aside_answers")
def set_aside_answers(job_id: str) -> None:
    """Takes somebody's answers out of all that counts."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            author = Annotator.objects.get(project=job.project, pk=job.parameters["annotator"])
            requeueing.set_aside_answers(author, job.created_by, progress)


@shared_task(name="loupe.take_back_answers")
def take_back_answers(job_id: str) -> None:
    """Counts somebody's answers again."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            author = Annotator.objects.get(project=job.project, pk=job.parameters["annotator"])
            requeueing.take_back_answers(author, job.created_by, progress)


@shared_task(name="loupe.promote_gold")
def promote_gold(job_id: str) -> None:
    """Makes gold of texts on which everybody agreed."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            at_least = job.parameters["at_least"]
            gold.promote_unanimous(job.project, job.created_by, at_least=at_least, progress=progress)


@shared_task(name="loupe.correct_metadata_field")
def correct_metadata_field(job_id: str) -> None:
    """Says of which type a metadata field is, once all its values were looked at."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job):
            field = job.project.metadata_fields.get(pk=job.parameters["field"])
            metadata_fields.correct_field(field, job.created_by, job.parameters["type"])


@shared_task(name="loupe.sweep_jobs")
def sweep_jobs() -> None:
    """Gives the jobs of dead workers to others."""
    jobs.sweep_jobs()


@shared_task(name="loupe.return_expired_leases")
def return_expired_leases() -> None:
    """Opens the slots of leases that ran out."""
    labelling.return_expired_leases()


@shared_task(name="loupe.tally_answers")
def tally_answers() -> None:
    """Adds new answers to the tallies that pages read."""
    tallies.tally_answers()


@shared_task(name="loupe.keep_blocks")
def keep_blocks() -> None:
    """Makes the blocks by which texts are found; what is left after some seconds waits behind other work."""
    if blocks.keep_blocks():
        keep_blocks.delay()


@shared_task(name="loupe.sort_in_answers")
def sort_in_answers() -> None:
    """Brings new answers with several labels, or spans, into the blocks by which their texts are found."""
    if label_blocks.sort_in_answers():
        sort_in_answers.delay()
