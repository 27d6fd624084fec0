"""Finding copies, and deciding what becomes of them."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from annotation.algorithms.duplicates import (
    Comparison,
    IntArray,
    TooManyPairs,
    clusters,
    exact_pairs,
)
from annotation.algorithms.text import NOT_KEEPABLE, is_keepable
from annotation.models import Project, User
from annotation.services.audit import record
from annotation.services.watching import Progress
from evaluation.models import LeakagePair, LeakageReport, PairDecision, SplitSet
from evaluation.queries.leakage import Compared, newest_item_id
from evaluation.queries.splits import split_order

MOST_PAIRS = 5_000_000
NOT_COMPUTED = "Not computed: this version compares words, not meanings."
COPY_PAIRS = """
    COPY evaluation_leakagepair (report_id, a_id, b_id, kind, similarity, split_a, split_b, cluster) FROM STDIN
"""


@transaction.atomic
def open_report(project: Project, split_set: SplitSet | None, threshold: float, ngram: int) -> LeakageReport:
    """The report with these settings, where the next computation puts its result; made at the first request."""
    wrong: dict[str, str] = {}
    if not 0.5 <= threshold <= 1:
        wrong["threshold"] = "The threshold is a number from 0.5 to 1."
    if not 1 <= ngram <= 8:
        wrong["ngram"] = "The n-grams have 1 to 8 words."
    if split_set is not None and split_set.state not in (SplitSet.State.READY, SplitSet.State.FROZEN):
        wrong["split_set"] = "This split set is not built yet."
    if wrong:
        raise ValidationError(wrong)
    Project.objects.select_for_update().get(pk=project.pk)  # two requests must not make two reports
    report, _ = LeakageReport.objects.get_or_create(
        project=project, split_set=split_set, threshold=threshold, ngram=ngram
    )
    return report


def find_copies(report_id: int, progress: Progress) -> None:
    """Computes a report and replaces its pairs, in one transaction."""
    report = LeakageReport.objects.select_related("project", "split_set").get(pk=report_id)
    revision = newest_item_id(report.project)
    progress(0.01, "reading the texts")
    compared = Compared(report.project, report.split_set)
    number = compared.number()
    comparison = Comparison(
        compared.texts(),
        report.ngram,
        number,
        lambda done: progress(0.01 + 0.39 * done, f"reading {number:,} texts"),
    )
    texts = len(compared)
    order = split_order(report.split_set) if report.split_set else []
    sides = compared.sides(order) if texts and report.split_set else None
    try:
        exact_a, exact_b = _exact(comparison, sides)
        near = comparison.near_pairs(
            report.threshold,
            sides,
            lambda done: progress(0.4 + 0.4 * done, f"comparing {texts:,} texts"),
            MOST_PAIRS,
        )
    except TooManyPairs as many:
        raise ValidationError(TOO_MANY) from many
    del comparison
    if len(exact_a) + len(near) > MOST_PAIRS:
        raise ValidationError(TOO_MANY)
    progress(0.8, f"storing {len(exact_a) + len(near):,} pairs")
    a, b = np.concatenate([exact_a, near.a]), np.concatenate([exact_b, near.b])
    similarity = np.concatenate([np.ones(len(exact_a)), near.similarity])
    is_near = np.arange(len(a)) >= len(exact_a)
    cluster = clusters(texts, a, b)
    result = {
        "exact": {"pairs": len(exact_a), "clusters": _clusters(texts, exact_a, exact_b)},
        "near": {"pairs": len(near), "clusters": _clusters(texts, near.a, near.b)},
        "semantic": {"pairs": None, "clusters": None, "reason": NOT_COMPUTED},
        "between": _between(order, sides, a, b, is_near) if sides is not None else [],
        "divergence": None,
    }
    with transaction.atomic():
        LeakagePair.objects.filter(report=report)._raw_delete("default")
        with connection.cursor() as cursor, cursor.copy(COPY_PAIRS) as copy:
            for done, at in enumerate(np.lexsort((b, a, is_near, -similarity)).tolist()):
                i, j = int(a[at]), int(b[at])
                copy.write_row(
                    (
                        report.pk,
                        compared.items[i],
                        compared.items[j],
                        "near" if is_near[at] else "exact",
                        float(similarity[at]),
                        compared.split_of(i),
                        compared.split_of(j),
                        int(cluster[i]),
                    )
                )
                if done % 100_000 == 0:
                    progress(0.8 + 0.19 * done / len(a), f"storing {len(a):,} pairs")
        LeakageReport.objects.filter(pk=report.pk).update(
            computed=timezone.now(), items=texts, revision=revision, result=result
        )
        progress(1, f"{len(exact_a):,} exact and {len(near):,} near pairs")


TOO_MANY = (
    f"There are more pairs of copies than the {MOST_PAIRS:,} that can be listed. "
    "Raise the threshold, or import without exact duplicates."
)


def _exact(comparison: Comparison, sides: IntArray | None) -> tuple[IntArray, IntArray]:
    """The pairs of equal texts, across splits only if there are any; refuses before memory runs out."""
    groups = comparison.exact_groups()
    if sides is not None:
        groups = [group for group in groups if (sides[group] != sides[group[0]]).any()]
    if sum(len(group) * (len(group) - 1) // 2 for group in groups) > MOST_PAIRS:
        raise TooManyPairs
    a, b = exact_pairs(groups)
    if sides is not None:
        across = sides[a] != sides[b]
        a, b = a[across], b[across]
    return a, b


def _clusters(n: int, a: IntArray, b: IntArray) -> int:
    """How many groups these pairs tie together."""
    return len(np.unique(clusters(n, a, b)[a])) if len(a) else 0


def _between(
    order: Sequence[str], side: IntArray, a: IntArray, b: IntArray, is_near: np.ndarray[Any, Any]
) -> list[dict[str, Any]]:
    """For every two splits: pairs of each kind, and how many texts of each side are in one."""
    sizes = np.bincount(side, minlength=len(order))
    rows = []
    for (first, first_name), (second, second_name) in combinations(enumerate(order), 2):
        forth = (side[a] == first) & (side[b] == second)
        back = (side[a] == second) & (side[b] == first)
        rows.append(
            {
                "a": first_name,
                "b": second_name,
                "exact": int(((forth | back) & ~is_near).sum()),
                "near": int(((forth | back) & is_near).sum()),
                "semantic": None,
                "items_a": len(np.union1d(a[forth], b[back])),
                "items_b": len(np.union1d(b[forth], a[back])),
                "size_a": int(sizes[first]),
                "size_b": int(sizes[second]),
            }
        )
    return rows


@transaction.atomic
def decide_pair(pair: LeakagePair, user: User, action: str, reason: str = "") -> None:
    """Keeps two texts together, drops one from train, or says that they are no copies; "" takes a decision back."""
    if action not in LeakagePair.Action.values:
        raise ValidationError({"action": "Choose keep together, drop from train, or not a copy."})
    project = pair.report.project
    a, b = sorted((pair.a_id, pair.b_id))
    before = PairDecision.objects.filter(a=a, b=b).first()
    if len(reason) > 500:
        raise ValidationError({"reason": "A reason has at most 500 characters."})
    if not is_keepable(reason):
        raise ValidationError({"reason": NOT_KEEPABLE})
    if action:
        PairDecision.objects.update_or_create(
            a_id=a,
            b_id=b,
            defaults={"project": project, "action": action, "reason": reason, "decided_by": user},
        )
    elif before:
        before.delete()
    record(
        project,
        user,
        "decide pair",
        f"texts {a} and {b}",
        before={"action": before.action} if before else None,
        after={"action": action} if action else None,
    )


@transaction.atomic
def keep_all_together(report: LeakageReport, user: User) -> int:
    """Decides “keep together” for every pair of the report that nobody decided on; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO evaluation_pairdecision (project_id, a_id, b_id, action, reason, decided_by_id, created)
            SELECT %s, least(a_id, b_id), greatest(a_id, b_id), 'together', '', %s, now()
            FROM evaluation_leakagepair WHERE report_id = %s
            ON CONFLICT (a_id, b_id) DO NOTHING
            """,
            [report.project_id, user.pk, report.pk],
        )
        decided = int(cursor.rowcount)
    record(
        report.project, user, "keep pairs together", f"leakage report {report.pk}", after={"pairs": decided}
    )
    return decided
