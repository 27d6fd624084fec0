"""Answers as arrays: whole columns of the database, read as numpy maps them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection
from numpy.typing import NDArray

from annotation.models import Project, Round

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SENDERS = {"i8": "int8send", "f8": "float8send"}  # a value as eight bytes, highest first


@dataclass(frozen=True)
class Answers:
    """Answers that count for agreement, as parallel arrays of database ids.

    `items`, `annotators`, `labels`: int64 (n,). `seconds`: float64 (n,), NaN where not measured. A person has at most
    one answer to an item here. `newest` is the largest annotation id that was there.
    """

    items: Integers
    annotators: Integers
    labels: Integers
    seconds: Floats
    newest: int

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
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(glued)} FROM ({sql}) AS rows", parameters)  # noqa: S608 – our own names
        values = iter(cursor.fetchone())
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
    """The ids of the rounds that are asked about: one, or all of the project."""
    if round_ is not None:
        return [round_.pk]
    rounds = Round.objects.filter(project=project, deleted__isnull=True)
    return list(rounds.order_by("id").values_list("pk", flat=True))


def read_answers(project: Project, round_: Round | None = None) -> Answers:
    """Everybody's answers to the project's (or the round's) items; repeats and deleted items are left out.

    Somebody who answered an item in several rounds counts with the newest answer.
    """
    rounds = scope_rounds(project, round_)
    rows = read_columns(
        """
        SELECT id, round_id, item_id, annotator_id, label_id, coalesce(seconds, 'NaN') AS seconds
        FROM annotation_annotation
        WHERE round_id = ANY(%s) AND kind = 'normal'
          AND item_id NOT IN (SELECT id FROM annotation_item WHERE project_id = %s AND deleted IS NOT NULL)
        """,
        {
            "id": "i8",
            "round_id": "i8",
            "item_id": "i8",
            "annotator_id": "i8",
            "label_id": "i8",
            "seconds": "f8",
        },
        (rounds, project.pk),
    )
    newest = int(rows["id"].max(initial=0))
    kept = _newest_of_each(rows) if len(rounds) > 1 and len(np.unique(rows["round_id"])) > 1 else slice(None)
    return Answers(
        items=rows["item_id"][kept],
        annotators=rows["annotator_id"][kept],
        labels=rows["label_id"][kept],
        seconds=rows["seconds"][kept],
        newest=newest,
    )


def _newest_of_each(rows: dict[str, NDArray[Any]]) -> Integers:
    """Where the newest answer of each annotator to each item is."""
    order = np.lexsort((rows["id"], rows["annotator_id"], rows["item_id"]))
    items, annotators = rows["item_id"][order], rows["annotator_id"][order]
    same = (items[1:] == items[:-1]) & (annotators[1:] == annotators[:-1])
    return np.asarray(order[np.append(~same, True)], dtype=np.int64)
