"""A project's settings as sentences with fields in them, the same when it is made and later."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from annotation.models import Project


class PercentField(forms.Field):
    """A share, written as "5%" or "5"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget = forms.TextInput(attrs={"class": "mini", "inputmode": "decimal", "autocomplete": "off"})

    def prepare_value(self, value: Any) -> Any:
        return f"{round(100 * value, 4):g}%" if isinstance(value, int | float) else value

    def to_python(self, value: Any) -> float | None:
        written = str(value or "").replace("%", "").replace(",", ".").strip()
        if not written:
            return None
        try:
            percent = float(written)
        except ValueError:
            percent = -1
        if not 0 <= percent <= 100:
            raise ValidationError("Write a percentage from 0% to 100%, like 5%.")
        return round(percent / 100, 6)


class LanguagesField(forms.Field):
    """Codes of languages with commas between them; none is any."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        attributes = {"class": "cell auto", "autocomplete": "off", "placeholder": "any"}
        self.widget = forms.TextInput(attrs=attributes)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return str(value or "")[:200].replace(",", " ").lower().split()


def number(label: str, most: int, least: int = 1, wide: bool = False) -> forms.IntegerField:
    """A whole number inside a sentence; a wide one has room for six digits."""
    widget = forms.NumberInput(attrs={"class": "mini wide" if wide else "mini", "autocomplete": "off"})
    return forms.IntegerField(label=label, required=False, min_value=least, max_value=most, widget=widget)


class SettingsForm(forms.Form):
    """What is asked, how often, and what annotators are told. A field that is not sent leaves its setting alone."""

    name = forms.CharField(max_length=120, label="Project name")
    question = forms.CharField(max_length=200, label="Question shown above the labels", required=False)
    overlap = number("Answers for each text", 100)
    maximum_overlap = number("Most answers for a text", 100)
    overlapping_spans = forms.BooleanField(required=False, label="Spans may overlap")
    gold_rate = PercentField(label="Gold texts", required=False)
    gold_threshold = PercentField(label="Gold accuracy below which somebody is paused", required=False)
    gold_minimum = number("Gold answers before anybody is paused", 10_000)
    gold_feedback = forms.ChoiceField(
        choices=Project.GoldFeedback, required=False, label="Annotators are told after a gold text"
    )
    gold_wear = number("Showings after which a gold text is retired", 1_000_000)
    repeat_rate = PercentField(label="Repeats", required=False)
    repeat_distance = number("Texts before a repeat", 1_000_000)
    sitting_minutes = number("Minutes in a sitting", 32767)
    break_minutes = number("Minutes of a break", 32767)
    day_minutes = number("Minutes a day", 32767)
    total_minutes = number("Minutes in total", 2_147_483_647)
    text_minimum = number("Characters of the shortest text", 100_000)
    text_maximum = number("Characters of the longest text", 100_000, wide=True)
    fewest_letters = PercentField(label="Letters in a text, at least", required=False)
    languages = LanguagesField(label="Languages", required=False)
    looks_for_copies = forms.BooleanField(required=False, label="Look for near-duplicates after every import")
    asks_difficulty = forms.BooleanField(required=False, label="Ask how hard a text was")
    asks_confidence = forms.BooleanField(required=False, label="Ask how sure the annotator is")
    shows_quality = forms.BooleanField(required=False, label="Annotators see their own quality")

    MAY_BE_EMPTY = {
        "languages",
        "maximum_overlap",
        "gold_wear",
        "sitting_minutes",
        "break_minutes",
        "day_minutes",
        "total_minutes",
    }

    @property
    def screen_fields(self) -> list[forms.BoundField]:
        """What is or is not on the annotators' screen."""
        return [self[name] for name in ("asks_difficulty", "asks_confidence", "shows_quality")]

    def clean(self) -> dict[str, Any]:
        """Drops what was not sent; a setting that must be something cannot be emptied."""
        sent = dict(self.cleaned_data)
        for name, value in list(self.cleaned_data.items()):
            field = self.fields[name]
            if field.required or isinstance(field, forms.BooleanField) or value not in (None, "", []):
                continue
            if name not in self.data or name == "question":
                del sent[name]
            elif name not in self.MAY_BE_EMPTY and isinstance(field, forms.IntegerField | PercentField):
                self.add_error(name, "This cannot be empty.")
            elif name not in self.MAY_BE_EMPTY:
                del sent[name]
        return sent


def settings_of(project: Project) -> dict[str, Any]:
    """What the form shows of a project."""
    return {name: getattr(project, name) for name in SettingsForm.base_fields}
