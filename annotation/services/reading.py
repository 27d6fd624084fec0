"""Files as streams of rows: which format and encoding a file has, its columns, and its rows one after another.

Nothing is judged here. A row that cannot be taken apart comes out with what is wrong with it, so that it is counted.
"""

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from annotation.algorithms.formulas import undefuse

csv.field_size_limit(16_000_000)  # a longer cell is a quotation mark that is never closed

FORMATS = {"csv": "CSV", "tsv": "TSV", "jsonl": "JSON Lines"}
KNOWN_LATER = {"json", "parquet", "label-studio", "doccano", "conll"}
READ_TODAY = "CSV, TSV and JSON Lines are read today."
MOST_COLUMNS = 1000
HEAD = 1 << 20

_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed with gzip",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Bytes that UTF-8 could not decode, as Windows-1252 has them. FF is no letter that people write, but binary junk.
_LEGACY = {
    0xDC00 + byte: character
    for byte in range(0x80, 0xFF)
    if (character := bytes([byte]).decode("cp1252", errors="ignore"))
}
_LEGACY_IN_UTF_8 = {code: character for code, character in _LEGACY.items() if code < 0xDCA0}


class Unreadable(Exception):
    """The whole file cannot be read; the message says why and what to do."""


class Row(NamedTuple):
    """One row: its number from 1 without the header, its values by column, and what is wrong with it (or nothing)."""

    number: int
    values: dict[str, Any]
    wrong: str


@dataclass(frozen=True)
class Layout:
    """How a file is to be read."""

    format: str
    encoding: str
    delimiter: str
    columns: list[str]
    legacy: bool  # bytes that are no UTF-8 are Windows-1252 throughout

    @property
    def name(self) -> str:
        """What people call it: "CSV, semicolon"."""
        delimiters = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
        known = delimiters.get(self.delimiter)
        return f"CSV, {known}" if self.format == "csv" and known else FORMATS[self.format]

    @property
    def encoding_name(self) -> str:
        """What people call the encoding."""
        return "Windows-1252" if self.legacy else self.encoding.upper()


def has_undecodable(text: str) -> bool:
    """Whether a part of the text could not be decoded (lone surrogates stand for it)."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def study(file: IO[bytes], format: str = "") -> Layout:
    """The layout of a file, from its content; `format` overrules what its content looks like.

    Raises Unreadable when the file is empty, binary, or of a format that is not read.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head.strip():
        raise Unreadable("The file is empty.")
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            raise Unreadable(f"This is {name}. {READ_TODAY}")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, legacy = "utf-16", False
    else:
        encoding, legacy = "utf-8", is_legacy(file)
        if head.count(0) > len(head) // 10:
            raise Unreadable(f"This is not a text file. {READ_TODAY}")
    start = head.decode(encoding, "replace").lstrip("\ufeff")
    format = format or format_of(start)
    if format == "jsonl":
        layout = Layout("jsonl", encoding, "", [], legacy)
        return Layout("jsonl", encoding, "", columns_of_objects(file, layout), legacy)
    delimiter = "\t" if format == "tsv" else delimiter_of(start)
    layout = Layout(format, encoding, delimiter, [], legacy)
    try:
        header = next(filter(None, csv.reader(decoded(file, layout), delimiter=delimiter)), [])
    except (csv.Error, UnicodeError) as broken:
        raise Unreadable(f"The first line cannot be read as column names: {broken}.") from broken
    return Layout(format, encoding, delimiter, names_of_columns(header), legacy)


def format_of(start: str) -> str:
    """The format that a text's beginning looks like."""
    line = start.lstrip().partition("\n")[0].strip()
    if line.startswith("{"):
        return "jsonl"
    if line.startswith("["):
        raise Unreadable(
            f"This looks like a JSON array. {READ_TODAY} Write one object a line, without the brackets."
        )
    return "tsv" if delimiter_of(start) == "\t" else "csv"


def delimiter_of(start: str) -> str:
    """What separates the names in the first line that has something in it."""
    line = re.sub(r'"[^"]*"', "", start.lstrip("\r\n").partition("\n")[0])
    return max(",;\t|", key=lambda mark: (line.count(mark), mark == ","))


def names_of_columns(header: list[str]) -> list[str]:
    """The header's names, stripped; one without a name is called by its place."""
    names = [undefuse(name).strip() or f"column {at}" for at, name in enumerate(header, start=1)]
    if not any(name.strip() for name in header):
        raise Unreadable("The first line has no column names.")
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"The file has {len(names):,} columns; at most {MOST_COLUMNS:,} are read.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Unreadable(f"The column “{twice[:100]}” is there twice. Give each column its own name.")
    if any("\x00" in name or has_undecodable(name) for name in names):
        raise Unreadable("A column name has characters that cannot be read.")
    return names


def is_legacy(file: IO[bytes]) -> bool:
    """Whether bytes that are no UTF-8 are there, and none that are more than ASCII in it: Windows-1252 or Latin-1."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    broken = False
    while block := file.read(HEAD):
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block).lstrip("\ufeff")
        if not text.isascii():
            escaped = _SURROGATE.search(text) is not None
            if not (_SURROGATE.sub("", text) if escaped else text).isascii():
                return False
            broken = broken or escaped
    return broken or bool(decoder.getstate()[0])


def decoded(file: IO[bytes], layout: Layout) -> Iterable[str]:
    """The file's lines as text. What cannot be decoded stays as lone surrogates, for the row to be rejected."""
    file.seek(0)
    if layout.encoding == "utf-16":
        text = io.TextIOWrapper(Kept(file), "utf-16", errors="replace", newline=newline(layout))
    else:
        text = io.TextIOWrapper(Kept(file), "utf-8-sig", errors="surrogateescape", newline=newline(layout))
    table = _LEGACY if layout.legacy else _LEGACY_IN_UTF_8
    for line in text:
        yield line if line.isascii() or not _SURROGATE.search(line) else line.translate(table)


def newline(layout: Layout) -> str:
    """JSON Lines end in \\n alone; CSV may end its lines in any way, and keeps those inside quotation marks."""
    return "\n" if layout.format == "jsonl" else ""


class Kept(io.BufferedReader):
    """A reader over somebody else's file, which it leaves open."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(Raw(file), buffer_size=HEAD)


class Raw(io.RawIOBase):
    """The bytes of a file that is not ours to close."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def rows(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """Every row of the file. Blank lines are no rows. Raises Unreadable when the rest of the file is lost."""
    return json_rows(file, layout) if layout.format == "jsonl" else csv_rows(file, layout)


def csv_rows(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """The rows of a CSV or TSV file; values may hold line breaks inside quotation marks."""
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
            last[:] = consumed
            consumed.clear()
            if not header_seen:
                header_seen = bool(cells)
                continue
            if not cells:
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


UNCLOSED = "A quotation mark inside a quoted value is written twice."


def never_closed(lines: list[str], delimiter: str) -> bool:
    """Whether the last row of a file ends inside quotation marks."""
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as broken:
        return "unexpected end of data" in str(broken)
    return False


def json_rows(file: IO[bytes], layout: Layout) -> Iterator[Row]:
    """The rows of a JSON Lines file: one object a line."""
    decode = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite).decode
    number = 0
    for line in decoded(file, layout):
        if not line.strip():
            continue
        number += 1
        try:
            values = decode(line)
        except (ValueError, RecursionError):
            yield Row(number, {"line": line.rstrip("\r\n")[:10_000]}, "not readable as JSON")
            continue
        if isinstance(values, dict):
            yield Row(number, values, "")
        else:
            yield Row(number, {"line": line.rstrip("\r\n")[:10_000]}, "not a JSON object")


def refuse_constant(name: str) -> Any:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def finite(written: str) -> float:
    """The number; one too large to be kept is refused."""
    number = float(written)
    if math.isinf(number):
        raise ValueError(written)
    return number


def columns_of_objects(file: IO[bytes], layout: Layout) -> list[str]:
    """The names that the first 1,000 objects use, in order of appearance."""
    names: dict[str, None] = {}
    for row in json_rows(file, layout):
        if not row.wrong:
            names.update(dict.fromkeys(row.values))
        if row.number >= 1000 or len(names) > MOST_COLUMNS:
            break
    if not names:
        raise Unreadable("No line of the file is a JSON object with names.")
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"The file has more than {MOST_COLUMNS:,} different names; are they data?")
    if any("\x00" in name or has_undecodable(name) for name in names):
        raise Unreadable("A name has characters that cannot be read.")
    return list(names)
