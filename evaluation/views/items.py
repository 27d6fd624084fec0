"""One text with its whole story. It reads all rooms, so it stands in the last one."""

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotation.access import open_project
from annotation.algorithms.difference import difference
from annotation.models import GoldItem, Item, Project, Role, Round
from annotation.queries import items as queries
from annotation.queries.projects import rounds
from evaluation.queries import stories


@require_GET
def item_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One text; the texts before and after it are those of the list that the address names."""
    project = open_project(request, slug, Role.LEAD)
    every = Item.objects.filter(project=project).select_related("imported_label", "source", "project")
    item = get_object_or_404(every, pk=pk)
    (known,) = queries.describe(project, [item])
    names = stories.names_of(item)
    answers, flags = stories.answers_of(item, names), list(queries.flags_of(item))
    cases, splits, gold = (
        stories.cases_of(item, names),
        stories.splits_of(item),
        GoldItem.objects.filter(item=item).first(),
    )
    copies = stories.copies_of(item)
    compared = next((copy for copy in copies if str(copy["item"].pk) == request.GET.get("pair")), None)
    listed = _list(request, project)
    descending = request.GET.get("sort") == "newest"
    context = {
        "item": item,
        "known": known,
        "answers": answers,
        "flags": flags,
        "cases": cases,
        "splits": splits,
        "predictions": stories.predictions_of(item),
        "copies": copies,
        "meta_labels": stories.meta_labels_of(item),
        "compared": compared,
        "difference": difference(item.text, compared["item"].text) if compared else None,
        "gold": gold,
        "history": stories.history(item, answers, flags, cases, splits, gold),
        "words": len(item.text.split()),
        "previous": _neighbour(listed, pk, forwards=descending),
        "next": _neighbour(listed, pk, forwards=not descending),
        "kept": request.GET.urlencode(),
        "rounds": item.round_items.filter(round__deleted__isnull=True)
        .select_related("round")
        .order_by("round"),
        "open_rounds": rounds(project).exclude(state=Round.State.CLOSED),
    }
    return render(request, "evaluation/item.html", context)


def _list(request: HttpRequest, project: Project) -> QuerySet[Item]:
    """The list from which the text was opened; the whole pool where that makes no sense."""
    try:
        return queries.items(project, queries.filters_of(request.GET))
    except ValidationError:
        return queries.items(project)


def _neighbour(listed: QuerySet[Item], pk: int, *, forwards: bool) -> int | None:
    found = listed.filter(pk__gt=pk).order_by("pk") if forwards else listed.filter(pk__lt=pk).order_by("-pk")
    return found.values_list("pk", flat=True).first()
