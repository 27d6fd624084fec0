"""Resolved answers where several labels can be chosen, or spans are marked.

Several labels: each label by itself, given or not. Spans: those that more than half of the people marked, exactly.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotation.models import GoldItem, Item, Project
from annotation.queries.values import label_names
from qc.algorithms.truth import infer_truth
from qc.models import Decision, Outcome, QualitySettings
from qc.queries.answers import Answers, read_answers

Integers = NDArray[np.int64]
Key = Any  # a label id, or a span (start, end, label id)


def resolved_values(project: Project, method: str, *, as_said: bool = False) -> pd.DataFrame:
    """What `resolved_labels` gives, with `labels` or `spans` in the place of the label.

    A label, or span, is kept when it has more than half of the answers (its posterior is above a half). Where one has
    exactly half the item is tied and has none. `confidence` is that of the least certain label; `distribution` is the
    share of each label, or of each span as "start-end:label"; with `as_said` both are of the answers whatever the
    method. Spans resolve by majority in any case.
    """
    names = label_names(project)
    answers = read_answers(project, with_excluded=True)
    several = project.task == Project.Task.MULTILABEL
    people = np.unique(answers.annotators, return_inverse=True)[1]
    item_ids, items = np.unique(answers.items, return_inverse=True)
    n = np.bincount(items, minlength=len(item_ids))
    shares = said = _shares_of_values(answers, items, n)
    if several and method != QualitySettings.Method.MAJORITY:
        shares = _inferred_shares(method, answers, items, people, len(item_ids))
    rows: dict[int, dict[str, Any]] = {}
    for at, pk in enumerate(item_ids.tolist()):
        rows[pk] = {"n": int(n[at]), **_inferred_row(shares[at])}
        if as_said:
            rows[pk] |= _as_said(rows[pk]["value"], said[at])
    for pk, value in _imported(project, several):
        rows.setdefault(pk, {"n": 0, **_given(value, "imported", None)})
    for pk, value in _gold(project, several):
        rows[pk] = {"n": rows.get(pk, {"n": 0})["n"], **_given(value, "gold", 1.0)}
    outcomes: dict[int, str] = {}
    for pk, outcome, decided in _decisions(project, several):
        outcomes[pk] = outcome
        if outcome in {Outcome.LABEL, Outcome.EXCLUDE}:
            settled = _given(decided or [], "adjudicated", 1.0)
            if outcome == Outcome.EXCLUDE:
                settled["value"] = None
            rows[pk] = {"n": rows.get(pk, {"n": 0})["n"], **settled}
    here = dict(
        Item.objects.filter(project=project, deleted__isnull=True, pk__in=list(rows)).values_list(
            "pk", "external_id"
        )
    )
    shown = []
    for pk in sorted(here):
        row = rows[pk]
        value = row["value"]
        shown.append(
            {
                "item_id": pk,
                "external_id": here[pk],
                "label_id": pd.NA,
                "label": None,
                "labels": [names[key] for key in sorted(value)] if several and value is not None else None,
                "spans": None if several or value is None else [_span(key, names) for key in sorted(value)],
                "confidence": row["confidence"],
                "distribution": {_word(key, names): share for key, share in sorted(row["shares"].items())},
                "source": row["source"],
                "n": row["n"],
                "tie": row["tie"],
                "outcome": outcomes.get(pk, ""),
            }
        )
    columns = ["item_id", "external_id", "label_id", "label", "labels", "spans", "confidence", "distribution"]
    frame = pd.DataFrame(shown, columns=[*columns, "source", "n", "tie", "outcome"], dtype=object)
    return frame.astype(
        {"item_id": "int64", "label_id": "Int64", "n": "int64", "tie": "bool", "confidence": "float64"}
    )


def _shares_of_values(answers: Answers, items: Integers, n: Integers) -> list[dict[Key, float]]:
    """For each item, each label or span that somebody gave, and the share of the people who did."""
    found: list[dict[Key, float]] = [{} for _ in range(len(n))]
    for item, code in zip(items.tolist(), answers.labels.tolist(), strict=True):
        counted = found[item]
        for key in set(answers.values[code]):
            counted[key] = counted.get(key, 0) + 1
    return [{key: times / int(n[at]) for key, times in counted.items()} for at, counted in enumerate(found)]


def _inferred_shares(
    method: str, answers: Answers, items: Integers, people: Integers, size: int
) -> list[dict[Key, float]]:
    """The posterior of each label by itself, given or not."""
    found: list[dict[Key, float]] = [{} for _ in range(size)]
    for label in sorted({pk for value in answers.values for pk in value}):
        holds = np.array([label in value for value in answers.values], dtype=np.int64)[answers.labels]
        posterior = infer_truth(method, items, people, holds, 2, size).posterior[:, 1]
        for at in np.flatnonzero(posterior >= 5e-7).tolist():
            found[at][label] = float(posterior[at])
    return found


def _inferred_row(shares: dict[Key, float]) -> dict[str, Any]:
    tie = any(abs(share - 0.5) < 1e-9 for share in shares.values())
    certain = min((max(share, 1 - share) for share in shares.values()), default=1.0)
    value = None if tie else [key for key, share in shares.items() if share > 0.5]
    return {"value": value, "confidence": certain, "shares": shares, "tie": tie, "source": "inferred"}


def _as_said(value: list[Key] | None, shares: dict[Key, float]) -> dict[str, Any]:
    """Shares of the answers, and that of the label on which a value rests least; 0 where there is no value."""
    agree = (
        [share if key in value else 1 - share for key, share in shares.items()]
        if value is not None
        else [0.0]
    )
    return {"shares": shares, "confidence": min(agree, default=1.0)}


def _given(value: list[Key], source: str, confidence: float | None) -> dict[str, Any]:
    shares = dict.fromkeys(value, 1.0)
    return {"value": value, "confidence": confidence, "shares": shares, "tie": False, "source": source}


def _imported(project: Project, several: bool) -> list[tuple[int, list[Key]]]:
    field = "imported_labels" if several else "imported_spans"
    items = Item.objects.filter(project=project, deleted__isnull=True, **{f"{field}__isnull": False})
    return [(pk, _keys(value)) for pk, value in items.values_list("pk", field)]


def _gold(project: Project, several: bool) -> list[tuple[int, list[Key]]]:
    field = "labels" if several else "spans"
    gold = GoldItem.objects.filter(project=project, item__deleted__isnull=True, **{f"{field}__isnull": False})
    return [(pk, _keys(value)) for pk, value in gold.values_list("item_id", field)]


def _decisions(project: Project, several: bool) -> list[tuple[int, str, list[Key] | None]]:
    """The newest standing decision of each item."""
    field = "labels" if several else "spans"
    newest = (
        Decision.objects.filter(case__project=project, withdrawn__isnull=True)
        .order_by("item_id", "-id")
        .distinct("item_id")
        .values_list("item_id", "outcome", field)
    )
    return [(pk, outcome, None if value is None else _keys(value)) for pk, outcome, value in newest]


def _keys(value: list[Any]) -> list[Key]:
    return [tuple(part) if isinstance(part, list) else part for part in value]


def _span(key: tuple[int, int, int], names: dict[int, str]) -> dict[str, Any]:
    return {"start": key[0], "end": key[1], "label": names[key[2]]}


def _word(key: Key, names: dict[int, str]) -> str:
    return names[key] if isinstance(key, int) else f"{key[0]}-{key[1]}:{names[key[2]]}"
