"""Files as streams of rows: which format and encoding a file has, its columns, and its rows one after another.

Nothing is judged here. A row that cannot be taken apart comes out with what is wrong with it, so that it is counted.
Each format is a module with the same small face: `study(file, layout, start)` completes a layout with the columns, and
`rows(file, layout, answers)` gives the rows, where a record may hold the answers of several people one for each.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Protocol

from annotation.services.reading import (
    argilla,
    conll,
    delimited,
    doccano,
    fasttext,
    json_values,
    label_studio,
    parquet,
    rejected,
)
from annotation.services.reading.opening import HEAD, encoding_of, is_gzipped, opened
from annotation.services.reading.rows import TITLES, Layout, Row, Unreadable, has_undecodable

__all__ = ["FORMATS", "Layout", "Row", "Unreadable", "check_harmless", "has_undecodable", "rows", "study"]

FORMATS = TITLES
READ = "CSV, TSV, JSON, JSON Lines, Parquet, Label Studio, doccano, Argilla, CoNLL and fastText are read."
_MAGIC = {
    b"PK\x03\x04": "This is a ZIP archive or an Excel workbook. Unpack it, or save the sheet as CSV.",
    b"\xd0\xcf\x11\xe0": "This is a file of an older Office. Save the sheet as CSV.",
    b"%PDF": f"This is a PDF. {READ}",
    b"\x89PNG": f"This is a picture. {READ}",
    b"\x1f\x8b": "This is compressed twice. Unpack it once.",
}


class Format(Protocol):
    """What each format's module offers."""

    def study(self, file: IO[bytes], layout: Layout, start: str) -> Layout:
        """The layout with its columns."""

    def rows(self, file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
        """Every row; with `answers`, a row for each answer."""


_READERS: dict[str, Format] = {
    "csv": delimited,
    "tsv": delimited,
    "json": json_values,
    "jsonl": json_values,
    "parquet": parquet,
    "label-studio": label_studio,
    "doccano": doccano,
    "argilla": argilla,
    "conll": conll,
    "fasttext": fasttext,
    "rejected": rejected,
}
_OBJECTS = {"label-studio": label_studio, "argilla": argilla, "doccano": doccano}


def check_harmless(file: IO[bytes]) -> None:
    """Raises Unreadable for a file that could end the process that reads it: to be asked first of what is uploaded."""
    gzipped = is_gzipped(file)
    if opened(file, gzipped).read(len(parquet.MAGIC)) == parquet.MAGIC:
        parquet.check_harmless(file, gzipped)


def study(file: IO[bytes], format: str = "") -> Layout:
    """The layout of a file, from its content; `format` overrules what its content looks like.

    Raises Unreadable when the file is empty, binary, or of a format that is not read.
    """
    gzipped = is_gzipped(file)
    head = opened(file, gzipped).read(HEAD)
    if not head.strip():
        raise Unreadable("The file is empty.")
    if head.startswith(parquet.MAGIC) or format == "parquet":
        return parquet.study(file, Layout("parquet", gzipped=gzipped), "")
    for magic, what_to_do in _MAGIC.items():
        if head.startswith(magic):
            raise Unreadable(what_to_do)
    encoding, legacy = encoding_of(file, gzipped, head)
    start = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    format = format or format_of(start)
    layout = Layout(format, encoding, legacy=legacy, gzipped=gzipped)
    if format == "jsonl":
        layout = replace(layout, shape="lines")
    elif format == "json":
        layout = replace(layout, shape="values")
    return _READERS[format].study(file, layout, start)


def format_of(start: str) -> str:
    """The format that a text's beginning looks like."""
    if json_values.recognises(start):
        first = first_object(start)
        special = next((name for name, reader in _OBJECTS.items() if reader.recognises_object(first)), None)
        return special or ("jsonl" if json_values.shape_of(start) == "lines" else "json")
    if fasttext.recognises(start):
        return "fasttext"
    if conll.recognises(start):
        return "conll"
    if rejected.recognises(start):
        return "rejected"
    return "tsv" if delimited.delimiter_of(start) == "\t" else "csv"


def first_object(start: str) -> dict[str, object]:
    """The first object of a JSON text; an empty one where none is readable."""
    try:
        first, _ = json.JSONDecoder().raw_decode(start.lstrip("[ \t\r\n"))
    except (ValueError, RecursionError):
        return {}
    return first if isinstance(first, dict) else {}


def rows(file: IO[bytes], layout: Layout, answers: bool = False) -> Iterator[Row]:
    """Every row of the file. Raises Unreadable when the rest of the file is lost."""
    return _READERS[layout.format].rows(file, layout, answers)
