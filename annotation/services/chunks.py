"""What goes between the process that reads a file and the one that writes to the database: rules there, chunks back."""

import marshal
from dataclasses import asdict, dataclass, field
from typing import Any

from annotation.services.mapping import Mapping


@dataclass(frozen=True)
class Limits:
    """What a project asks of its texts: characters, the share of letters, and languages by their ISO 639-1 codes."""

    shortest: int = 1
    longest: int = 100_000
    fewest_letters: float = 0.2
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """All that a cleaner goes by, as values that can be sent to another process.

    `labels` are the project's label ids by name, which items and gold must know. `rest` are the cells that end every
    item's line: project, source and time.
    """

    mapping: Mapping
    limits: Limits = field(default_factory=Limits)
    provenance: str = "real"
    annotator: str = ""
    labels: dict[str, int] = field(default_factory=dict)
    overlapping: bool = False
    repair: bool = False
    rest: str = ""

    def as_json(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, sent: dict[str, Any]) -> "Rules":
        """What `as_json` made."""
        mapping = Mapping(**{**sent["mapping"], "leave_out": tuple(sent["mapping"]["leave_out"])})
        limits = Limits(**{**sent["limits"], "languages": tuple(sent["limits"]["languages"])})
        return cls(**{**sent, "mapping": mapping, "limits": limits})


@dataclass
class Said:
    """What somebody says about a text. `value` is a label's name, a list of names, or a list of marked spans."""

    value: Any
    text: str
    annotator: str
    created: str  # ISO 8601 in UTC, or nothing
    note: str

    def as_tuple(self) -> tuple[Any, ...]:
        """For another process."""
        return self.value, self.text, self.annotator, self.created, self.note


@dataclass
class Chunk:
    """Some thousand rows, judged by themselves. The lists from `numbers` on have an entry a candidate.

    `lines` are the items' lines for COPY, empty for a row that names an item by id alone; `originals` the values as
    they were, packed: by name, or as the cells of `columns` where the file is a table.
    """

    rows: int = 0
    at: int = 0  # how far the file is read, in bytes
    left_out: list[tuple[int, str, bytes]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    external_ids: list[str | None] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    originals: list[bytes] = field(default_factory=list)
    said: list[Said | None] = field(default_factory=list)
    columns: tuple[str, ...] = ()

    def packed(self) -> bytes:
        """For another process."""
        said = [one.as_tuple() for one in self.said if one is not None]
        lists = (
            self.left_out,
            self.numbers,
            self.external_ids,
            self.digests,
            self.lines,
            self.originals,
            said,
            self.columns,
        )
        return marshal.dumps((self.rows, self.at, *lists))

    @classmethod
    def unpacked(cls, sent: bytes) -> "Chunk":
        """What `packed` made. Only for what our own processes send."""
        *before, said, columns = marshal.loads(sent)  # noqa: S302
        chunk = cls(*before)
        chunk.columns = columns
        chunk.said = [Said(*one) for one in said] or [None] * len(chunk.numbers)
        return chunk
