"""Our own list of rejected rows, corrected: a table whose first two columns, `row` and `reason`, are ours.

A row that could not be taken apart is in it as it was written: JSON in `line`, the lines of a CoNLL text in `lines`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import IO, Any

from annotation.services.reading import conll, delimited, json_values
from annotation.services.reading.rows import OWN_COLUMNS, Layout, Row, checked_columns

_OWN = re.compile(r'"?row"?([,;\t|])"?reason"?\1')


def recognises(start: str) -> bool:
    """Whether the header begins with our two columns."""
    return _OWN.match(start) is not None


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the columns of the rows as they were."""
    layout = replace(layout, delimiter=delimited.delimiter_of(start))
    names = checked_columns(delimited.header(file, layout)[len(OWN_COLUMNS) :])
    found = dict.fromkeys(name for name in names if name not in _AS_WRITTEN)
    for row in islice(rows(file, layout, False), json_values.ROWS_STUDIED):
        found.update(dict.fromkeys(row.values) if not row.wrong else {})
    return replace(layout, columns=checked_columns(list(found)))


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every row of the list."""
    header = delimited.header(file, layout)
    names = header[len(OWN_COLUMNS) :]
    for table in delimited.tables(file, replace(layout, columns=tuple(header))):
        for at, cells in enumerate(table.rows):
            values = dict(zip(names, cells[len(OWN_COLUMNS) :], strict=True))
            yield taken_apart(Row(table.first + at, values, table.wrong.get(at, "")))


def taken_apart(row: Row) -> Row:
    """The row, or what is written in it, where all else is empty."""
    said = [name for name, cell in row.values.items() if cell]
    reader = _AS_WRITTEN.get(said[0]) if len(said) == 1 and not row.wrong else None
    if reader is not None and (read := reader(row.number, row.values[said[0]])) is not None:
        return read
    return row._replace(
        values={name: cell for name, cell in row.values.items() if cell or name not in _AS_WRITTEN}
    )


def _conll(number: int, written: str) -> Row | None:
    lines = enumerate(written.split("\n"), start=1)
    return conll.sentence(number, [(at, line) for at, line in lines if line.strip()])


_AS_WRITTEN: dict[str, Callable[[int, Any], Row | None]] = {"line": json_values.line_object, "lines": _conll}
