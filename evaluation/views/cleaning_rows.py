"""The figures of the clean-up page: bars with names, and a way to the texts behind each."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from annotation.models import Project
from annotation.templatetags.loupe import number
from evaluation.models import CleaningReport

Row = dict[str, Any]
SHOWN_LABELS = 15


def figures(project: Project, report: CleaningReport) -> dict[str, Any]:
    """{"lengths", "resolved", "imported", "languages", "fields", "came"}: rows of {"label", "value", "url"}."""
    result = report.result
    items = reverse("items", args=[project.slug])
    lengths = result["length"]
    return {
        "lengths": [_binned(row, None) for row in lengths["rows"]] if lengths else [],
        "resolved": [
            {
                "label": row["label"],
                "value": row["texts"],
                "url": f"{items}?{urlencode({'label': row['label']})}",
            }
            for row in result["labels"]["resolved"][:SHOWN_LABELS]
        ],
        "imported": [
            {"label": row["label"], "value": row["texts"]}
            for row in result["labels"]["imported"][:SHOWN_LABELS]
        ],
        "languages": result["languages"]["rows"][:8],
        "fields": [_field(field, items) for field in result["fields"]],
        "came": _periods(result["over_time"], None, items),
    }


def _field(field: Row, items: str) -> Row:
    """A field's rows, each with a way to its texts."""
    if field["type"] == "category":
        rows = [_is(field["field"], row["value"], row["texts"], items) for row in field["rows"]]
        if field["others"]:
            rows.append(
                {"label": f"{number(field['distinct'] - len(rows))} others", "value": field["others"]}
            )
        return field | {"bars": rows}
    if field["type"] == "date":
        return field | {"bars": _periods(field, field["field"], items)}
    return field | {"bars": [_binned(row, field["field"], items) for row in field["rows"]]}


def _is(field: str, value: str, texts: int, items: str) -> Row:
    url = f"{items}?{urlencode({f'meta.{field}': value})}"
    return {"label": value[:40], "value": texts, "url": url}


def _binned(row: Row, field: str | None, items: str = "") -> Row:
    """A bin of numbers; `field` is None for one that the list of texts cannot be asked for."""
    low, below = row["from"], row["below"]
    if low is None:
        label = f"under {number(below)}"
    elif below is None:
        label = f"{number(low)} and more"
    elif below - low == 1 and float(low).is_integer():
        label = number(low)
    else:
        label = f"{number(low)} to {number(below)}"
    found: Row = {"label": label, "value": row["texts"]}
    if field is not None:
        ends = {f"meta.{field}:from": low, f"meta.{field}:below": below}
        found["url"] = (
            f"{items}?{urlencode({name: f'{end:.12g}' for name, end in ends.items() if end is not None})}"
        )
    return found


def _periods(spread: Row, field: str | None, items: str) -> list[Row]:
    found = []
    for row in spread["rows"]:
        start, below = datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["below"])
        one: Row = {"label": _named(start, spread["period"]), "value": row["texts"]}
        if field is not None and row["texts"]:
            ends = {f"meta.{field}:from": f"{start:%Y-%m-%d}", f"meta.{field}:below": f"{below:%Y-%m-%d}"}
            one["url"] = f"{items}?{urlencode(ends)}"
        found.append(one)
    return found


def _named(start: datetime, period: str) -> str:
    """A period in words: 9 Mar 2024, the same for the Monday of a week, Mar 2024, 2024."""
    if period in {"day", "week"}:
        return f"{start.day} {start:%b %Y}"
    return f"{start:%b %Y}" if period == "month" else f"{start:%Y}"
