"""Statements that a connection plans once, for those where planning costs more than running."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from django.db import connection

_NAME = re.compile(r"%\((\w+)\)s")


@cache
def _numbered(statement: str) -> tuple[str, list[str]]:
    """The statement with $1, $2 … for its names, and the names: psycopg would look for them anew at every run."""
    names = list(dict.fromkeys(_NAME.findall(statement)))
    return _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names


def run_prepared(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of the statement, run in the transaction at hand. Its values are bound by the server: cast those that
    may be null. The statement must be a constant."""
    numbered, names = _numbered(statement)
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(numbered, [values[name] for name in names], prepare=True)
        return cursor.fetchall()
