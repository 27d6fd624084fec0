"""The texts of a project, and one text with its whole story."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotation.access import open_project
from annotation.models import Flag, Item, Role
from annotation.queries import items as queries
from annotation.queries.projects import active_labels, rounds

PAGE = 50
NOT_FILTERS = {"after", "before", "meta_field", "meta_value"}


@require_GET
def item_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The texts under the filters in the address, by number, a page at a time."""
    project = open_project(request, slug, Role.LEAD)
    filters = {name: value for name, value in request.GET.dict().items() if name not in NOT_FILTERS and value}
    if (field := request.GET.get("meta_field", "")) and (value := request.GET.get("meta_value", "")):
        filters[f"{queries.META}{field}"] = value
    wrong: list[str] = []
    try:
        found = queries.items(project, filters)
    except ValidationError as invalid:
        found, wrong = Item.objects.none(), invalid.messages
    before, after = _place(request, "before"), _place(request, "after")
    if before is not None:
        page = list(found.filter(pk__lt=before).order_by("-pk")[: PAGE + 1])
        more_before, more_after = len(page) > PAGE, True
        page = page[:PAGE][::-1]
    else:
        page = list(found.filter(pk__gt=after or 0).order_by("pk")[: PAGE + 1])
        more_before, more_after = after is not None, len(page) > PAGE
        page = page[:PAGE]
    context = {
        "rows": queries.describe(project, page),
        "before": page[0].pk if page and more_before else None,
        "after": page[-1].pk if page and more_after else None,
        "filters": filters,
        "chips": [(name, value, _without(request, name)) for name, value in filters.items()],
        "wrong": wrong,
        "rounds": rounds(project),
        "labels": active_labels(project),
        "states": queries.STATES,
        "flag_kinds": Flag.Kind.choices,
        "meta_fields": queries.meta_fields(project),
        "kept": request.GET.urlencode() if not wrong else "",
    }
    return render(request, "annotation/items.html", context, status=400 if wrong else 200)


def _place(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def _without(request: HttpRequest, name: str) -> str:
    """This page's address without one filter and from the start."""
    kept = request.GET.copy()
    for gone in (name, "after", "before"):
        kept.pop(gone, None)
    if name.startswith(queries.META):
        kept.pop("meta_field", None)
        kept.pop("meta_value", None)
    return f"{request.path}?{kept.urlencode()}"


@require_GET
def item_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One text: its answers, flags and facts, and where it came from."""
    project = open_project(request, slug, Role.LEAD)
    item = get_object_or_404(queries.items(project).select_related("imported_label", "source"), pk=pk)
    (known,) = queries.describe(project, [item])
    answers = list(queries.answers_of(item))
    others = queries.items(project).only("pk")
    context = {
        "item": item,
        "known": known,
        "answers": answers,
        "flags": queries.flags_of(item),
        "words": len(item.text.split()),
        "previous": others.filter(pk__lt=pk).order_by("-pk").values_list("pk", flat=True).first(),
        "next": others.filter(pk__gt=pk).order_by("pk").values_list("pk", flat=True).first(),
        "rounds": item.round_items.select_related("round").order_by("round"),
    }
    return render(request, "annotation/item.html", context)
