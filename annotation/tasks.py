"""Celery addresses of the ground floor: id → claim → service → done or failed."""

from celery import shared_task

from annotation.services import bulk, comparisons, imports, jobs, labelling, merging, rounds, tallies


@shared_task(name="loupe.import_file")
def import_file(job_id: str) -> None:
    """Reads an uploaded file into its project."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            imports.run_import(job.parameters["import"], progress)


@shared_task(name="loupe.fill_round")
def fill_round(job_id: str) -> None:
    """Puts the chosen texts into a round."""
    if job := jobs.claim_job(job_id):
        with jobs.working_on(job) as progress:
            rounds.fill_round(job.project.rounds.get(pk=job.parameters["round"]), progress)


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
