"""How alike texts must be to be shown as near-duplicates."""

from django import forms

from evaluation.services.cleaning import THRESHOLD


class CleaningForm(forms.Form):
    """The similarity from which two texts are near-duplicates."""

    threshold = forms.FloatField(
        min_value=0.5,
        max_value=1,
        initial=THRESHOLD,
        label="Similar from",
        widget=forms.NumberInput(attrs={"class": "mini", "step": "0.005"}),
    )
