"""Stored figures of agreement and of people as rows of one long table, for files."""

from collections.abc import Iterator
from typing import Any

HEADER = ["part", "name", "figure", "value", "low", "high", "n", "others"]
Row = list[Any]


def agreement_rows(result: dict[str, Any], pairs: list[dict[str, Any]]) -> Iterator[Row]:
    """All that a report of agreement holds."""
    for name in ("alpha", "nominal_alpha", "ac1", "percent_agreement_interval"):
        if result.get(name):
            yield _estimate("all", "", name.removesuffix("_interval"), result[name])
    for name, found in (result["spans"] or {}).items():
        yield _estimate("all", "", name, found)
    for row in result["per_label"]:
        yield _estimate("label", row["label"], "alpha", row["alpha"])
        if "f1" in row:
            yield _estimate("label", row["label"], "f1", row["f1"])
    parts = result.get("parts", {})
    tables = [(name, parts.get(name, [])) for name in ("rounds", "guidelines", "weeks", "minutes")]
    tables += [(table["field"], table["rows"]) for table in parts.get("cohorts", [])]
    for name, rows in tables:
        for row in rows:
            yield _estimate(name, row["value"], "alpha", row["alpha"])
    for row in parts.get("long_sittings", []):
        for figure, name in (("agreement", "agreement"), ("gold", "gold accuracy")):
            change = _estimate("past minute", row["minute"], f"change of {name}", row[figure]["difference"])
            yield [*change[:-1], row[figure]["before"]]
    for row in result["confused_labels"]:
        yield ["confused labels", f"{row['a']} / {row['b']}", "pairs of answers", row["n"], "", "", "", ""]
    for pair in pairs:
        name = f"{pair['a']} / {pair['b']}"
        yield ["pair", name, "kappa", pair["kappa"], pair["low"], pair["high"], pair["items"], ""]
        yield ["pair", name, "agreement", pair["agreement"], "", "", pair["items"], ""]
    for brief in result["annotator_reports"]:
        yield from _brief(brief["username"], brief, {})


def person_rows(result: dict[str, Any]) -> Iterator[Row]:
    """All that one person's report holds, the texts aside."""
    yield from _brief(result["username"], result, result["others"])
    for test in result["tests"]:
        yield ["pattern", test["kind"], "q", test["q"], "", "", test["texts"], ""]
    for row in result["label_mix"]:
        yield _estimate("label", row["label"], "share", row["share"], row["others"])
    for row in result["over_sitting"]:
        name = f"minute {row['from']} on"
        yield _agreement("sitting", name, row)
        yield ["sitting", name, "seconds", row["seconds"], "", "", row["n"], row["others_seconds"]]
        yield _estimate("sitting", name, "gold accuracy", row["gold"], row["others_gold"])
        yield _estimate("sitting", name, "same answer twice", row["same"], row["others_same"])
    for row in result["over_weeks"]:
        yield _agreement("week", row["week"], row)
        yield ["week", row["week"], "seconds", row["seconds"], "", "", row["annotations"], ""]
        yield _estimate("week", row["week"], "gold accuracy", row["gold"], row.get("others_gold", ""))
        if "same" in row:
            yield _estimate("week", row["week"], "same answer twice", row["same"], row["others_same"])
    for at, block in enumerate(result["gold_over_time"], 1):
        yield _estimate("gold texts, in blocks", at, "gold accuracy", block)
    for pair in result["with"]:
        yield ["with", pair["with"], "kappa", pair["kappa"], pair["low"], pair["high"], pair["items"], ""]
    if result.get("alpha_without"):
        yield _estimate("without these answers", "", "alpha", result["alpha_without"])


def _estimate(part: str, name: Any, figure: str, found: dict[str, Any], others: Any = "") -> Row:
    return [part, name, figure, found["value"], found["low"], found["high"], found.get("n", ""), others]


def _agreement(part: str, name: Any, row: dict[str, Any]) -> Row:
    """Agreement with the rest in a stretch or week; reports of before have it without its interval."""
    found = row.get("agreement_interval") or {"value": row["agreement"], "low": "", "high": "", "n": row["n"]}
    return _estimate(part, name, "agreement", found, row.get("others_agreement", ""))


def _brief(name: str, row: dict[str, Any], others: dict[str, Any]) -> Iterator[Row]:
    gold, again = row["gold"], row["consistency"]
    theirs = {key: (value or {}).get("value") for key, value in others.items() if isinstance(value, dict)}
    yield ["annotator", name, "answers", row["annotations"], "", "", "", ""]
    yield [
        *("annotator", name, "gold accuracy", gold["accuracy"], gold["low"], gold["high"], gold["n"]),
        theirs.get("gold", ""),
    ]
    yield [
        *(
            "annotator",
            name,
            "same answer twice",
            again["agreement"],
            again["low"],
            again["high"],
            again["n"],
        ),
        theirs.get("consistency", ""),
    ]
    rest = row.get("agreement_interval") or {"value": row["agreement_with_rest"], "low": "", "high": ""}
    yield _estimate("annotator", name, "agreement with rest", rest, others.get("agreement_with_rest", ""))
    seconds = row["median_seconds"], "", "", "", others.get("median_seconds", "")
    yield ["annotator", name, "median seconds", *seconds]
