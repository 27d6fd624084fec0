"""Which column of a file holds what."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from annotation.queries.columns import ANSWER_COLUMNS, ITEM_COLUMNS

ITEMS, ANSWERS, GOLD = "items", "annotations", "gold"
VALUES = {"classification": "label", "multilabel": "labels", "spans": "spans"}
FIELDS = (
    "text",
    "id",
    "label",
    "labels",
    "spans",
    "annotator",
    "timestamp",
    "comment",
    "explanation",
    "meta",
    "provenance",
)
LIKELY_NAMES = {
    "text": ("text",),
    "id": ("id", "external_id", "item_id"),
    "label": ("label",),
    "labels": ("labels",),
    "spans": ("spans", "entities"),
    "annotator": ("annotator", "annotator_id"),
    "timestamp": ("timestamp",),
    "explanation": ("explanation",),
}
SURE_FIELDS = ("text", "id")  # found by their names even where a mapping leaves them out
OF_ANSWERS = ("annotator", "timestamp", "comment")
# By these columns our own exports are known; those of before there were suggestions have none
ANSWERS_OUT, TEXTS_OUT = frozenset(ANSWER_COLUMNS) - {"suggestion"}, frozenset(ITEM_COLUMNS)


@dataclass(frozen=True)
class Mapping:
    """Which column holds what. Columns that nothing names become metadata, except those that are left out."""

    kind: str
    task: str = "classification"
    text: str | None = None
    id: str | None = None
    label: str | None = None
    labels: str | None = None
    spans: str | None = None
    annotator: str | None = None
    timestamp: str | None = None
    comment: str | None = None
    explanation: str | None = None
    meta: str | None = None
    provenance: str | None = None
    leave_out: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What is kept with the import; `from_json` of it is the same mapping."""
        named = {field: getattr(self, field) for field in FIELDS}
        return {**named, "leave_out": list(self.leave_out)}

    @property
    def value(self) -> str | None:
        """The column with the answer: the one that is named as the project's task has it, else another."""
        wanted = VALUES[self.task]
        named = [getattr(self, field) for field in (wanted, "label", "labels", "spans")]
        return next((column for column in named if column), None)

    @property
    def consumed(self) -> frozenset[str]:
        """The columns that do not become metadata."""
        fields = {self.text, self.id, self.meta, self.provenance, self.value}
        if self.kind == ANSWERS:
            fields |= {self.annotator, self.timestamp, self.comment}
        if self.kind == GOLD:
            fields |= {self.explanation}
        return frozenset(name for name in fields if name) | frozenset(self.leave_out)


def guess_mapping(kind: str, task: str, columns: list[str], given: dict[str, Any] | None = None) -> Mapping:
    """The mapping that was given, completed by columns with telling names.

    A field that is given as null is not looked for. Raises ValidationError for unknown fields, for columns that are
    not in the file, and for a field that the kind needs and nothing names.
    """
    mapping = complete_mapping(kind, task, columns, given)
    check_needed(mapping, columns)
    return mapping


def complete_mapping(
    kind: str, task: str, columns: list[str], given: dict[str, Any] | None = None
) -> Mapping:
    """`guess_mapping` without the question whether it is enough."""
    given = given or own_export(kind, task, columns)
    chosen = check_given(columns, given)
    taken = {name for name in chosen.values() if isinstance(name, str)} | set(chosen.get("leave_out") or [])
    by_lower = {name.lower(): name for name in reversed(columns)}
    wanted = VALUES[task]
    order = ["text", "id", wanted, *(field for field in VALUES.values() if field != wanted)]
    valued = any(chosen.get(field) for field in VALUES.values())
    for field in [*order, "annotator", "timestamp", "explanation"]:
        if field in chosen:
            continue
        if field in VALUES.values():
            if valued or (given and kind == ITEMS):
                continue
        elif given and field not in SURE_FIELDS:
            continue
        found = next(
            (by_lower[name] for name in LIKELY_NAMES[field] if by_lower.get(name) not in {None, *taken}), None
        )
        if found is not None:
            chosen[field] = found
            taken.add(found)
            valued = valued or field in VALUES.values()
    leave_out = list(chosen.pop("leave_out", None) or [])
    if columns[:2] == ["row", "reason"]:  # our own list of rejected rows, corrected
        leave_out += [name for name in columns[:2] if name not in taken and name not in leave_out]
    return Mapping(kind=kind, task=task, leave_out=tuple(leave_out), **chosen)


def own_export(kind: str, task: str, columns: list[str]) -> dict[str, Any]:
    """The mapping of a file that went out of a project as answers or texts; empty for any other file."""
    chosen = {"text": "text", "id": "external_id"}
    if set(columns) >= ANSWERS_OUT:
        if kind == ANSWERS:
            chosen |= {"annotator": "annotator", "timestamp": "created", "comment": "comment"}
        if kind != ITEMS:
            chosen[VALUES[task]] = VALUES[task]
    elif set(columns) >= TEXTS_OUT:
        chosen |= {"meta": "meta", "provenance": "provenance"}
        chosen[VALUES[task]] = "label" if task == "classification" else f"imported_{VALUES[task]}"
    else:
        return {}
    ours = (ANSWERS_OUT | TEXTS_OUT | {"suggestion"}) - set(chosen.values())
    return {**chosen, "leave_out": [name for name in columns if name in ours]}


def from_json(kind: str, task: str, stored: dict[str, Any]) -> Mapping:
    """The mapping that was kept with an import."""
    return Mapping(kind=kind, task=task, **{**stored, "leave_out": tuple(stored["leave_out"])})


def check_given(columns: list[str], given: dict[str, Any]) -> dict[str, Any]:
    """The given mapping, if it names fields that we have and columns that the file has, each once."""
    wrong = []
    used: dict[str, str] = {}
    for field, column in given.items():
        if field == "leave_out":
            if not isinstance(column, list) or not all(name in columns for name in column):
                wrong.append("“leave_out” is a list of columns of the file.")
            continue
        if field not in FIELDS:
            wrong.append(f"“{str(field)[:100]}” is not a field. There are: {', '.join(FIELDS)}.")
        elif column is not None and (not isinstance(column, str) or column not in columns):
            listed = ", ".join(columns[:20])
            wrong.append(f"The file has no column “{str(column)[:100]}” for {field}. It has: {listed}.")
        elif column is not None and column in used:
            wrong.append(f"The column “{column}” is given for {used[column]} and for {field}.")
        elif column is not None:
            used[column] = field
    if wrong:
        raise ValidationError({"mapping": wrong})
    return dict(given)


def check_needed(mapping: Mapping, columns: list[str]) -> None:
    """Raises ValidationError when the mapping lacks what its kind needs."""
    listed = ", ".join(columns[:20])
    missing = []
    if mapping.kind == ITEMS and not mapping.text:
        is_text = len(columns) == 1 and " " in columns[0]  # a list of texts without a header
        told = " If that is a text, put a line with a column's name before it." if is_text else ""
        missing.append(f"No column is given for the text. The file has: {listed}.{told}")
    if mapping.kind in {ANSWERS, GOLD}:
        what = "Answers need" if mapping.kind == ANSWERS else "Gold texts need"
        value = VALUES[mapping.task]
        if not (mapping.id or mapping.text):
            missing.append(f"{what} a column with the item's id or its text. The file has: {listed}.")
        if not mapping.value:
            missing.append(f"{what} a column with the {value}. The file has: {listed}.")
    if missing:
        raise ValidationError({"mapping": missing})
