"""Comparing the methods of inferring labels, and keeping what they say."""

from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from annotation.models import Project
from annotation.queries.changes import changes_of
from annotation.services.watching import Progress
from qc.algorithms.leading import LEAST_KEPT, leading_labels
from qc.algorithms.majority import Majority, majority
from qc.algorithms.truth import Inferred, infer_truth
from qc.models import QualitySettings, TruthBlock, TruthReport
from qc.queries.agreement import authors, newest_replaced
from qc.queries.answers import read_answers
from qc.queries.known import known_labels
from qc.queries.resolved import MOST_FOR_MODELS
from qc.queries.settings import quality_settings
from qc.services.measuring import Measured, codes_of, measure

Integers = NDArray[np.int64]
MOST_CONFUSIONS = 50  # people whose confusion matrices are kept, the busiest first
MOST_LABELS = 30  # in a confusion matrix
MOST_DIFFERING = 200  # texts on which the methods differ that are kept, the least certain first
TEXTS_IN_BLOCK = 512
NOT_COMPARED = "Methods are compared where an answer is one label; others resolve by majority."
MAJORITY = QualitySettings.Method.MAJORITY.value


def compute_truth(project: Project, progress: Progress) -> TruthReport:
    """Infers every label by every method and keeps how they differ; in the place of the last report."""
    if project.task != Project.Task.CLASSIFICATION:
        raise ValidationError(NOT_COMPARED)
    progress(0.0, "reading the answers")
    replaced, changes = newest_replaced(), changes_of(project)
    computed = timezone.now()
    answers = read_answers(project)
    measured = measure(project, quality_settings(project), answers)
    by_majority = majority(measured.counts)
    labels = {MAJORITY: by_majority.label}
    found: dict[str, Inferred] = {}
    methods = [method for method in QualitySettings.Method.values if method != MAJORITY]
    if len(answers) > MOST_FOR_MODELS:
        methods = [QualitySettings.Method.DAWID_SKENE.value]
    for at, method in enumerate(methods):
        progress(0.2 + 0.7 * at / len(methods), method)
        found[method] = infer_truth(
            method,
            measured.items,
            measured.persons,
            measured.codes,
            len(measured.labels),
            len(measured.item_ids),
        )
        labels[method] = found[method].label
    known = _known_codes(project, measured)
    people = authors(project)
    result = {
        "items": len(measured.item_ids),
        "annotations": len(answers),
        "known": int((known >= 0).sum()),
        "methods": [
            _method(name, label, labels[MAJORITY], known, found.get(name)) for name, label in labels.items()
        ],
        "same": [
            {"a": a, "b": b, "share": float(np.mean(labels[a] == labels[b])) if len(labels[a]) else None}
            for at, a in enumerate(labels)
            for b in list(labels)[at + 1 :]
        ],
        **_differing(measured, by_majority, labels, found),
        "labels": measured.names,
        "people": _people(measured, [people[int(pk)][0] for pk in measured.person_ids], found),
    }
    says = np.stack(
        [
            leading_labels(by_majority.distribution if name == MAJORITY else found[name].posterior, label)
            for name, label in labels.items()
        ],
        axis=1,
    )
    progress(0.95, "keeping the result")
    with transaction.atomic():
        report, _ = TruthReport.objects.update_or_create(
            project=project,
            defaults={
                "computed": computed,
                "revision": answers.newest,
                "revisions": replaced,
                "changes": changes,
                "methods": list(labels),
                "labels": [label.pk for label in measured.labels],
                "result": result,
            },
        )
        _store_blocks(report, measured.item_ids, says)
    return report


def _store_blocks(report: TruthReport, item_ids: Integers, says: NDArray[np.void]) -> None:
    """In the place of the last ones."""
    TruthBlock.objects.filter(report=report).delete()
    with connection.cursor() as cursor:
        statement = "COPY qc_truthblock (report_id, first, ids, says) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.set_types(["int8", "int8", "bytea", "bytea"])
            for start in range(0, len(item_ids), TEXTS_IN_BLOCK):
                ids = item_ids[start : start + TEXTS_IN_BLOCK].astype("<i8")
                said = says[start : start + TEXTS_IN_BLOCK].tobytes()
                copy.write_row((report.pk, int(ids[0]), ids.tobytes(), said))


def _known_codes(project: Project, measured: Measured) -> Integers:
    """For each item the label that is known from the panel or as gold; -1 without."""
    ids, labels, _ = known_labels(project)
    found = np.full(len(measured.item_ids), -1, np.int64)
    if len(ids) and len(found):
        place = np.minimum(np.searchsorted(ids, measured.item_ids), len(ids) - 1)
        same = ids[place] == measured.item_ids
        found[same] = codes_of(measured.labels, labels)[place[same]]
    return found


def _differing(
    measured: Measured, by_majority: Majority, labels: dict[str, Integers], found: dict[str, Inferred]
) -> dict[str, Any]:
    """{"differing": how many texts not all methods give the same label, "differing_items": the least certain of them}.

    Of each text what every method says: {"label", "confidence", "distribution"}.
    """
    table = np.stack(list(labels.values()))
    rows = np.flatnonzero((table != table[0]).any(axis=0))
    certain = np.mean([inferred.confidence[rows] for inferred in found.values()], axis=0)
    chosen = rows[np.lexsort((rows, certain))[:MOST_DIFFERING]]

    def said(method: str, at: int) -> dict[str, Any]:
        label = int(labels[method][at])
        if method == MAJORITY:
            shares = by_majority.shares(at)
            confidence = float(by_majority.confidence[at])
        else:
            posterior = found[method].posterior[at]
            shares = {int(code): float(posterior[code]) for code in np.flatnonzero(posterior >= LEAST_KEPT)}
            confidence = float(found[method].confidence[at])
        return {
            "label": measured.names[label] if label >= 0 else None,
            "confidence": round(confidence, 4),
            "distribution": {measured.names[code]: round(share, 4) for code, share in shares.items()},
        }

    return {
        "differing": len(rows),
        "differing_items": [
            {"item": int(measured.item_ids[at]), "methods": {method: said(method, at) for method in labels}}
            for at in chosen.tolist()
        ],
    }


def _method(
    name: str, label: Integers, by_majority: Integers, known: Integers, inferred: Inferred | None
) -> dict[str, Any]:
    compared = known >= 0
    return {
        "method": name,
        "undecided": int((label < 0).sum()),
        "differs": int(((label != by_majority) & (by_majority >= 0)).sum()),
        "right": int((label[compared] == known[compared]).sum()),
        "prevalence": None if inferred is None else inferred.prevalence.tolist(),
        "confidence": None if inferred is None or not len(label) else float(np.nanmean(inferred.confidence)),
    }


def _people(measured: Measured, names: list[str], found: dict[str, Inferred]) -> list[dict[str, Any]]:
    """Reliability of everybody by each model, and the confusion matrices of the busiest."""
    given = np.bincount(measured.persons, minlength=len(names))
    skene = found.get("dawid-skene")
    matrices = skene.confusion if skene is not None and len(measured.labels) <= MOST_LABELS else None
    with_matrix = set(np.argsort(-given, kind="stable")[:MOST_CONFUSIONS].tolist())
    rows = []
    for at, name in enumerate(names):
        pk = int(measured.person_ids[at])
        row: dict[str, Any] = {"username": name, "annotator": pk, "annotations": int(given[at])}
        for method, inferred in found.items():
            value = float(inferred.reliability[at])
            row[method] = None if np.isnan(value) else value
        if matrices is not None and at in with_matrix:
            row["confusion"] = np.round(matrices[at], 4).tolist()
        rows.append(row)
    return rows
