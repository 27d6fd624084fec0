"""Rows of a file as candidates for items, answers and gold, or rejected with the reason.

What a single row shows by itself is judged here; what needs the pool (duplicates, used ids) is judged at the import.
Nothing here needs the database, so that another process can do it.
"""

import json
import marshal
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
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
from annotation.services.chunks import Chunk, Rules, Said
from annotation.services.mapping import ANSWERS, GOLD, ITEMS
from annotation.services.named_values import (
    Rejection,
    marked_spans,
    one_label,
    placed_spans,
    several_labels,
    short,
)
from annotation.services.reading import Layout, Row, has_undecodable

LONGEST_ID = 200
LONGEST_NAME = 200
LONGEST_NOTE = 5000
LARGEST_META = 1_000_000
PROVENANCES = frozenset({"real", "augmented", "synthetic"})
NULL = "\\N"
ROWS_AT_ONCE = 10_000
CHARACTERS_AT_ONCE = 16_000_000
META_REMEMBERED = 20_000
SURE_OF_LANGUAGE = 0.9
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_SUSPICIOUS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f\ud800-\udfff\ufffd]"
)  # one look for many checks
_encode: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
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
        self.broken_mark = "" if layout.encoding == "utf-8" else "\ufffd"
        self.delimited = layout.format in {"csv", "tsv"}
        self.meta_columns = [
            (name, _encode(name) + ": ") for name in layout.columns if name not in self.consumed
        ]
        self.metas: dict[tuple[str, ...], str] = {}
        self.identifier = (
            LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            if rules.limits.languages
            else None
        )

    def chunks(self, file: IO[bytes], layout: Layout) -> Iterator[Chunk]:
        """The file's rows, judged, some thousands at a time."""
        rows = reading.rows(file, layout, self.kind == ANSWERS)
        while (chunk := self.chunk(islice(rows, ROWS_AT_ONCE))).rows:
            chunk.at = file.tell()
            yield chunk

    def chunk(self, rows: Iterable[Row]) -> Chunk:
        """These rows, judged; fewer of them if they are large."""
        chunk = Chunk()
        size = 0
        for row in rows:
            chunk.rows += 1
            original = marshal.dumps(row.values)
            try:
                external_id, digest, line, said = self.read(row)
            except Rejection as rejection:
                chunk.left_out.append((row.number, str(rejection), original))
            else:
                chunk.numbers.append(row.number)
                chunk.external_ids.append(external_id)
                chunk.digests.append(digest)
                chunk.lines.append(line)
                chunk.originals.append(original)
                chunk.said.append(said)
            size += len(original)
            if size > CHARACTERS_AT_ONCE:
                break
        return chunk

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
                raise Rejection(f"unknown provenance: {given}")
            provenance = given
        meta = self.meta(values) if text else "{}"
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
            return one_label(found) or None
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
            raise Rejection(f"bad timestamp: {str(value)[:60]}") from broken

    def meta(self, values: dict[str, Any]) -> str:
        """The metadata as JSON: columns that nothing names, and the fields of a mapped object."""
        if not self.delimited or self.mapping.meta:
            return self.meta_of(values)
        cells = tuple([values[name] for name, _ in self.meta_columns])
        if (known := self.metas.get(cells)) is not None:
            return known
        if len(self.metas) == META_REMEMBERED:
            self.metas.clear()
        written = self.meta_of(values)
        self.metas[cells] = written
        return written

    def meta_of(self, values: dict[str, Any]) -> str:
        """`meta`, worked out."""
        consumed, skip = self.consumed, self.delimited  # a CSV file cannot tell empty from missing
        found = {
            name: value
            for name, value in values.items()
            if name not in consumed and not (skip and value == "")
        }
        column = self.mapping.meta
        try:
            nested = values.get(column) if column else None
            if nested not in (None, ""):
                nested = json.loads(nested) if isinstance(nested, str) else nested
                if not isinstance(nested, dict):
                    raise Rejection("bad metadata: not a JSON object")
                found.update(nested)
            elif column is None and isinstance(found.get("meta"), dict):
                found.update(found.pop("meta"))
            written = _encode(found) if found else "{}"
        except (ValueError, RecursionError) as broken:
            raise Rejection("bad metadata: not readable as JSON") from broken
        if "u0000" in written and _ESCAPED_NUL.search(written):
            raise Rejection("bad metadata: characters that cannot be stored")
        if len(written) > LARGEST_META:
            raise Rejection(f"bad metadata: over {LARGEST_META:,} characters")
        if written.isascii() or not _SUSPICIOUS.search(written):
            return written
        if _LONE_SURROGATE.search(written):
            raise Rejection("bad metadata: characters that cannot be stored")
        return repair_windows_1252(written)


def cell(value: str) -> str:
    """A text as COPY's text format has it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def storable(original: bytes) -> str:
    """A packed row's values as JSON that the database takes; what it cannot hold shows as U+FFFD."""
    written = json.dumps(marshal.loads(original), ensure_ascii=False)  # noqa: S302 – packed by `Cleaner.chunk`
    written = _ESCAPED_NUL.sub(r"\1\\ufffd", written) if "u0000" in written else written
    if not written.isascii():
        written = _LONE_SURROGATE.sub("\ufffd", written)
    return written
