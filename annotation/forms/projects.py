"""Setting up a project."""

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory


class ProjectForm(forms.Form):
    """What is asked, how often, and what annotators are told."""

    name = forms.CharField(max_length=120, label="Project name")
    question = forms.CharField(
        max_length=200, label="Question shown above the labels", initial="Which label fits this text?"
    )
    overlap = forms.IntegerField(min_value=1, max_value=100, initial=3, label="Answers for each text")
    guideline = forms.CharField(
        required=False,
        max_length=200_000,
        strip=False,
        label="Guideline",
        widget=forms.Textarea(attrs={"rows": 12, "class": "editor"}),
        help_text="Markdown. Say for each label what belongs to it and what does not, with an example of each.",
    )


# The design's label colours c1 to c8, by name
HUES = ["Blue", "Green", "Orange", "Pink", "Red", "Teal", "Lime", "Violet"]


class LabelForm(forms.Form):
    """One label; a row without a name is left out."""

    hotkey = forms.CharField(max_length=1, required=False, label="Key")
    color = forms.TypedChoiceField(
        choices=list(enumerate(HUES, start=1)), coerce=int, empty_value=None, required=False
    )
    name = forms.CharField(max_length=100, required=False)
    description = forms.CharField(max_length=500, required=False, label="Definition, shown under the button")


def label_forms(data: Any = None, rows: int = 4) -> BaseFormSet[LabelForm]:
    """The labels' rows."""
    initial = [{"hotkey": str(n + 1) if n < 9 else "", "color": n % 8 + 1} for n in range(rows)]
    formset = formset_factory(LabelForm, extra=0, max_num=300, validate_max=True)
    return formset(data, prefix="labels", initial=None if data else initial)


def labels_from(formset: BaseFormSet[LabelForm]) -> list[dict[str, Any]]:
    """The labels that were filled in, in their order."""
    return [form.cleaned_data for form in formset if form.cleaned_data.get("name")]
