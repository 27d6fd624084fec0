"""Making, changing, deleting and restoring projects."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from annotation.models import Guideline, Membership, Project, Role, Round, User
from annotation.services.audit import record
from annotation.services.guidelines import publish_guideline
from annotation.services.labels import check_labels, make_labels
from annotation.services.limits import LIMITS, check_limits

RESERVED_SLUGS = {"new"}
QUESTIONS = {
    Project.Task.CLASSIFICATION: "Which label fits this text?",
    Project.Task.MULTILABEL: "Which labels fit this text?",
    Project.Task.SPANS: "What is named in this text?",
}
SETTINGS = [
    "name",
    "question",
    "overlap",
    "maximum_overlap",
    "overlapping_spans",
    "asks_difficulty",
    "asks_confidence",
    "gold_rate",
    "gold_threshold",
    "gold_minimum",
    "gold_feedback",
    "gold_wear",
    "repeat_rate",
    "repeat_distance",
    "shows_quality",
    "sitting_minutes",
    "day_minutes",
    "total_minutes",
    "break_minutes",
    *LIMITS,
    "looks_for_copies",
]
ON_SCREEN = {"question", "overlapping_spans", "asks_difficulty", "asks_confidence", "gold_feedback"}


def free_slug(name: str) -> str:
    """An address for the name that no project has yet."""
    base = slugify(name)[:50] or "project"
    taken = set(Project.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | RESERVED_SLUGS
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)


def _check(project: Project) -> None:
    """Raises ValidationError, by field, for settings that cannot be."""
    check_limits(project)
    project.full_clean()
    if project.maximum_overlap is not None and project.maximum_overlap < project.overlap:
        raise ValidationError(
            {"maximum_overlap": f"It cannot be below the {project.overlap} answers that every text gets."}
        )


@transaction.atomic
def create_project(
    user: User,
    *,
    name: str,
    labels: list[dict[str, Any]],
    slug: str = "",
    guideline: str = "",
    task: str = Project.Task.CLASSIFICATION,
    **settings: Any,
) -> Project:
    """A project with its labels, guideline version 1 and one open round `main`; the user becomes its owner.

    Labels without a hotkey get the next free one. Raises ValidationError for what is wrong, changing nothing.
    """
    if task not in Project.Task.values:
        raise ValidationError(
            {"task": f"“{task[:40]}” is not offered. There is: {', '.join(Project.Task.values)}."}
        )
    check_labels(labels, task)
    slug = slug or free_slug(name)
    if slug in RESERVED_SLUGS:
        raise ValidationError({"slug": f"“{slug}” is an address of Loupe itself. Choose another."})
    settings["question"] = settings.get("question") or QUESTIONS[Project.Task(task)]
    project = Project(slug=slug, name=name, task=task, created_by=user, **settings)
    _check(project)
    project.save()
    make_labels(project, labels)
    Guideline.objects.create(project=project, version=1, body=guideline, created_by=user)
    Membership.objects.create(project=project, user=user, role=Role.OWNER)
    Round.objects.create(
        project=project,
        name="main",
        overlap=project.overlap,
        gold_rate=project.gold_rate,
        repeat_rate=project.repeat_rate,
        seed=project.pk,
    )
    record(
        project, user, "create project", project.name, after={"labels": [label["name"] for label in labels]}
    )
    return project


@transaction.atomic
def change_project(project: Project, user: User, changes: dict[str, Any]) -> Project:
    """Changes a project's settings. Raises ValidationError for what is wrong, changing nothing.

    Overlap and rates are for rounds that are made from now on; a round that is there has its own.
    """
    held = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    new = {
        field: changes[field]
        for field in SETTINGS
        if field in changes and changes[field] != getattr(held, field)
    }
    before = {field: getattr(held, field) for field in new}
    for field, value in new.items():
        setattr(held, field, value)
    _check(held)
    if new:
        held.screen_version += bool(ON_SCREEN & set(new))
        held.save(update_fields=[*new, "screen_version"])
        record(held, user, "change project", held.name, before=before, after=new)
    if "guideline" in changes:
        publish_guideline(held, user, changes["guideline"])
    return held


@transaction.atomic
def delete_project(project: Project, user: User) -> None:
    """Hides the project from all but its owners; `restore_project` brings it back with everything in it."""
    here = Project.objects.filter(pk=project.pk, deleted__isnull=True)
    if here.update(deleted=timezone.now(), deleted_by=user):
        record(project, user, "delete project", project.name)


@transaction.atomic
def restore_project(project: Project, user: User) -> None:
    """Brings a deleted project back. Restoring one that is there changes nothing."""
    if Project.objects.filter(pk=project.pk, deleted__isnull=False).update(deleted=None, deleted_by=None):
        record(project, user, "restore project", project.name)
    project.deleted = None
