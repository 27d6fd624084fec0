"""Computing agreement and keeping it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray
from scipy import sparse

from annotation.models import Label, Project, Round
from qc.algorithms.agreement import AgreementResult, agreement_report
from qc.algorithms.label_counts import count_labels, disputed_items
from qc.models import AgreementReport
from qc.queries.agreement import authors, newest_replaced
from qc.queries.answers import Answers, read_answers

Integers = NDArray[np.int64]

REPLICATES = 1000
SEED = 0
MOST_DISPUTED = 500  # kept in a report
MOST_CONFUSED = 10  # pairs of labels whose texts are kept in a report
MOST_OF_A_PAIR = 100
NO_GOLD = "no gold answers yet"
NO_REPEATS = "no repeats yet"


def compute_agreement(
    project: Project, round_: Round | None, progress: Callable[[float, str], None]
) -> AgreementReport:
    """Computes agreement over a project or one of its rounds and puts it in the place of the last one."""
    progress(0.0, "reading the answers")
    replaced = newest_replaced()
    computed = timezone.now()
    answers = read_answers(project, round_)
    progress(0.3, f"{len(answers):,} answers")
    result = agreement_result(project, answers)
    progress(0.95, "keeping the result")
    with transaction.atomic():
        report, _ = AgreementReport.objects.update_or_create(
            project=project,
            round=round_,
            defaults={
                "computed": computed,
                "annotations": len(answers),
                "revision": answers.newest,
                "revisions": replaced,
                "result": result,
            },
        )
    return report


def agreement_result(project: Project, answers: Answers) -> dict[str, Any]:
    """The figures as REST clients get them."""
    labels = list(Label.objects.filter(project=project).order_by("position", "id"))
    names = [label.name for label in labels]
    people = authors(project)
    item_ids, items = np.unique(answers.items, return_inverse=True)
    person_ids, persons = np.unique(answers.annotators, return_inverse=True)
    ids = np.array([label.pk for label in labels], dtype=np.int64)
    order = np.argsort(ids)
    codes = order[np.searchsorted(ids[order], answers.labels)] if len(answers) else answers.labels
    found = agreement_report(items, persons, codes, len(labels), SEED, REPLICATES)
    counts = count_labels(items, codes, len(labels), len(item_ids))
    usernames = [people[int(pk)][0] for pk in person_ids]
    used = np.bincount(codes, minlength=len(labels))
    return {
        "items": found.answered_items,
        "items_with_overlap": found.items,
        "annotators": found.annotators,
        "annotations": found.annotations,
        "metric": "nominal",
        "alpha": found.alpha.as_dict(),
        "detectable_drop": found.detectable_drop,
        "ac1": found.ac1.as_dict(),
        "percent_agreement": found.percent_agreement.value,
        "percent_agreement_interval": found.percent_agreement.as_dict(),
        "per_label": [
            {"label": names[row.label], "alpha": row.alpha.as_dict(), "n": int(used[row.label])}
            for row in found.per_label
            if labels[row.label].retired is None or used[row.label]
        ],
        "pairs": [row | {"a": usernames[row["a"]], "b": usernames[row["b"]]} for row in found.pairs.rows()],
        "annotator_reports": _annotator_reports(
            found, answers, persons, [people[int(pk)] for pk in person_ids]
        ),
        "confused_labels": _confused_labels(found, counts, names, item_ids),
        "disputed_items": [
            {"item_id": int(item_ids[at]), "entropy": round(float(found.entropy[at]), 12)}
            for at in disputed_items(counts, MOST_DISPUTED)
        ],
        "spans": None,
    }


def _annotator_reports(
    found: AgreementResult, answers: Answers, persons: Integers, people: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    given = np.bincount(persons, minlength=len(people))
    measured = ~np.isnan(answers.seconds)
    order = np.argsort(persons[measured], kind="stable")
    ends = np.cumsum(np.bincount(persons[measured], minlength=len(people)))[:-1]
    seconds = np.split(answers.seconds[measured][order], ends)
    return [
        {
            "username": username,
            "annotations": int(given[at]),
            "gold": {"n": 0, "accuracy": None, "low": None, "high": None, "reason": NO_GOLD},
            "consistency": {"n": 0, "agreement": None, "kappa": None, "reason": NO_REPEATS},
            "agreement_with_rest": None if np.isnan(found.with_rest[at]) else float(found.with_rest[at]),
            "median_seconds": float(np.median(seconds[at])) if len(seconds[at]) else None,
            "state": state,
        }
        for at, (username, state) in enumerate(people)
    ]


def _confused_labels(
    found: AgreementResult, counts: sparse.csr_array, names: list[str], item_ids: Integers
) -> list[dict[str, Any]]:
    """The pairs of labels; of the most frequent ones also the texts that got both, most disputed first."""
    columns = counts.tocsc()
    rows = []
    for at, pair in enumerate(found.confused_labels):
        row: dict[str, Any] = {"a": names[pair.a], "b": names[pair.b], "n": pair.n}
        both = np.intersect1d(_items_with(columns, pair.a), _items_with(columns, pair.b), assume_unique=True)
        order = np.lexsort((both, -found.entropy[both]))[: MOST_OF_A_PAIR if at < MOST_CONFUSED else 0]
        rows.append(row | {"texts": len(both), "items": item_ids[both[order]].tolist()})
    return rows


def _items_with(columns: sparse.csc_array, label: int) -> Integers:
    return columns.indices[columns.indptr[label] : columns.indptr[label + 1]].astype(np.int64)
