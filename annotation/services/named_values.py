"""What a file says about a text – a label, labels, or spans, by name – in one form for each task.

The same rules as `annotation.services.values`, without the database: files are read in a process that has none.
"""

import json
from collections.abc import Collection
from typing import Any

from annotation.algorithms import spans as span_rules
from annotation.algorithms.offsets import Misplaced, code_points
from annotation.algorithms.text import control_characters, repair_windows_1252
from annotation.services.reading.rows import has_undecodable

LONGEST_LABEL = 100
MOST_SPANS = 5000
SEPARATORS = "|;,"
LARGEST_WHOLE = 2**53  # floats above it stand for several whole numbers each

Marked = tuple[int, int, str, str | None]  # start, end, label, quoted text


class Rejection(Exception):
    """The row becomes nothing; the message is the reason, before a colon the kind of reason."""


def short(found: Any, field: str, longest: int) -> str:
    """A short value as text: an id, a label, a person's name. Empty where there is none.

    A whole number is written without a fraction: 1.0 is what pandas makes of 1 in a column with gaps.
    """
    if found is None:
        return ""
    if not isinstance(found, str | bool | int | float):
        raise Rejection(f"{field} is not a string")
    if isinstance(found, float) and found.is_integer() and abs(found) < LARGEST_WHOLE:
        found = int(found)
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


def one_label(found: Any, known: Collection[str] = ()) -> str:
    """The name of the one label; empty where there is none. A list of one is as good as the one, also as JSON in text,
    as which it stands in a table.
    """
    if isinstance(found, str) and found not in known and (written := found.strip()).startswith("["):
        try:
            read = json.loads(written)
        except (ValueError, RecursionError):
            read = None
        found = read if isinstance(read, list) else found
    if isinstance(found, float) and json.dumps(found) in known:
        return json.dumps(found)
    if isinstance(found, list):
        names = [short(name, "label", LONGEST_LABEL) for name in found]
        if len(names) > 1:
            raise Rejection(f"several labels: {', '.join(names)}")
        return names[0] if names else ""
    return short(found, "label", LONGEST_LABEL)


def several_labels(found: Any, known: Collection[str] = ()) -> list[str] | None:
    """The names of the labels, each once; None where nothing is said, which an empty list is not.

    Text is a JSON list, the name of a label, or names between bars, semicolons or commas.
    """
    if isinstance(found, str):
        written = found.strip()
        if not written:
            return None
        if written.startswith("["):
            found = from_json(written, "labels")
        elif written in known:
            found = [written]
        else:
            separator = next((mark for mark in SEPARATORS if mark in written), "\n")
            found = written.split(separator)
    if found is None:
        return None
    given = found if isinstance(found, list) else [found]
    names = [short(name, "label", LONGEST_LABEL) for name in given]
    return list(dict.fromkeys(name for name in names if name))


def marked_spans(found: Any) -> list[Marked] | None:
    """The spans as they were written; None where nothing is said, which an empty list is not.

    Each is an object with start, end and label (or start_offset and end_offset), or a list of the three.
    """
    if isinstance(found, str):
        if not found.strip():
            return None
        found = from_json(found, "spans")
    if found is None:
        return None
    if not isinstance(found, list):
        raise Rejection("spans are not a list")
    if len(found) > MOST_SPANS:
        raise Rejection(f"too many spans: {len(found):,}, at most {MOST_SPANS:,}")
    return [marked(span, at) for at, span in enumerate(found, start=1)]


def marked(span: Any, at: int) -> Marked:
    """One span."""
    quoted = None
    if isinstance(span, list) and len(span) == 3:
        start, end, label = span
    elif isinstance(span, dict):
        start = span.get("start", span.get("start_offset"))
        end = span.get("end", span.get("end_offset"))
        label = span.get("label", span.get("labels"))
        label = label[0] if isinstance(label, list) and len(label) == 1 else label
        quoted = span.get("text") if isinstance(span.get("text"), str) else None
    else:
        raise Rejection(f"bad span: span {at} is not start, end and label")
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**31:
            raise Rejection(f"bad span: span {at} has no whole number as its {name}")
    if not (named := short(label, "label", LONGEST_LABEL)):
        raise Rejection(f"bad span: span {at} has no label")
    return start, end, named, quoted


def placed_spans(
    spans: list[Marked], text: str, overlapping: bool, utf_16_first: bool
) -> list[tuple[int, int, str]]:
    """The spans in code points of the text, in order, each once, if they are possible there."""
    try:
        places = code_points(text, [(start, end, quoted) for start, end, _, quoted in spans], utf_16_first)
    except Misplaced as misplaced:
        start, end, _, quoted = spans[misplaced.at]
        raise Rejection(
            f"span not where its text is: span {misplaced.at + 1}, “{(quoted or '')[:60]}” at {start} to {end}"
        ) from misplaced
    read = [(start, end, label) for (start, end), (_, _, label, _) in zip(places, spans, strict=True)]
    ids = {label: at for at, label in enumerate(sorted({label for *_, label in read}))}
    numbered = [(start, end, ids[label]) for start, end, label in read]
    if wrong := span_rules.problems(numbered, len(text), overlapping):
        at = min(wrong)
        raise Rejection(f"bad span: span {at + 1} {wrong[at]}")
    return sorted(set(read))


def from_json(written: str, what: str) -> Any:
    """The list that a cell holds."""
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as broken:
        raise Rejection(f"bad {what}: not readable as JSON") from broken
