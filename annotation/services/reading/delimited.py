"""CSV and TSV: a header, then a row of cells a line; values may hold line breaks inside quotation marks."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import IO

from annotation.algorithms.formulas import undefuse
from annotation.services.reading.opening import decoded
from annotation.services.reading.rows import LONGEST_ROW, Layout, Row, Table, Unreadable, checked_columns

csv.field_size_limit(LONGEST_ROW)
END = "\ue000 the end of the file"  # no delimiter in it, and no quotation mark
_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?\s*')  # Excel's own first line
UNCLOSED = "A quotation mark inside a quoted value is written twice."


def recognises(start: str) -> bool:
    """Everything that is text can be read so; the formats with clearer marks are asked before."""
    return bool(start)


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with its columns."""
    delimiter = "\t" if layout.format == "tsv" else delimiter_of(start)
    layout = replace(layout, delimiter=delimiter)
    return replace(layout, columns=checked_columns(header(file, layout)))


def header(file: IO[bytes], layout: Layout) -> list[str]:
    """The names in the first line; a column without one is named by its place."""
    try:
        cells = next(filter(None, csv.reader(lines(file, layout), delimiter=layout.delimiter)), [])
    except (csv.Error, UnicodeError) as broken:
        raise Unreadable(f"The first line cannot be read as column names: {broken}.") from broken
    if not any(name.strip() for name in cells):
        raise Unreadable("The first line has no column names.")
    return [undefuse(name).strip() or f"column {at}" for at, name in enumerate(cells, start=1)]


def lines(file: IO[bytes], layout: Layout) -> Iterator[str]:
    """The file's lines without Excel's note of what separates the cells."""
    found = decoded(file, layout)
    first = next(found, "")
    return found if _SEPARATOR.fullmatch(first) else chain([first], found)


def delimiter_of(start: str) -> str:
    """What separates the names in the first line that has something in it, or is said to."""
    line = start.lstrip("\r\n").partition("\n")[0]
    if noted := _SEPARATOR.fullmatch(line):
        return noted[1]
    line = re.sub(r'"[^"]*"', "", line)
    return max(",;\t|", key=lambda mark: (line.count(mark), mark == ","))


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every row of the file. Blank lines are no rows."""
    columns = layout.columns
    for table in tables(file, layout):
        for at, cells in enumerate(table.rows):
            yield Row(table.first + at, dict(zip(columns, cells, strict=True)), table.wrong.get(at, ""))


def tables(
    file: IO[bytes], layout: Layout, rows_at_once: int = 100, characters_at_once: int = LONGEST_ROW
) -> Iterator[Table]:
    """The same, many rows at a time, without an object for each."""
    ending: list[bool] = []

    def end() -> Iterator[str]:
        """A line of ours after the last one: it is a row by itself unless a quotation mark is open."""
        ending.append(True)
        yield END

    width, delimiter = len(layout.columns), layout.delimiter
    reader = csv.reader(chain(lines(file, layout), end()), delimiter=delimiter)
    table, size, number = Table(1, [], {}), 0, 0
    header_seen = False
    try:
        for cells in reader:
            if ending:
                break
            if not cells:
                continue
            if not header_seen:
                header_seen = True
                continue
            number += 1
            joined = "".join(cells)
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            elif len(cells) > width:
                table.wrong[len(table.rows)] = f"more cells than columns: {len(cells)} for {width}"
                cells[width - 1 :] = [delimiter.join(cells[width - 1 :])]
            if "'" in joined:
                cells[:] = [undefuse(cell) if cell[:1] == "'" else cell for cell in cells]
            table.rows.append(cells)
            size += len(joined)
            if len(table.rows) == rows_at_once or size > characters_at_once:
                yield table
                table, size = Table(number + 1, [], {}), 0
    except csv.Error as broken:
        yield table
        raise Unreadable(f"After row {number:,} the file cannot be read: {broken}. {UNCLOSED}") from broken
    yield table
    if cells != [END]:
        raise Unreadable(f"In row {number + 1:,} a quotation mark opens that is never closed. {UNCLOSED}")
