"""Parquet: read by row groups, a batch of rows at a time."""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.services.reading import parquet_check
from annotation.services.reading.opening import FREE_EXPANSION, HEAD, MOST_EXPANSION, opened
from annotation.services.reading.rows import Layout, Row, Unreadable, checked_columns

LONGEST_CHECK = 300  # seconds
MAGIC = b"PAR1"


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the columns of the schema."""
    with table(file, layout) as parquet:
        return replace(layout, columns=checked_columns(list(parquet.schema_arrow.names)))


def check_harmless(file: IO[bytes], gzipped: bool) -> None:
    """Has another process read the whole file (`parquet_check`). Raises Unreadable when that one does not last."""
    most = most_unpacked(file)
    with on_disk(file, gzipped) as source:
        command = [sys.executable, "-I", parquet_check.__file__, str(most)]
        try:
            done = subprocess.run(
                command, stdin=source, capture_output=True, timeout=LONGEST_CHECK, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unreadable("The Parquet file takes too long to read. Write it in smaller parts.") from None
    if done.returncode:
        raise Unreadable("The Parquet file is damaged so that it cannot be read. Write it once more.")


@contextmanager
def table(file: IO[bytes], layout: Layout) -> Iterator[pq.ParquetFile]:
    """The open table. Raises Unreadable for one that is damaged, encrypted, or larger than its file can mean."""
    most = most_unpacked(file)
    with on_disk(file, layout.gzipped) as source:
        if source.read(len(MAGIC)) != MAGIC:  # what has only the end of one was never checked
            raise Unreadable("This is not a Parquet file.")
        source.seek(0)
        try:
            parquet = pq.ParquetFile(source, pre_buffer=False)
            if parquet_check.too_large(parquet.metadata, most):
                raise Unreadable(
                    "The Parquet file unpacks to more than can be read. Write it in smaller row groups or parts."
                )
            yield parquet
        except (pa.ArrowException, OSError, UnicodeError) as broken:
            raise Unreadable(f"The Parquet file cannot be read: {str(broken)[:200]}.") from broken


def most_unpacked(file: IO[bytes]) -> int:
    """Bytes to which a file of this size may unpack."""
    return max(file.seek(0, io.SEEK_END) * MOST_EXPANSION, FREE_EXPANSION)


@contextmanager
def on_disk(file: IO[bytes], gzipped: bool) -> Iterator[IO[bytes]]:
    """The file at its start, unpacked, as one that another process can be given."""
    if not gzipped and not isinstance(file, io.BytesIO):
        file.seek(0)
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(opened(file, gzipped), copy, HEAD)
        copy.seek(0)  # and flushed
        yield cast(IO[bytes], copy)


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every row of the table, its values as JSON has them."""
    number = 0
    with table(file, layout) as parquet:
        for batch in parquet.iter_batches(parquet_check.ROWS_AT_ONCE):
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
