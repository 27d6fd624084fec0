"""Cleaned rows enter the pool, a chunk at a time: each is imported, a duplicate, or rejected.

Equal texts and used ids are looked up in the table itself, where the earlier chunks of the same file are already, so
that memory stays flat however long the file is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from annotation.models import Import, Item, Label, Round
from annotation.services.cells import cell, storable
from annotation.services.chunks import Chunk
from annotation.services.copying import (
    Known,
    add_to_round,
    copy_items,
    copy_lines,
    items_by_digest,
    items_by_external_id,
    new_ids,
    places_in_pool,
)
from annotation.services.seen import Seen

DUPLICATE, REJECTED = "duplicate", "rejected"


class LeftOut(NamedTuple):
    """A row that becomes nothing; `original` are its packed values."""

    number: int
    outcome: str
    reason: str
    original: bytes

    def line(self, source: Import, columns: Sequence[str]) -> bytes:
        """The row as it is kept."""
        reason, values = cell(printable(self.reason)), cell(storable(self.original, columns))
        return f"{source.pk}\t{self.number}\t{self.outcome}\t{reason}\t{values}".encode()


@dataclass
class Tally:
    """What became of the rows so far; imported + duplicates + rejected = rows."""

    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, rows: int, left_out: Sequence[LeftOut]) -> None:
        """Adds a chunk."""
        rejected = [left.reason.partition(":")[0] for left in left_out if left.outcome == REJECTED]
        self.rows += rows
        self.imported += rows - len(left_out)
        self.rejected += len(rejected)
        self.duplicates += len(left_out) - len(rejected)
        self.reasons.update(rejected)


class Entry:
    """One file's way into its project."""

    def __init__(self, source: Import) -> None:
        self.source = source
        self.project = source.project
        self.round: Round | None = source.round
        self.keep = source.duplicates == "keep"
        self.labels = dict(Label.objects.filter(project=self.project).values_list("name", "pk"))
        self.tally = Tally()
        self.new_items = 0

    def enter(self, chunk: Chunk) -> None:
        """Takes in one chunk and accounts for each of its rows."""
        left_out = self.judge(chunk)
        copy_lines(
            "COPY annotation_importrow (source_id, number, outcome, reason, values) FROM STDIN",
            (left.line(self.source, chunk.columns) for left in left_out),
        )
        self.tally.count(chunk.rows, left_out)

    def judge(self, chunk: Chunk) -> list[LeftOut]:
        """Makes what the chunk says; every row that turns out to be nothing new is returned."""
        left_out = [
            LeftOut(number, REJECTED, reason, original) for number, reason, original in chunk.left_out
        ]
        left_out += [
            LeftOut(chunk.numbers[at], outcome, reason, chunk.originals[at])
            for at, (outcome, reason) in self.take(chunk).items()
        ]
        return left_out

    def take(self, chunk: Chunk) -> dict[int, tuple[str, str]]:
        """Makes what the candidates say; {place: (outcome, reason)} of those that turn out to be nothing new."""
        raise NotImplementedError

    def where(self, known: Known) -> str:
        """How a reason names an item: by its row if it came with this file."""
        return f"row {known.row}" if known.source == self.source.pk else f"text {known.id}"

    def add(self, lines: list[bytes]) -> list[int]:
        """Copies new items in, and into the round if there is one; their ids."""
        if not lines:
            return []
        ids = self.ids(len(lines))
        copy_items(ids, lines)
        if self.round is not None:
            add_to_round(self.round, ids)
        self.new_items += len(lines)
        return ids

    def ids(self, n: int) -> list[int]:
        """Ids for so many new items; ascending where there is a round."""
        return new_ids(n)


class ItemEntry(Entry):
    """A file of items."""

    def __init__(self, source: Import) -> None:
        super().__init__(source)
        # In an empty pool only the file's own rows can be equal, and nearly all of them are surely new
        self.seen = None if Item.objects.filter(project=self.project).exists() else (Seen(), Seen())

    def take(self, chunk: Chunk) -> dict[int, tuple[str, str]]:
        left_out = self.among_others(chunk)
        if left_out:
            self.add([line for at, line in enumerate(chunk.lines) if at not in left_out])
        else:
            self.add(chunk.lines)
        return left_out

    def among_others(self, chunk: Chunk) -> dict[int, tuple[str, str]]:
        """Those whose text or id is there already, or earlier in the chunk.

        Only the rows that share something with another, or with the pool, are looked at one by one: what the others
        become depends on nothing, and nothing on them.
        """
        digests = [b""] * len(chunk.digests) if self.keep else chunk.digests
        external_ids = chunk.external_ids
        if self.seen is None:
            doubtful = places_in_pool(self.project, digests, external_ids)
        else:
            of_texts, of_names = self.seen
            texts = [] if self.keep else of_texts.digests(digests)
            names = of_names.names(external_ids)
            doubtful = {texts[at] for at in places_in_pool(self.project, [digests[at] for at in texts], [])}
            doubtful |= {
                names[at] for at in places_in_pool(self.project, [], [external_ids[at] for at in names])
            }
        doubtful |= repeated(digests) | repeated(external_ids)
        if not doubtful:
            return {}
        places = sorted(doubtful)
        by_digest = {} if self.keep else items_by_digest(self.project, {chunk.digests[at] for at in places})
        by_id = items_by_external_id(self.project, {name for at in places if (name := external_ids[at])})
        left_out: dict[int, tuple[str, str]] = {}
        for at in places:
            external_id, digest = external_ids[at], chunk.digests[at]
            if external_id and (known := by_id.get(external_id)):
                if known.digest == digest:
                    left_out[at] = DUPLICATE, f"same id and text as {self.where(known)}"
                else:
                    left_out[at] = REJECTED, f"duplicate id: {external_id} is {self.where(known)}"
                continue
            if not self.keep and (known := by_digest.get(digest)):
                left_out[at] = DUPLICATE, f"same text as {self.where(known)}"
                continue
            known = Known(None, digest, chunk.numbers[at], self.source.pk)
            by_digest.setdefault(digest, known)
            if external_id:
                by_id[external_id] = known
        return left_out


def repeated(values: Sequence[bytes] | Sequence[str | None]) -> set[int]:
    """The places of values that are there more than once; empty ones do not count."""
    if len(set(values)) == len(values):
        return set()
    often = {value for value, n in Counter(values).items() if n > 1 and value}
    return {at for at, value in enumerate(values) if value in often}


class FindingEntry(Entry):
    """A file that says something of items, of which it may bring some itself."""

    def find_items(self, chunk: Chunk, left_out: dict[int, tuple[str, str]]) -> list[tuple[int, int]]:
        """(place, item) of the candidates; items that are missing are made where there is a text."""
        by_digest = items_by_digest(self.project, {digest for digest in chunk.digests if digest})
        by_id = items_by_external_id(self.project, {name for name in chunk.external_ids if name})
        named = zip(chunk.external_ids, chunk.digests, strict=True)
        if unknown := {name for name, digest in named if name and not digest and name not in by_id}:
            by_id.update(merged_items(self.source, unknown))
        found: list[tuple[int, Known]] = []
        lines: list[bytes] = []
        rows: list[int] = []
        for at, (number, external_id, digest) in enumerate(
            zip(chunk.numbers, chunk.external_ids, chunk.digests, strict=True)
        ):
            known = by_id.get(external_id) if external_id else None
            if known is not None and digest and known.digest != digest:
                reason = f"duplicate id: {external_id} is {self.where(known)}, with another text"
                left_out[at] = REJECTED, reason
                continue
            if known is None and digest and not (self.keep and external_id):
                known = by_digest.get(digest)
            if known is None and not digest:
                left_out[at] = REJECTED, f"unknown id: {external_id}"
                continue
            if known is None:
                known = Known(None, digest, number, self.source.pk)
                by_digest.setdefault(digest, known)
                lines.append(chunk.lines[at])
                rows.append(number)
            if external_id:
                by_id[external_id] = known
            found.append((at, known))
        made = dict(zip(rows, self.add(lines), strict=True))
        return [(at, known.id or made[known.row or 0]) for at, known in found]


def merged_items(source: Import, external_ids: set[str]) -> dict[str, Known]:
    """Ids of rows that were left out as equal to another text lead to the item that was kept for them."""
    project = source.project
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT given.id, left_out.reason, source.id FROM unnest(%s::text[]) AS given (id)"
            " JOIN annotation_import source ON source.project_id = %s AND source.kind = 'items'"
            "  AND source.state = 'done' AND source.duplicate_rows > 0 AND source.mapping->>'id' IS NOT NULL"
            " JOIN annotation_importrow left_out ON left_out.source_id = source.id"
            "  AND left_out.outcome = 'duplicate' AND left_out.reason LIKE 'same text as %%'"
            "  AND btrim(left_out.values->>(source.mapping->>'id')) = given.id",
            [list(external_ids), project.pk],
        )
        merged = cursor.fetchall()
    found: dict[str, Known] = {}
    for external_id, reason, of in merged:
        kind, number = reason.removeprefix("same text as ").split(" ")
        items = (
            project.items.filter(pk=number) if kind == "text" else project.items.filter(source=of, row=number)
        )
        for pk, digest, row, origin in items.values_list("pk", "digest", "row", "source"):
            found[external_id] = Known(pk, digest.bytes, row, origin)
    return found


def printable(reason: str) -> str:
    """A reason that the database takes, at most as long as its column."""
    if reason.isprintable():
        return reason[:200]
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in reason)[:200]
