"""Starting the long work of evaluation."""

from collections.abc import Mapping

from django.urls import reverse

from annotation.jobs import start_job
from annotation.models import Job, Project, User
from evaluation.models import LeakageReport, Run, SplitSet
from evaluation.queries.cleaning import cleaning_report
from evaluation.queries.new_texts import imports_to_look_at
from evaluation.services.cleaning import THRESHOLD
from evaluation.services.offering import check_offer


def start_report(run: Run, user: User) -> Job:
    """Computes a run's report."""
    return start_job(
        "run_report",
        run.project,
        user,
        {"run": run.pk},
        title=f"Report of {run.name}",
        result_url=reverse("api-run-report", args=[run.pk]),
        page_url=reverse("run", args=[run.project.slug, run.pk]),
    )


def start_offer(run: Run, user: User) -> Job:
    """Offers a run's predictions as suggestions to annotators."""
    check_offer(run)
    slug = run.project.slug
    return start_job(
        "offer_run",
        run.project,
        user,
        {"run": run.pk},
        title=f"Predictions of {run.name} as suggestions",
        result_url=reverse("api-suggestions", args=[slug]),
        page_url=reverse("run", args=[slug, run.pk]),
    )


def start_leakage(report: LeakageReport, user: User) -> Job:
    """Finds the copies in the pool, or between the splits of a split set."""
    scope = f"between the splits of {report.split_set}" if report.split_set else "in the pool"
    return start_job(
        "find_copies",
        report.project,
        user,
        {"report": report.pk},
        title=f"Copies {scope}, {report.threshold:g} or more of {report.ngram}-grams shared",
        result_url=reverse("api-leakage-report", args=[report.pk]),
        page_url=f"{reverse('leakage', args=[report.project.slug])}?report={report.pk}",
    )


def start_split_set(split_set: SplitSet, user: User) -> Job:
    """Builds a split set."""
    return start_job(
        "build_split_set",
        split_set.project,
        user,
        {"split_set": split_set.pk},
        title=f"Split set {split_set}",
        result_url=reverse("api-split-set", args=[split_set.pk]),
        page_url=reverse("split-set", args=[split_set.project.slug, split_set.pk]),
    )


def look_at_new_texts() -> list[Job]:
    """Starts a look at every pool into which texts came lately, in the way in which it was looked at last."""
    started = []
    for source in imports_to_look_at():
        report = cleaning_report(source.project)
        threshold = report.threshold if report else THRESHOLD
        started.append(start_cleaning(source.project, source.created_by, threshold))
    return started


def start_cleaning(project: Project, user: User, threshold: float) -> Job:
    """Looks at all texts: copies, unusable ones, and what they are like."""
    return start_job(
        "clean_pool",
        project,
        user,
        {"threshold": threshold},
        title=f"A look at all texts, similar ones from {threshold:g}",
        result_url=reverse("api-cleaning", args=[project.slug]),
        page_url=reverse("cleaning", args=[project.slug]),
    )


def start_archive(project: Project, user: User) -> Job:
    """Writes everything of a project into one file."""
    job = start_job(
        "make_archive",
        project,
        user,
        {},
        title=f"Archive of {project.name}",
        page_url=reverse("archive", args=[project.slug]),
    )
    Job.objects.filter(pk=job.pk, result_url="").update(
        result_url=reverse("api-archive-file", args=[project.slug, job.pk])
    )
    job.refresh_from_db()
    return job


def start_restoration(
    project: Project, user: User, name: str, people: Mapping[str, str] | None = None
) -> Job:
    """Puts an archive that is stored under this name into a new project; `people` says who is who here."""
    return start_job(
        "restore_archive",
        project,
        user,
        {"file": name, "people": dict(people or {})},
        title=f"Restoration of {project.name}",
        result_url=reverse("api-project", args=[project.slug]),
        page_url=reverse("project", args=[project.slug]),
    )
