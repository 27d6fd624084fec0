"""Answers as arrays: whole columns of the database, read as numpy maps them."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
from django.db import connection
from numpy.typing import NDArray

from annotation.models import Project, Round

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SENDERS = {"i8": "int8send", "f8": "float8send"}  # a value as eight bytes, highest first


@dataclass(frozen=True)
class Answers:
    """Answers that count for agreement, as parallel arrays.

    `items`, `annotators`, `rounds`, `guidelines` (-1 for none): int64 (n,), database ids. `labels`: int64 (n,), what
    was answered: a label's id, or where several labels or spans are asked for the place of the answer in `values`.
    `seconds`: float64 (n,), NaN where not measured. `moments`: float64 (n,), when it was given, in seconds since 1970.
    A person has at most one answer to an item here. `newest` is the largest annotation id that was there.
    """

    items: Integers
    annotators: Integers
    labels: Integers
    seconds: Floats
    moments: Floats
    rounds: Integers
    guidelines: Integers
    values: list[Any]
    newest: int

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Checks:
    """Answers to gold items and repeats, as parallel arrays; `gold` tells which. Values as in `Answers`.

    `known`: int64 (n,), the gold item's value, coded like `labels`; -1 for repeats. `correct`: bool (n,), of gold.
    """

    items: Integers
    annotators: Integers
    labels: Integers
    seconds: Floats
    moments: Floats
    gold: NDArray[np.bool_]
    known: Integers
    correct: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.items)


def read_columns(
    sql: str, columns: dict[str, str], parameters: tuple[Any, ...] = ()
) -> dict[str, NDArray[Any]]:
    """The columns of a SELECT as arrays, all in one order that the database chooses.

    `columns` maps a name to the kind of its array: "i8" for bigint, "f8" for double precision; no value of these may
    be NULL. "text" gives an array of strings and None. Each column is glued together in the database and comes as one
    value, since a message for every row is what reading millions of rows costs otherwise.
    """
    glued: list[str] = []
    for name, kind in columns.items():
        if kind == "text":
            glued.append(f"string_agg(int4send(coalesce(octet_length({name}), -1)), '')")
            glued.append(f"string_agg(convert_to({name}, 'UTF8'), '')")
        else:
            glued.append(f"string_agg({SENDERS[kind]}({name}), '')")
    statement = f"SELECT {', '.join(glued)} FROM ({sql}) AS rows"  # noqa: S608 – our own names
    connection.ensure_connection()
    # Django's cursor gets everything as text, in which each of these bytes is two
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        values = iter(cursor.execute(statement, parameters, binary=True).fetchone() or ())
    read: dict[str, NDArray[Any]] = {}
    for name, kind in columns.items():
        if kind == "text":
            read[name] = _strings(np.frombuffer(next(values) or b"", ">i4"), bytes(next(values) or b""))
        else:
            read[name] = np.frombuffer(next(values) or b"", f">{kind}").astype(kind)
    return read


def _strings(lengths: NDArray[np.int32], joined: bytes) -> NDArray[np.object_]:
    """Strings that were joined, apart again; a length of -1 is None."""
    ends = np.cumsum(np.maximum(lengths, 0), dtype=np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    present = np.packbits(lengths >= 0, bitorder="little")
    made = pa.LargeStringArray.from_buffers(
        len(lengths), pa.py_buffer(offsets.tobytes()), pa.py_buffer(joined), pa.py_buffer(present.tobytes())
    )
    strings: NDArray[np.object_] = made.to_numpy(zero_copy_only=False)
    return strings


def scope_rounds(project: Project, round_: Round | None) -> list[int]:
    """The ids of the rounds that are asked about: one, or all of the project that were not deleted."""
    if round_ is not None:
        return [round_.pk]
    rounds = Round.objects.filter(project=project, deleted__isnull=True)
    return list(rounds.order_by("id").values_list("pk", flat=True))


_SHAPE = {
    Project.Task.CLASSIFICATION: ("label_id", "i8"),
    Project.Task.MULTILABEL: ("labels::text", "text"),
    Project.Task.SPANS: ("spans::text", "text"),
}
_DELETED = "(SELECT id FROM annotation_item WHERE project_id = %s AND deleted IS NOT NULL)"
_OUT = (
    "(SELECT id FROM annotation_item WHERE project_id = %s AND (deleted IS NOT NULL OR excluded IS NOT NULL))"
)


def read_answers(project: Project, round_: Round | None = None, *, with_excluded: bool = False) -> Answers:
    """Everybody's answers to the project's (or the round's) items that count for agreement.

    Gold answers, repeats, answers that were set aside and those to deleted items do not, nor those to excluded items
    if not asked for. Somebody who answered an item in several rounds counts with the newest answer.
    """
    rounds = scope_rounds(project, round_)
    value, kind = _SHAPE[Project.Task(project.task)]
    rows = read_columns(
        f"""
        SELECT id, round_id, item_id, annotator_id, {value} AS value, coalesce(seconds, 'NaN') AS seconds,
               extract(epoch FROM created)::float8 AS moment, coalesce(guideline_id, -1) AS guideline
        FROM annotation_annotation
        WHERE round_id = ANY(%s) AND kind = 'normal' AND set_aside IS NULL AND {value} IS NOT NULL
          AND item_id NOT IN {_DELETED if with_excluded else _OUT}
        """,  # noqa: S608 – our own names
        {
            "id": "i8",
            "round_id": "i8",
            "item_id": "i8",
            "annotator_id": "i8",
            "value": kind,
            "seconds": "f8",
            "moment": "f8",
            "guideline": "i8",
        },
        (rounds, project.pk),
    )
    newest = int(rows["id"].max(initial=0))
    kept = _newest_of_each(rows) if len(rounds) > 1 and len(np.unique(rows["round_id"])) > 1 else slice(None)
    labels, values = _coded(rows["value"][kept], kind)
    return Answers(
        items=rows["item_id"][kept],
        annotators=rows["annotator_id"][kept],
        labels=labels,
        seconds=rows["seconds"][kept],
        moments=rows["moment"][kept],
        rounds=rows["round_id"][kept],
        guidelines=rows["guideline"][kept],
        values=values,
        newest=newest,
    )


def read_checks(project: Project, answers: Answers, round_: Round | None = None) -> Checks:
    """Answers to gold items and repeats, excluded items left out.

    Coded as in `answers`, to which new values may be appended.
    """
    value, kind = _SHAPE[Project.Task(project.task)]
    rows = read_columns(
        f"""
        SELECT a.item_id, a.annotator_id, a.{value} AS value, coalesce(a.seconds, 'NaN') AS seconds,
               extract(epoch FROM a.created)::float8 AS moment, (a.kind = 'gold')::int::bigint AS gold,
               coalesce(a.correct::int, -1)::bigint AS correct, {_known(value, kind)} AS known
        FROM annotation_annotation a LEFT JOIN annotation_golditem g ON g.item_id = a.item_id
        WHERE a.round_id = ANY(%s) AND a.kind <> 'normal' AND a.set_aside IS NULL AND a.{value} IS NOT NULL
          AND a.item_id NOT IN {_OUT}
        """,  # noqa: S608 – our own names
        {
            "item_id": "i8",
            "annotator_id": "i8",
            "value": kind,
            "seconds": "f8",
            "moment": "f8",
            "gold": "i8",
            "correct": "i8",
            "known": kind,
        },
        (scope_rounds(project, round_), project.pk),
    )
    labels = _code_into(rows["value"], kind, answers.values)
    known = _code_into(rows["known"], kind, answers.values)
    said = rows["correct"]
    return Checks(
        items=rows["item_id"],
        annotators=rows["annotator_id"],
        labels=labels,
        seconds=rows["seconds"],
        moments=rows["moment"],
        gold=rows["gold"] == 1,
        known=known,
        correct=np.where(said >= 0, said == 1, labels == known),
    )


def _known(value: str, kind: str) -> str:
    return f"coalesce(g.{value}, -1)" if kind == "i8" else f"g.{value}"


def _coded(column: NDArray[Any], kind: str) -> tuple[Integers, list[Any]]:
    """A column of answers as codes, and what they stand for; label ids stand for themselves."""
    if kind == "i8":
        return column, []
    codes, distinct = pd.factorize(column)
    return codes.astype(np.int64), [parse_value(text) for text in distinct]


def _code_into(column: NDArray[Any], kind: str, values: list[Any]) -> Integers:
    """A column of answers in the codes of `values`, to which unknown ones are appended; -1 for none."""
    if kind == "i8":
        return column
    place = {repr(value): at for at, value in enumerate(values)}
    codes = np.full(len(column), -1, np.int64)
    for at, text in enumerate(column):
        if text is not None:
            value = parse_value(text)
            if repr(value) not in place:
                place[repr(value)] = len(values)
                values.append(value)
            codes[at] = place[repr(value)]
    return codes


def parse_value(text: str) -> Any:
    """A set of label ids or a list of spans as the database writes it.

    "{1,4}" → (1, 4), "[[0, 2, 4]]" → [(0, 2, 4)]
    """
    if text.startswith("{"):
        return tuple(sorted(int(part) for part in text[1:-1].split(",") if part))
    return [tuple(span) for span in json.loads(text)]


def _newest_of_each(rows: dict[str, NDArray[Any]]) -> Integers:
    """Where the newest answer of each annotator to each item is."""
    order = np.lexsort((rows["id"], rows["annotator_id"], rows["item_id"]))
    items, annotators = rows["item_id"][order], rows["annotator_id"][order]
    same = (items[1:] == items[:-1]) & (annotators[1:] == annotators[:-1])
    return np.asarray(order[np.append(~same, True)], dtype=np.int64)
