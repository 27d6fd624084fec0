"""What the annotate page sends where no script runs."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from annotation.models import Flag, Project

LONGEST_COMMENT = 10_000
RATINGS = [(n, n) for n in range(1, 6)]


class AnswerForm(forms.Form):
    """A new answer (assignment, key) or a revised one (annotation), with one label or several as the task wants it."""

    assignment = forms.IntegerField(required=False)
    annotation = forms.IntegerField(required=False)
    key = forms.UUIDField(required=False)
    label = forms.CharField(max_length=100, strip=False, required=False)
    none = forms.BooleanField(required=False)
    comment = forms.CharField(max_length=LONGEST_COMMENT, required=False)
    difficulty = forms.TypedChoiceField(choices=RATINGS, coerce=int, empty_value=None, required=False)
    confidence = forms.TypedChoiceField(choices=RATINGS, coerce=int, empty_value=None, required=False)

    def __init__(self, sent: Any, *, project: Project) -> None:
        super().__init__(sent)
        self._project = project

    def clean(self) -> dict[str, Any]:
        """Exactly one way to answer, and something in it."""
        sent: dict[str, Any] = super().clean() or {}
        task = self._project.task
        labels = self.data.getlist("labels") if hasattr(self.data, "getlist") else []
        sent["labels"] = labels
        if task == Project.Task.SPANS:
            raise ValidationError("Marking spans needs JavaScript. Switch it on, or skip this text.")
        if task == Project.Task.MULTILABEL and bool(labels) == sent["none"]:
            raise ValidationError("Choose the labels that fit, or “None of these” alone.")
        if task == Project.Task.CLASSIFICATION and not sent.get("label"):
            raise ValidationError("Choose a label.")
        return sent

    def answer(self) -> dict[str, Any]:
        """What was answered, for the services."""
        sent, several = self.cleaned_data, self._project.task == Project.Task.MULTILABEL
        told = {"labels": sent["labels"]} if several else {"label": sent["label"]}
        told |= {"comment": sent["comment"], "difficulty": sent["difficulty"]}
        return told | ({"confidence": sent["confidence"]} if self._project.asks_confidence else {})

    def words(self) -> str:
        """The answer in words."""
        sent = self.cleaned_data
        return ", ".join(sent["labels"]) or sent["label"] or "None of these"


class FlagForm(forms.Form):
    """What is wrong with an item."""

    item = forms.IntegerField()
    kind = forms.ChoiceField(choices=Flag.Kind.choices)
    note = forms.CharField(max_length=2000, required=False)
