"""The rules of a split set, as sentences."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from annotation.models import MetaLabel
from evaluation.queries.splits import FieldChoices
from evaluation.recipes import ADJUDICATED, DUPLICATES, LABEL, check_recipe
from qc.models import QualitySettings

PARTS = ["train", "validation", "test"]
LABEL_CHOICES = [
    *((method.value, f"the panel’s, else by {method.label}") for method in QualitySettings.Method),
    (ADJUDICATED, "only the panel’s"),
]
MINI = {"class": "mini"}


def percent_field(label: str, initial: int) -> forms.FloatField:
    """A share in percent; 0 makes no such part."""
    widget = forms.NumberInput(attrs=MINI | {"aria-label": f"Percent of texts in {label}"})
    return forms.FloatField(
        min_value=0, max_value=100, initial=initial, required=False, widget=widget, label=label
    )


class SplitSetForm(forms.Form):
    """One row for each rule of the recipe."""

    name = forms.CharField(max_length=80, label="Name")
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**63 - 1,
        initial=0,
        label="Seed",
        widget=forms.TextInput(attrs={"class": "mini wide", "inputmode": "numeric"}),
    )
    train = percent_field("train", 80)
    validation = percent_field("validation", 10)
    test = percent_field("test", 10)
    duplicates = forms.BooleanField(required=False, initial=True, label="Group duplicates")
    group = forms.ChoiceField(required=False, label="Field whose equal values stay together")
    hold_out_field = forms.ChoiceField(required=False, label="Field to hold out")
    hold_out_values = forms.CharField(required=False, max_length=1000, label="Values, separated by commas")
    hold_out_name = forms.CharField(required=False, max_length=59, label="Name of the held-out split")
    stratify = forms.BooleanField(required=False, initial=True, label="Stratify")
    labels = forms.ChoiceField(choices=LABEL_CHOICES, label="Labels")
    exclude = forms.MultipleChoiceField(
        choices=MetaLabel.choices,
        initial=list(MetaLabel.values),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Leave out what the panel excluded as",
    )
    minimum_agreement = forms.FloatField(
        min_value=0,
        max_value=100,
        required=False,
        label="Least agreement, in percent",
        widget=forms.NumberInput(attrs=MINI),
    )

    def __init__(
        self, choices: FieldChoices, recipe: dict[str, Any] | None, *args: Any, **kwargs: Any
    ) -> None:
        initial = initial_values(recipe) if recipe else {}
        super().__init__(*args, **kwargs | {"initial": initial or None})
        for name, fields in (("group", choices.group), ("hold_out_field", choices.hold_out)):
            choice = self.fields[name]
            assert isinstance(choice, forms.ChoiceField)
            used = [field for field in [initial.get(name)] if field and field not in fields]
            choice.choices = [("", "no field"), *((field, field) for field in [*fields, *used])]
        self.has_fields = bool(choices.group)

    def clean(self) -> dict[str, Any]:
        """Adds `recipe`, made of the rows and checked as over REST."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            cleaned["recipe"] = check_recipe(recipe_of(cleaned))
        except ValidationError as wrong:
            raise ValidationError(wrong.messages) from wrong
        return cleaned


def recipe_of(rows: dict[str, Any]) -> dict[str, Any]:
    """The recipe that the rows of the form say."""
    group = [DUPLICATES] if rows["duplicates"] else []
    least = rows["minimum_agreement"]
    return {
        "splits": {part: rows[part] / 100 for part in PARTS if rows[part]},
        "stratify": [LABEL] if rows["stratify"] else [],
        "group": group + ([rows["group"]] if rows["group"] else []),
        "hold_out": [_hold_out(rows)] if rows["hold_out_field"] else [],
        "labels": rows["labels"],
        "exclude": rows["exclude"],
        "minimum_agreement": None if least is None else least / 100,
    }


def _hold_out(rows: dict[str, Any]) -> dict[str, Any]:
    values = [value.strip() for value in rows["hold_out_values"].split(",") if value.strip()]
    return {
        "field": rows["hold_out_field"],
        "values": values,
        "name": rows["hold_out_name"].strip() or "held-out",
    }


def initial_values(recipe: dict[str, Any]) -> dict[str, Any]:
    """The rows of the form for a recipe that is there already."""
    fields = [field for field in recipe["group"] if field != DUPLICATES]
    held_out = recipe["hold_out"][0] if recipe["hold_out"] else {"field": "", "values": [], "name": ""}
    least = recipe["minimum_agreement"]
    return {
        **{part: f"{100 * recipe['splits'].get(part, 0):.6g}" for part in PARTS},
        "duplicates": DUPLICATES in recipe["group"],
        "group": fields[0] if fields else "",
        "hold_out_field": held_out["field"],
        "hold_out_values": ", ".join(map(str, held_out["values"])),
        "hold_out_name": held_out["name"],
        "stratify": LABEL in recipe["stratify"],
        "labels": recipe["labels"],
        "exclude": recipe["exclude"],
        "minimum_agreement": None if least is None else f"{100 * least:.6g}",
    }
