"""Values as cells of a line for COPY, in its text format."""

import json
import marshal
import re
from collections.abc import Sequence
from json.encoder import encode_basestring as in_quotes

NULL = "\\N"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def cell(value: str) -> str:
    """A text as COPY's text format has it."""
    if value.isprintable():
        return value.replace("\\", "\\\\")
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def storable(original: bytes, columns: Sequence[str]) -> str:
    """A packed row as JSON that the database takes, by its columns; what it cannot hold shows as U+FFFD.

    A row of a table is packed as its cells, any other as its values by name.
    """
    values = marshal.loads(original)  # noqa: S302 – packed by `Cleaner`
    if isinstance(values, list):
        pairs = [
            f"{in_quotes(name)}: {in_quotes(value)}" for name, value in zip(columns, values, strict=True)
        ]
        written = f"{{{', '.join(pairs)}}}"
    else:
        written = json.dumps(values, ensure_ascii=False)
    written = ESCAPED_NUL.sub(r"\1\\ufffd", written) if "u0000" in written else written
    if not written.isascii():
        written = LONE_SURROGATE.sub("\ufffd", written)
    return written
