"""Which key chooses which label."""

from annotation.models import Label

MOST_LABEL_BUTTONS = 12


def keyed(labels: list[Label]) -> list[tuple[Label, str]]:
    """Each label with its digit: the one that annotators use where all have one, else by position."""
    if all(label.hotkey.isdecimal() for label in labels):
        return [(label, label.hotkey) for label in labels]
    return [(label, str((at + 1) % 10) if at < 10 else "") for at, label in enumerate(labels)]
