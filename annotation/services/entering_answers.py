"""Answers and gold items of a file, and the items, labels and placeholder annotators that they need."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Max

from annotation.models import Annotation, Annotator, GoldItem, Import, Label
from annotation.services.cells import NULL, cell
from annotation.services.chunks import Chunk, Said
from annotation.services.copying import copy_lines, ids_among, texts_of
from annotation.services.entering import DUPLICATE, REJECTED, FindingEntry
from annotation.services.named_values import Rejection, placed_spans

MOST_NEW_LABELS = 500
# The id of a label, ascending ids of several, or ascending (start, end, label id)
Value = int | tuple[Any, ...]


class ValueEntry(FindingEntry):
    """A file of which every row has a value, in the shape of the project's task."""

    def value(self, said: Said, stored: str) -> Value:
        """What is said of an item, by the ids of labels. Raises Rejection for spans that its text does not have."""
        if self.project.task == "classification":
            return self.label(said.value)
        if self.project.task == "multilabel":
            return tuple(sorted({self.label(name) for name in said.value}))
        spans = said.value
        if said.text != stored:
            quoted = all(span[3] is not None for span in spans)
            if said.text and not quoted:
                raise Rejection("bad span: the text differs from the one that is here, in spaces or in case")
            first = self.source.format == "label-studio"
            spans = placed_spans(spans, stored, self.project.overlapping_spans, first)
        return tuple(sorted({(span[0], span[1], self.label(span[2])) for span in spans}))

    def label(self, name: str) -> int:
        """The label of this name."""
        return self.labels[name]

    def stored_texts(self, item_ids: Iterable[int]) -> dict[int, str]:
        """The items' texts, where spans need them."""
        return texts_of(item_ids) if self.project.task == "spans" else {}


def value_cells(value: Value) -> str:
    """The three cells of a value: label, labels, spans."""
    if isinstance(value, int):
        return f"{value}\t{NULL}\t{NULL}"
    return f"{NULL}\t{NULL}\t{json.dumps(value)}"


def list_cells(value: Value) -> str:
    """The same for several labels."""
    assert isinstance(value, tuple)
    return f"{NULL}\t{{{','.join(map(str, value))}}}\t{NULL}"


def read_back(label: int | None, labels: list[int] | None, spans: list[list[int]] | None) -> Value:
    """The value that a row's three columns hold."""
    if label is not None:
        return label
    if labels is not None:
        return tuple(labels)
    return tuple(tuple(span) for span in spans or [])


class AnswerEntry(ValueEntry):
    """A file of answers by people. Makes the items, labels and placeholder annotators that are missing."""

    def __init__(self, source: Import) -> None:
        super().__init__(source)
        if self.round is None:
            raise ValidationError("Answers need a round to belong to, and this import has none any more.")
        self.round_id = self.round.pk
        self.round = None  # items enter the round with their answers, when all are in
        self.cells = list_cells if self.project.task == "multilabel" else value_cells
        placeholders = Annotator.objects.filter(project=self.project, user__isnull=True)
        self.annotators = dict(placeholders.values_list("name", "pk"))
        self.new_labels: list[str] = []
        self.repeats = 0

    def take(self, chunk: Chunk) -> dict[int, tuple[str, str]]:
        left_out: dict[int, tuple[str, str]] = {}
        found = self.find_items(chunk, left_out)
        item_ids = {item_id for _, item_id in found}
        answers, texts = self.answers_to(item_ids), self.stored_texts(item_ids)
        said = [one for one in chunk.said if one is not None]
        self.make_annotators({said[at].annotator for at, _ in found})
        lines: list[bytes] = []
        for at, item_id in found:
            one = said[at]
            try:
                value = self.value(one, texts.get(item_id, ""))
            except Rejection as rejection:
                left_out[at] = REJECTED, str(rejection)
                continue
            annotator = self.annotators[one.annotator]
            created = datetime.fromisoformat(one.created) if one.created else None
            given = answers.setdefault((item_id, annotator), {})
            if (value, created) in given:
                left_out[at] = DUPLICATE, "same item, annotator, label and time as before"
                continue
            kind = Annotation.Kind.REPEAT if self.round_id in given.values() else Annotation.Kind.NORMAL
            given[value, created] = self.round_id
            self.repeats += kind == Annotation.Kind.REPEAT
            at_time = one.created or self.source.created.isoformat()
            lines.append(
                f"{item_id}\t{annotator}\t{self.cells(value)}\t{kind.value}\t{at_time}\t{cell(one.note)}"
                f"\t{self.round_id}\t{self.source.pk}".encode()
            )
        copy_lines(
            "COPY annotation_annotation (item_id, annotator_id, label_id, labels, spans, kind, created, comment,"
            " round_id, source_id) FROM STDIN",
            lines,
        )
        return left_out

    def answers_to(
        self, item_ids: set[int]
    ) -> dict[tuple[int, int], dict[tuple[Value, datetime | None], int]]:
        """{(item, annotator): {(value, time or None): round}} of the answers that placeholders gave to these items.

        An answer that came without a time carries its import's.
        """
        answers: dict[tuple[int, int], dict[tuple[Value, datetime | None], int]] = {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.item_id, a.annotator_id, a.label_id, a.labels, a.spans::text,"
                " nullif(a.created, source.created), a.round_id"
                " FROM annotation_annotation a JOIN annotation_import source ON source.id = a.source_id"
                " WHERE a.item_id = ANY(%s)",
                [list(item_ids)],
            )
            for item, annotator, label, labels, spans, created, made in cursor.fetchall():
                value = read_back(label, labels, json.loads(spans) if spans else None)
                answers.setdefault((item, annotator), {})[value, created] = made
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


class GoldEntry(ValueEntry):
    """A file of items whose answer is known. New texts join the pool, and no round: gold is mixed in from there."""

    def __init__(self, source: Import) -> None:
        super().__init__(source)
        self.round = None
        self.cells = list_cells if self.project.task == "multilabel" else value_cells

    def ids(self, n: int) -> list[int]:
        """Ids by which nobody knows that these texts are gold."""
        return ids_among(self.project, n, self.source.pk, self.new_items)

    def take(self, chunk: Chunk) -> dict[int, tuple[str, str]]:
        left_out: dict[int, tuple[str, str]] = {}
        found = self.find_items(chunk, left_out)
        item_ids = {item_id for _, item_id in found}
        texts = self.stored_texts(item_ids)
        known = {
            item: read_back(label, labels, spans)
            for item, label, labels, spans in GoldItem.objects.filter(item__in=item_ids).values_list(
                "item", "label", "labels", "spans"
            )
        }
        said = [one for one in chunk.said if one is not None]
        lines: list[bytes] = []
        for at, item_id in found:
            try:
                value = self.value(said[at], texts.get(item_id, ""))
            except Rejection as rejection:
                left_out[at] = REJECTED, str(rejection)
                continue
            if item_id in known:
                same = known[item_id] == value
                left_out[at] = (
                    (DUPLICATE, "gold with this answer already")
                    if same
                    else (REJECTED, f"gold with another answer already: text {item_id}")
                )
                continue
            known[item_id] = value
            lines.append(
                f"{self.project.pk}\t{item_id}\t{self.cells(value)}\t{cell(said[at].note)}"
                f"\t{GoldItem.Origin.IMPORTED.value}\t{self.source.pk}\t0\t{self.source.created_by_id}"
                f"\t{self.source.created.isoformat()}".encode()
            )
        copy_lines(
            "COPY annotation_golditem (project_id, item_id, label_id, labels, spans, explanation, origin, source_id,"
            " exposures, created_by_id, created) FROM STDIN",
            lines,
        )
        return left_out
