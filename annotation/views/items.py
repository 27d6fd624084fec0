"""The texts of a project: the list under filters, and what is done to many of them at once."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.jobs import change_items
from annotation.models import Flag, Item, Project, Role, Round, User
from annotation.queries import items as queries
from annotation.queries.jobs import live_job, worker_alive
from annotation.queries.metadata import META, field_names
from annotation.queries.projects import active_labels, rounds
from annotation.services.bulk import ROUND, Done

PAGE = 50
MOST_COUNTED = 1000
MOST_FIELDS = 12
ANSWER_FORMS = [
    ("csv", "CSV"),
    ("jsonl", "JSON Lines"),
    ("parquet", "Parquet"),
    ("label-studio.json", "Label Studio"),
    ("doccano.jsonl", "doccano"),
]
TEXT_FORMS = ANSWER_FORMS[:3]
UNDO = "texts_undo"  # in the session: what the last action did, and what takes it back


@require_GET
def item_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The texts under the filters in the address, a page at a time."""
    project = open_project(request, slug, Role.LEAD)
    filters = queries.filters_of(request.GET)
    newest_first = request.GET.get("sort") == "newest"
    wrong: list[str] = []
    try:
        found = queries.items(project, filters)
    except ValidationError as invalid:
        found, wrong = Item.objects.none(), invalid.messages
    page, before, after = _page(request, found, newest_first)
    counted = found.order_by()[: MOST_COUNTED + 1].count() if page and filters else None
    undo = request.session.get(UNDO, {})
    context = {
        "rows": queries.describe(project, page),
        "before": before,
        "after": after,
        "filters": filters,
        "newest_first": newest_first,
        "chips": [(_filter_words(name), value, _without(request, name)) for name, value in filters.items()],
        "wrong": wrong,
        "counted": counted if counted is None or counted <= MOST_COUNTED else None,
        "most_counted": MOST_COUNTED if counted and counted > MOST_COUNTED else None,
        "rounds": rounds(project),
        "open_rounds": rounds(project).exclude(state=Round.State.CLOSED),
        "labels": active_labels(project),
        "states": queries.STATES,
        "flag_kinds": Flag.Kind.choices,
        "meta_fields": field_names(project)[:MOST_FIELDS],
        "answer_forms": [*ANSWER_FORMS, ("conll", "CoNLL")]
        if project.task == Project.Task.SPANS
        else ANSWER_FORMS,
        "text_forms": TEXT_FORMS,
        "filters_query": urlencode(filters),
        "kept": _list_query(request) if not wrong else "",
        "undo": undo.get(str(project.pk)),
        "job": live_job(project, "change_items"),
        "worker_alive": worker_alive(),
    }
    return render(request, "annotation/items.html", context, status=400 if wrong else 200)


def _page(request: HttpRequest, found: Any, newest_first: bool) -> tuple[list[Item], int | None, int | None]:
    """The texts to show, and the ids at which the pages before and after them start."""
    before, after = _place(request, "before"), _place(request, "after")
    backwards = before is not None
    border = before if backwards else after
    ascending = newest_first == backwards
    if border is not None:
        found = found.filter(**{"pk__gt" if ascending else "pk__lt": border})
    page = list(found.order_by("pk" if ascending else "-pk")[: PAGE + 1])
    more = len(page) > PAGE
    page = page[:PAGE][:: -1 if backwards else 1]
    if not page:
        return [], None, None
    has_before = more if backwards else after is not None
    has_after = True if backwards else more
    return page, page[0].pk if has_before else None, page[-1].pk if has_after else None


def _place(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def _filter_words(name: str) -> str:
    return name.removeprefix(META)


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
    if name.startswith(META):
        kept.pop("meta_field", None)
        kept.pop("meta_value", None)
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
            _choice(request),
            because=request.POST.get("because", ""),
            round=request.POST.get("round", "") if action == ROUND else "",
        )
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return redirect(_back(request, project))
    if isinstance(done, Done):
        undo = {} if done.undo is None else {str(project.pk): {"message": done.message, **done.undo}}
        request.session[UNDO] = undo
        if not undo:
            messages.success(request, done.message)
    else:
        request.session[UNDO] = {}
    return redirect(_back(request, project))


def _choice(request: HttpRequest) -> dict[str, Any]:
    """Which texts the form is about."""
    if at := request.POST.get("at"):
        undone = {"include": "exclude", "restore": "delete"}.get(request.POST.get("action", ""), "exclude")
        return {"at": at, "undo_of": undone}
    if request.POST.get("all"):
        return {"filters": queries.filters_of(QueryDict(request.POST.get("kept", "")))}
    ids = [value for value in request.POST.getlist("item") if value.isascii() and value.isdecimal()]
    if not ids:
        raise ValidationError("Tick the texts first.")
    return {"items": [int(value) for value in ids if len(value) < 19]}


def _back(request: HttpRequest, project: Project) -> str:
    """Where the form was: the list with its filters, or the text's page."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, None):
        return wanted
    kept = request.POST.get("kept", "")
    return f"{reverse('items', args=[project.slug])}{'?' if kept else ''}{kept}"
