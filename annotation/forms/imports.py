"""Uploading a file, and saying what its columns become."""

from typing import Any

from django import forms
from django.http import QueryDict

from annotation.models import Import, Item, Round

BECOMES = [
    ("text", "Text"),
    ("id", "Id"),
    ("label", "Existing label"),
    ("annotator", "Annotator"),
    ("timestamp", "Timestamp"),
    ("provenance", "Provenance"),
    ("meta", "Metadata as JSON"),
    ("", "Metadata"),
    ("leave_out", "Leave out"),
]
FIELDS = [field for field, _ in BECOMES if field not in {"", "leave_out"}]
KINDS = {
    Import.Kind.ITEMS: "To be labelled; an existing label is optional.",
    Import.Kind.ANNOTATIONS: "One row an answer; needs a label, and an id or the text.",
}


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(label="File", allow_empty_file=True)


class MappingForm(forms.Form):
    """What the file holds and what each column becomes."""

    kind = forms.ChoiceField(choices=[(kind, kind.label) for kind in KINDS])
    duplicates = forms.ChoiceField(choices=[("drop", "merge into one"), ("keep", "keep them all")])
    provenance = forms.ChoiceField(choices=Item.Provenance.choices)
    annotator = forms.CharField(max_length=200, required=False)
    round = forms.ModelChoiceField(Round.objects.none(), required=False, empty_label="no round yet")

    def __init__(self, source: Import, mapping: dict[str, Any], data: QueryDict | None = None) -> None:
        initial = {
            "kind": source.kind,
            "duplicates": source.duplicates,
            "provenance": source.provenance,
            "annotator": source.annotator,
            "round": source.round_id,
        }
        super().__init__(data, initial=initial)
        self.columns = list(source.columns)
        rounds = self.fields["round"]
        assert isinstance(rounds, forms.ModelChoiceField)
        rounds.queryset = Round.objects.filter(project=source.project)
        becomes = {column: field for field, column in mapping.items() if field in FIELDS and column}
        becomes |= dict.fromkeys(mapping.get("leave_out") or [], "leave_out")
        for at, column in enumerate(self.columns):
            self.fields[f"column-{at}"] = forms.ChoiceField(
                choices=BECOMES, required=False, initial=becomes.get(column, ""), label=f"{column} becomes"
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
            if becomes == "leave_out":
                left_out.append(column)
            elif becomes and mapping[becomes] is not None:
                name = dict(BECOMES)[becomes]
                self.add_error(None, f"“{mapping[becomes]}” and “{column}” cannot both become “{name}”.")
            elif becomes:
                mapping[becomes] = column
        cleaned["mapping"] = mapping | {"leave_out": left_out}
        return cleaned
