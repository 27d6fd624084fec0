"""Rows of a file as candidates for items and answers, or rejected with the reason.

What a single row shows by itself is judged here; what needs the pool (duplicates, used ids) is judged at the import.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from annotation.algorithms.text import (
    control_characters,
    digest_of_normalised,
    normalise,
    repair_windows_1252,
    share_of_letters,
)
from annotation.models import Import, Item
from annotation.services.reading import Layout, Row, has_undecodable

LONGEST_TEXT = 100_000
LONGEST_ID = 200
FEWEST_LETTERS = 0.2
LARGEST_META = 1_000_000
FIELDS = ("text", "id", "label", "annotator", "timestamp", "meta", "provenance")
LIKELY_NAMES = {
    "text": ("text",),
    "id": ("id", "external_id", "item_id"),
    "label": ("label",),
    "annotator": ("annotator", "annotator_id"),
    "timestamp": ("timestamp",),
}
SURE_FIELDS = ("text", "id")  # found by their names even where a mapping leaves them out
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_SUSPICIOUS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f\ud800-\udfff\ufffd]"
)  # one look for many checks
_encode: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_PROVENANCES = frozenset(Item.Provenance.values)


class Rejection(Exception):
    """The row becomes nothing; the message is the reason, before a colon the kind of reason."""


class Candidate(NamedTuple):
    """What a row holds, cleaned. `digest` is empty where the row has no text."""

    row: Row
    external_id: str | None
    text: str
    digest: bytes
    label: str
    annotator: str
    created: datetime | None
    meta: str
    provenance: str


@dataclass(frozen=True)
class Mapping:
    """Which column holds what. Columns that nothing names become metadata, except those that are left out."""

    kind: str
    text: str | None = None
    id: str | None = None
    label: str | None = None
    annotator: str | None = None
    timestamp: str | None = None
    meta: str | None = None
    provenance: str | None = None
    leave_out: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What is kept with the import; `from_json` of it is the same mapping."""
        named = {field: getattr(self, field) for field in FIELDS}
        return {**named, "leave_out": list(self.leave_out)}

    @property
    def consumed(self) -> frozenset[str]:
        """The columns that do not become metadata."""
        fields = {self.text, self.id, self.meta, self.provenance, self.label}
        if self.kind == Import.Kind.ANNOTATIONS:
            fields |= {self.annotator, self.timestamp}
        return frozenset(name for name in fields if name) | frozenset(self.leave_out)


def guess_mapping(kind: str, columns: list[str], given: dict[str, Any] | None = None) -> Mapping:
    """The mapping that was given, completed by columns with telling names.

    A field that is given as null is not looked for. Raises ValidationError for unknown fields, for columns that are
    not in the file, and for a field that the kind needs and nothing names.
    """
    mapping = complete_mapping(kind, columns, given)
    check_needed(mapping, columns)
    return mapping


def complete_mapping(kind: str, columns: list[str], given: dict[str, Any] | None = None) -> Mapping:
    """`guess_mapping` without the question whether it is enough."""
    chosen = check_given(columns, given or {})
    taken = {name for name in chosen.values() if isinstance(name, str)} | set(chosen.get("leave_out") or [])
    by_lower = {name.lower(): name for name in reversed(columns)}
    for field, names in LIKELY_NAMES.items():
        needed = field in SURE_FIELDS or (kind == Import.Kind.ANNOTATIONS and field == "label")
        if field in chosen or (given and not needed):
            continue
        found = next((by_lower[name] for name in names if by_lower.get(name) not in {None, *taken}), None)
        if found is not None:
            chosen[field] = found
            taken.add(found)
    leave_out = list(chosen.pop("leave_out", None) or [])
    if columns[:2] == ["row", "reason"]:  # our own list of rejected rows, corrected
        leave_out += [name for name in columns[:2] if name not in taken and name not in leave_out]
    return Mapping(kind=kind, leave_out=tuple(leave_out), **chosen)


def from_json(kind: str, stored: dict[str, Any]) -> Mapping:
    """The mapping that was kept with an import."""
    return Mapping(kind=kind, **{**stored, "leave_out": tuple(stored["leave_out"])})


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
    if mapping.kind == Import.Kind.ITEMS and not mapping.text:
        missing.append(f"No column is given for the text. The file has: {listed}.")
    if mapping.kind == Import.Kind.ANNOTATIONS:
        if not (mapping.id or mapping.text):
            missing.append(f"Answers need a column with the item's id or its text. The file has: {listed}.")
        if not mapping.label:
            missing.append(f"Answers need a column with the label. The file has: {listed}.")
    if missing:
        raise ValidationError({"mapping": missing})


class Cleaner:
    """Judges rows by themselves, under one mapping."""

    def __init__(
        self, mapping: Mapping, layout: Layout, provenance: str = "real", annotator: str = ""
    ) -> None:
        self.mapping = mapping
        self.provenance = provenance
        self.annotator = annotator
        self.answers = mapping.kind == Import.Kind.ANNOTATIONS
        self.consumed = mapping.consumed
        self.broken_mark = "\ufffd" if layout.encoding == "utf-16" else ""
        self.empty_is_missing = layout.format != "jsonl"  # a CSV file cannot tell the two apart

    def read(self, row: Row) -> Candidate:
        """The row as a candidate. Raises Rejection with the reason."""
        if row.wrong:
            raise Rejection(row.wrong)
        values, mapping = row.values, self.mapping
        external_id = self.name(values, mapping.id, "id", LONGEST_ID) or None
        text, digest = "", b""
        if mapping.text:
            written = values.get(mapping.text)
            if self.answers and external_id and (written is None or written == ""):
                written = None
            else:
                text = self.text(written)
                digest = digest_of_normalised(normalise(text))
        label = self.name(values, mapping.label, "label", 100)
        annotator, created = "", None
        if self.answers:
            if not (external_id or text):
                raise Rejection("no id")
            if not label:
                raise Rejection("no label")
            annotator = self.name(values, mapping.annotator, "annotator", 200) or self.annotator
            if not annotator:
                raise Rejection("no annotator")
            created = self.time(values)
        provenance = self.provenance
        if mapping.provenance and (given := self.name(values, mapping.provenance, "provenance", 100)):
            if given not in _PROVENANCES:
                raise Rejection(f"unknown provenance: {given}")
            provenance = given
        meta = self.meta(values) if text else "{}"
        return Candidate(row, external_id, text, digest, label, annotator, created, meta, provenance)

    def text(self, written: Any) -> str:
        """The text, repaired, if it is one that people can label."""
        if written is None:
            raise Rejection("empty")
        if not isinstance(written, str):
            raise Rejection("text is not a string")
        text = written
        if len(text) > LONGEST_TEXT:
            raise Rejection(f"too long: {len(text):,} characters, at most {LONGEST_TEXT:,}")
        if _SUSPICIOUS.search(text):
            if has_undecodable(text) or (self.broken_mark and self.broken_mark in text):
                raise Rejection("undecodable")
            if control_characters(text):
                raise Rejection("control characters")
            text = repair_windows_1252(text)
        if not text.strip():
            raise Rejection("empty")
        if share_of_letters(text) < FEWEST_LETTERS:
            raise Rejection("mostly not letters")
        return text

    def name(self, values: dict[str, Any], column: str | None, field: str, longest: int) -> str:
        """A short value as text: an id, a label, a person's name. Empty where there is none."""
        if column is None:
            return ""
        found = values.get(column)
        if found is None:
            return ""
        if not isinstance(found, str | bool | int | float):
            raise Rejection(f"{field} is not a string")
        value = found.strip() if isinstance(found, str) else json.dumps(found)
        if len(value) <= longest and value.isascii() and value.isprintable():
            return value
        if len(value) > longest:
            raise Rejection(f"{field} too long: {len(value):,} characters, at most {longest}")
        if has_undecodable(value):
            raise Rejection(f"undecodable: {field}")
        if control_characters(value):
            raise Rejection(f"control characters: {field}")
        return repair_windows_1252(value)

    def time(self, values: dict[str, Any]) -> datetime | None:
        """When the answer was given, in UTC; times without a zone are taken as UTC."""
        value = values.get(self.mapping.timestamp) if self.mapping.timestamp else None
        if value is None or value == "":
            return None
        try:
            if isinstance(value, bool):
                raise ValueError
            if isinstance(value, int | float):
                return datetime.fromtimestamp(value, UTC)
            at = datetime.fromisoformat(str(value).strip())
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError, OSError) as broken:
            raise Rejection(f"bad timestamp: {str(value)[:60]}") from broken

    def meta(self, values: dict[str, Any]) -> str:
        """The metadata as JSON: columns that nothing names, and the fields of a mapped object."""
        consumed, skip = self.consumed, self.empty_is_missing
        found = {
            name: value
            for name, value in values.items()
            if name not in consumed and not (skip and value == "")
        }
        column = self.mapping.meta
        try:
            nested = values.get(column) if column else None
            if nested not in (None, ""):
                nested = json.loads(nested) if isinstance(nested, str) else nested
                if not isinstance(nested, dict):
                    raise Rejection("bad metadata: not a JSON object")
                found.update(nested)
            elif column is None and isinstance(found.get("meta"), dict):
                found.update(found.pop("meta"))
            written = _encode(found) if found else "{}"
        except (ValueError, RecursionError) as broken:
            raise Rejection("bad metadata: not readable as JSON") from broken
        if "u0000" in written and _ESCAPED_NUL.search(written):
            raise Rejection("bad metadata: characters that cannot be stored")
        if len(written) > LARGEST_META:
            raise Rejection(f"bad metadata: over {LARGEST_META:,} characters")
        if written.isascii() or not _SUSPICIOUS.search(written):
            return written
        if _LONE_SURROGATE.search(written):
            raise Rejection("bad metadata: characters that cannot be stored")
        return repair_windows_1252(written)


def storable(values: dict[str, Any]) -> str:
    """Original values as JSON that the database takes; what it cannot hold shows as U+FFFD."""
    written = json.dumps(values, ensure_ascii=False)
    written = _ESCAPED_NUL.sub(r"\1\\ufffd", written) if "u0000" in written else written
    if not written.isascii():
        written = _LONE_SURROGATE.sub("\ufffd", written)
    return written
