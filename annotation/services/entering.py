"""Cleaned rows enter the pool, a chunk at a time: each is imported, a duplicate, or rejected.

Equal texts and used ids are looked up in the table itself, where the earlier chunks of the same file are already, so
that memory stays flat however long the file is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Max

from annotation.models import Annotation, Annotator, Import, Label, Round
from annotation.services.cleaning import Candidate, storable
from annotation.services.copying import (
    Known,
    add_to_round,
    cell,
    copy_items,
    copy_lines,
    ids_of_rows,
    item_line,
    items_by_digest,
    items_by_external_id,
    newest_item_id,
)
from annotation.services.reading import Row

DUPLICATE, REJECTED = "duplicate", "rejected"
MOST_NEW_LABELS = 500


class LeftOut(NamedTuple):
    """A row that becomes nothing."""

    row: Row
    outcome: str
    reason: str


Judged = Candidate | LeftOut


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
        self.rest = f"{self.project.pk}\t{source.pk}\t{source.created.isoformat()}"
        self.tally = Tally()
        self.new_items = 0

    def enter(self, chunk: Sequence[Judged]) -> None:
        """Takes in one chunk and accounts for each of its rows."""
        left_out = [judged for judged in chunk if isinstance(judged, LeftOut)]
        candidates = [judged for judged in chunk if isinstance(judged, Candidate)]
        left_out += self.take(candidates)
        pk = self.source.pk
        copy_lines(
            "COPY annotation_importrow (source_id, number, outcome, reason, values) FROM STDIN",
            (
                f"{pk}\t{row.number}\t{outcome}\t{cell(printable(reason))}\t{cell(storable(row.values))}"
                for row, outcome, reason in left_out
            ),
        )
        self.tally.count(len(chunk), left_out)

    def take(self, candidates: Sequence[Candidate]) -> list[LeftOut]:
        """Makes what the candidates say; those that turn out to be nothing new are returned."""
        raise NotImplementedError

    def look_up(self, candidates: Sequence[Candidate]) -> tuple[dict[bytes, Known], dict[str, Known]]:
        """The items that the candidates' texts and ids belong to already."""
        by_digest = items_by_digest(self.project, {c.digest for c in candidates if c.digest})
        by_id = items_by_external_id(self.project, {c.external_id for c in candidates if c.external_id})
        return by_digest, by_id

    def where(self, known: Known) -> str:
        """How a reason names an item: by its row if it came with this file."""
        return f"row {known.row}" if known.source == self.source.pk else f"text {known.id}"

    def add(self, lines: list[str]) -> int:
        """Copies new items in, and into the round if there is one; their ids are above the one that is returned."""
        newest = newest_item_id()
        copy_items(lines)
        if self.round is not None and lines:
            add_to_round(self.round, self.source, newest)
        self.new_items += len(lines)
        return newest


class ItemEntry(Entry):
    """A file of items."""

    def take(self, candidates: Sequence[Candidate]) -> list[LeftOut]:
        by_digest, by_id = self.look_up(candidates)
        pk, rest = self.source.pk, self.rest
        left_out: list[LeftOut] = []
        lines: list[str] = []
        for candidate in candidates:
            row, external_id, _, digest, label, *_ = candidate
            label_id = self.labels.get(label) if label else None
            if label and label_id is None:
                left_out.append(LeftOut(row, REJECTED, f"unknown label: {label}"))
                continue
            if external_id and (known := by_id.get(external_id)):
                if known.digest == digest:
                    left_out.append(LeftOut(row, DUPLICATE, f"same id and text as {self.where(known)}"))
                else:
                    reason = f"duplicate id: {external_id} is {self.where(known)}"
                    left_out.append(LeftOut(row, REJECTED, reason))
                continue
            if not self.keep and (known := by_digest.get(digest)):
                left_out.append(LeftOut(row, DUPLICATE, f"same text as {self.where(known)}"))
                continue
            known = Known(None, digest, row.number, pk)
            by_digest.setdefault(digest, known)
            if external_id:
                by_id[external_id] = known
            lines.append(item_line(candidate, label_id, rest))
        self.add(lines)
        return left_out


class AnswerEntry(Entry):
    """A file of answers by people. Makes the items, labels and placeholder annotators that are missing."""

    def __init__(self, source: Import) -> None:
        super().__init__(source)
        if self.round is None:
            raise ValidationError("Answers need a round to belong to, and this import has none any more.")
        self.round_id = self.round.pk
        self.round = None  # items enter the round with their answers, when all are in
        placeholders = Annotator.objects.filter(project=self.project, user__isnull=True)
        self.annotators = dict(placeholders.values_list("name", "pk"))
        self.new_labels: list[str] = []
        self.repeats = 0

    def take(self, candidates: Sequence[Candidate]) -> list[LeftOut]:
        left_out: list[LeftOut] = []
        found = self.find_items(candidates, left_out)
        answers = self.answers_to({item_id for _, item_id in found})
        self.make_annotators({c.annotator for c, _ in found})
        lines: list[str] = []
        rest = f"{self.round_id}\t{self.source.pk}"
        for candidate, item_id in found:
            annotator, label = self.annotators[candidate.annotator], self.label(candidate.label)
            given = answers.setdefault((item_id, annotator), {})
            answer = (label, candidate.created)
            if answer in given:
                left_out.append(
                    LeftOut(candidate.row, DUPLICATE, "same item, annotator, label and time as before")
                )
                continue
            kind = Annotation.Kind.REPEAT if self.round_id in given.values() else Annotation.Kind.NORMAL
            given[answer] = self.round_id
            self.repeats += kind == Annotation.Kind.REPEAT
            created = (candidate.created or self.source.created).isoformat()
            lines.append(f"{item_id}\t{annotator}\t{label}\t{kind.value}\t{created}\t\t{rest}")
        copy_lines(
            "COPY annotation_annotation (item_id, annotator_id, label_id, kind, created, comment, round_id, source_id)"
            " FROM STDIN",
            lines,
        )
        return left_out

    def find_items(
        self, candidates: Sequence[Candidate], left_out: list[LeftOut]
    ) -> list[tuple[Candidate, int]]:
        """The item that each candidate answers; items that are missing are made where there is a text."""
        by_digest, by_id = self.look_up(candidates)
        unknown = {c.external_id for c in candidates if c.external_id and not c.text} - set(by_id)
        if unknown:
            by_id.update(self.merged_items({name for name in unknown if name}))
        found: list[tuple[Candidate, Known]] = []
        lines: list[str] = []
        for candidate in candidates:
            row, external_id, text, digest = candidate[:4]
            known = by_id.get(external_id) if external_id else None
            if known is not None and text and known.digest != digest:
                reason = f"duplicate id: {external_id} is {self.where(known)}, with another text"
                left_out.append(LeftOut(row, REJECTED, reason))
                continue
            if known is None and text and not (self.keep and external_id):
                known = by_digest.get(digest)
            if known is None and not text:
                left_out.append(LeftOut(row, REJECTED, f"unknown id: {external_id}"))
                continue
            if known is None:
                known = Known(None, digest, row.number, self.source.pk)
                by_digest.setdefault(digest, known)
                lines.append(item_line(candidate, None, self.rest))
            if external_id:
                by_id[external_id] = known
            found.append((candidate, known))
        newest = self.add(lines)
        made = ids_of_rows(self.source, newest) if lines else {}
        return [(candidate, known.id or made[known.row or 0]) for candidate, known in found]

    def merged_items(self, external_ids: set[str]) -> dict[str, Known]:
        """Ids of rows that were left out as equal to another text lead to the item that was kept for them."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT given.id, left_out.reason, source.id FROM unnest(%s::text[]) AS given (id)"
                " JOIN annotation_import source ON source.project_id = %s AND source.kind = 'items'"
                "  AND source.state = 'done' AND source.duplicate_rows > 0 AND source.mapping->>'id' IS NOT NULL"
                " JOIN annotation_importrow left_out ON left_out.source_id = source.id"
                "  AND left_out.outcome = 'duplicate' AND left_out.reason LIKE 'same text as %%'"
                "  AND btrim(left_out.values->>(source.mapping->>'id')) = given.id",
                [list(external_ids), self.project.pk],
            )
            merged = cursor.fetchall()
        found: dict[str, Known] = {}
        for external_id, reason, source in merged:
            kind, number = reason.removeprefix("same text as ").split(" ")
            items = (
                self.project.items.filter(pk=number)
                if kind == "text"
                else self.project.items.filter(source=source, row=number)
            )
            for pk, digest, row, of in items.values_list("pk", "digest", "row", "source"):
                found[external_id] = Known(pk, digest.bytes, row, of)
        return found

    def answers_to(self, item_ids: set[int]) -> dict[tuple[int, int], dict[tuple[int, datetime | None], int]]:
        """{(item, annotator): {(label, time or None): round}} of the answers that placeholders gave to these items.

        An answer that came without a time carries its import's.
        """
        answers: dict[tuple[int, int], dict[tuple[int, datetime | None], int]] = {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.item_id, a.annotator_id, a.label_id, nullif(a.created, source.created), a.round_id"
                " FROM annotation_annotation a JOIN annotation_import source ON source.id = a.source_id"
                " WHERE a.item_id = ANY(%s)",
                [list(item_ids)],
            )
            for item, annotator, label, created, made in cursor.fetchall():
                answers.setdefault((item, annotator), {})[label, created] = made
        return answers

    def make_annotators(self, names: set[str]) -> None:
        """Placeholders for the names that are new; they cannot sign in."""
        missing = sorted(names - set(self.annotators))
        made = Annotator.objects.bulk_create([Annotator(project=self.project, name=name) for name in missing])
        self.annotators.update({annotator.name: annotator.pk for annotator in made})

    def label(self, name: str) -> int:
        """The label of this name, made if it is missing."""
        if name in self.labels:
            return self.labels[name]
        if len(self.new_labels) == MOST_NEW_LABELS:
            raise ValidationError(
                f"The file has more than {MOST_NEW_LABELS} labels that the project does not know. "
                "Is the right column given for the label?"
            )
        last = Label.objects.filter(project=self.project).aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
        taken = set(Label.objects.filter(project=self.project).values_list("hotkey", flat=True))
        hotkey = next((digit for digit in "1234567890" if digit not in taken), "")
        made = Label.objects.create(
            project=self.project, name=name, position=position, color=position % 8 + 1, hotkey=hotkey
        )
        self.new_labels.append(name)
        self.labels[name] = made.pk
        return made.pk


def printable(reason: str) -> str:
    """A reason that the database takes, at most as long as its column."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in reason)[:200]
