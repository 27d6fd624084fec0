"""Rows of a file as candidates for items, answers and gold, or rejected with the reason.

What a single row shows by itself is judged here; what needs the pool (duplicates, used ids) is judged at the import.
Nothing here needs the database, so that another process can do it.
"""

import json
import marshal
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, repeat
from typing import IO, Any

import ftfy
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from annotation.algorithms.text import (
    control_characters,
    digest_of_normalised,
    few_letters,
    normalise,
    repair_windows_1252,
)
from annotation.services import reading
from annotation.services.cells import NULL, cell
from annotation.services.chunks import Chunk, Rules, Said
from annotation.services.mapping import ANSWERS, GOLD, ITEMS
from annotation.services.metadata import Metadata
from annotation.services.named_values import (
    Rejection,
    marked_spans,
    one_label,
    placed_spans,
    several_labels,
    short,
)
from annotation.services.reading import Layout, Row, delimited, has_undecodable
from annotation.services.reading.rows import Table

LONGEST_ID = 200
LONGEST_NAME = 200
LONGEST_NOTE = 5000
PROVENANCES = frozenset({"real", "augmented", "synthetic"})
ROWS_AT_ONCE = 10_000
CHARACTERS_AT_ONCE = 16_000_000
SURE_OF_LANGUAGE = 0.9
# One look for many checks
_SUSPICIOUS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f\ud800-\udfff\ufffd]")
_REPAIR = ftfy.TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)


class Cleaner:
    """Judges rows by themselves, under one set of rules."""

    def __init__(self, rules: Rules, layout: Layout) -> None:
        self.rules = rules
        self.mapping = mapping = rules.mapping
        self.limits = rules.limits
        self.kind, self.task = mapping.kind, mapping.task
        self.value_column = mapping.value
        self.consumed = mapping.consumed
        self.utf_16_first = layout.format == "label-studio"
        # Other codecs leave this mark where they cannot read on, and we leave it in lists of rejected rows
        marked = layout.encoding != "utf-8" or layout.format == "rejected"
        self.broken_mark = "\ufffd" if marked else ""
        self.delimited = layout.format in {"csv", "tsv"}
        self.metadata = Metadata(mapping, layout)
        self.identifier = (
            LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            if rules.limits.languages
            else None
        )
        self.columns = layout.columns
        self.cells_of_labels: dict[str | None, str] = {}
        # Whether rows can be written without a second look; a table's metadata are all of its other columns then
        self.quick = (
            self.kind == ITEMS
            and self.identifier is None
            and not (rules.repair or mapping.provenance or self.broken_mark)
            and not (self.delimited and mapping.meta)
        )

    def chunks(self, file: IO[bytes], layout: Layout) -> Iterator[Chunk]:
        """The file's rows, judged, some thousands at a time."""
        if self.delimited:
            for table in delimited.tables(file, layout, ROWS_AT_ONCE, CHARACTERS_AT_ONCE):
                if table.rows:
                    chunk = self.chunk_of_table(table)
                    chunk.at = file.tell()
                    yield chunk
            return
        rows = reading.rows(file, layout, self.kind == ANSWERS)
        while (chunk := self.chunk(islice(rows, ROWS_AT_ONCE))).rows:
            chunk.at = file.tell()
            yield chunk

    def chunk(self, rows: Iterable[Row]) -> Chunk:
        """These rows, judged; fewer of them if they are large."""
        taken: list[Row] = []
        originals: list[bytes] = []
        size = 0
        for row in rows:
            taken.append(row)
            originals.append(marshal.dumps(row.values))
            size += len(originals[-1])
            if size > CHARACTERS_AT_ONCE:
                break

        def column(name: str | None) -> list[Any]:
            return [row.values.get(name) for row in taken] if name else [None] * len(taken)

        return self.judged(
            [row.number for row in taken],
            [as_id(value) for value in column(self.mapping.id)],
            [None if row.wrong else text for row, text in zip(taken, column(self.mapping.text), strict=True)],
            column(self.value_column),
            [self.metadata.cell_of(row.values) if self.quick else None for row in taken],
            originals,
            taken.__getitem__,
        )

    def chunk_of_table(self, table: Table) -> Chunk:
        """The same of rows that are cells."""
        first, rows, wrong = table
        columns = self.columns
        places = {name: at for at, name in enumerate(columns)}
        by_column = list(zip(*rows, strict=True))

        def column(name: str | None) -> Sequence[Any]:
            return by_column[places[name]] if name in places else [None] * len(rows)

        def row(at: int) -> Row:
            return Row(first + at, dict(zip(columns, rows[at], strict=True)), wrong.get(at, ""))

        texts = column(self.mapping.text)
        if wrong:
            texts = [None if at in wrong else text for at, text in enumerate(texts)]
        metas: Sequence[str | None] = [None] * len(rows)
        if self.quick:
            metas = self.metadata.cells_of([column(name) for name in self.metadata.columns], len(rows))
        chunk = self.judged(
            range(first, first + len(rows)),
            column(self.mapping.id),
            texts,
            column(self.value_column),
            metas,
            list(map(marshal.dumps, rows)),
            row,
        )
        chunk.columns = columns
        return chunk

    def judged(
        self,
        numbers: Sequence[int],
        external_ids: Sequence[Any],
        texts: Sequence[Any],
        values: Sequence[Any],
        metas: Sequence[str | None],
        originals: list[bytes],
        row_at: Callable[[int], Row],
    ) -> Chunk:
        """A chunk of these rows, given by columns.

        Most rows have nothing that needs a second look: a printable text, a plain id, a label that was seen before.
        They are written here as they are; `read` says what becomes of the others, and would say the same of these.
        """
        chunk = Chunk(rows=len(numbers))
        add_number, add_id = chunk.numbers.append, chunk.external_ids.append
        add_digest, add_line, add_said = chunk.digests.append, chunk.lines.append, chunk.said.append
        quick, labels = self.quick, self.cells_of_labels
        shortest, longest, fewest = self.limits.shortest, self.limits.longest, self.limits.fewest_letters
        rest = self.rules.rest
        by_column = zip(
            numbers, external_ids, which_are_plain(external_ids), texts, values, metas, strict=False
        )
        for at, (number, external_id, plain, text, value, meta) in enumerate(by_column):
            if (
                quick
                and plain
                and meta is not None
                and text.__class__ is str
                and (text.isprintable() or not _SUSPICIOUS.search(text))
                and shortest <= len(text) <= longest
                and not few_letters(text, fewest)
                and (value.__class__ is str or value is None)
                and (label := labels.get(value) or self.plain_label(value))
                and ((fewest > 0 and shortest == 1) or len(text.strip()) >= shortest)
            ):
                digest = digest_of_normalised(normalise(text))
                name = external_id or NULL
                cells = f"{name}\t{cell(text)}\t{digest.hex()}\t{meta}\t{label}\t{number}\t{rest}"
                add_digest(digest)
                add_line(cells.encode())
                add_number(number)
                add_id(external_id or None)
                add_said(None)
                continue
            try:
                kept_id, digest, line, said = self.read(row_at(at))
            except Rejection as rejection:
                chunk.left_out.append((number, str(rejection), originals[at]))
                originals[at] = b""
            else:
                add_number(number)
                add_id(kept_id)
                add_digest(digest)
                add_line(line)
                add_said(said)
        chunk.originals = [original for original in originals if original] if chunk.left_out else originals
        return chunk

    def plain_label(self, value: str | None) -> str:
        """The cells for the provenance and a label that needs no second look, else nothing; remembered."""
        label = None
        if value:
            known = self.task == "classification" and value in self.rules.labels
            if not (known and value.isprintable() and value == value.strip()):
                return ""
            label = value
        cells = f"{self.rules.provenance}\t{self.label_cells(label)}"
        self.cells_of_labels[value] = cells
        return cells

    def read(self, row: Row) -> tuple[str | None, bytes, bytes, Said | None]:
        """Id, digest, line for COPY and what is said of the item. Raises Rejection with the reason."""
        if row.wrong:
            raise Rejection(row.wrong)
        values, mapping = row.values, self.mapping
        external_id = short(values.get(mapping.id), "id", LONGEST_ID) if mapping.id else ""
        text, digest = "", b""
        if mapping.text:
            written = values.get(mapping.text)
            if not (external_id and self.kind != ITEMS and (written is None or written == "")):
                text = self.text(written)
                digest = digest_of_normalised(normalise(text))
        value = self.value(values.get(self.value_column), text) if self.value_column else None
        said = None
        if self.kind != ITEMS:
            if not (external_id or text):
                raise Rejection("no id")
            said = self.said(values, value, text)
        provenance = self.rules.provenance
        if mapping.provenance and (given := short(values.get(mapping.provenance), "provenance", 100)):
            if given not in PROVENANCES:
                raise Rejection(
                    f"unknown provenance: {given[:60]} is none of {', '.join(sorted(PROVENANCES))}"
                )
            provenance = given
        meta = self.metadata.of(values) if text else "{}"
        if self.kind != ANSWERS:
            self.check_labels(value)
        line = b""
        if text:
            label = f"{NULL}\t{NULL}\t{NULL}" if said is not None else self.label_cells(value)
            kept_id = cell(external_id) if external_id else NULL
            line = (
                f"{kept_id}\t{cell(text)}\t{digest.hex()}\t{cell(meta)}\t{provenance}\t{label}"
                f"\t{row.number}\t{self.rules.rest}"
            ).encode()
        return external_id or None, digest, line, said

    def text(self, written: Any) -> str:
        """The text, repaired, if it is one that people can label."""
        if written is None:
            raise Rejection("empty")
        if not isinstance(written, str):
            raise Rejection("text is not a string")
        text, limits = written, self.limits
        if len(text) > limits.longest:
            raise Rejection(f"too long: {len(text):,} characters, at most {limits.longest:,}")
        broken = bool(self.broken_mark) and self.broken_mark in text
        if broken or (not text.isprintable() and _SUSPICIOUS.search(text)):
            if broken or has_undecodable(text):
                raise Rejection("undecodable")
            if control_characters(text):
                raise Rejection("control characters")
            text = repair_windows_1252(text)
        if self.rules.repair and not text.isascii() and self.task != "spans":
            text = ftfy.fix_encoding(text, _REPAIR)
        if few_letters(text, limits.fewest_letters) or not text.strip():
            raise Rejection("mostly not letters" if text.strip() else "empty")
        if limits.shortest > 1 and len(text.strip()) < limits.shortest:
            raise Rejection(f"too short: {len(text.strip()):,} characters, at least {limits.shortest:,}")
        if self.identifier is not None:
            self.check_language(text)
        return text

    def check_language(self, text: str) -> None:
        """Raises Rejection for a text that is clearly in a language that the project does not want."""
        assert self.identifier is not None
        language, sureness = self.identifier.classify(text)
        if language not in self.limits.languages and sureness >= SURE_OF_LANGUAGE:
            raise Rejection(f"other language: {language}")

    def value(self, found: Any, text: str) -> Any:
        """What the row says of the text, by names; nothing where it says nothing."""
        if self.task == "classification":
            return one_label(found, self.rules.labels) or None
        if self.task == "multilabel":
            return several_labels(found, self.rules.labels)
        spans = marked_spans(found)
        if spans is None or not text:
            return spans
        placed = placed_spans(spans, text, self.rules.overlapping, self.utf_16_first)
        return [(start, end, label, text[start:end]) for start, end, label in placed]

    def said(self, values: dict[str, Any], value: Any, text: str) -> Said:
        """An answer, or what is known of a gold text."""
        mapping = self.mapping
        if value is None:
            raise Rejection("no spans" if self.task == "spans" else "no label")
        kept = text if self.task == "spans" else ""
        if self.kind == GOLD:
            note = values.get(mapping.explanation) if mapping.explanation else None
            return Said(value, kept, "", "", short(note, "explanation", LONGEST_NOTE))
        named = values.get(mapping.annotator) if mapping.annotator else None
        annotator = short(named, "annotator", LONGEST_NAME) or self.rules.annotator
        if not annotator:
            raise Rejection("no annotator")
        note = values.get(mapping.comment) if mapping.comment else None
        return Said(value, kept, annotator, self.time(values), short(note, "comment", LONGEST_NOTE))

    def check_labels(self, value: Any) -> None:
        """Raises Rejection for a label that the project does not have."""
        if value is None:
            return
        names = [value] if self.task == "classification" else value
        for named in names:
            name = named[2] if self.task == "spans" else named
            if name not in self.rules.labels:
                raise Rejection(f"unknown label: {name}")

    def label_cells(self, value: Any) -> str:
        """An item's three cells for what the file says of it."""
        labels = self.rules.labels
        if value is None:
            return f"{NULL}\t{NULL}\t{NULL}"
        if self.task == "classification":
            return f"{labels[value]}\t{NULL}\t{NULL}"
        if self.task == "multilabel":
            ids = sorted({labels[name] for name in value})
            return f"{NULL}\t{{{','.join(map(str, ids))}}}\t{NULL}"
        spans = sorted([start, end, labels[name]] for start, end, name, _ in value)
        return f"{NULL}\t{NULL}\t{json.dumps(spans)}"

    def time(self, values: dict[str, Any]) -> str:
        """When the answer was given, in UTC; times without a zone are taken as UTC."""
        value = values.get(self.mapping.timestamp) if self.mapping.timestamp else None
        if value is None or value == "":
            return ""
        try:
            if isinstance(value, bool):
                raise ValueError
            if isinstance(value, int | float):
                return datetime.fromtimestamp(value, UTC).isoformat()
            at = datetime.fromisoformat(str(value).strip())
            return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)).isoformat()
        except (ValueError, OverflowError, OSError) as broken:
            raise Rejection(f"bad timestamp: {str(value)[:60]} is not like 2024-03-09 10:30") from broken


def as_id(value: Any) -> Any:
    """A number as JSON writes it, which is as good as a text."""
    return str(value) if value.__class__ is int else value


def is_plain(value: Any, longest: int = LONGEST_ID) -> bool:
    """Whether a short value stands as it is, in a line for COPY too."""
    return (
        value.__class__ is str
        and len(value) <= longest
        and value.isprintable()
        and " " not in value
        and "\\" not in value
    )


def which_are_plain(values: Sequence[Any]) -> Iterable[bool]:
    """`is_plain` of each, or of nothing; of all at once where they are."""
    try:
        all_are = is_plain("".join(values), len(values) * LONGEST_ID)
    except TypeError:  # numbers, or nothing
        all_are = False
    if all_are and max(map(len, values), default=0) <= LONGEST_ID:
        return repeat(True)
    return [value is None or is_plain(value) for value in values]
