"""A project's labels: one more, a change, and the recorded ways in which they go."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from annotation import jobs
from annotation.access import open_project
from annotation.forms.labels import LabelSettingsForm, MergeForm
from annotation.models import Label, Project, Role, User
from annotation.queries.labels import facts_of, history_of
from annotation.queries.projects import active_labels
from annotation.services import labels


def _label(project: Project, pk: int) -> Label:
    return get_object_or_404(Label.objects.select_related("project", "merged_into"), project=project, pk=pk)


def _placed(wrong: ValidationError, form: LabelSettingsForm) -> None:
    known = wrong.message_dict if hasattr(wrong, "error_dict") else {"__all__": wrong.messages}
    for field, problems in known.items():
        form.add_error(field if field in form.fields else None, problems)


@require_http_methods(["GET", "HEAD", "POST"])
def new_label(request: HttpRequest, slug: str) -> HttpResponse:
    """One more label."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    free = labels.free_keys(project)
    n = active_labels(project).count()
    form = LabelSettingsForm(initial={"color": n % 8 + 1, "hotkey": next(iter(free), "")})
    if request.method == "POST":
        form = LabelSettingsForm(request.POST)
        if form.is_valid():
            try:
                made = labels.add_label(project, request.user, **form.cleaned_data)
            except ValidationError as wrong:
                _placed(wrong, form)
            else:
                messages.success(request, f"“{made.name}” can be chosen from the next text on.")
                return redirect("settings", slug)
    context = {"form": form, "free": free[:5]}
    return render(request, "annotation/label.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def label(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One label: its facts, changed here; what it can be merged into; its history."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    known = _label(project, pk)
    used = list(active_labels(project))
    place = next((at for at, one in enumerate(used, start=1) if one.pk == pk), None)
    form = LabelSettingsForm(initial=facts_of(known) | {"place": place})
    if request.method == "POST":
        form = LabelSettingsForm(request.POST)
        if form.is_valid():
            try:
                labels.change_label(known, request.user, form.changes())
            except ValidationError as wrong:
                _placed(wrong, form)
            else:
                messages.success(request, f"“{form.cleaned_data['name']}” is saved. No answer changed.")
                return redirect("settings", slug)
            known = _label(project, pk)
    context: dict[str, Any] = {
        "label": known,
        "form": form,
        "merge": MergeForm(known),
        "free": labels.free_keys(project)[:5],
        "history": history_of(known)[:50],
        "n": len(used),
    }
    return render(request, "annotation/label.html", context, status=400 if form.errors else 200)


@require_POST
def merge_label(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Merges a label into another."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    known = _label(project, pk)
    form = MergeForm(known, request.POST)
    try:
        if not form.is_valid():
            raise ValidationError("Choose the label that takes over.")
        into = form.cleaned_data["into"]
        migration, job = jobs.merge_label(known, into, request.user)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return redirect("label", slug, pk)
    if job:
        messages.success(request, f"“{known.name}” is being merged into “{into.name}”.")
        return redirect("jobs", slug)
    n = migration.answers
    said = f"{n:,} answer{'' if n == 1 else 's'} with it"
    messages.success(request, f"“{known.name}” is merged into “{into.name}”: {said}.")
    return redirect("settings", slug)


@require_POST
def retire_label(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Takes a label out of the choice."""
    return _move(request, slug, pk, labels.retire_label, "“{}” is retired. Its answers keep it.")


@require_POST
def restore_label(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Puts a label back into the choice."""
    return _move(request, slug, pk, labels.restore_label, "“{}” can be chosen again.")


def _move(request: HttpRequest, slug: str, pk: int, service: Any, done: str) -> HttpResponse:
    project = open_project(request, slug, Role.LEAD)
    known = _label(project, pk)
    try:
        service(known, request.user)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        messages.success(request, done.format(known.name))
    return redirect("settings", slug)
