"""What a lead decides about a person after reading their report."""

from typing import Any

from django import forms

from annotation.models import Membership
from annotation.services.members import LONGEST_REASON

PAUSE, REINSTATE, AGAIN, REMOVE = "pause", "reinstate", "again", "remove"
CHOICES = [
    (PAUSE, "Pause"),
    (REINSTATE, "Reinstate"),
    (AGAIN, "Ask the texts again"),
    (REMOVE, "Remove from the project"),
]
STATES = {
    PAUSE: Membership.State.PAUSED,
    REINSTATE: Membership.State.ACTIVE,
    REMOVE: Membership.State.REMOVED,
}


class PersonDecisionForm(forms.Form):
    """One of: pause, reinstate, set the answers aside so that others are asked, remove; with a reason."""

    do = forms.ChoiceField(
        choices=CHOICES,
        error_messages={"required": "Choose what to do.", "invalid_choice": "Choose one of what is offered."},
    )
    reason = forms.CharField(required=False, max_length=LONGEST_REASON)

    def changes(self) -> dict[str, Any]:
        """What was chosen, as `change_member` takes it."""
        chosen = self.cleaned_data["do"]
        if chosen == AGAIN:
            return {"requeue": True}
        return {"state": STATES[chosen], "reason": self.cleaned_data["reason"]}
