"""Rows that leave while they are read: blocks of bytes straight from PostgreSQL, with flat memory.

PostgreSQL makes the JSON and the CSV, COPY sends it, and nothing becomes an object on the way. Only Parquet is put
together here, a row group at a time.
"""

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.json
import pyarrow.parquet
from django.db import connection, transaction

from annotation.queries.columns import FLOAT, INTEGER, JSON, SPANS, TEXT, TEXTS, TIME
from annotation.queries.exports import Rows

BLOCK = 128 * 1024
FIRST_BLOCK = 2 * 1024  # the first bytes are sent at once
ROW_GROUP = 8 * 1024 * 1024  # bytes of JSON
LONGEST_ROW = 64 * 1024 * 1024
CONTENT_TYPES = {
    "jsonl": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
ARROW = {
    INTEGER: pa.int64(),
    FLOAT: pa.float64(),
    TEXT: pa.string(),
    JSON: pa.string(),
    TEXTS: pa.list_(pa.string()),
    SPANS: pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])),
    TIME: pa.timestamp("us", "UTC"),
}
# JSON holds neither of these characters, so that nothing in it is quoted, and COPY sends it as it is
_AS_IT_IS = r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"


class Sink(io.RawIOBase):
    """A file that only grows; what was written so far can be taken out and sent."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self.parts)
        self.parts.clear()
        return taken


def copy_blocks(statement: str, parameters: list[Any]) -> Iterator[bytes]:
    """What a `COPY … TO STDOUT` sends, in blocks of whole rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Texts and answers are walked in step by their indexes: the first row is there at once, nothing is hashed or
        # spilled, and what is kept does not grow with the project
        cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
        with cursor.copy(statement, parameters) as copy:
            rows: list[Any] = []
            size, enough = 0, FIRST_BLOCK
            for row in copy:
                rows.append(row)
                size += len(row)
                if size >= enough:
                    yield b"".join(rows)
                    rows.clear()
                    size, enough = 0, BLOCK
            yield b"".join(rows)


def jsonl_blocks(rows: Rows) -> Iterator[bytes]:
    """One JSON object a line, exactly as it is."""
    inner = f"SELECT row_to_json(r) FROM ({rows.statement}) r"  # noqa: S608
    return copy_blocks(f"COPY ({inner}) TO STDOUT {_AS_IT_IS}", rows.parameters)


def records(rows: Rows) -> Iterator[dict[str, Any]]:
    """The rows as objects, for formats that are put together here."""
    for block in jsonl_blocks(rows):
        for line in block.splitlines():
            yield json.loads(line)


def csv_blocks(rows: Rows) -> Iterator[bytes]:
    """CSV with a header. Cells that a spreadsheet would take for formulas get a leading `'`; import takes it off."""
    cells = ", ".join(_csv_cell(name, kind) for name, kind in rows.columns.items())
    inner = f"SELECT {cells} FROM ({rows.statement}) r"  # noqa: S608
    return copy_blocks(f"COPY ({inner}) TO STDOUT (FORMAT csv, HEADER)", rows.parameters)


def _csv_cell(name: str, kind: str) -> str:
    """As `algorithms.formulas.defuse` does it. Parameters follow, so a per cent sign would have to be doubled."""
    if kind == TEXT:
        return f"""CASE WHEN r."{name}" ~ '^''*[-=+@\\t\\r]' THEN '''' || r."{name}" ELSE r."{name}" END AS "{name}" """
    if kind == TEXTS:
        return f'array_to_json(r."{name}") AS "{name}"'
    return f'r."{name}"'


def parquet_blocks(rows: Rows, metadata: dict[bytes, bytes] | None = None) -> Iterator[bytes]:
    """Parquet, a row group for every few megabytes; metadata of a text is JSON in a string."""
    schema = pa.schema([pa.field(name, ARROW[kind]) for name, kind in rows.columns.items()], metadata)
    read = pa.schema(
        [(name, pa.string() if kind == TIME else ARROW[kind]) for name, kind in rows.columns.items()]
    )
    as_strings = ", ".join(
        f'r."{name}"::text AS "{name}"' if kind == JSON else f'r."{name}"'
        for name, kind in rows.columns.items()
    )
    statement = f"SELECT {as_strings} FROM ({rows.statement}) r"  # noqa: S608
    flat = Rows(statement, rows.parameters, rows.columns)
    sink = Sink()
    with pa.parquet.ParquetWriter(sink, schema, compression="zstd", compression_level=1) as writer:
        yield sink.take()  # the first bytes are sent at once
        for group in gathered(jsonl_blocks(flat), ROW_GROUP):
            table = pa.json.read_json(
                pa.BufferReader(group),
                read_options=pa.json.ReadOptions(block_size=LONGEST_ROW),
                parse_options=pa.json.ParseOptions(explicit_schema=read),
            )
            writer.write_table(table.select(read.names).cast(schema))
            yield sink.take()
    yield sink.take()


def gathered(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The blocks in parts of at least this size, but the last one."""
    kept: list[bytes] = []
    held = 0
    for block in blocks:
        kept.append(block)
        held += len(block)
        if held >= size:
            yield b"".join(kept)
            kept.clear()
            held = 0
    if held:
        yield b"".join(kept)


BLOCKS = {"jsonl": jsonl_blocks, "csv": csv_blocks, "parquet": parquet_blocks}
