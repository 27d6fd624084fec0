"""One label: set up, changed, merged."""

from typing import Any

from django import forms

from annotation.forms.projects import LabelForm
from annotation.models import Label


class LabelSettingsForm(LabelForm):
    """A label that is there, or one more."""

    name = forms.CharField(max_length=100, label="Name")
    place = forms.IntegerField(
        min_value=1,
        max_value=500,
        required=False,
        label="Place among the labels",
        help_text="1 is the first.",
    )
    field_order = ("name", "hotkey", "description", "examples", "color", "place")

    def changes(self) -> dict[str, Any]:
        """What the form says, as the services take it."""
        said = dict(self.cleaned_data)
        place = said.pop("place", None)
        return said | ({"position": place - 1} if place else {})


class MergeForm(forms.Form):
    """Which label takes over."""

    into: "forms.ModelChoiceField[Label]" = forms.ModelChoiceField(
        Label.objects.none(), label="Into", empty_label="Choose a label"
    )

    def __init__(self, label: Label, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Label.objects.filter(project=label.project_id, retired__isnull=True).exclude(pk=label.pk)
        self.fields["into"].queryset = others  # type: ignore[attr-defined]
