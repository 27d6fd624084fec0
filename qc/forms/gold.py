"""What people fill in about gold."""

from django import forms

from qc.forms.cases import AnswerForm


class GoldForm(AnswerForm):
    """The known answer, and why it is right."""

    why = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    @property
    def explanation(self) -> str:
        """Shown to annotators where the project allows it."""
        return str(self.cleaned_data["why"])


class PromoteForm(forms.Form):
    """From what gold is made."""

    UNANIMOUS, DECIDED = "unanimous", "decided"
    source = forms.ChoiceField(choices=[(UNANIMOUS, "Everybody agreed"), (DECIDED, "The panel decided")])
    at_least = forms.IntegerField(required=False, min_value=2, max_value=100)
