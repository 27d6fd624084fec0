"""What a row says of its text beside the text itself, as JSON and as a cell for COPY."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from json.encoder import encode_basestring as in_quotes
from typing import Any

from annotation.algorithms.text import repair_windows_1252
from annotation.services.cells import ESCAPED_NUL, LONE_SURROGATE, cell
from annotation.services.mapping import Mapping
from annotation.services.named_values import Rejection
from annotation.services.reading import Layout
from annotation.services.reading.rows import TABLES

LARGEST = 1_000_000
REMEMBERED = 20_000  # different ones
LONGEST_REMEMBERED = 1000
_SUSPICIOUS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f\ud800-\udfff]")  # one look for many checks
_encode: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class Metadata:
    """The metadata of a file's rows: `columns` that nothing names, and the fields of a mapped object."""

    def __init__(self, mapping: Mapping, layout: Layout) -> None:
        self.column = mapping.meta
        self.consumed = mapping.consumed
        self.no_empty = layout.format in TABLES  # they cannot tell empty from missing
        self.columns = [name for name in layout.columns if name not in self.consumed]
        self.starts = [_encode(name) + ": " for name in self.columns]
        self.known: dict[tuple[str, ...], str] = {}

    def of(self, values: dict[str, Any]) -> str:
        """A row's metadata as JSON. Raises Rejection."""
        consumed, no_empty = self.consumed, self.no_empty
        found = {
            name: value
            for name, value in values.items()
            if name not in consumed and not (no_empty and value == "")
        }
        try:
            nested = values.get(self.column) if self.column else None
            if nested not in (None, ""):
                nested = json.loads(nested) if isinstance(nested, str) else nested
                if not isinstance(nested, dict):
                    raise Rejection("bad metadata: not a JSON object")
                found.update(nested)
            elif self.column is None and isinstance(found.get("meta"), dict):
                found.update(found.pop("meta"))
            written = _encode(found) if found else "{}"
        except (ValueError, RecursionError) as broken:
            raise Rejection("bad metadata: not readable as JSON") from broken
        return storable(written)

    def cell_of(self, values: dict[str, Any]) -> str | None:
        """The same as a cell; nothing where `of` refuses it."""
        try:
            return cell(self.of(values))
        except Rejection:
            return None

    def cells_of(self, by_column: Sequence[Sequence[str]], rows: int) -> list[str | None]:
        """`cell_of` each row of a table, given the cells of `columns`. Rows that say the same are written once."""
        by_row: Iterable[tuple[str, ...]] = zip(*by_column, strict=True) if by_column else repeat((), rows)
        known = self.known
        return [known[cells] if cells in known else self._written(cells) for cells in by_row]

    def _written(self, cells: tuple[str, ...]) -> str | None:
        pairs = [start + in_quotes(value) for start, value in zip(self.starts, cells, strict=True) if value]
        try:
            written = cell(storable(f"{{{', '.join(pairs)}}}"))
        except Rejection:
            return None
        if len(written) < LONGEST_REMEMBERED:
            if len(self.known) == REMEMBERED:
                self.known.clear()
            self.known[cells] = written
        return written


def storable(written: str) -> str:
    """Metadata as JSON that the database takes. Raises Rejection for what it does not."""
    if "u0000" in written and ESCAPED_NUL.search(written):
        raise Rejection("bad metadata: characters that cannot be stored")
    if len(written) > LARGEST:
        raise Rejection(f"bad metadata: over {LARGEST:,} characters")
    if written.isascii() or not _SUSPICIOUS.search(written):
        return written
    if LONE_SURROGATE.search(written):
        raise Rejection("bad metadata: characters that cannot be stored")
    return repair_windows_1252(written)
