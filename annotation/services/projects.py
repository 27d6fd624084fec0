"""Making and changing projects, their labels, guideline and rounds."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from annotation.models import Guideline, Label, Membership, Project, Role, Round, User
from annotation.services.audit import record
from annotation.services.guidelines import publish_guideline

SCREEN_KEYS = {
    "z": "undo",
    "s": "skip",
    "c": "comment",
    "f": "flag",
    "g": "guideline",
    "?": "help",
    "/": "filter",
}
RESERVED_SLUGS = {"new"}
OFFERED_TASKS = list(Project.Task)
SETTINGS = [
    "name",
    "question",
    "overlap",
    "gold_rate",
    "repeat_rate",
    "gold_threshold",
    "gold_minimum",
    "sitting_minutes",
    "day_minutes",
    "total_minutes",
    "break_minutes",
]


def free_slug(name: str) -> str:
    """An address for the name that no project has yet."""
    base = slugify(name)[:50] or "project"
    taken = set(Project.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | RESERVED_SLUGS
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)


def check_labels(labels: list[dict[str, Any]]) -> None:
    """Raises ValidationError for names or hotkeys that collide with each other or with the screen's own keys."""
    wrong: list[str] = []
    names = [str(label.get("name", "")).strip() for label in labels]
    if len(names) < 2:
        wrong.append("A project needs at least two labels.")
    if any(not name for name in names):
        wrong.append("Every label needs a name.")
    wrong += [f"Two labels are called “{name}”. Names must differ." for name in _twice(names)]
    keys = [str(label.get("hotkey") or "").lower() for label in labels]
    wrong += [f"Two labels have the key “{key}”. Give one of them another." for key in _twice(keys)]
    for key in keys:
        if key in SCREEN_KEYS:
            wrong.append(f"The key “{key}” already means {SCREEN_KEYS[key]}. Take a digit or another letter.")
        elif key and not re.fullmatch(r"[a-z0-9]", key):
            wrong.append(f"“{key}” cannot be a key. Take a digit or a letter.")
    if wrong:
        raise ValidationError({"labels": wrong})


def _twice(values: list[str]) -> list[str]:
    return sorted({value for value in values if value and values.count(value) > 1})


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

    Labels without a hotkey get the next free digit. Raises ValidationError for what is wrong, changing nothing.
    """
    check_labels(labels)
    if task not in OFFERED_TASKS:
        raise ValidationError(
            {"task": f"“{task[:40]}” is not offered. There is: {', '.join(OFFERED_TASKS)}."}
        )
    slug = slug or free_slug(name)
    if slug in RESERVED_SLUGS:
        raise ValidationError({"slug": f"“{slug}” is an address of Loupe itself. Choose another."})
    project = Project(slug=slug, name=name, task=task, created_by=user, **settings)
    project.full_clean()
    project.save()
    free = iter([d for d in "1234567890" if d not in {str(label.get("hotkey") or "") for label in labels}])
    for position, label in enumerate(labels):
        made = Label(
            project=project,
            name=str(label["name"]).strip(),
            description=label.get("description") or "",
            hotkey=(label.get("hotkey") or next(free, "")).lower(),
            color=label.get("color") or position % 8 + 1,
            position=position,
        )
        made.full_clean()
        made.save()
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
    """Changes a project's settings. Raises ValidationError for what is wrong, changing nothing."""
    before = {field: getattr(project, field) for field in SETTINGS if field in changes}
    for field in before:
        setattr(project, field, changes[field])
    project.full_clean()
    project.save()
    if "guideline" in changes:
        publish_guideline(project, user, changes["guideline"])
    record(
        project, user, "change project", project.name, before=before, after={f: changes[f] for f in before}
    )
    return project


@transaction.atomic
def delete_project(project: Project, user: User) -> None:
    """Hides the project; `restore_project` brings it back with everything in it."""
    Project.objects.filter(pk=project.pk).update(deleted=timezone.now())
    record(project, user, "delete project", project.name)


@transaction.atomic
def restore_project(project: Project, user: User) -> None:
    """Brings a deleted project back."""
    Project.objects.filter(pk=project.pk).update(deleted=None)
    record(project, user, "restore project", project.name)
