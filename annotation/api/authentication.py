"""Keys of REST clients."""

from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import TokenAuthentication

from annotation.models import User
from annotation.queries.prepared import Columns, run_prepared

_USER = Columns(User, "u", *(field.attname for field in User._meta.concrete_fields))
_HOLDER = f"""
SELECT {_USER.sql} FROM annotation_user u JOIN authtoken_token t ON t.user_id = u.id WHERE t.key = %(key)s::text
"""  # noqa: S608 – columns of ours


class KeyAuthentication(TokenAuthentication):
    """`Authorization: Token <key>`, looked up by one written-out statement: every request needs it."""

    def authenticate_credentials(self, key: str) -> tuple[User, Any]:
        for row in run_prepared(_HOLDER, {"key": key}) if key.isascii() and key.isalnum() else ():
            user = _USER.read(iter(row))
            if user is not None and user.is_active:
                return user, key
        raise exceptions.AuthenticationFailed("This key is not valid. Make a new one on your account page.")
