"""Correcting the type of a metadata field."""

from django import forms

from annotation.models import MetadataField
from annotation.services.metadata_fields import DETECTED


class FieldTypeForm(forms.Form):
    """The type of one field; as detected, or as somebody says."""

    type = forms.ChoiceField(choices=[*MetadataField.Type.choices, (DETECTED, "As detected")])
