"""Files of predictions: JSON, JSON Lines or CSV."""

import csv
import io
import json
from typing import IO, Any

from annotation.services.reading import Unreadable


def read_predictions(file: IO[bytes]) -> list[Any]:
    """The rows of an uploaded file; the format is told by its content. Raises Unreadable, saying what to do."""
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is not UTF-8. Save it as UTF-8 and send it again.") from None
    start = text.lstrip()[:1]
    try:
        if start == "[":
            return list(json.loads(text))
        if start == "{":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (ValueError, RecursionError, csv.Error) as broken:
        raise Unreadable(f"The file cannot be read as JSON, JSON Lines or CSV: {broken}") from None
    if rows and "id" not in rows[0]:
        raise Unreadable("The file has no column “id”. Its first row must name id and label.")
    return rows
