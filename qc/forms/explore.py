"""What people fill in on exploring the texts."""

from typing import Any

from django import forms

from qc.models import MetaLabelVote, Suspect
from qc.services.samples import LARGEST, LARGEST_SEED


class SampleForm(forms.Form):
    """The parts of a sample; those that are ticked are drawn."""

    WAYS = [
        ("fringe", "far from the rest"),
        ("dense", "nearest to the rest"),
        ("duplicates", "copies of others"),
    ]
    use_random = forms.BooleanField(required=False, initial=True)
    random_size = forms.IntegerField(min_value=1, max_value=LARGEST, initial=60, required=False)
    use_metadata = forms.BooleanField(required=False)
    metadata_size = forms.IntegerField(min_value=1, max_value=LARGEST, initial=30, required=False)
    metadata_field = forms.ChoiceField(required=False)
    metadata_values = forms.CharField(required=False, max_length=1000)
    use_distance = forms.BooleanField(required=False)
    distance_size = forms.IntegerField(min_value=1, max_value=LARGEST, initial=30, required=False)
    distance_how = forms.ChoiceField(choices=WAYS, required=False)
    use_class = forms.BooleanField(required=False)
    class_size = forms.IntegerField(min_value=1, max_value=LARGEST, initial=40, required=False)
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED, initial=0, required=False)

    def __init__(self, fields: list[str], data: Any = None) -> None:
        super().__init__(data)
        self.fields["metadata_field"] = forms.ChoiceField(choices=[(f, f) for f in fields], required=False)

    def recipe(self) -> dict[str, Any]:
        """The parts that are ticked, as the service takes them."""
        sent: dict[str, Any] = self.cleaned_data
        parts: list[dict[str, Any]] = [
            {"kind": kind, "size": sent[f"{kind}_size"] or 0}
            for kind in ("random", "metadata", "distance", "class")
            if sent[f"use_{kind}"]
        ]
        for part in parts:
            if part["kind"] == "metadata":
                values = [value.strip() for value in sent["metadata_values"].split(",") if value.strip()]
                part |= {"field": sent["metadata_field"], "values": values or None}
            if part["kind"] == "distance":
                part["how"] = sent["distance_how"] or "fringe"
        return {"parts": parts}


class SizeForm(forms.Form):
    """What is to be estimated, how closely."""

    share = forms.FloatField(min_value=0, max_value=100, initial=10)
    margin = forms.FloatField(min_value=0.5, max_value=50, initial=5)
    confidence = forms.TypedChoiceField(
        choices=[(90, "90%"), (95, "95%"), (99, "99%")], coerce=int, initial=95
    )


class MarkForm(forms.Form):
    """What is wrong with a text."""

    kinds = forms.MultipleChoiceField(choices=MetaLabelVote.Kind.choices, required=False)
    note = forms.CharField(required=False, max_length=2000)


class SuspectCasesForm(forms.Form):
    """How many of the worst suspects become cases."""

    reason = forms.ChoiceField(choices=Suspect.Reason.choices)
    most = forms.IntegerField(min_value=1, max_value=1000, initial=20)
