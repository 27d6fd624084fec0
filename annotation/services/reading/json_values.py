"""JSON and JSON Lines: objects one after another, in an array, one a line, or just so.

An array is read a value at a time: what is held is the value at hand, however long the file is.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import IO, Any

from annotation.services.reading.opening import characters, decoded
from annotation.services.reading.rows import (
    LINE_KEPT,
    LONGEST_ROW,
    MOST_COLUMNS,
    Layout,
    Row,
    Unreadable,
    checked_columns,
)

ROWS_STUDIED = 1000
_SPACE = " \t\n\r\ufeff"


class Loose(Exception):
    """A number too large to be kept: to take it for nothing would lose it."""


def _no_number(name: str) -> None:
    """NaN, which is no JSON, but which Python writes for what is missing. Infinity is not missing."""
    if name != "NaN":
        raise Loose(name)


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise Loose(written)
    return number


_strict = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
_lenient = json.JSONDecoder()  # to find where a value ends that `_strict` refused


def recognises(start: str) -> bool:
    """Whether the text begins with an array or an object."""
    return start[:1] in {"[", "{"}


def shape_of(start: str) -> str:
    """How the values follow each other in a text that begins so."""
    if start.startswith("["):
        line = start.partition("\n")[0]
        try:
            whole = isinstance(json.loads(line), list) and start[len(line) :].strip()[:1] == "["
        except (ValueError, RecursionError):
            whole = False
        return "lines" if whole else "values"  # an array a line is no array of objects
    line = start.partition("\n")[0]
    try:
        json.loads(line)
    except RecursionError:
        return "lines"
    except ValueError:
        try:
            _, end = _lenient.raw_decode(start)
        except (ValueError, RecursionError):
            return "lines"
        return "values" if "\n" in start[:end].strip() or "{" in start[end:].partition("\n")[0] else "lines"
    return "lines"


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the names that the first objects use, in order of appearance."""
    layout = replace(layout, shape=layout.shape or shape_of(start))
    return replace(layout, columns=names_in(first_objects(file, layout)))


def first_objects(file: IO[bytes], layout: Layout) -> list[dict[str, Any]]:
    """The objects among the first rows."""
    found = [row.values for row in islice(objects(file, layout), ROWS_STUDIED) if not row.wrong]
    if not any(found):
        raise Unreadable("Nothing in the file is a JSON object with names.")
    return found


def names_in(found: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Their names, in order of appearance."""
    names: dict[str, None] = {}
    for values in found:
        names.update(dict.fromkeys(values))
        if len(names) > MOST_COLUMNS:
            raise Unreadable(f"The file has more than {MOST_COLUMNS:,} different names; are they data?")
    return checked_columns(list(names))


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every value of the file."""
    return objects(file, layout)


def objects(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """Every value of the file; those that are no object come with what is wrong."""
    return line_objects(file, layout) if layout.shape == "lines" else value_objects(file, layout)


def line_objects(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """One object a line."""
    number = 0
    for line in decoded(file, layout):
        if not line.strip():
            continue
        number += 1
        yield line_object(number, line)


def line_object(number: int, line: str) -> Row:
    """The row of one line."""
    try:
        values = _strict.decode(line)
    except (ValueError, RecursionError, Loose):
        return Row(number, {"line": line.rstrip("\r\n")[:LINE_KEPT]}, "not readable as JSON")
    if isinstance(values, dict):
        return Row(number, values, "")
    return Row(number, {"line": line.rstrip("\r\n")[:LINE_KEPT]}, "not a JSON object")


class Characters:
    """A text from which the front is taken away as it is understood."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self.blocks, self.text, self.at, self.ended = blocks, "", 0, False

    def more(self, wanted: int) -> None:
        """Reads on until so many characters are there, or all."""
        parts = [self.text[self.at :]]
        size = len(parts[0])
        while size < wanted:
            block = next(self.blocks, None)
            if block is None:
                self.ended = True
                break
            parts.append(block)
            size += len(block)
        self.text, self.at = "".join(parts), 0

    def next(self) -> str:
        """The next character that is not white space, left where it is; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if self.ended:
                return ""
            self.more(1 << 16)


def value_objects(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """The members of arrays, and objects that stand by themselves."""
    text = Characters(characters(file, layout))
    number = 0
    inside = False
    comma_due = False
    while mark := text.next():
        if not inside and mark == "[":
            text.at += 1
            inside, comma_due = True, False
        elif inside and mark == "]":
            text.at += 1
            inside = False
        elif mark == "," and (comma_due or not inside):
            text.at += 1
            comma_due = False
        elif inside and comma_due:
            raise broken_after(number, "a comma is missing between two values")
        else:
            number += 1
            yield next_value(text, number)
            comma_due = True
    if inside:
        raise broken_after(number, "the array is never closed")


def next_value(text: Characters, number: int) -> Row:
    """The value that begins here."""
    wanted = 1 << 16
    while True:
        start, wrong = text.at, ""
        try:
            values, text.at = _strict.raw_decode(text.text, start)
        except Loose:
            try:
                _, text.at = _lenient.raw_decode(text.text, start)
            except (ValueError, RecursionError):
                values = None
            else:
                line = text.text[start : text.at][:LINE_KEPT]
                return Row(number, {"line": line}, "not readable as JSON")
        except RecursionError as deep:
            raise broken_after(number - 1, "a value is nested too deeply") from deep
        except ValueError as broken:
            values = None
            wrong = str(broken)
        else:
            if isinstance(values, dict):
                return Row(number, values, "")
            if text.at < len(text.text) or text.ended or isinstance(values, list | str):
                return Row(number, {"line": text.text[start : text.at][:LINE_KEPT]}, "not a JSON object")
            text.at = start  # a number may go on in what is not read yet
        if text.ended:
            raise broken_after(number - 1, wrong or "a value breaks off")
        wanted = max(wanted, 2 * (len(text.text) - start))
        if wanted > 2 * LONGEST_ROW:
            raise broken_after(number - 1, wrong or "a value is too long")
        text.more(wanted)


def broken_after(number: int, what: str) -> Unreadable:
    """The error for a file of which the rest is lost."""
    return Unreadable(f"After row {number:,} the file cannot be read as JSON: {what[:200]}.")
