"""One text with its whole story. It reads all rooms, so it stands in the last one."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotation.access import open_project
from annotation.algorithms.difference import difference
from annotation.models import GoldItem, Item, Project, Role, Round, User
from annotation.queries import items as queries
from annotation.queries import sorting
from annotation.queries.finding import FEW, listing
from annotation.queries.projects import rounds
from evaluation.queries import stories
from qc.queries.blindness import case_to_vote_on
from qc.queries.outdated import since_truth
from qc.queries.truth import truth_of_text


@require_GET
def item_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One text; the texts before and after it are those of the list that the address names.

    Whoever may still vote on a case of the text sees neither who answered nor what was voted, decided or marked.
    """
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    every = Item.objects.filter(project=project).select_related("imported_label", "source", "project")
    item = get_object_or_404(every, pk=pk)
    (known,) = queries.describe(project, [item])
    names = stories.names_of(item)
    to_vote_on = case_to_vote_on(request.user, item)
    blind = to_vote_on is not None
    answers, flags = stories.answers_of(item, names, blind=blind), list(queries.flags_of(item))
    cases, splits, gold = (
        stories.cases_of(item, names),
        stories.splits_of(item),
        GoldItem.objects.filter(item=item).first(),
    )
    copies = stories.copies_of(item)
    compared = next((copy for copy in copies if str(copy["item"].pk) == request.GET.get("pair")), None)
    inferred = truth_of_text(item)
    previous, following = _neighbours(request, project, item)
    context = {
        "item": item,
        "known": known,
        "answers": answers,
        "flags": flags,
        "cases": cases,
        "splits": splits,
        "predictions": stories.predictions_of(item),
        "copies": copies,
        "meta_labels": [] if blind else stories.meta_labels_of(item),
        "inferred": inferred,
        "since": since_truth(inferred[0]) if inferred else None,
        "to_vote_on": to_vote_on,
        "compared": compared,
        "difference": difference(item.text, compared["item"].text) if compared else None,
        "gold": gold,
        "history": stories.history(item, answers, flags, cases, splits, gold, blind=blind),
        "words": len(item.text.split()),
        "previous": previous,
        "next": following,
        "kept": request.GET.urlencode(),
        "rounds": item.round_items.filter(round__deleted__isnull=True)
        .select_related("round")
        .order_by("round"),
        "open_rounds": rounds(project).exclude(state=Round.State.CLOSED),
    }
    return render(request, "evaluation/item.html", context)


def _neighbours(request: HttpRequest, project: Project, item: Item) -> tuple[int | None, int | None]:
    """The texts before and after this one in the list from which it was opened; in the pool where that makes no sense.

    None where the list ends, or where the next one is so far that looking for it would keep somebody waiting.
    """
    filters, order = queries.filters_of(request.GET), request.GET.get("sort") or sorting.ITEM
    try:
        texts = listing(project, filters)
        sorting.check_order(order, filters)
    except ValidationError:
        filters, order, texts = {}, sorting.ITEM, listing(project, {})
    if order not in sorting.WHOLE:
        place = sorting.place_of(project, filters, order, item)
        if place is None:
            return None, None
        beside = [
            sorting.page_in_order(project, filters, texts, order, 1, **{way: place}).texts
            for way in ("before", "after")
        ]
        return tuple(next((text.pk for text in found), None) for found in beside)  # type: ignore[return-value]
    pk = item.pk
    lower = texts.first(1, below=pk, descending=True, most=FEW)
    higher = texts.first(1, above=pk, most=FEW)
    both = next(iter(lower.ids), None), next(iter(higher.ids), None)
    return both[::-1] if order == sorting.NEWEST else both
