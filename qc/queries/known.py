"""Labels that are known: what the panel decided, and gold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.models import GoldItem, Project
from qc.models import Decision, HumanCeiling, Outcome

Integers = NDArray[np.int64]


def standing_decisions(project: Project) -> tuple[Integers, NDArray[np.object_], Integers]:
    """The newest standing decision of each item: item ids, outcomes, label ids (-1 for none)."""
    rows: list[tuple[int, str, int | None]] = list(
        Decision.objects.filter(case__project=project, withdrawn__isnull=True)
        .order_by("item_id", "-id")
        .distinct("item_id")
        .values_list("item_id", "outcome", "label_id")
    )
    return (
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=object),
        np.array([-1 if row[2] is None else row[2] for row in rows], dtype=np.int64),
    )


def gold_labels(project: Project) -> tuple[Integers, Integers]:
    """Item ids, ascending, and label ids of gold items that are one label, retired ones too."""
    rows = list(
        GoldItem.objects.filter(project=project, label__isnull=False, item__deleted__isnull=True)
        .order_by("item_id")
        .values_list("item_id", "label_id")
    )
    return (
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
    )


def known_labels(project: Project) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Item ids, ascending, the label id of each, and whether the panel decided it; decisions come before gold."""
    decided, outcomes, labels = standing_decisions(project)
    final = np.array([outcome == Outcome.LABEL for outcome in outcomes], dtype=np.bool_)
    known = {
        **dict(zip(*(column.tolist() for column in gold_labels(project)), strict=True)),
        **dict(zip(decided[final].tolist(), labels[final].tolist(), strict=True)),
    }
    ids = np.array(sorted(known), dtype=np.int64)
    return ids, np.array([known[pk] for pk in ids.tolist()], dtype=np.int64), np.isin(ids, decided[final])


def known_sets(project: Project) -> tuple[Integers, list[list[int]], NDArray[np.bool_]]:
    """`known_labels` where a text can have several: item ids, ascending, the label ids of each, by decision or not."""
    return _known_values(project, "labels")


def known_spans(
    project: Project,
) -> tuple[Integers, list[frozenset[tuple[int, int, int]]], NDArray[np.bool_]]:
    """`known_labels` where spans are marked: item ids, ascending, the spans of each, by decision or not."""
    ids, values, decided = _known_values(project, "spans")
    return ids, [frozenset((start, end, label) for start, end, label in spans) for spans in values], decided


def _known_values(project: Project, field: str) -> tuple[Integers, list[Any], NDArray[np.bool_]]:
    gold = GoldItem.objects.filter(project=project, item__deleted__isnull=True, **{f"{field}__isnull": False})
    known: dict[int, Any] = dict(gold.values_list("item_id", field))
    newest = (
        Decision.objects.filter(case__project=project, withdrawn__isnull=True)
        .order_by("item_id", "-id")
        .distinct("item_id")
        .values_list("item_id", "outcome", field)
    )
    decided = {
        item: value for item, outcome, value in newest if outcome == Outcome.LABEL and value is not None
    }
    known |= decided
    ids = np.array(sorted(known), dtype=np.int64)
    return ids, [known[pk] for pk in ids.tolist()], np.isin(ids, list(decided))


def stored_ceiling(project: Project) -> HumanCeiling | None:
    """The human ceiling as it was computed last with the project's agreement."""
    return HumanCeiling.objects.filter(project=project).select_related("project").first()
