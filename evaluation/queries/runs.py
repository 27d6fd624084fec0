"""Reading runs: their predictions beside the truth, their reports, their errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import F, FloatField, QuerySet
from django.db.models.expressions import RawSQL
from numpy.typing import NDArray

from annotation.algorithms.text import is_keepable
from annotation.models import Project
from evaluation.models import Prediction, Run, SplitItem
from evaluation.queries.splits import doubtful_ids, name_of
from qc.queries.agreement import latest_report
from qc.queries.known import stored_ceiling

SCORED = """
    SELECT s.item_id, s.label_id, p.label_id,
           (SELECT max(q) FROM unnest(p.probabilities) q)
    FROM evaluation_splititem s JOIN evaluation_prediction p ON p.run_id = %s AND p.item_id = s.item_id
    WHERE s.split_set_id = %s AND s.split = %s AND s.label_id IS NOT NULL
    ORDER BY s.item_id
"""


def people_by_label(project: Project) -> dict[str, dict[str, Any]]:
    """What people reach on each label, from the stored reports: {label: {"recall", "alpha"}}, estimates or None.

    `recall` is the human ceiling: how often annotators give the label to texts that are known to have it; `alpha` how
    far they agree on it. Beside a model's figures they tell whether it is the model or the labels.
    """
    ceiling, agreement = stored_ceiling(project), latest_report(project)
    recalls = {row["label"]: row["recall"] for row in ceiling.result["per_label"]} if ceiling else {}
    alphas = {row["label"]: row["alpha"] for row in agreement.result["per_label"]} if agreement else {}
    return {
        name: {"recall": recalls.get(name), "alpha": alphas.get(name)} for name in sorted({*recalls, *alphas})
    }


@dataclass(frozen=True)
class Scored:
    """A run's predictions beside the truth, one element an item: label ids, top probability (None without any)."""

    items: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64] | None
    split_labels: list[int]
    missing: int
    revision: int

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.equal(self.truth, self.predicted)


def runs_of(project: Project) -> QuerySet[Run]:
    """The project's runs with split set and author, newest first."""
    return (
        Run.objects.filter(project=project)
        .select_related("split_set", "created_by", "report")
        .order_by("-id")
    )


def item_ids(run: Run) -> dict[str, int]:
    """The ids by which a client may name the items of the run's split, as they stand in its files."""
    rows = SplitItem.objects.filter(split_set=run.split_set_id, split=run.split)
    doubtful = doubtful_ids(run.split_set)
    return {
        name_of(pk, external, doubtful): pk
        for pk, external in rows.values_list("item_id", "item__external_id").iterator()
    }


def scored_items(run: Run) -> Scored:
    """Reads the predictions on labelled items of the run's split."""
    revision = run.revision
    with connection.cursor() as cursor:
        cursor.execute(SCORED, [run.pk, run.split_set_id, run.split])
        rows = cursor.fetchall()
    in_split = SplitItem.objects.filter(split_set=run.split_set_id, split=run.split, label__isnull=False)
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    top = columns[3]
    known = bool(top) and all(value is not None for value in top)
    return Scored(
        items=np.array(columns[0], dtype=np.int64),
        truth=np.array(columns[1], dtype=np.int64),
        predicted=np.array(columns[2], dtype=np.int64),
        confidence=np.array(top, dtype=np.float64) if known else None,
        split_labels=sorted(in_split.values_list("label", flat=True).distinct()),
        missing=in_split.count() - len(rows),
        revision=revision,
    )


def errors(
    run: Run, *, true: str = "", predicted: str = "", order: str = "confidence", correct_too: bool = False
) -> QuerySet[Prediction]:
    """The run's predictions with `true_label` (name), `predicted_label`, `confidence` and `entropy` (bits).

    Wrong ones only, surest first, unless a cell of the confusion matrix is asked for, which may be the diagonal.
    """
    truth = RawSQL(
        """(SELECT l.name FROM evaluation_splititem s JOIN annotation_label l ON l.id = s.label_id
            WHERE s.split_set_id = %s AND s.item_id = evaluation_prediction.item_id AND s.split = %s)""",
        [run.split_set_id, run.split],
    )
    found = (
        Prediction.objects.filter(run=run)
        .select_related("item", "label")
        .annotate(
            true_label=truth,
            predicted_label=F("label__name"),
            confidence=RawSQL(
                "(SELECT max(q) FROM unnest(evaluation_prediction.probabilities) q)",
                [],
                output_field=FloatField(),
            ),
            entropy=RawSQL(
                "(SELECT -sum(q * log(2, q::numeric)) FROM unnest(evaluation_prediction.probabilities) q WHERE q > 0)",
                [],
                output_field=FloatField(),
            ),
        )
        .filter(true_label__isnull=False)
    )
    if not correct_too:
        found = found.exclude(true_label=F("label__name"))
    if not (is_keepable(true) and is_keepable(predicted)):
        return found.none()
    if true:
        found = found.filter(true_label=true)
    if predicted:
        found = found.filter(label__name=predicted)
    ordering = F("entropy") if order == "entropy" else F("confidence")
    return found.order_by(ordering.desc(nulls_last=True), "id")


def as_row(prediction: Prediction) -> dict[str, Any]:
    """One error as REST tells it."""
    found: Any = prediction
    return {
        "id": found.item.external_id or str(found.item_id),
        "item_id": found.item_id,
        "text": found.item.text,
        "label": found.true_label,
        "predicted": found.predicted_label,
        "confidence": found.confidence,
        "entropy": found.entropy,
    }
