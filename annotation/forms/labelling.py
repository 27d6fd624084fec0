"""What the annotate page sends where no script runs."""

from django import forms

from annotation.models import Flag

LONGEST_COMMENT = 10_000


class AnswerForm(forms.Form):
    """A new answer (assignment, key) or a revised one (annotation)."""

    assignment = forms.IntegerField(required=False)
    annotation = forms.IntegerField(required=False)
    key = forms.UUIDField(required=False)
    label = forms.CharField(max_length=100, strip=False)
    comment = forms.CharField(max_length=LONGEST_COMMENT, required=False)
    difficulty = forms.TypedChoiceField(
        choices=[(n, n) for n in range(1, 6)], coerce=int, empty_value=None, required=False
    )


class FlagForm(forms.Form):
    """What is wrong with an item."""

    item = forms.IntegerField()
    kind = forms.ChoiceField(choices=Flag.Kind.choices)
    note = forms.CharField(max_length=2000, required=False)
