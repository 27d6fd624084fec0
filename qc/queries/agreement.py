"""Stored agreement, of all and of everybody."""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from django.db.models import Count, Max, QuerySet

from annotation.models import Annotation, AnnotationVersion, Annotator, Item, Membership, Project, Round
from annotation.queries.values import label_names, value_in_words
from qc.models import AgreementReport, AnnotatorReport, Case
from qc.queries.answers import scope_rounds


def latest_report(project: Project, round_: Round | None = None) -> AgreementReport | None:
    """The newest agreement of the project over all rounds, or of one round."""
    return (
        AgreementReport.objects.filter(project=project, round=round_)
        .select_related("round", "project")
        .defer("pairs")
        .first()
    )


def report_of_person(
    project: Project, annotator_id: int, round_: Round | None = None
) -> AnnotatorReport | None:
    """One person's part of the newest agreement of the project, or of one round."""
    return (
        AnnotatorReport.objects.filter(
            agreement__project=project, agreement__round=round_, annotator=annotator_id
        )
        .select_related("agreement__round", "agreement__project", "annotator__user")
        .defer("agreement__pairs", "agreement__result")
        .first()
    )


def latest_alpha(report_id: int) -> dict[str, Any] | None:
    """Alpha of a stored report, without the rest of it."""
    found = AgreementReport.objects.filter(pk=report_id).values_list("result__alpha", flat=True)
    alpha: dict[str, Any] | None = found.first()
    return alpha


def neighbours(report: AnnotatorReport) -> tuple[AnnotatorReport | None, AnnotatorReport | None]:
    """The reports of the people before and after this one, in the order in which they first answered."""
    beside = (
        AnnotatorReport.objects.filter(agreement=report.agreement_id)
        .select_related("annotator__user")
        .defer("result")
    )
    before = beside.filter(annotator__lt=report.annotator_id).order_by("-annotator").first()
    return before, beside.filter(annotator__gt=report.annotator_id).order_by("annotator").first()


def reports(project: Project) -> QuerySet[AgreementReport]:
    """The stored reports: over all rounds first, then each round, newest round first."""
    return (
        AgreementReport.objects.filter(project=project)
        .select_related("round")
        .defer("pairs")
        .order_by("-round_id")  # NULLs come first when descending
    )


def newest_replaced() -> int:
    """The newest id of an answer that its author replaced."""
    return AnnotationVersion.objects.aggregate(newest=Max("pk"))["newest"] or 0


def authors(project: Project) -> dict[int, tuple[str, str]]:
    """Annotator id → (name, state of the membership). Names that came with a file have the state "imported"."""
    states = dict(Membership.objects.filter(project=project).values_list("user_id", "state"))
    found: dict[int, tuple[str, str]] = {}
    for author in Annotator.objects.filter(project=project).select_related("user"):
        if author.user is None:
            found[author.pk] = (author.name, "imported")
        else:
            found[author.pk] = (author.user.username, states.get(author.user.pk, Membership.State.REMOVED))
    return found


def answers_by_item(
    project: Project, item_ids: Sequence[int], rounds: Iterable[int]
) -> dict[int, list[dict[str, Any]]]:
    """Item id → [{"label", "n"}], most frequent answer first.

    Somebody who answered in several of the rounds counts with the newest answer, as in the report.
    """
    given = Annotation.objects.counted().filter(item__in=item_ids, round__in=rounds)
    newest = given.order_by("item", "annotator", "-id").distinct("item", "annotator").values("pk")
    rows = (
        Annotation.objects.filter(pk__in=newest)
        .values("item_id", "label_id", "labels", "spans")
        .annotate(n=Count("id"))
        .order_by("item_id", "-n", "label__position", "labels", "spans")
    )
    names = label_names(project)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        value = SimpleNamespace(**row)
        found.setdefault(row["item_id"], []).append({"label": value_in_words(value, names), "n": row["n"]})
    return found


def disputed_texts(
    project: Project, disputed: Sequence[dict[str, Any]], round_: Round | None
) -> list[dict[str, Any]]:
    """The disputed items of a report with what a page shows of them, in the same order.

    Without texts that were taken out since.
    """
    ids = [row["item_id"] for row in disputed]
    items = Item.objects.filter(project=project, deleted__isnull=True, excluded__isnull=True).in_bulk(ids)
    answers = answers_by_item(project, ids, scope_rounds(project, round_))
    open_cases = dict(Case.objects.filter(item__in=ids, state=Case.State.OPEN).values_list("item_id", "pk"))
    return [
        {
            "item": items[row["item_id"]],
            "entropy": row["entropy"],
            "answers": answers.get(row["item_id"], []),
            "case": open_cases.get(row["item_id"]),
        }
        for row in disputed
        if row["item_id"] in items
    ]
