"""Setting up a project."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.http import QueryDict

from annotation.forms.settings import SettingsForm
from annotation.models import Project

MOST_ROWS = 500
PREFIX = "labels"


class ProjectForm(SettingsForm):
    """A new project without its labels."""

    task = forms.ChoiceField(choices=Project.Task, initial=Project.Task.CLASSIFICATION, required=False)
    guideline = forms.CharField(
        required=False,
        max_length=200_000,
        strip=False,
        label="Guideline",
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono", "data-words": ""}),
        help_text="Say for each label what belongs to it and what does not, with an example of each.",
    )

    MAY_BE_EMPTY = SettingsForm.MAY_BE_EMPTY | {"guideline"}


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
    examples = forms.CharField(
        max_length=12_000,
        required=False,
        label="Examples, one on each line",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_examples(self) -> list[str]:
        """One example for each line."""
        return [line.strip() for line in self.cleaned_data["examples"].splitlines() if line.strip()]


LabelForms = formset_factory(LabelForm, extra=0, max_num=MOST_ROWS, validate_max=True)


def blank_rows(n: int, after: int = 0) -> list[dict[str, Any]]:
    """Rows with a colour each, and digits as long as they last."""
    return [{"hotkey": "1234567890"[at : at + 1], "color": at % 8 + 1} for at in range(after, after + n)]


def label_forms(rows: list[dict[str, Any]]) -> BaseFormSet[LabelForm]:
    """The labels' rows, to be filled in."""
    return LabelForms(prefix=PREFIX, initial=rows)


def sent_label_forms(rows: list[dict[str, Any]]) -> BaseFormSet[LabelForm]:
    """The labels' rows, as they were sent."""
    data = {f"{PREFIX}-{at}-{name}": value for at, row in enumerate(rows) for name, value in row.items()}
    counts = {f"{PREFIX}-TOTAL_FORMS": str(len(rows)), f"{PREFIX}-INITIAL_FORMS": "0"}
    return LabelForms(data | counts, prefix=PREFIX)


def sent_rows(data: QueryDict) -> list[dict[str, Any]]:
    """The rows that are there in what was sent; a script may have taken some out."""
    total = data.get(f"{PREFIX}-TOTAL_FORMS", "0")
    n = min(int(total), MOST_ROWS + 1) if total.isdecimal() and len(total) < 6 else 0
    rows = []
    for at in range(n):
        names = [name for name in LabelForm.base_fields if f"{PREFIX}-{at}-{name}" in data]
        if names:
            rows.append({name: data[f"{PREFIX}-{at}-{name}"] for name in names})
    return rows


def pasted_rows(pasted: str, after: int) -> list[dict[str, Any]]:
    """Rows of a pasted list: one label on each line, its definition after a tab, or after a colon and a space."""
    lines = [line.strip() for line in pasted.splitlines() if line.strip()][:MOST_ROWS]
    rows = blank_rows(len(lines), after)
    for line, row in zip(lines, rows, strict=True):
        name, mark, description = line.partition("\t")
        if not mark:
            name, _, description = line.partition(": ")
        row |= {"name": name.strip()[:100], "description": description.strip()[:500]}
    return rows


def is_empty(row: Mapping[str, Any]) -> bool:
    """Whether nothing was written into a row."""
    return not any(str(row.get(name) or "").strip() for name in ("name", "description", "examples"))


def labels_from(formset: BaseFormSet[LabelForm]) -> tuple[list[dict[str, Any]], list[LabelForm]]:
    """The labels that were filled in, in their order, and the form of each."""
    filled = [form for form in formset if form.cleaned_data.get("name")]
    return [form.cleaned_data for form in filled], filled
