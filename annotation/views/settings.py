"""A project's settings: general ones, what was deleted, and the audit log."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.access import may, open_project, role_here
from annotation.forms.addresses import id_in
from annotation.forms.settings import SettingsForm, settings_of
from annotation.models import Item, Project, Role, User
from annotation.queries import audit, labels
from annotation.services import projects
from annotation.services.exporting import csv_lines
from annotation.services.items import restore_items

PAGE = 50
FILTERS = ("who", "action", "day")
LOG_COLUMNS = ["when", "who", "action", "subject", "before", "after"]


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows a project's settings to leads, and changes the general ones."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    form = SettingsForm(initial=settings_of(project))
    if request.method == "POST":
        form = SettingsForm(request.POST)
        if form.is_valid():
            try:
                projects.change_project(project, request.user, form.cleaned_data)
            except ValidationError as wrong:
                known = wrong.message_dict if hasattr(wrong, "error_dict") else {"__all__": wrong.messages}
                for field, problems in known.items():
                    form.add_error(field if field in form.fields else None, problems)
            else:
                messages.success(request, "Saved. It holds from the next text on.")
                return redirect("settings", slug)
    status = 400 if form.errors else 200
    return render(request, "annotation/project_settings.html", _page(request, project, form), status=status)


def _page(request: HttpRequest, project: Project, form: SettingsForm) -> dict[str, Any]:
    known, about = labels.labels_with_counts(project)
    items = audit.deleted_items(project, id_in(request.GET, "before"))
    return {
        "form": form,
        "labels": known,
        "in_use": sum(label.retired is None for label in known),
        "about": about,
        "is_owner": may(role_here(request), Role.OWNER),
        "deleted_rounds": audit.deleted_rounds(project),
        "deleted_items": items[: audit.MOST_DELETED],
        "older": items[audit.MOST_DELETED - 1].pk if len(items) > audit.MOST_DELETED else None,
    }


@require_POST
def delete_project(request: HttpRequest, slug: str) -> HttpResponse:
    """Hides the project from all but its owners."""
    project = open_project(request, slug, Role.OWNER)
    assert isinstance(request.user, User)
    projects.delete_project(project, request.user)
    messages.success(request, f"“{project.name}” is deleted. It is kept until you restore it.")
    return redirect("projects")


@require_POST
def restore_project(request: HttpRequest, slug: str) -> HttpResponse:
    """Brings a deleted project back."""
    project = open_project(request, slug, Role.OWNER)
    assert isinstance(request.user, User)
    projects.restore_project(project, request.user)
    messages.success(request, f"“{project.name}” is back, with everything in it.")
    return redirect("project", slug)


@require_POST
def restore_item(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Brings a deleted text back."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    item = get_object_or_404(Item, project=project, pk=pk)
    restore_items(project, request.user, Item.objects.filter(pk=item.pk))
    messages.success(request, f"Text {pk} is back, with its answers.")
    return redirect("settings", slug)


@require_GET
def audit_log(request: HttpRequest, slug: str) -> HttpResponse:
    """Who changed what, when, from what to what; a page at a time."""
    project = open_project(request, slug, Role.LEAD)
    filters = {name: request.GET.get(name, "") for name in FILTERS}
    wrong: list[str] = []
    try:
        found = audit.entries(project, filters)
    except ValidationError as invalid:
        found, wrong = audit.entries(project, {}).none(), invalid.messages
    after, before = id_in(request.GET, "after"), id_in(request.GET, "before")
    if before is not None:  # newer than
        page = list(found.filter(pk__gt=before).order_by("pk")[: PAGE + 1])
        more_newer, more_older = len(page) > PAGE, True
        page = page[:PAGE][::-1]
    else:
        page = list((found.filter(pk__lt=after) if after is not None else found)[: PAGE + 1])
        more_newer, more_older = after is not None, len(page) > PAGE
        page = page[:PAGE]
    kept = request.GET.copy()
    for name in ("after", "before", "open"):
        kept.pop(name, None)
    context = {
        "rows": [(entry, audit.changes_in_words(entry), _details(entry)) for entry in page],
        "open": id_in(request.GET, "open"),
        "newer": page[0].pk if page and more_newer else None,
        "older": page[-1].pk if page and more_older else None,
        "kept": f"{kept.urlencode()}&" if kept else "",
        "filters": filters,
        "people": audit.people_in_log(project),
        "actions": audit.actions_in_log(project),
        "wrong": wrong,
    }
    return render(request, "annotation/audit.html", context, status=400 if wrong else 200)


def _details(entry: Any) -> str:
    """An entry in full."""
    told = {"before": entry.before, "after": entry.after}
    return json.dumps(told, indent=2, ensure_ascii=False)


@require_GET
def audit_file(request: HttpRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The log under the same filters, as CSV; under wrong ones the page, which says what is wrong."""
    project = open_project(request, slug, Role.LEAD)
    filters = {name: request.GET.get(name, "") for name in FILTERS}
    try:
        rows = audit.log_rows(project, filters)
    except ValidationError:
        return audit_log(request, slug)
    response = StreamingHttpResponse(csv_lines(LOG_COLUMNS, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-audit.csv"'
    return response
