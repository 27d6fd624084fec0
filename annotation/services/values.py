"""What somebody answered, by label names, read into the shape in which answers are kept.

The same for answers of annotators, gold items, imported labels and decisions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from annotation.algorithms import spans as span_rules
from annotation.models import Annotation, Label, LabelMigration, Project

MOST_SPANS = 5000


@dataclass(frozen=True)
class AnswerValue:
    """One of: the id of a label; the ids of several, ascending; [start, end, label id] spans, ascending."""

    label: int | None = None
    labels: list[int] | None = None
    spans: list[list[int]] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """As columns of an annotation, a gold item or a version."""
        return {"label_id": self.label, "labels": self.labels, "spans": self.spans}

    @property
    def label_ids(self) -> set[int]:
        """The ids of all labels in it."""
        one = set() if self.label is None else {self.label}
        return one | set(self.labels or ()) | {label for _, _, label in self.spans or ()}


def value_of(answer: Annotation | Any) -> AnswerValue:
    """The value that a row with the columns `label`, `labels` and `spans` holds."""
    return AnswerValue(answer.label_id, answer.labels, answer.spans)


def label_ids(project: Project) -> dict[str, int]:
    """{name: id} of the labels that can be chosen; the name of a merged label means the one that took over."""
    found = Label.objects.filter(project=project)
    used = found.filter(retired__isnull=True).values_list("name", "pk")
    merged = found.filter(merged_into__retired__isnull=True, merged_into__isnull=False)
    taken_over = {name: pk for name, pk in merged.values_list("name", "merged_into") if pk is not None}
    return taken_over | dict(used)


def former_ids(project: Project) -> dict[str, int]:
    """{former name: id} of labels that can be chosen and were renamed; no name that a label has today.

    Somebody may have had the old name on the screen when they answered, or have answered without a connection.
    """
    renamed = LabelMigration.objects.filter(project=project, kind=LabelMigration.Kind.RENAME).order_by("id")
    usable = set(label_ids(project).values())
    found = {
        name: pk if into is None else into
        for name, pk, into in renamed.values_list("name_before", "label", "label__merged_into")
    }
    today = set(Label.objects.filter(project=project, name__in=found).values_list("name", flat=True))
    return {name: pk for name, pk in found.items() if pk in usable and name not in today}


def read_value(
    project: Project,
    text: str,
    *,
    label: str | None = None,
    labels: Sequence[str] | None = None,
    spans: Sequence[Mapping[str, Any]] | None = None,
    known: Mapping[str, int] | None = None,
) -> AnswerValue:
    """The value of what was sent for the text, as the project's task wants it.

    `known` are the project's label ids by name, read when they are not given. Raises ValidationError, by field, for
    an answer of another task, unknown labels (the former name of a label is known), and spans that are out of the text,
    empty, turned round, or overlap where the project does not allow it.
    """
    wanted = {"classification": "label", "multilabel": "labels", "spans": "spans"}[project.task]
    sent = {"label": label, "labels": labels, "spans": spans}
    foreign = [field for field, value in sent.items() if value is not None and field != wanted]
    if foreign or sent[wanted] is None:
        raise ValidationError(
            {wanted: f"This project asks for “{wanted}”; send that and nothing in its place."}
        )
    ids = label_ids(project) if known is None else known
    named = {label} if label is not None else {*(labels or ()), *(span["label"] for span in spans or ())}
    if not named <= ids.keys():
        ids = {**former_ids(project), **ids}
    if label is not None:
        return AnswerValue(label=_id(ids, label, "label"))
    if labels is not None:
        return AnswerValue(labels=sorted({_id(ids, name, "labels") for name in labels}))
    assert spans is not None
    return AnswerValue(spans=_read_spans(spans, len(text), project.overlapping_spans, ids))


def _read_spans(
    sent: Sequence[Mapping[str, Any]], length: int, overlapping: bool, ids: Mapping[str, int]
) -> list[list[int]]:
    if len(sent) > MOST_SPANS:
        raise ValidationError(
            {"spans": f"{len(sent):,} spans are too many for one text; at most {MOST_SPANS:,}."}
        )
    read = [(span["start"], span["end"], _id(ids, span["label"], "spans")) for span in sent]
    if wrong := span_rules.problems(read, length, overlapping):
        raise ValidationError({"spans": [f"Span {at + 1} {what}." for at, what in sorted(wrong.items())]})
    return [list(span) for span in span_rules.canonical(read)]


def _id(ids: Mapping[str, int], name: str, field: str) -> int:
    if name not in ids:
        raise ValidationError({field: f"This project has no label “{name[:100]}”."})
    return ids[name]
