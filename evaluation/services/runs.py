"""Runs: creating one, taking its predictions, computing its report."""

import json
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from annotation.models import Label, Project, User
from annotation.services.audit import record
from annotation.services.watching import Progress
from evaluation.algorithms import classification
from evaluation.algorithms.calibration import CalibrationBin, calibration
from evaluation.models import Run, RunReport, SplitSet
from evaluation.queries import runs as queries
from evaluation.services.findings import findings

MOST_ERRORS = 100  # told of one upload
TOLERANCE = 1e-3  # of the sum of probabilities

STAGE = "CREATE TEMP TABLE staged (item_id bigint, label_id bigint, probabilities float8[]) ON COMMIT DROP"
MERGE = """
    INSERT INTO evaluation_prediction (run_id, item_id, label_id, probabilities)
    SELECT %s, item_id, label_id, probabilities FROM staged
    ON CONFLICT (run_id, item_id) DO UPDATE SET label_id = excluded.label_id, probabilities = excluded.probabilities
"""


@transaction.atomic
def create_run(
    project: Project,
    user: User,
    *,
    name: str,
    split_set: SplitSet,
    split: str,
    parent: Run | None = None,
    **fields: Any,
) -> Run:
    """A run without predictions yet. Raises ValidationError when the split is not one of the set's."""
    if split_set.project_id != project.pk:
        raise ValidationError({"split_set": "There is no such split set in this project."})
    if split_set.state not in {SplitSet.State.READY, SplitSet.State.FROZEN}:
        raise ValidationError(
            {"split_set": f"Split set {split_set} is {split_set.get_state_display().lower()}."}
        )
    names = sorted(split_set.manifest.get("counts", {}))
    if split not in names:
        raise ValidationError({"split": f"{split_set} has no split “{split}”. It has {', '.join(names)}."})
    if parent is not None and parent.project_id != project.pk:
        raise ValidationError({"parent": "There is no such run in this project."})
    run = Run(
        project=project, created_by=user, name=name, split_set=split_set, split=split, parent=parent, **fields
    )
    run.full_clean(exclude=["labels", "params", "tags", "parent"])
    run.save()
    record(project, user, "create run", name, after={"split_set": split_set.pk, "split": split})
    return run


def add_predictions(run: Run, rows: list[Any]) -> int:
    """Stores the rows, all or nothing; a later row for the same id replaces the earlier. How many items have one now.

    Raises ValidationError whose message_dict has `rows[<0-based>].<field>`.
    """
    labels = {label.name: label.pk for label in Label.objects.filter(project=run.project)}
    items = queries.item_ids(run)
    wrong: dict[str, str] = {}
    kept: dict[int, tuple[int, list[float] | None]] = {}
    with transaction.atomic():
        held = Run.objects.select_for_update().get(pk=run.pk)
        order = held.labels or list(labels.values())
        place = {pk: at for at, pk in enumerate(order)}
        for at, row in enumerate(rows):
            try:
                item, label, probabilities = _read_row(row, items, labels, place)
            except _RowError as error:
                wrong[f"rows[{at}]{error.field}"] = error.message
                if len(wrong) >= MOST_ERRORS:
                    break
                continue
            kept[item] = (label, probabilities)
        if wrong:
            raise ValidationError(wrong)
        with connection.cursor() as cursor:
            cursor.execute(STAGE)
            with cursor.cursor.copy("COPY staged FROM STDIN") as copy:
                copy.set_types(["int8", "int8", "float8[]"])
                for item, (label, probabilities) in kept.items():
                    copy.write_row((item, label, probabilities))
            cursor.execute(MERGE, [run.pk])
            cursor.execute("DROP TABLE staged")
            cursor.execute("SELECT count(*) FROM evaluation_prediction WHERE run_id = %s", [run.pk])
            (total,) = cursor.fetchone()
        Run.objects.filter(pk=run.pk).update(
            labels=order, predictions_total=total, revision=F("revision") + 1
        )
    run.refresh_from_db()
    return int(total)


class _RowError(Exception):
    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = f".{field}" if field else "", message


def _read_row(
    row: Any, items: dict[str, int], labels: dict[str, int], place: dict[int, int]
) -> tuple[int, int, list[float] | None]:
    if not isinstance(row, dict):
        raise _RowError("", "A row is an object with id and label.")
    item = items.get(str(row.get("id", "")))
    if item is None:
        raise _RowError("id", f"“{row.get('id', '')}” is not in this split.")
    given = row.get("probabilities")
    probabilities = _read_probabilities(given, labels, place) if given not in (None, "") else None
    name = row.get("label")
    if name in (None, "") and probabilities is not None:
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        return item, next(pk for pk, at in place.items() if at == best), probabilities
    if isinstance(name, int) and not isinstance(name, bool):  # pandas reads labels like 0 and 1 as numbers
        name = str(name)
    label = labels.get(name) if isinstance(name, str) else None
    if label is None:
        missing = name in (None, "")
        raise _RowError(
            "label", "Give a label or probabilities." if missing else f"“{name}” is not a label here."
        )
    return item, label, probabilities


def _read_probabilities(given: Any, labels: dict[str, int], place: dict[int, int]) -> list[float]:
    if isinstance(given, str):  # a CSV cell
        try:
            given = json.loads(given)
        except ValueError:
            raise _RowError("probabilities", "This is not a JSON object of label: number.") from None
    if not isinstance(given, dict):
        raise _RowError("probabilities", "This is not an object of label: number.")
    row = [0.0] * len(place)
    for name, value in given.items():
        at = place.get(labels.get(name, -1))
        if at is None:
            raise _RowError("probabilities", f"“{name}” is not a label here.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise _RowError("probabilities", f"The probability of “{name}” must be a number from 0 to 1.")
        row[at] = float(value)
    if abs(sum(row) - 1) > TOLERANCE:
        raise _RowError(
            "probabilities", f"The probabilities sum to {sum(row):.4f}; they must sum to 1 ± 0.001."
        )
    return row


def compute_report(run_id: int, progress: Progress) -> RunReport:
    """Computes a run's report and stores it in place of the old one."""
    run = Run.objects.select_related("project", "split_set").get(pk=run_id)
    progress(0.1, "reading predictions")
    scored = queries.scored_items(run)
    if not len(scored.truth):
        raise ValidationError("There are no predictions on texts with a label. Upload predictions first.")
    names = dict(Label.objects.filter(project=run.project).values_list("pk", "name"))
    order = list(Label.objects.filter(project=run.project).values_list("pk", flat=True))
    present = set(np.unique(scored.truth)) | set(np.unique(scored.predicted)) | set(scored.split_labels)
    classes = np.array([pk for pk in order if pk in present], dtype=np.int64)
    sorter = np.argsort(classes)
    truth = sorter[np.searchsorted(classes, scored.truth, sorter=sorter)]
    predicted = sorter[np.searchsorted(classes, scored.predicted, sorter=sorter)]
    progress(0.4, "1,000 bootstrap draws")
    labels = [names[int(pk)] for pk in classes]
    matrix = classification.confusion_matrix(truth, predicted, len(classes))
    figures = classification.classification_report(matrix, seed=run.pk)
    result: dict[str, Any] = {
        **figures.as_dict(labels),
        "missing": scored.missing,
        "label_ids": [int(pk) for pk in classes],
        "calibration": None,
        "cohorts": None,
        "shifts": None,
        "baselines": None,
        "spans": None,
    }
    progress(0.7, "calibration")
    if scored.confidence is not None:
        found = calibration(scored.confidence, scored.correct)
        result["calibration"] = {"ece": found.ece, "bins": [_bin(one) for one in found.bins]}
    result["findings"] = findings(run, result, matrix)
    progress(0.9, "storing")
    with transaction.atomic():
        report, _ = RunReport.objects.update_or_create(
            run=run,
            defaults={
                "computed": timezone.now(),
                "revision": scored.revision,
                "macro_f1": result["macro"]["f1"]["value"],
                "result": result,
            },
        )
        macro_f1 = report.macro_f1
        progress(1, "macro F1 undefined" if macro_f1 is None else f"macro F1 {macro_f1:.3f}")
    return report


def _bin(one: CalibrationBin) -> dict[str, Any]:
    right = one.accuracy
    return {**one.as_dict(), "accuracy": right.value, "accuracy_low": right.low, "accuracy_high": right.high}
