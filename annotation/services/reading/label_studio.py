"""Label Studio's JSON (tasks with their annotations) and JSON_MIN (a flat object an annotation).

For answers, every annotation is a row. Otherwise every task is one, with what all its annotations agree on. Rows have
the names under `data`, and `id`, `annotator`, `timestamp`, `labels` for choices, `spans` for labelled regions.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO, Any

from annotation.services.reading import json_values
from annotation.services.reading.rows import Layout, Row

REGIONS = ("labels", "hypertextlabels", "paragraphlabels")


def recognises_object(first: dict[str, Any]) -> bool:
    """Whether an object looks like a task, or like a line of JSON_MIN."""
    is_task = isinstance(first.get("data"), dict) and (
        bool({"annotations", "completions", "predictions"} & set(first))
        or set(first) <= {"id", "data", "meta"}
    )
    return is_task or {"annotator", "annotation_id"} <= set(first)


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout with the names that the first rows use; the longest text is `text` where nothing is called so."""
    layout = replace(layout, shape=json_values.shape_of(start))
    found = json_values.first_objects(file, layout)
    layout = replace(layout, text_key=text_key(found))
    rows = (
        row for kind in (False, True) for task in found for row, _ in records(task, kind, layout.text_key)
    )
    return replace(layout, columns=json_values.names_in(rows))


def text_key(found: Iterable[dict[str, Any]]) -> str:
    """The name under which tasks have their text, if it is not `text`."""
    lengths: dict[str, int] = {}
    for task in found:
        data = task["data"] if isinstance(task.get("data"), dict) else {}
        for name, value in data.items():
            if isinstance(value, str):
                lengths[name] = lengths.get(name, 0) + len(value)
    return "" if "text" in lengths or not lengths else max(lengths, key=lambda name: lengths[name])


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every task, or every annotation."""
    number = 0
    for row in json_values.objects(file, layout):
        made = [(row.values, row.wrong)] if row.wrong else records(row.values, answers, layout.text_key)
        for values, wrong in made:
            number += 1
            yield Row(number, values, wrong)


def records(task: dict[str, Any], answers: bool, text_key: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows that one task makes, each with what is wrong with it."""
    data = task.get("data")
    if not isinstance(data, dict):
        yield flat_record(task), ""
        return
    about = {"text" if name == text_key else name: value for name, value in data.items()}
    about.setdefault("id", task.get("id"))
    given = task.get("annotations", task.get("completions"))
    annotations = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if answers:
        for one in annotations:
            wrong = "skipped by its annotator" if one.get("was_cancelled") else ""
            # Nothing marked by whom skipped it is no answer, should the row come in again
            values: dict[str, Any] = {"labels": None, "spans": None}
            if not wrong or one.get("result"):
                values = values_of(one.get("result"))
            yield {**about, **author_and_time(one), **values}, wrong
        if not annotations:
            yield {**about, "annotator": None, "timestamp": None}, "no annotation"
        return
    said = {
        json.dumps(values_of(one.get("result")), sort_keys=True)
        for one in annotations
        if not one.get("was_cancelled")
    }
    yield {**about, **(json.loads(said.pop()) if len(said) == 1 else {})}, ""


def author_and_time(annotation: dict[str, Any]) -> dict[str, Any]:
    """Who made an annotation, by mail address where the file has it, and when."""
    author = annotation.get("completed_by")
    if isinstance(author, dict):
        author = author.get("email") or author.get("username") or author.get("id")
    return {"annotator": author, "timestamp": annotation.get("created_at")}


def values_of(result: Any) -> dict[str, Any]:
    """`labels` of the first choices and `spans` of all regions; further choices go by their own names."""
    found: dict[str, Any] = {}
    regions = [one for one in result if isinstance(one, dict)] if isinstance(result, list) else []
    chosen_in: str | None = None
    for region in regions:
        value = region.get("value")
        if not isinstance(value, dict):
            continue
        name = str(region.get("from_name", "choice"))
        if isinstance(choices := value.get("choices"), list):
            if chosen_in in {None, name}:
                chosen_in = name
                found["labels"] = [*found.get("labels", []), *choices]
            else:
                found[f"choice.{name}"] = choices
        for kind in REGIONS:
            if isinstance(value.get(kind), list):
                found.setdefault("spans", []).extend(spans_of(value, value[kind]))
    if not regions:
        found = {"labels": [], "spans": []}  # submitted with nothing chosen or marked
    return found


def spans_of(value: dict[str, Any], names: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """A region as spans: one for each of its names, with the text that it quotes."""
    for name in names:
        span = {"start": value.get("start"), "end": value.get("end"), "label": name}
        yield {**span, "text": value["text"]} if isinstance(value.get("text"), str) else span


def flat_record(record: dict[str, Any]) -> dict[str, Any]:
    """A line of JSON_MIN with `labels` and `spans`; results stand between the id and the annotator."""
    names = list(record)
    after = names.index("id") if "id" in names else -1
    before = names.index("annotator") if "annotator" in names else len(names)
    results = set(names[after + 1 : before])
    made: dict[str, Any] = {}
    for name, value in record.items():
        if name in {"annotation_id", "updated_at", "lead_time"}:
            continue
        if name == "created_at":
            made["timestamp"] = value
        elif isinstance(value, dict) and isinstance(value.get("choices"), list):
            made["labels"] = value["choices"]
        elif isinstance(value, list) and any(isinstance(one, dict) and "start" in one for one in value):
            made["spans"] = [
                span
                for one in value
                if isinstance(one, dict)
                for kind in REGIONS
                if isinstance(one.get(kind), list)
                for span in spans_of(one, one[kind])
            ]
        elif name in results and isinstance(value, str) and "labels" not in record and name != "text":
            made.setdefault("labels", [value])
        elif name == "annotator" and isinstance(value, dict):
            made[name] = value.get("email") or value.get("id")
        else:
            made[name] = value
    return made
