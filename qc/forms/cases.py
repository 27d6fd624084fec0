"""What people fill in about cases."""

from typing import Any

from django import forms

from annotation.models import MetaLabel, Project
from annotation.queries.projects import active_labels
from qc.models import Outcome
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


class OutcomeForm(forms.Form):
    """A vote or a decision: the outcome decides which of the other fields counts."""

    outcome = forms.ChoiceField(choices=Outcome.choices, initial=Outcome.LABEL)
    label = forms.ChoiceField(required=False)
    meta_label = forms.ChoiceField(choices=[("", ""), *MetaLabel.choices], required=False)
    rationale = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        labels = forms.ChoiceField(
            required=False,
            choices=[("", ""), *((label.name, label.name) for label in active_labels(project))],
        )
        self.fields["label"] = labels

    def content(self) -> dict[str, str]:
        """What the service takes; fields that the outcome does not ask for are left out."""
        sent: dict[str, str] = self.cleaned_data
        outcome = sent["outcome"]
        return {
            "outcome": outcome,
            "label": sent["label"] if outcome == Outcome.LABEL else "",
            "meta_label": sent["meta_label"] if outcome == Outcome.EXCLUDE else "",
            "rationale": sent["rationale"],
        }


class ReopenForm(forms.Form):
    """Why a case is opened again."""

    because = forms.CharField(max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))
