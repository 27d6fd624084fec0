"""Where a project stands."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum
from django.utils import timezone

from annotation.models import (
    Annotation,
    AnswerTally,
    AuditEntry,
    Flag,
    Guideline,
    Import,
    Label,
    Project,
    Round,
)


def active_labels(project: Project) -> QuerySet[Label]:
    """The labels that can be chosen, in their order."""
    return Label.objects.filter(project=project, retired__isnull=True)


def newest_guideline(project: Project) -> Guideline | None:
    """The guideline that annotators read now."""
    return Guideline.objects.filter(project=project, published__isnull=False).order_by("-version").first()


def rounds(project: Project) -> QuerySet[Round]:
    """The project's rounds, oldest first; without those that were deleted."""
    return Round.objects.filter(project=project, deleted__isnull=True).order_by("id")


def counts(project: Project) -> dict[str, int]:
    """Items and answers, from counters that the services keep, so that the cost does not grow."""
    totals = {"items": 0, "items_done": 0, "annotations": 0}
    for made in rounds(project):
        totals["items"] += made.items_total
        totals["items_done"] += made.items_done
        totals["annotations"] += made.answers_total
    return totals


def answers_per_day(project: Project, days: int = 14) -> list[dict[str, Any]]:
    """[{"day", "answers"}] of the last days up to today, those without answers too; as of the last minutes."""
    today = timezone.now().date()
    first = today - timedelta(days=days - 1)
    tallies = AnswerTally.objects.filter(round__in=list(rounds(project)), day__gte=first)
    found = dict(tallies.values_list("day").annotate(n=Sum("answers")))
    return [
        {"day": first + timedelta(days=k), "answers": found.get(first + timedelta(days=k), 0)}
        for k in range(days)
    ]


def open_flags(project: Project, outside: QuerySet[Any] | None = None) -> dict[str, int]:
    """How many open flags there are of each kind; without those on the items of `outside` (rows with item_id)."""
    flags = Flag.objects.filter(item__project=project, resolved__isnull=True, item__deleted__isnull=True)
    if outside is not None:
        flags = flags.exclude(item__in=outside.values("item_id"))
    return dict(flags.values_list("kind").annotate(n=Count("id")).order_by("-n"))


def recent_imports(project: Project, n: int = 5) -> QuerySet[Import]:
    """The newest imports."""
    return Import.objects.filter(project=project).order_by("-id")[:n]


def recent_changes(projects: QuerySet[Project], n: int = 8) -> QuerySet[AuditEntry]:
    """The newest entries of the audit log over some projects."""
    return (
        AuditEntry.objects.filter(project__in=projects).select_related("user", "project").order_by("-id")[:n]
    )


def newest_annotation_id(project: Project) -> int:
    """The id of the newest answer, by which a stored result knows whether it is old."""
    newest = Annotation.objects.filter(round__in=list(rounds(project))).aggregate(newest=Max("id"))["newest"]
    return newest or 0
