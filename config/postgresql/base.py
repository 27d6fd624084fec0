"""Django's PostgreSQL engine with statements that stay planned, and connections that are checked without asking."""

import select
from typing import Any

from django.db.backends.postgresql import base

NEVER_BY_ITSELF = 2**31  # runs after which psycopg prepares a statement; None, Django's own, forbids it


class DatabaseWrapper(base.DatabaseWrapper):
    """The engine. Only `annotation.queries.prepared` prepares statements."""

    def get_connection_params(self) -> dict[str, Any]:
        """Adds what prepared statements need.

        They are planned once. PostgreSQL would plan the long ones at every run, since it prices them by rows and
        they are bound to a few; planning them costs several times what running them does.
        """
        parameters: dict[str, Any] = super().get_connection_params()
        parameters["prepare_threshold"] = NEVER_BY_ITSELF
        given = parameters.get("options", "")
        parameters["options"] = f"{given} -c plan_cache_mode=force_generic_plan".strip()
        return parameters

    def is_usable(self) -> bool:
        """Whether the connection still works; where not, the request gets a new one.

        Django asks the server, at every request. But a server that ends a connection, or is killed, leaves something
        to read on it, and one that is well says nothing unasked; only after an error is it worth a question.
        """
        if self.errors_occurred or self.connection is None:
            return bool(super().is_usable())
        return not (self.connection.closed or _has_something_to_read(self.connection.fileno()))


def _has_something_to_read(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(0))
