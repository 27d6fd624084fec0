"""Files of predictions: JSON, JSON Lines or CSV."""

import csv
import io
import json
from typing import IO, Any

from annotation.algorithms.formulas import undefuse
from annotation.services.reading import Unreadable
from annotation.services.reading.delimited import delimiter_of

FIRST = 1 << 16  # characters that tell what separates the cells


def read_predictions(file: IO[bytes]) -> list[Any]:
    """The rows of an uploaded file; the format is told by its content. Raises Unreadable, saying what to do.

    Cells of CSV that our own files have made harmless for spreadsheets are read as what they were.
    """
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(
            "This is no text in UTF-8. Save the predictions as JSON, JSON Lines or CSV in UTF-8, and do not pack them."
        ) from None
    start = text.lstrip()[:1]
    try:
        if start == "[":
            return list(json.loads(text))
        if start == "{":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        cells = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter_of(text[:FIRST]))
        rows = [{name: _plain(cell) for name, cell in row.items()} for row in cells]
    except (ValueError, RecursionError, csv.Error) as broken:
        raise Unreadable(f"The file cannot be read as JSON, JSON Lines or CSV: {broken}") from None
    if rows and "id" not in rows[0]:
        raise Unreadable("The file has no column “id”. Its first row must name id and label.")
    return rows


def _plain(cell: Any) -> Any:
    return undefuse(cell) if isinstance(cell, str) else cell
