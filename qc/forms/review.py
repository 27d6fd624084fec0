"""What leads fill in about review."""

from django import forms

from qc.models import ReviewSettings
from qc.services.cases import MOST_QUORUM


class ReviewSettingsForm(forms.ModelForm[ReviewSettings]):
    """The panel's rules, and what the cleaned data does with texts that have a meta-label."""

    quorum = forms.IntegerField(min_value=1, max_value=MOST_QUORUM, label="Votes on a new case")

    class Meta:
        model = ReviewSettings
        fields = ["quorum", "tie_rule", "tells_annotators", "mislabeled", "unsolvable", "noisy", "ambiguous"]
        labels = {
            "tie_rule": "When the votes do not agree",
            "tells_annotators": "Tell annotators what was decided on texts that they answered, and why",
        }
        help_texts = {
            "quorum": "With one, the first vote decides.",
            "tells_annotators": "Without names, and never about gold texts.",
        }
