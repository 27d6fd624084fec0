"""Argilla's flattened records: `question.responses` and `.responses.users` beside the fields and metadata.

For answers, every response is a row. Otherwise every record is one, with what all submitted responses agree on.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from annotation.services.reading import json_values
from annotation.services.reading.rows import Layout, Row

RESPONSES, USERS, STATUS = ".responses", ".responses.users", ".responses.status"


def recognises_object(first: dict[str, Any]) -> bool:
    """Whether an object looks like a flattened record."""
    names = set(first)
    return any(name.endswith(USERS) for name in names) or (
        "_server_id" in names and any(name.endswith((RESPONSES, ".suggestion")) for name in names)
    )


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the names that the first records' rows use."""
    layout = replace(layout, shape=json_values.shape_of(start))
    found = json_values.first_objects(file, layout)
    names = json_values.names_in(
        row for answers in (False, True) for first in found for row, _ in records(first, answers)
    )
    return replace(layout, columns=names)


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every record, or every response."""
    number = 0
    for row in json_values.objects(file, layout):
        for values, wrong in [(row.values, row.wrong)] if row.wrong else records(row.values, answers):
            number += 1
            yield Row(number, values, wrong)


def records(record: dict[str, Any], answers: bool) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows that one record makes, each with what is wrong with it."""
    questions = [name.removesuffix(RESPONSES) for name in record if name.endswith(RESPONSES)]
    question = questions[0] if questions else ""
    about = {
        name: value
        for name, value in record.items()
        if not (question and name in {question + RESPONSES, question + USERS, question + STATUS})
        and name not in {"_server_id", "status"}
    }
    given = listed(record.get(question + RESPONSES))
    users = listed(record.get(question + USERS))
    states = listed(record.get(question + STATUS))
    responses = [
        (value, users[at] if at < len(users) else None, states[at] if at < len(states) else "submitted")
        for at, value in enumerate(given)
    ]
    if not answers:
        said = {json.dumps(value, sort_keys=True) for value, _, state in responses if state == "submitted"}
        agreed = json.loads(said.pop()) if len(said) == 1 else None
        yield {**about, "label": agreed}, ""
        return
    for value, user, state in responses:
        wrong = "" if state == "submitted" else f"response not submitted: {str(state)[:40]}"
        yield {**about, "annotator": user, "label": value}, wrong
    if not responses:
        yield {**about, "annotator": None, "label": None}, "no response"


def listed(value: Any) -> list[Any]:
    """A list, whatever was written."""
    return value if isinstance(value, list) else [] if value is None else [value]
