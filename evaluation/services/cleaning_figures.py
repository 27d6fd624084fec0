"""How labels, metadata and dates are spread over the pool, as rows that a figure and its table show alike."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd

from annotation.algorithms.histograms import every_period, period_for, round_edges
from annotation.models import MetadataField, Project
from annotation.queries.metadata import metadata_fields
from evaluation.queries import cleaning as queries
from qc.queries.resolved import resolved_labels

MOST_FIELDS = 30
MOST_VALUES = 12


def describe_labels(project: Project) -> dict[str, Any]:
    """{"imported", "resolved": [{"label", "texts"}], "labelled": texts of which anything is known}."""
    frame = resolved_labels(project)
    return {
        "imported": _listed(queries.imported_labels(project)),
        "resolved": _listed(_said(frame)),
        "labelled": len(frame),
    }


def _said(frame: pd.DataFrame) -> dict[str, int]:
    """How many texts have each label; with several labels, or spans, a text counts for each of its labels."""
    counts: Counter[str] = Counter(frame["label"].dropna().tolist())
    for labels in frame["labels"].dropna():
        counts.update(set(labels))
    for spans in frame["spans"].dropna():
        counts.update({span["label"] for span in spans})
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _listed(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"label": label, "texts": n} for label, n in counts.items()]


def describe_fields(project: Project, texts: int, report: Callable[[float], None]) -> list[dict[str, Any]]:
    """Each field of the metadata: {"field", "type", "values", "missing", "unreadable", "rows", …}, by its type."""
    fields = list(metadata_fields(project)[:MOST_FIELDS])
    found = []
    for at, field in enumerate(fields):
        report(at / len(fields))
        described = _DESCRIBED[field.type](project, field.name)
        missing = max(0, texts - described["values"] - described["unreadable"])
        found.append({"field": field.name, "type": field.type, **described, "missing": missing})
    return found


def _categories(project: Project, field: str) -> dict[str, Any]:
    """The commonest values, and the others summed."""
    values = queries.top_values(project, field, MOST_VALUES)
    return {
        "values": values.texts,
        "unreadable": 0,
        "distinct": values.distinct,
        "rows": [{"value": value, "texts": n} for value, n in values.top],
        "others": values.texts - sum(n for _, n in values.top),
    }


def _texts(project: Project, field: str) -> dict[str, Any]:
    """How many say something: their values are too different to be listed."""
    values = queries.top_values(project, field, 1)
    return {"values": values.texts, "unreadable": 0, "distinct": values.distinct, "rows": []}


def _numbers(project: Project, field: str) -> dict[str, Any]:
    """A histogram; the first and the last bin are open where half a percent lies beyond."""
    spread = queries.spread_of_numbers(project, field)
    if spread is None:
        return {"values": 0, "unreadable": queries.unreadable_values(project, field, 0), "rows": []}
    edges = round_edges(spread.low, spread.high, whole=spread.whole)
    counts = queries.numbers_in_bins(project, field, edges)
    rows: list[dict[str, Any]] = [
        {"from": edges[at], "below": edges[at + 1], "texts": n} for at, n in enumerate(counts)
    ]
    if spread.least < edges[0]:
        rows[0]["from"] = None
    if spread.greatest >= edges[-1]:
        rows[-1]["below"] = None
    return {
        "values": spread.n,
        "unreadable": queries.unreadable_values(project, field, spread.n),
        "minimum": spread.least,
        "median": spread.median,
        "maximum": spread.greatest,
        "rows": rows,
    }


def _dates(project: Project, field: str) -> dict[str, Any]:
    spread = over_time(project, field)
    values = sum(row["texts"] for row in spread["rows"])
    return {"values": values, "unreadable": queries.unreadable_values(project, field, values), **spread}


def over_time(project: Project, field: str | None) -> dict[str, Any]:
    """{"period", "rows": [{"from", "below", "texts"}]} by a field of dates; by when the texts came in for None."""
    first, last = queries.ends_of_dates(project, field)
    if first is None or last is None:
        return {"period": None, "rows": []}
    period = period_for(first, last)
    found = queries.dates_by_period(project, field, period)
    rows = [
        {"from": start.isoformat(), "below": end.isoformat(), "texts": n}
        for start, end, n in every_period(found, period)
    ]
    return {"period": period, "rows": rows}


_DESCRIBED: dict[str, Callable[[Project, str], dict[str, Any]]] = {
    MetadataField.Type.CATEGORY: _categories,
    MetadataField.Type.NUMBER: _numbers,
    MetadataField.Type.DATE: _dates,
    MetadataField.Type.TEXT: _texts,
}
