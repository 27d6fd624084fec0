"""Inviting and changing members."""

from django import forms

from annotation.models import Membership, Role


class InviteForm(forms.Form):
    """Whom to invite and as what."""

    role = forms.ChoiceField(choices=Role.choices, initial=Role.ANNOTATOR)
    email = forms.EmailField(required=False, label="For whom (e-mail, only a note for the team)")


class MemberForm(forms.Form):
    """A member's new role or state; an absent field stays as it is."""

    role = forms.ChoiceField(choices=[("", ""), *Role.choices], required=False)
    state = forms.ChoiceField(choices=[("", ""), *Membership.State.choices], required=False)
