"""What was found on exploring the texts: suspects, and how many of those looked at were real."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from annotation.algorithms.intervals import wilson
from annotation.models import Item, Project
from annotation.queries.projects import newest_annotation_id
from qc.models import Case, Suspect, SuspectReport


def exploration(project: Project) -> SuspectReport | None:
    """What the newest look at the texts found."""
    return SuspectReport.objects.filter(project=project).first()


def is_outdated(report: SuspectReport) -> bool:
    """Whether answers have come since."""
    return newest_annotation_id(report.project) > report.revision


def suspects(project: Project, reason: str) -> QuerySet[Suspect]:
    """The suspects of one kind, worst first, without texts that were taken out since.

    `waits` says whether an open case asks about them.
    """
    cases = Case.objects.filter(item=OuterRef("item"), state=Case.State.OPEN)
    return (
        Suspect.objects.filter(
            project=project,
            reason=reason,
            rank__isnull=False,
            item__deleted__isnull=True,
            item__excluded__isnull=True,
        )
        .select_related("item", "given", "likely", "project")
        .annotate(waits=Exists(cases))
        .order_by("rank")
    )


def precision(project: Project) -> dict[str, dict[str, Any]]:
    """Of the suspects that somebody has looked at, how many were real, by kind of suspicion, with Wilson's interval."""
    judged = Suspect.objects.filter(project=project).exclude(verdict="")
    counts = {(r, v): n for r, v, n in judged.values_list("reason", "verdict").annotate(n=Count("id"))}
    found = {}
    for reason in Suspect.Reason.values:
        real = counts.get((reason, Suspect.Verdict.REAL.value), 0)
        looked_at = real + counts.get((reason, Suspect.Verdict.FINE.value), 0)
        estimate = wilson(real, looked_at, reason="nobody has looked at one yet")
        found[reason] = {"real": real, **estimate.as_dict()}
    return found


def texts_of(project: Project, ids: list[int]) -> dict[int, Item]:
    """The items with these ids that are still there."""
    return Item.objects.filter(project=project, deleted__isnull=True).in_bulk(ids)
