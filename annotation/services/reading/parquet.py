"""Parquet: read by row groups, a batch of rows at a time."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.services.reading.opening import FREE_EXPANSION, HEAD, MOST_EXPANSION, opened
from annotation.services.reading.rows import Layout, Row, Unreadable, checked_columns

ROWS_AT_ONCE = 1000
LARGEST_COLUMN = 1 << 30  # bytes of one column in one row group
MOST_ROWS = 50_000_000
MAGIC = b"PAR1"


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the columns of the schema."""
    with table(file, layout) as parquet:
        return replace(layout, columns=checked_columns(list(parquet.schema_arrow.names)))


@contextmanager
def table(file: IO[bytes], layout: Layout) -> Iterator[pq.ParquetFile]:
    """The open table. Raises Unreadable for one that is damaged, encrypted, or larger than its file can mean."""
    size = file.seek(0, io.SEEK_END)
    with tempfile.TemporaryFile() as unpacked:
        if layout.gzipped:  # its end is read first
            binary = opened(file, True)
            while block := binary.read(HEAD):
                unpacked.write(block)
        source = cast(IO[bytes], unpacked) if layout.gzipped else file
        source.seek(0)
        try:
            parquet = pq.ParquetFile(source, pre_buffer=False)
            check_size(parquet.metadata, max(size * MOST_EXPANSION, FREE_EXPANSION))
            yield parquet
        except (pa.ArrowException, OSError, UnicodeError) as broken:
            raise Unreadable(f"The Parquet file cannot be read: {str(broken)[:200]}.") from broken


def check_size(about: pq.FileMetaData, most: int) -> None:
    """Raises Unreadable for a table that would not fit where it is read."""
    groups = [about.row_group(at) for at in range(about.num_row_groups)]
    columns = [group.column(at) for group in groups for at in range(group.num_columns)]
    largest = max((column.total_uncompressed_size for column in columns), default=0)
    if (
        about.num_rows > MOST_ROWS
        or largest > LARGEST_COLUMN
        or sum(column.total_uncompressed_size for column in columns) > most
    ):
        raise Unreadable(
            "The Parquet file unpacks to more than can be read. Write it in smaller row groups or parts."
        )


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every row of the table, its values as JSON has them."""
    number = 0
    with table(file, layout) as parquet:
        for batch in parquet.iter_batches(ROWS_AT_ONCE):
            names = batch.schema.names
            columns = [plain_column(column) for column in batch.columns]
            for cells in zip(*columns, strict=True):
                number += 1
                yield Row(number, dict(zip(names, cells, strict=True)), "")


def plain_column(column: pa.Array[Any]) -> list[Any]:
    """A column's values; those that JSON does not know as text."""
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # nanoseconds and years that Python does not know
        values = column.cast(pa.string()).to_pylist()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values
    return [plain(value) for value in values]


def plain(value: Any) -> Any:
    """A value as JSON has it; numbers that are none are nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value)
