"""Tables as CSV, JSON Lines and Parquet, written a chunk of rows at a time; the same rows give the same bytes."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.algorithms.formulas import defuse

T = TypeVar("T")
Row = Mapping[str, Any]
Columns = dict[str, str]  # name → bool, int64, float64, string, json, none or shares

FORMATS = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson; charset=utf-8",
}
AT_ONCE = 20_000
SHARES = "shares"  # label → share; in Parquet a struct with one field for each label


class Table(Protocol):
    """A file that is being written."""

    def write(self, rows: Sequence[Row]) -> None:
        """Adds rows."""

    def close(self) -> None:
        """Ends the file; what it is written into stays open."""


def open_table(extension: str, sink: IO[bytes], columns: Columns, labels: Sequence[str] = ()) -> Table:
    """A table in one of the FORMATS that is written into an open file."""
    if extension == "parquet":
        return ParquetTable(sink, columns, labels)
    return CsvTable(sink, columns) if extension == "csv" else JsonlTable(sink, columns)


def chunks(rows: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The rows, so many at a time."""
    source = iter(rows)
    while chunk := list(islice(source, size)):
        yield chunk


def compact(value: Any) -> str:
    """JSON in one canonical form."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def csv_cell(value: Any) -> Any:
    """A cell of a CSV file; a text that a spreadsheet would take for a formula gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str):
        return defuse(value)
    return compact(value) if isinstance(value, bool | dict | list) else value


class CsvTable:
    """CSV with a header, UTF-8, line ends as RFC 4180 has them."""

    def __init__(self, sink: IO[bytes], columns: Columns) -> None:
        self.sink, self.columns = sink, list(columns)
        self._put([[csv_cell(name) for name in columns]])

    def _put(self, cells: Iterable[list[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(cells)  # its \r\n makes it quote a lone \r in a cell as well
        self.sink.write(text.getvalue().encode())

    def write(self, rows: Sequence[Row]) -> None:
        self._put([csv_cell(row[name]) for name in self.columns] for row in rows)

    def close(self) -> None:
        self.sink.flush()


class JsonlTable:
    """One JSON object a line."""

    def __init__(self, sink: IO[bytes], columns: Columns) -> None:
        self.sink, self.columns = sink, list(columns)

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            line = json.dumps({name: row[name] for name in self.columns}, ensure_ascii=False)
            self.sink.write(f"{line}\n".encode())

    def close(self) -> None:
        self.sink.flush()


class ParquetTable:
    """Parquet with fixed settings, a row group for every chunk."""

    def __init__(self, sink: IO[bytes], columns: Columns, labels: Sequence[str]) -> None:
        self.schema = pa.schema([pa.field(name, _arrow_type(kind, labels)) for name, kind in columns.items()])
        self.values = {name: _arrow_value(kind, labels) for name, kind in columns.items()}
        self.writer = pq.ParquetWriter(
            sink, self.schema, compression="zstd", compression_level=3, version="2.6"
        )

    def write(self, rows: Sequence[Row]) -> None:
        arrays = [
            pa.array([self.values[field.name](row[field.name]) for row in rows], field.type)
            for field in self.schema
        ]
        self.writer.write_table(pa.table(arrays, schema=self.schema))

    def close(self) -> None:
        self.writer.close()


def _arrow_type(kind: str, labels: Sequence[str]) -> pa.DataType:
    if kind == SHARES and labels:
        return pa.struct([pa.field(label, pa.float64()) for label in labels])
    simple = {"bool": pa.bool_(), "int64": pa.int64(), "float64": pa.float64(), "none": pa.null()}
    return simple.get(kind, pa.string())


def _arrow_value(kind: str, labels: Sequence[str]) -> Callable[[Any], Any]:
    if kind == "json":
        return lambda value: None if value is None else compact(value)
    if kind == "float64":
        return lambda value: None if value is None else float(value)
    if kind == SHARES and labels:
        return lambda value: (
            None if value is None else {label: float(value.get(label, 0)) for label in labels}
        )
    return lambda value: value
