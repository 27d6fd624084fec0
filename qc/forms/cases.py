"""What people fill in about cases."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms

from annotation.models import Label, MetaLabel, Project
from annotation.queries.projects import active_labels
from qc.models import Case, Outcome
from qc.services.cases import MOST_CASES, MOST_QUORUM


class OpenCasesForm(forms.Form):
    """Which texts become cases, and how many people vote on each."""

    FROM = [
        ("disputed", "The most disputed texts"),
        ("confused", "Texts with two labels"),
        ("flags", "Flagged texts"),
        ("item", "One text"),
    ]
    what = forms.ChoiceField(choices=FROM)
    most = forms.IntegerField(min_value=1, max_value=MOST_CASES, initial=20, required=False)
    quorum = forms.IntegerField(min_value=1, max_value=MOST_QUORUM, initial=1, required=False)
    round = forms.IntegerField(required=False)
    item = forms.IntegerField(required=False)
    a = forms.CharField(required=False, max_length=100, strip=False)
    b = forms.CharField(required=False, max_length=100, strip=False)


class AnswerForm(forms.Form):
    """What is right, in the shape of the project's task."""

    OWN = "own"  # the choice among span answers that takes what is written
    label = forms.ChoiceField(required=False)
    labels = forms.MultipleChoiceField(required=False)
    spans = forms.CharField(required=False, max_length=200_000)
    own_spans = forms.CharField(
        required=False, max_length=200_000, widget=forms.Textarea(attrs={"rows": 3, "class": "mono"})
    )

    def __init__(self, project: Project, data: Any = None, labels: Iterable[Label] | None = None) -> None:
        """`labels` that can be chosen, where they are at hand."""
        super().__init__(data)
        self.task = project.task
        offered = active_labels(project) if labels is None else labels
        self.names = [(label.name, label.name) for label in offered]
        self.fields["label"] = forms.ChoiceField(required=False, choices=[("", ""), *self.names])
        self.fields["labels"] = forms.MultipleChoiceField(required=False, choices=self.names)

    def clean(self) -> dict[str, Any]:
        sent: dict[str, Any] = super().clean() or self.cleaned_data
        if self.task == Project.Task.SPANS:
            try:
                sent["spans"] = read_spans(sent.get("spans") or "", sent.get("own_spans") or "")
            except ValueError as wrong:
                self.add_error("spans", str(wrong))
        return sent

    def value(self) -> dict[str, Any]:
        """What the service takes."""
        sent: dict[str, Any] = self.cleaned_data
        if self.task == Project.Task.SPANS:
            return {"spans": sent["spans"]}
        return (
            {"labels": sent["labels"]}
            if self.task == Project.Task.MULTILABEL
            else {"label": sent["label"] or None}
        )


class OutcomeForm(AnswerForm):
    """A vote or a decision: the outcome decides which of the other fields count."""

    outcome = forms.ChoiceField(choices=Outcome.choices, initial=Outcome.LABEL)
    acceptable = forms.MultipleChoiceField(required=False)
    meta_label = forms.ChoiceField(choices=[("", ""), *MetaLabel.choices], required=False)
    clause = forms.CharField(required=False, max_length=200)
    rationale = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))
    proposal = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, project: Project, data: Any = None, labels: Iterable[Label] | None = None) -> None:
        super().__init__(project, data, labels)
        self.fields["acceptable"] = forms.MultipleChoiceField(required=False, choices=self.names)

    def content(self) -> dict[str, Any]:
        """What the service takes; fields that the outcome does not ask for are left out."""
        sent: dict[str, Any] = self.cleaned_data
        outcome = sent["outcome"]
        return {
            "outcome": outcome,
            **(self.value() if outcome == Outcome.LABEL else {}),
            "acceptable": sent["acceptable"] if outcome == Outcome.HARD else [],
            "meta_label": sent["meta_label"] if outcome == Outcome.EXCLUDE else "",
            "clause": sent["clause"],
            "rationale": sent["rationale"],
            "proposal": sent["proposal"],
        }


def read_spans(chosen: str, own: str) -> list[dict[str, Any]] | None:
    """The spans of the answer that was chosen, or those that were written: a line each, "start end label".

    None if nothing was chosen; ValueError, which says what is wrong, for what cannot be read.
    """
    if not chosen:
        return None
    if chosen != AnswerForm.OWN:
        try:
            return [
                {"start": int(span["start"]), "end": int(span["end"]), "label": str(span["label"])}
                for span in json.loads(chosen)
            ]
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as wrong:
            raise ValueError("Choose one of the answers, or write the spans.") from wrong
    spans = []
    for number, line in enumerate(own.splitlines(), start=1):
        if not line.strip():
            continue
        start, _, rest = line.strip().partition(" ")
        end, _, label = rest.strip().partition(" ")
        if not (start.isdecimal() and end.isdecimal() and label.strip()) or len(start) > 9 or len(end) > 9:
            raise ValueError(f"Line {number} is not “start end label”, as in “0 12 Person”.")
        spans.append({"start": int(start), "end": int(end), "label": label.strip()})
    return spans


class CaseFilterForm(forms.Form):
    """Which cases the queue shows; what is not known is left out."""

    source = forms.ChoiceField(choices=[("", "All sources"), *Case.Source.choices], required=False)
    outcome = forms.ChoiceField(choices=[("", "All outcomes"), *Outcome.choices], required=False)
    by = forms.CharField(max_length=150, required=False)

    def chosen(self) -> dict[str, str]:
        """The filters that were asked for and are known."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class ReopenForm(forms.Form):
    """Why a case is opened again."""

    because = forms.CharField(max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))
