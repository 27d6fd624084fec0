"""Starting quality control's long work."""

from django.core.exceptions import ValidationError

from annotation.jobs import start_job
from annotation.models import Job, Project, Round, User
from qc.models import Sample
from qc.services.truth import NOT_COMPARED


def start_agreement(project: Project, user: User | None, round_: Round | None = None) -> Job:
    """Computes agreement over the project's answers, or over one round's."""
    query = f"?round={round_.pk}" if round_ else ""
    return start_job(
        "agreement",
        project,
        user,
        {"round": round_.pk if round_ else None},
        title=f"Agreement in {round_.name}" if round_ else "Agreement",
        result_url=f"/api/v1/projects/{project.slug}/agreement/{query}",
        page_url=f"/projects/{project.slug}/agreement/{query}",
    )


def start_meta_label_agreement(project: Project, user: User | None) -> Job:
    """Computes how far people agree on meta-labels."""
    return start_job(
        "meta_label_agreement",
        project,
        user,
        {},
        title="Agreement on meta-labels",
        result_url=f"/api/v1/projects/{project.slug}/meta-labels/agreement/",
        page_url=f"/projects/{project.slug}/adjudicate/rules/",
    )


def start_exploration(project: Project, user: User | None) -> Job:
    """Looks at all texts: lengths, values, distances, and labels that look wrong."""
    return start_job(
        "explore_texts",
        project,
        user,
        {},
        title="Look at all texts",
        result_url=f"/api/v1/projects/{project.slug}/suspects/",
        page_url=f"/projects/{project.slug}/explore/",
    )


def start_sample(sample: Sample, user: User | None) -> Job:
    """Draws a sample that was planned."""
    return start_job(
        "draw_sample",
        sample.project,
        user,
        {"sample": sample.pk},
        title=f"Sample {sample.pk}",
        result_url=f"/api/v1/samples/{sample.pk}/",
        page_url=f"/projects/{sample.project.slug}/explore/samples/{sample.pk}/",
    )


def start_truth(project: Project, user: User | None) -> Job:
    """Infers the labels by every method, and compares the methods.

    Raises ValidationError where an answer is not one label.
    """
    if project.task != Project.Task.CLASSIFICATION:
        raise ValidationError(NOT_COMPARED)
    return start_job(
        "truth",
        project,
        user,
        {},
        title="Inferred labels",
        result_url=f"/api/v1/projects/{project.slug}/truth/",
        page_url=f"/projects/{project.slug}/truth/",
    )
