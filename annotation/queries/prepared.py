"""Statements that a connection plans once, for those where planning costs more than running."""

import re
import time
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import Model
from psycopg.types.numeric import Int8Dumper

M = TypeVar("M", bound=Model)
_NAME = re.compile(r"%\((\w+)\)s")
_planned: WeakKeyDictionary[psycopg.Connection[Any], set[str]] = WeakKeyDictionary()  # what each has planned


@cache
def _numbered(statement: str) -> tuple[str, list[str]]:
    """The statement with $1, $2 … for its names, and the names: psycopg would look for them anew at every run."""
    names = list(dict.fromkeys(_NAME.findall(statement)))
    return _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names


def run_prepared(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of the statement, run in the transaction at hand. Its values are bound by the server: cast those that
    may be null. The statement must be a constant."""
    numbered, names = _numbered(statement)
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    begun = time.monotonic()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        # Else 5 and 50,000 would have different types, and the statement a plan for every mixture of them
        cursor.adapters.register_dumper(int, Int8Dumper)
        given = [values[name] for name in names]
        planned = _planned.setdefault(cursor.connection, set())
        if numbered in planned:
            cursor.execute(numbered, given, prepare=True)
            rows = cursor.fetchall()
        else:
            # A plan made while a table is empty reads all of it, and would be kept while the table grows
            with transaction.atomic():  # so that an error takes the setting back with it
                cursor.execute("SET enable_seqscan = off")
                cursor.execute(numbered, given, prepare=True)
                rows = cursor.fetchall()
                cursor.execute("RESET enable_seqscan")
            planned.add(numbered)
    if connection.queries_logged:  # by tests that count statements
        connection.queries_log.append({"sql": statement, "time": f"{time.monotonic() - begun:.3f}"})
    return rows


class Columns(Generic[M]):
    """Some of a table's columns, its key among them: `sql` asks for them, and `read` makes an object of them.

    The object knows these columns alone; Django fetches another when it is asked for. Making one from all of its
    fields' defaults, as the model's constructor does, costs more than the statement.
    """

    def __init__(self, model: type[M], alias: str, *names: str) -> None:
        self.model = model
        # In the order in which from_db takes them
        self.names = [field.attname for field in model._meta.concrete_fields if field.attname in names]
        self.sql = ", ".join(f"{alias}.{name}" for name in self.names)

    def read(self, row: Iterator[Any]) -> M | None:
        """The object of the next values of a row; None where an outer join found none."""
        values = list(islice(row, len(self.names)))
        return None if values[0] is None else self.model.from_db(DEFAULT_DB_ALIAS, self.names, values)

    def read_into(self, known: M, row: Iterator[Any]) -> None:
        """Puts the next values of a row into an object that is there already."""
        for name, value in zip(self.names, islice(row, len(self.names)), strict=True):
            setattr(known, name, value)
