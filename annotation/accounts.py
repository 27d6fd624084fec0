"""How accounts come about: by an invitation's link, or by a superuser."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up without an invitation; views.invitations makes the account of somebody who has one."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_email_password_mismatch": "Name and password do not match.",
        "username_password_mismatch": "Name and password do not match.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
