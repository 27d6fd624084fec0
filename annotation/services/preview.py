"""What a file's first rows would become: the import itself, rehearsed on them and rolled back."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from ftfy.badness import is_bad

from annotation.models import Import
from annotation.services import reading
from annotation.services.cleaning import Cleaner
from annotation.services.entering import DUPLICATE, LeftOut
from annotation.services.entering_answers import AnswerEntry
from annotation.services.imports import ENTRIES, rules_of
from annotation.services.mapping import ANSWERS, Mapping
from annotation.services.reading import Row, Unreadable

ROWS_READ = 1000
ROWS_SHOWN = 10
MOST_CATEGORIES = 50


class Column(NamedTuple):
    """A column of the file as its first rows show it."""

    name: str
    read_as: str
    first: str


class Shown(NamedTuple):
    """A row as it will be read. `outcome` is imported, duplicate or rejected."""

    number: int
    external_id: str
    text: str
    label: str
    annotator: str
    outcome: str
    reason: str


@dataclass
class Preview:
    """The first rows of a file: their columns, what becomes of them, and what is wrong."""

    columns: list[Column]
    layout: reading.Layout | None = None
    read: int = 0
    all_read: bool = False
    shown: list[Shown] = field(default_factory=list)
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)
    new_labels: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    garbled: int = 0

    @property
    def imported(self) -> int:
        """How many of the rows that were read come in."""
        return self.read - self.duplicates - self.rejected_rows

    @property
    def rejected_rows(self) -> int:
        """How many of them are rejected."""
        # Not from the template, to which a Counter's `total` is the rows with a reason of that name: none
        return self.rejected.total()

    @property
    def problems(self) -> list[tuple[str, int, str]]:
        """The reasons for rejection, the commonest first, with how many rows and what is said of the first one."""
        return [(reason, rows, self.details[reason]) for reason, rows in self.rejected.most_common()]


def preview_import(source: Import, mapping: Mapping | None) -> Preview:
    """The first rows under this mapping; without one, only the columns."""
    try:
        with source.file.open("rb") as file:
            layout = reading.study(file, source.format)
            rows = list(islice(reading.rows(file, layout, source.kind == ANSWERS), ROWS_READ + 1))
    except Unreadable as broken:
        return Preview([], wrong=[str(broken)])
    except FileNotFoundError:
        return Preview([], wrong=["The uploaded file is not there any more. Upload it again."])
    all_read = len(rows) <= ROWS_READ
    rows = rows[:ROWS_READ]
    columns = [describe_column(name, [row.values.get(name) for row in rows]) for name in layout.columns]
    preview = Preview(columns, layout, len(rows), all_read)
    if mapping is not None:
        if mapping.text and not source.repair and source.project.task != "spans":
            preview.garbled = sum(looks_garbled(row.values.get(mapping.text)) for row in rows)
        source.mapping = mapping.as_json()
        rehearse(source, rows, layout, preview)
    return preview


def looks_garbled(text: Any) -> bool:
    """Whether a text looks as if it had been decoded wrongly, like "cafÃ©"."""
    return isinstance(text, str) and not text.isascii() and bool(is_bad(text[:2000]))


def rehearse(source: Import, rows: list[Row], layout: reading.Layout, preview: Preview) -> None:
    """Runs the import on these rows in a transaction that is rolled back."""
    chunk = Cleaner(rules_of(source), layout).chunk(rows)
    left_out: list[LeftOut] = []
    try:
        with transaction.atomic():
            entry = ENTRIES[source.kind](source)
            left_out = entry.judge(chunk)
            if isinstance(entry, AnswerEntry):
                preview.new_labels = entry.new_labels
            transaction.set_rollback(True)
    except ValidationError as wrong:
        preview.wrong += wrong.messages
    outcome = {left.number: left for left in left_out}
    preview.duplicates = sum(1 for left in left_out if left.outcome == DUPLICATE)
    for left in sorted(left_out):
        if left.outcome != DUPLICATE:
            reason, _, detail = left.reason.partition(":")
            preview.rejected[reason] += 1
            preview.details.setdefault(reason, detail.strip())
    preview.shown = [show(row, source.mapping, outcome.get(row.number)) for row in rows[:ROWS_SHOWN]]


def show(row: Row, mapping: dict[str, Any], left: LeftOut | None) -> Shown:
    """A row for the table."""
    told = next((mapping[field] for field in ("label", "labels", "spans") if mapping.get(field)), None)

    def value(name: str) -> str:
        column = told if name == "value" else mapping.get(name)
        written = row.values.get(column) if column else None
        if isinstance(written, list | dict):
            written = json.dumps(written, ensure_ascii=False)
        return "" if written is None else str(written)[:500].encode("utf-8", "replace").decode()

    outcome, reason = (left.outcome, left.reason) if left else ("imported", "")
    return Shown(row.number, value("id"), value("text"), value("value"), value("annotator"), outcome, reason)


def describe_column(name: str, values: list[Any]) -> Column:
    """How a column reads, and its first values."""
    written = [str(value).encode("utf-8", "replace").decode() for value in values if value not in (None, "")]
    if not written:
        return Column(name, "empty", "")
    different = list(dict.fromkeys(written))
    kind = kind_of(different, len(written))
    missing = 1 - len(written) / len(values)
    read_as = f"{kind}, {missing:.0%} empty" if missing >= 0.005 else kind
    first = ", ".join(value[:60] for value in different[:3])
    return Column(name, read_as, first[:90])


def kind_of(different: list[str], n: int) -> str:
    """What the different values of a column, out of n, look like."""
    if all(is_number(value) for value in different):
        return "number" if len(different) < n else "number, different in every row"
    if all(is_date(value) for value in different):
        return f"date, {min(different)[:10]} to {max(different)[:10]}"
    words = [len(value.split()) for value in different]
    if max(words) <= 4 and len(different) <= MOST_CATEGORIES and len(different) <= max(n / 2, 2):
        return f"category, {len(different)} value{'s' if len(different) > 1 else ''}"
    if max(words) == 1:
        return "different in every row" if len(different) == n else f"{len(different):,} different values"
    return f"text, {min(words):,} to {max(words):,} words"


def is_number(value: str) -> bool:
    """Whether it reads as a number."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def is_date(value: str) -> bool:
    """Whether it reads as a day or a time."""
    try:
        datetime.fromisoformat(value.strip())
    except ValueError:
        return False
    return True
