"""Statements that a connection plans once, for those where planning costs more than running."""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection


def run_prepared(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of the statement, run in the transaction at hand. Its values are bound by the server: cast those that
    may be null."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, values, prepare=True)
        return cursor.fetchall()
