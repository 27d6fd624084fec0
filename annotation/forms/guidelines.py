"""Writing the guideline."""

from typing import Any

from django import forms

from annotation.services.guidelines import LONGEST, LONGEST_SUMMARY


class TypedNames(forms.MultipleChoiceField):
    """Names that are checked where they are looked up."""

    def valid_value(self, value: str) -> bool:
        """Every name, until then."""
        return "\x00" not in value


class GuidelineForm(forms.Form):
    """The draft, and what annotators read of it before their next text."""

    body = forms.CharField(required=False, max_length=LONGEST, strip=False)
    summary = forms.CharField(required=False, max_length=LONGEST_SUMMARY)
    seen = forms.CharField(required=False, max_length=40)
    again_disagreement = forms.BooleanField(required=False)
    again_labels = TypedNames(required=False)
    again_before = forms.BooleanField(required=False)

    def text(self) -> dict[str, Any]:
        """What was written, as the services take it."""
        return {name: self.cleaned_data[name] for name in ("body", "summary", "seen")}

    def again(self, newest: int) -> dict[str, Any] | None:
        """Which texts are asked again, as `queries.rounds.chosen_items` takes it; None for none."""
        sent, texts = self.cleaned_data, dict[str, Any]()
        if sent["again_disagreement"]:
            texts["disagreement"] = True
        if sent["again_labels"]:
            texts["answered_with"] = sent["again_labels"]
        if sent["again_before"]:
            texts["before_version"] = newest
        return {**texts, "any": True} if texts else None
