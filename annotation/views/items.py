"""The texts of a project: the list under filters, and what is done to many of them at once."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.forms.texts import GOLD_BY, UNDO, back_to_list, choice_of, metadata_facets
from annotation.jobs import change_items
from annotation.models import Flag, Item, Project, Role, Round, User
from annotation.queries import items as queries
from annotation.queries import sorting
from annotation.queries.finding import FEW, MOST_LOOKED_AT, Found, coverage, listing
from annotation.queries.jobs import live_job, worker_alive
from annotation.queries.metadata import META
from annotation.queries.projects import active_labels, rounds
from annotation.services.bulk import OUT_OF_ROUND, ROUND, Done

PAGE = 50
MOST_COUNTED = 1000
LONGEST, FACTS = 300, 4  # characters of a text, and fields of metadata, in a line of the list
ANSWER_FORMS = [
    ("csv", "CSV"),
    ("jsonl", "JSON Lines"),
    ("parquet", "Parquet"),
    ("label-studio.json", "Label Studio"),
    ("doccano.zip", "doccano"),
]
TEXT_FORMS = ANSWER_FORMS[:3]


@require_GET
def item_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The texts under the filters in the address, a page at a time."""
    project = open_project(request, slug, Role.LEAD)
    filters = queries.filters_of(request.GET)
    order = request.GET.get("sort") or sorting.ITEM
    wrong: list[str] = []
    page, known = sorting.Sheet([]), Found([])
    try:
        sorting.check_order(order, filters)
        texts = listing(project, filters)
        place = {name: request.GET.get(name) for name in ("before", "after")}
        page = sorting.page_in_order(project, filters, texts, order, PAGE, **place)
        if filters and page.texts and order in sorting.WHOLE:
            known = texts.first(MOST_COUNTED + 1, most=FEW)
    except ValidationError as invalid:
        wrong = invalid.messages
    whole = known.reached is None
    undo = request.session.get(UNDO, {})
    facets = metadata_facets(project, filters)
    asked = {"round", "state", "flagged", "label", "q", *(c.name for facet in facets for c in facet.controls)}
    context = {
        "rows": _rows(project, page.texts, _list_query(request) if not wrong else ""),
        "before": page.before,
        "after": page.after,
        "cut_off": page.cut_off,
        "most_looked_at": MOST_LOOKED_AT,
        "filters": filters,
        "order": order,
        "orders": sorting.orders_under(filters),
        "whole": order in sorting.WHOLE,
        "chips": [(_filter_words(name), value, _without(request, name)) for name, value in filters.items()],
        "wrong": wrong,
        "counted": len(known.ids) if known.ids and whole else None,
        "most_counted": max(min(len(known.ids), MOST_COUNTED), len(page.texts) - 1)
        if known.ids and not whole
        else None,
        "coverage": coverage(project) if filters.get("q") else None,
        "rounds": rounds(project),
        "open_rounds": rounds(project).exclude(state=Round.State.CLOSED),
        "labels": active_labels(project),
        "states": queries.STATES,
        "flag_kinds": Flag.Kind.choices,
        "facets": facets,
        "other_filters": [(name, value) for name, value in filters.items() if name not in asked],
        "answer_forms": [*ANSWER_FORMS, ("conll", "CoNLL")]
        if project.task == Project.Task.SPANS
        else ANSWER_FORMS,
        "text_forms": TEXT_FORMS,
        "filters_query": urlencode(filters),
        "kept": _list_query(request) if not wrong else "",
        "gold_by": GOLD_BY,
        "undo": undo.get(str(project.pk)),
        "job": live_job(project, "change_items"),
        "worker_alive": worker_alive(),
    }
    return render(request, "annotation/items.html", context, status=400 if wrong else 200)


def _rows(project: Project, texts: list[Item], kept: str) -> list[dict[str, Any]]:
    """What each line says; put together here, since a template takes ten times as long for it."""
    address = reverse("items", args=[project.slug])
    rows = queries.describe(project, texts)
    for row in rows:
        item = row["item"]
        row["url"] = f"{address}{item.pk}/{'?' if kept else ''}{kept}"
        row["number"] = f"{item.pk:,}"
        row["text"] = item.text if len(item.text) <= LONGEST else f"{item.text[: LONGEST - 1]}…"
        row["facts"] = ", ".join(f"{name}: {str(value)[:40]}" for name, value in row["meta"][:FACTS])
    return rows


def _filter_words(name: str) -> str:
    """ "source", or "date from": the operator after the colon as a word."""
    return name.removeprefix(META).replace(":", " ") if name.startswith(META) else name


def _list_query(request: HttpRequest) -> str:
    """The filters and the order of the list, without its place."""
    kept = request.GET.copy()
    for gone in ("after", "before"):
        kept.pop(gone, None)
    return _filled(kept).urlencode()


def _filled(query: QueryDict) -> QueryDict:
    for name in [name for name, value in query.items() if not value]:
        del query[name]
    return query


def _without(request: HttpRequest, name: str) -> str:
    """This page's address without one filter and from the start."""
    kept = request.GET.copy()
    for gone in (name, "after", "before"):
        kept.pop(gone, None)
    return f"{request.path}?{kept.urlencode()}"


@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Excludes, takes back, deletes, restores the ticked texts, or all under the filters, or puts them into a round."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    action = request.POST.get("action", "")
    try:
        done = change_items(
            project,
            request.user,
            action,
            {} if action == OUT_OF_ROUND else choice_of(request.POST),
            because=request.POST.get("because", ""),
            round=request.POST.get("round", "") if action in {ROUND, OUT_OF_ROUND} else "",
            slots=request.POST.get("slots", ""),
        )
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return redirect(back_to_list(request.POST, project))
    if isinstance(done, Done):
        undo = {} if done.undo is None else {str(project.pk): {"message": done.message, **done.undo}}
        request.session[UNDO] = undo
        if not undo:
            messages.success(request, done.message)
    else:
        request.session[UNDO] = {}
    return redirect(back_to_list(request.POST, project))
