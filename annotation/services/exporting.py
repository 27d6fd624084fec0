"""Records as the lines of a file that is sent while it is made."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from annotation.algorithms.formulas import defuse
from annotation.models import Import
from annotation.queries import imports

AT_ONCE = 500


def csv_lines(columns: list[str], records: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """CSV with a header. Cells that a spreadsheet would take for formulas get a leading `'`; import takes it off."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([csv_cell(column) for column in columns])
    for n, record in enumerate(records, start=1):
        writer.writerow([csv_cell(value) for value in record])
        if n % AT_ONCE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def csv_cell(value: Any) -> Any:
    """A value as a cell: nothing for None, JSON for what is not text or a number."""
    if value is None:
        return ""
    if isinstance(value, str):
        return defuse(value)
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def left_out_lines(source: Import, outcome: str) -> Iterator[bytes]:
    """An import's rejected or duplicate rows as CSV: row, reason, then the original columns, to be corrected."""
    columns = imports.columns_left_out(source, outcome)
    records = (
        [number, reason, *(values.get(column) for column in columns)]
        for number, reason, values in imports.left_out_records(source, outcome)
    )
    return csv_lines(["row", "reason", *columns], records)


def left_out_name(source: Import, outcome: str) -> str:
    """What that file is called."""
    return f"{'rejected' if outcome == 'rejected' else 'duplicates'}-{source.pk}.csv"
