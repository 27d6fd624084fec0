"""Forms about oneself, and the one that makes an account for somebody who was invited."""

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm

from annotation.models import User


class NameForm(forms.ModelForm[User]):
    """How a person is called."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email"]


class AppearanceForm(forms.ModelForm[User]):
    """How Loupe looks and listens."""

    class Meta:
        model = User
        fields = ["theme", "single_keys"]
        widgets = {"theme": forms.RadioSelect}


class InvitedUserForm(BaseUserCreationForm[User]):
    """A new account, made with an invitation."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "email")
