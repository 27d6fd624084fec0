"""doccano's JSON Lines: `label` with names or [start, end, name], or `entities` and `cats`. One file holds all
members' answers without their names, or one member's; the name is then given with the import.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from annotation.services.reading import json_values
from annotation.services.reading.rows import Layout, Row

RENAMED = {"entities": "spans", "cats": "labels"}


def recognises_object(first: dict[str, Any]) -> bool:
    """Whether an object looks like a text of doccano's."""
    return isinstance(first.get("text"), str) and (
        isinstance(first.get("label"), list) or {"entities", "cats"} & set(first) != set()
    )


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the names that the first objects use."""
    layout = replace(layout, shape=json_values.shape_of(start))
    return replace(
        layout, columns=json_values.names_in(map(renamed, json_values.first_objects(file, layout)))
    )


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """The same with `spans` and `labels`, where nothing has these names already."""
    return {
        RENAMED[name] if name in RENAMED and RENAMED[name] not in values else name: value
        for name, value in values.items()
    }


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every text of the file."""
    for row in json_values.objects(file, layout):
        yield row if row.wrong else row._replace(values=renamed(row.values))
