"""CSV and TSV: a header, then a row of cells a line; values may hold line breaks inside quotation marks."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from annotation.algorithms.formulas import undefuse
from annotation.services.reading.opening import decoded
from annotation.services.reading.rows import LONGEST_ROW, Layout, Row, Unreadable, checked_columns

csv.field_size_limit(LONGEST_ROW)
UNCLOSED = "A quotation mark inside a quoted value is written twice."


def recognises(start: str) -> bool:
    """Everything that is text can be read so; the formats with clearer marks are asked before."""
    return bool(start)


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with its columns."""
    delimiter = "\t" if layout.format == "tsv" else delimiter_of(start)
    layout = replace(layout, delimiter=delimiter)
    try:
        header = next(filter(None, csv.reader(decoded(file, layout), delimiter=delimiter)), [])
    except (csv.Error, UnicodeError) as broken:
        raise Unreadable(f"The first line cannot be read as column names: {broken}.") from broken
    if not any(name.strip() for name in header):
        raise Unreadable("The first line has no column names.")
    names = [undefuse(name).strip() or f"column {at}" for at, name in enumerate(header, start=1)]
    return replace(layout, columns=checked_columns(names))


def delimiter_of(start: str) -> str:
    """What separates the names in the first line that has something in it."""
    line = re.sub(r'"[^"]*"', "", start.lstrip("\r\n").partition("\n")[0])
    return max(",;\t|", key=lambda mark: (line.count(mark), mark == ","))


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every row of the file. Blank lines are no rows."""
    columns = layout.columns
    width = len(columns)
    consumed: list[str] = []  # the lines of the row at hand

    def lines() -> Iterator[str]:
        for line in decoded(file, layout):
            consumed.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=layout.delimiter)
    number = 0
    header_seen = False
    last: list[str] = []
    try:
        for cells in reader:
            last, consumed = consumed, last
            consumed.clear()
            if not cells:
                continue
            if not header_seen:
                header_seen = True
                continue
            number += 1
            wrong = ""
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            elif len(cells) > width:
                wrong = f"more cells than columns: {len(cells)} for {width}"
                cells[width - 1 :] = [layout.delimiter.join(cells[width - 1 :])]
            values: dict[str, Any] = dict(zip(columns, cells, strict=True))
            for column, cell in values.items():
                if cell[:1] == "'":
                    values[column] = undefuse(cell)
            yield Row(number, values, wrong)
    except csv.Error as broken:
        raise Unreadable(f"After row {number:,} the file cannot be read: {broken}. {UNCLOSED}") from broken
    if never_closed(last, layout.delimiter):
        raise Unreadable(f"In row {number:,} a quotation mark opens that is never closed. {UNCLOSED}")


def never_closed(lines: list[str], delimiter: str) -> bool:
    """Whether the last row of a file ends inside quotation marks."""
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as broken:
        return "unexpected end of data" in str(broken)
    return False
