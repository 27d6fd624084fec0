"""What every format gives: a layout, and rows."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

TITLES = {
    "csv": "CSV",
    "tsv": "TSV",
    "json": "JSON",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "label-studio": "Label Studio",
    "doccano": "doccano",
    "argilla": "Argilla",
    "conll": "CoNLL",
    "fasttext": "fastText",
    "rejected": "Rejected rows",
}
TABLES = frozenset({"csv", "tsv", "rejected"})  # of cells, in which nothing and an empty text are the same
OWN_COLUMNS = ("row", "reason")  # come first in the lists of rows that we left out
MOST_COLUMNS = 1000
LONGEST_ROW = 16_000_000  # characters; longer is a quotation mark or a bracket that is never closed
LINE_KEPT = 10_000  # characters of a row that cannot be taken apart
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Unreadable(Exception):
    """The whole file cannot be read; the message says why and what to do."""


class Row(NamedTuple):
    """One row: its number from 1 without the header, its values by column, and what is wrong with it (or nothing)."""

    number: int
    values: dict[str, Any]
    wrong: str


class Table(NamedTuple):
    """Rows that follow each other, as cells: the number of the first, and what is wrong with some, by place."""

    first: int
    rows: list[list[str]]
    wrong: dict[int, str]


@dataclass(frozen=True)
class Layout:
    """How a file is to be read.

    `encoding` is the codec's name; `legacy` means that bytes that are no UTF-8 are Windows-1252 throughout. `shape` is
    how JSON values follow each other: "lines", or "values" where they may span lines. `text_key` is the key that
    becomes `text`, where a format leaves the name to its users.
    """

    format: str
    encoding: str = "utf-8"
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    legacy: bool = False
    gzipped: bool = False
    shape: str = ""
    text_key: str = ""

    @property
    def name(self) -> str:
        """What people call it: "CSV, semicolon", "JSON Lines, gzipped"."""
        delimiters = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
        known = delimiters.get(self.delimiter) if self.format == "csv" else None
        name = f"CSV, {known}" if known else TITLES[self.format]
        return f"{name}, gzipped" if self.gzipped else name

    @property
    def encoding_name(self) -> str:
        """What people call the encoding; nothing for a binary format."""
        if self.format == "parquet":
            return ""
        return "Windows-1252" if self.legacy else self.encoding.upper().replace("_", "-")


def has_undecodable(text: str) -> bool:
    """Whether a part of the text could not be decoded (lone surrogates stand for it)."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def checked_columns(names: list[str]) -> tuple[str, ...]:
    """The columns, if a file can have these. Raises Unreadable."""
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"The file has more than {MOST_COLUMNS:,} columns; are the names data?")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Unreadable(f"The column “{name[:100]}” is there twice. Give each column its own name.")
        if "\x00" in name or has_undecodable(name):
            raise Unreadable("A column name has characters that cannot be read. Save the file as UTF-8.")
        seen.add(name)
    return tuple(names)
