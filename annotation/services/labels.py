"""Labels: setting them up, changing them, and the recorded ways in which they go."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from annotation.models import Label, Project

SCREEN_KEYS = {
    "z": "undo",
    "s": "skip",
    "c": "comment",
    "f": "flag",
    "g": "guideline",
    "?": "help",
    "/": "filter",
}
# Given to labels without one, in this order: digits, then letters that neither labelling nor the panel's screen uses
FREE_KEYS = "1234567890abdeimnopqtuvwy"
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
