"""Writing the guideline."""

from django import forms

from annotation.services.guidelines import LONGEST, LONGEST_SUMMARY


class GuidelineForm(forms.Form):
    """The draft, and what annotators read of it before their next text."""

    body = forms.CharField(required=False, max_length=LONGEST, strip=False)
    summary = forms.CharField(required=False, max_length=LONGEST_SUMMARY)
    seen = forms.CharField(required=False, max_length=40)
