"""Uploading a file, and saying what its columns become."""

from typing import Any

from django import forms
from django.http import QueryDict

from annotation.forms.settings import LanguagesField, PercentField, number
from annotation.models import Import, Item, Project, Round
from annotation.services.mapping import VALUES
from annotation.services.reading import FORMATS

VALUE_NAMES = {"label": "Existing label", "labels": "Existing labels", "spans": "Existing spans"}
BECOMES = [
    ("text", "Text"),
    ("id", "Id"),
    ("label", ""),  # named by the project's task
    ("annotator", "Annotator"),
    ("timestamp", "Timestamp"),
    ("comment", "Comment"),
    ("explanation", "Explanation"),
    ("provenance", "Provenance"),
    ("meta", "Metadata as JSON"),
    ("", "Metadata"),
    ("leave_out", "Leave out"),
]
FIELDS = [field for field, _ in BECOMES if field not in {"", "leave_out", "label"}] + list(VALUES.values())
KINDS = {
    Import.Kind.ITEMS: "To be labelled; an existing label is optional.",
    Import.Kind.ANNOTATIONS: "One row an answer; needs a label, and an id or the text.",
    Import.Kind.GOLD: "Texts with a known answer and, if you like, an explanation.",
}


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(label="File", allow_empty_file=True)


class MappingForm(forms.Form):
    """What the file holds and what each column becomes."""

    kind = forms.ChoiceField(choices=[(kind, kind.label) for kind in KINDS])
    format = forms.ChoiceField(choices=list(FORMATS.items()), required=False)
    repair = forms.BooleanField(required=False)
    duplicates = forms.ChoiceField(choices=[("drop", "merge into one"), ("keep", "keep them all")])
    provenance = forms.ChoiceField(choices=Item.Provenance.choices)
    annotator = forms.CharField(max_length=200, required=False)
    round = forms.ModelChoiceField(Round.objects.none(), required=False, empty_label="no round yet")

    def __init__(self, source: Import, mapping: dict[str, Any], data: QueryDict | None = None) -> None:
        initial = {
            "kind": source.kind,
            "format": source.format,
            "repair": source.repair,
            "duplicates": source.duplicates,
            "provenance": source.provenance,
            "annotator": source.annotator,
            "round": source.round_id,
        }
        super().__init__(data, initial=initial)
        self.columns = list(source.columns)
        self.value_field = VALUES[source.project.task]
        value_name = VALUE_NAMES[self.value_field]
        choices = [(field, name or value_name) for field, name in BECOMES]
        rounds = self.fields["round"]
        assert isinstance(rounds, forms.ModelChoiceField)
        rounds.queryset = Round.objects.filter(project=source.project)
        becomes = {column: field for field, column in mapping.items() if field in FIELDS and column}
        told = [self.value_field, *VALUES.values()]
        value = next((mapping[field] for field in told if mapping.get(field)), None)
        becomes = {
            column: "label" if column == value else field
            for column, field in becomes.items()
            if column == value or field not in VALUES.values()
        }
        becomes |= dict.fromkeys(mapping.get("leave_out") or [], "leave_out")
        for at, column in enumerate(self.columns):
            self.fields[f"column-{at}"] = forms.ChoiceField(
                choices=choices, required=False, initial=becomes.get(column, ""), label=f"{column} becomes"
            )

    def column_fields(self) -> list[forms.BoundField]:
        """One select for each column, in the order of the file."""
        return [self[f"column-{at}"] for at in range(len(self.columns))]

    def clean(self) -> dict[str, Any]:
        """Adds `mapping`: every field with its column or None, so that nothing is guessed any more."""
        cleaned = dict(super().clean() or {})
        mapping: dict[str, Any] = dict.fromkeys(FIELDS)
        left_out: list[str] = []
        for at, column in enumerate(self.columns):
            becomes = cleaned.pop(f"column-{at}", "")
            name = dict(BECOMES).get(becomes) or VALUE_NAMES[self.value_field]
            becomes = self.value_field if becomes == "label" else becomes
            if becomes == "leave_out":
                left_out.append(column)
            elif becomes and mapping[becomes] is not None:
                self.add_error(None, f"“{mapping[becomes]}” and “{column}” cannot both become “{name}”.")
            elif becomes:
                mapping[becomes] = column
        cleaned["mapping"] = mapping | {"leave_out": left_out}
        return cleaned


class LimitsForm(forms.Form):
    """What a text must be to come in."""

    text_minimum = number("Characters, at least", 100_000)
    text_maximum = number("Characters, at most", 100_000, wide=True)
    fewest_letters = PercentField(label="Letters, at least")
    languages = LanguagesField(label="Languages", required=False)

    def __init__(self, project: Project, data: QueryDict | None = None) -> None:
        initial = {
            "text_minimum": project.text_minimum,
            "text_maximum": project.text_maximum,
            "fewest_letters": project.fewest_letters,
            "languages": project.languages,
        }
        super().__init__(data, initial=initial)
        for name in ("text_minimum", "text_maximum"):
            self.fields[name].required = True
