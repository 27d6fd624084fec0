"""Inviting and changing members."""

from typing import Any

from django import forms

from annotation.models import Membership, Role
from annotation.services.members import LONGEST_REASON, MOST_QUOTA


class InviteForm(forms.Form):
    """Whom to invite, as what, and for how many texts."""

    people = forms.CharField(required=False, max_length=20_000)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.ANNOTATOR)
    quota = forms.IntegerField(required=False, min_value=0, max_value=MOST_QUOTA)

    def names(self) -> list[str]:
        """The names and addresses, one a line; commas and semicolons part them too."""
        said: str = self.cleaned_data["people"]
        return said.replace(",", "\n").replace(";", "\n").split("\n")


class QuotaForm(forms.Form):
    """How many texts each annotator gets; nothing is as many as there are."""

    quota = forms.IntegerField(required=False, min_value=0, max_value=MOST_QUOTA)


class MemberForm(forms.Form):
    """A member's new role, state or quota; an absent field stays as it is."""

    role = forms.ChoiceField(choices=[("", ""), *Role.choices], required=False)
    state = forms.ChoiceField(choices=[("", ""), *Membership.State.choices], required=False)
    quota = forms.IntegerField(required=False, min_value=0, max_value=MOST_QUOTA)
    reason = forms.CharField(required=False, max_length=LONGEST_REASON)
    requeue = forms.BooleanField(required=False)
    take_back = forms.BooleanField(required=False)

    def changes(self) -> dict[str, Any]:
        """What was sent, as `change_member` takes it."""
        sent = {name: value for name, value in self.cleaned_data.items() if value and name != "quota"}
        if "quota" in self.data:
            sent["quota"] = self.cleaned_data["quota"]
        return sent
