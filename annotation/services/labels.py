"""Labels: setting them up, changing them, and the recorded ways in which they go."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from annotation.models import ChangeCount, GoldItem, Label, LabelMigration, Project, User
from annotation.services.audit import record
from annotation.services.changes import count_change

SCREEN_KEYS = {
    "z": "undo",
    "s": "skip",
    "c": "comment",
    "f": "flag",
    "g": "guideline",
    "h": "suggestion",
    "?": "help",
    "/": "filter",
}
# Given to labels without one, in this order: digits, then letters that neither labelling nor the panel's screen uses
FREE_KEYS = "1234567890abdeimnopqtuvwy"
CHANGEABLE = ["name", "description", "examples", "hotkey", "color"]
MOST_LABELS = 500
MOST_EXAMPLES = 20
LONGEST_EXAMPLE = 500


def fewest(task: str) -> int:
    """How many labels a project needs: one name can be marked in a text, but one answer is no choice."""
    return 2 if task == Project.Task.CLASSIFICATION else 1


def key_problem(key: str) -> str:
    """Why a label cannot have this key, or "" where it can."""
    if key in SCREEN_KEYS:
        return f"The key “{key}” already means {SCREEN_KEYS[key]}. Take a digit or another letter."
    if key and not re.fullmatch(r"[a-z0-9]", key):
        return f"“{key}” cannot be a key. Take a digit or a letter."
    return ""


def check_labels(labels: Sequence[Mapping[str, Any]], task: str = Project.Task.CLASSIFICATION) -> None:
    """Raises ValidationError, by label and field, for names or hotkeys that collide or that cannot be."""
    wrong: dict[str, list[str]] = {}
    if len(labels) < fewest(task):
        wrong["labels"] = [f"A project needs at least {'two labels' if fewest(task) == 2 else 'one label'}."]
    if len(labels) > MOST_LABELS:
        wrong["labels"] = [f"{len(labels):,} labels are too many; at most {MOST_LABELS}."]
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    taken = {str(label.get("hotkey") or "").lower() for label in labels}
    free = [key for key in FREE_KEYS if key not in taken]
    for at, label in enumerate(labels):
        name, key = str(label.get("name") or "").strip(), str(label.get("hotkey") or "").lower()
        problem = key_problem(key)
        if not name:
            wrong[f"labels[{at}].name"] = ["Every label needs a name."]
        elif name in names:
            wrong[f"labels[{at}].name"] = [f"Two labels are called “{name}”. Names must differ."]
        if not problem and key in keys:
            problem = f"Two labels have the key “{key}”: “{keys[key]}” and this one."
            problem += f" Free: {', '.join(free[:3])}." if free else ""
        if problem:
            wrong[f"labels[{at}].hotkey"] = [problem]
        names.setdefault(name, name)
        if key:
            keys.setdefault(key, name)
    if wrong:
        raise ValidationError(wrong)


def read_examples(examples: Sequence[str]) -> list[str]:
    """Examples without empty ones. Raises ValidationError for too many, or one that is too long to be shown."""
    read = [example.strip() for example in examples if example.strip()]
    if len(read) > MOST_EXAMPLES:
        raise ValidationError({"examples": f"{len(read)} examples are too many; at most {MOST_EXAMPLES}."})
    if any(len(example) > LONGEST_EXAMPLE for example in read):
        raise ValidationError({"examples": f"An example has at most {LONGEST_EXAMPLE} characters."})
    return read


def make_labels(project: Project, labels: Sequence[Mapping[str, Any]]) -> None:
    """Makes a new project's labels, which were checked. Those without a hotkey get the next free one, while there is
    any."""
    taken = {str(label.get("hotkey") or "").lower() for label in labels}
    free = iter([key for key in FREE_KEYS if key not in taken])
    for position, label in enumerate(labels):
        made = Label(
            project=project,
            name=str(label["name"]).strip(),
            description=label.get("description") or "",
            examples=read_examples(label.get("examples") or []),
            hotkey=(label.get("hotkey") or next(free, "")).lower(),
            color=label.get("color") or position % 8 + 1,
            position=position,
        )
        made.full_clean()
        made.save()


def _lock(project: Project) -> None:
    """Two leads must not change a project's labels at once. Open screens learn of it with their next text."""
    Project.objects.filter(pk=project.pk).update(screen_version=F("screen_version") + 1)


def _keep_a_choice(label: Label) -> None:
    """Raises ValidationError where too few labels would be left without this one."""
    project = label.project
    left = Label.objects.filter(project=project, retired__isnull=True).exclude(pk=label.pk).count()
    if label.retired is None and left < fewest(project.task):
        raise ValidationError(
            f"Without “{label.name}” there would be too few labels to choose from. Add another one first."
        )


def _check_name(label: Label) -> None:
    same = Label.objects.filter(project=label.project_id, name=label.name).exclude(pk=label.pk).first()
    if not label.name:
        raise ValidationError({"name": "Every label needs a name."})
    if same is not None and same.retired:
        raise ValidationError(
            {"name": f"A label “{same.name}” was retired. Bring it back, or take another name."}
        )
    if same is not None:
        raise ValidationError({"name": f"There is a label “{same.name}” already. Names must differ."})


def _check_key(label: Label) -> None:
    if problem := key_problem(label.hotkey):
        raise ValidationError({"hotkey": problem})
    if label.hotkey and label.retired is None and (holder := _holder_of(label)):
        free = free_keys(label.project)[:3]
        offered = f" Free: {', '.join(free)}." if free else ""
        raise ValidationError({"hotkey": f"The key “{label.hotkey}” is taken by “{holder.name}”.{offered}"})


def _holder_of(label: Label) -> Label | None:
    """Another label that is in use and has this one's key."""
    used = Label.objects.filter(project=label.project_id, retired__isnull=True, hotkey=label.hotkey)
    return used.exclude(pk=label.pk).first()


def free_keys(project: Project) -> list[str]:
    """The keys that a label could have, digits first."""
    taken = set(Label.objects.filter(project=project, retired__isnull=True).values_list("hotkey", flat=True))
    return [key for key in FREE_KEYS if key not in taken]


@transaction.atomic
def add_label(project: Project, user: User, *, name: str, **fields: Any) -> Label:
    """One more label, at the end. Without a hotkey it gets the next free one; "" is none."""
    _lock(project)
    if Label.objects.filter(project=project).count() >= MOST_LABELS:
        raise ValidationError(f"A project has at most {MOST_LABELS} labels.")
    last = Label.objects.filter(project=project).aggregate(last=Max("position"))["last"]
    place = 0 if last is None else last + 1
    key = fields.get("hotkey")
    label = Label(
        project=project,
        name=name.strip(),
        description=fields.get("description") or "",
        examples=read_examples(fields.get("examples") or []),
        hotkey=next(iter(free_keys(project)), "") if key is None else key.lower(),
        color=fields.get("color") or place % 8 + 1,
        position=place,
    )
    _check_name(label)
    _check_key(label)
    label.full_clean(validate_constraints=False)
    label.save()
    record(project, user, "add label", label.name)
    return label


@transaction.atomic
def change_label(label: Label, user: User, changes: Mapping[str, Any]) -> Label:
    """Changes a label's name, description, examples, hotkey, colour or position. No answer changes.

    A new name is recorded as a migration. `position` is the place among the labels in use, counted from 0.
    """
    _lock(label.project)
    label.refresh_from_db()
    new = {field: changes[field] for field in CHANGEABLE if field in changes}
    if "name" in new:
        new["name"] = new["name"].strip()
    if "hotkey" in new:
        new["hotkey"] = (new["hotkey"] or "").lower()
    if "examples" in new:
        new["examples"] = read_examples(new["examples"])
    if "color" in new:
        new["color"] = new["color"] or label.color
    before = {field: getattr(label, field) for field in new if getattr(label, field) != new[field]}
    after = {field: new[field] for field in before}
    for field, value in new.items():
        setattr(label, field, value)
    _check_name(label)
    if "hotkey" in before:
        _check_key(label)
    label.full_clean(validate_constraints=False)
    label.save(update_fields=[*new])
    if "name" in before:
        LabelMigration.objects.create(
            project=label.project,
            kind=LabelMigration.Kind.RENAME,
            label=label,
            name_before=before["name"],
            name_after=label.name,
            created_by=user,
        )
    if "position" in changes:
        was, now = _move(label, changes["position"])
        if was != now:
            before["position"], after["position"] = was, now
    if before:
        record(label.project, user, "change label", label.name, before=before, after=after)
    if "name" in before:
        count_change(label.project, ChangeCount.Kind.LABELS)
    return label


def _move(label: Label, place: int) -> tuple[int | None, int]:
    """Puts the label at this place among those in use, the others follow; where it was (None: retired) and is now."""
    used = list(Label.objects.filter(project=label.project_id, retired__isnull=True))
    was = next((at for at, one in enumerate(used) if one.pk == label.pk), None)
    others = [one for one in used if one.pk != label.pk]
    now = max(0, min(place, len(others)))
    others.insert(now, label)
    for at, one in enumerate(others):
        one.position = at
    Label.objects.bulk_update(others, ["position"])
    return was, now


@transaction.atomic
def retire_label(label: Label, user: User) -> Label:
    """Takes a label out of the choice. Answers keep it; gold texts that need it are retired with it."""
    _lock(label.project)
    label.refresh_from_db()
    if label.retired is not None:
        raise ValidationError(f"“{label.name}” is retired already.")
    _keep_a_choice(label)
    label.retired = timezone.now()
    label.save(update_fields=["retired"])
    gold = [
        item.pk
        for item in GoldItem.objects.filter(project=label.project, retired__isnull=True)
        if _has(item, label)
    ]
    GoldItem.objects.filter(pk__in=gold).update(retired=label.retired)
    LabelMigration.objects.create(
        project=label.project,
        kind=LabelMigration.Kind.RETIRE,
        label=label,
        name_before=label.name,
        name_after=label.name,
        created_by=user,
    )
    record(label.project, user, "retire label", label.name, after={"gold_retired": len(gold)})
    return label


def _has(gold: GoldItem, label: Label) -> bool:
    spans = gold.spans or []
    return label.pk in {gold.label_id, *(gold.labels or []), *(span[2] for span in spans)}


@transaction.atomic
def restore_label(label: Label, user: User) -> Label:
    """Puts a retired or merged label back into the choice, with the gold texts that were retired with it.

    Answers that a merge gave another label keep that. A key that another label has by now is not taken from it.
    """
    _lock(label.project)
    label.refresh_from_db()
    if label.retired is None:
        raise ValidationError(f"“{label.name}” is in use already.")
    GoldItem.objects.filter(project=label.project, retired=label.retired).update(retired=None)
    label.retired, label.merged_into = None, None
    if label.hotkey and _holder_of(label):
        label.hotkey = ""
    label.save(update_fields=["retired", "merged_into", "hotkey"])
    LabelMigration.objects.create(
        project=label.project,
        kind=LabelMigration.Kind.RESTORE,
        label=label,
        name_before=label.name,
        name_after=label.name,
        created_by=user,
    )
    record(label.project, user, "restore label", label.name)
    return label


@transaction.atomic
def merge_label(label: Label, into: Label, user: User) -> LabelMigration:
    """Takes a label out of the choice in favour of another one. `merging.rewrite_values` then gives what has it the
    other."""
    _lock(label.project)
    label.refresh_from_db()
    into.refresh_from_db()
    if label.pk == into.pk:
        raise ValidationError({"into": "A label cannot be merged into itself. Choose another one."})
    if into.project_id != label.project_id:
        raise ValidationError({"into": "Both labels must belong to this project."})
    if into.retired is not None:
        raise ValidationError(
            {"into": f"“{into.name}” is retired. Bring it back first, or choose another one."}
        )
    if label.merged_into_id is not None:
        raise ValidationError(f"“{label.name}” was merged before. Bring it back first.")
    _keep_a_choice(label)
    label.retired, label.merged_into = label.retired or timezone.now(), into
    label.save(update_fields=["retired", "merged_into"])
    Label.objects.filter(merged_into=label).update(merged_into=into)
    migration = LabelMigration.objects.create(
        project=label.project,
        kind=LabelMigration.Kind.MERGE,
        label=label,
        into=into,
        name_before=label.name,
        name_after=into.name,
        created_by=user,
    )
    record(label.project, user, "merge label", label.name, after={"into": into.name})
    return migration
