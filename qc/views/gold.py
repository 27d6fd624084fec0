"""Gold: texts whose answer is known. Set one by one, promoted from what people or the panel agreed on, or imported.

The page stands in this room because decisions are known here; what is done to gold is in `annotation`.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from annotation import jobs
from annotation.access import open_project
from annotation.forms.addresses import id_in
from annotation.models import GoldItem, Item, Project, Role, User
from annotation.queries.gold import gold_counts
from annotation.queries.jobs import live_jobs, worker_alive
from annotation.queries.projects import active_labels
from annotation.queries.values import label_names, value_in_words
from annotation.services import gold as services
from qc.forms.cases import AnswerForm
from qc.forms.gold import GoldForm, PromoteForm
from qc.queries.gold import count_decided, decided_values, gold_page

PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
def gold_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the gold texts; `?item=` asks for the known answer of that text, and makes it gold."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    item = _item(project, id_in(request.GET, "item"))
    form = GoldForm(project, request.POST if request.method == "POST" else None)
    if item is not None and request.method == "POST" and form.is_valid():
        known = GoldItem.objects.filter(item=item).first()
        try:
            if known is None:
                services.set_gold(project, request.user, item, **form.value(), explanation=form.explanation)
            else:
                services.change_gold(known, request.user, **form.value(), explanation=form.explanation)
        except ValidationError as wrong:
            form.add_error(None, wrong.messages)
        else:
            messages.success(request, f"Text {item.pk:,} is gold." if known is None else "Changed.")
            return redirect("gold", slug)
    context = _page(request, project) | _chosen(project, item, form)
    return render(request, "qc/gold.html", context, status=400 if form.errors else 200)


def _item(project: Project, pk: int | None) -> Item | None:
    return None if pk is None else get_object_or_404(Item, project=project, pk=pk, deleted__isnull=True)


def _page(request: HttpRequest, project: Project) -> dict[str, Any]:
    rows, older = gold_page(project, id_in(request.GET, "before"), PAGE)
    names = label_names(project)
    return {
        "rows": [{"gold": row, "words": value_in_words(row, names)} for row in rows],
        "older": older,
        "counts": gold_counts(project),
        "decided": count_decided(project),
        "jobs": live_jobs(project, ["promote_gold"]),
        "worker_alive": worker_alive(),
    }


def _chosen(project: Project, item: Item | None, form: GoldForm) -> dict[str, Any]:
    if item is None:
        return {}
    known = GoldItem.objects.filter(item=item).first()
    return {
        "item": item,
        "known": known,
        "known_words": value_in_words(known, label_names(project)) if known else "",
        "form": form,
        "task": project.task,
        "all_labels": list(active_labels(project)),
        "own": AnswerForm.OWN,
    }


@require_POST
def promote(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes gold of what everybody agreed on, by a job; or of what the panel decided."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    form = PromoteForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        if form.cleaned_data["source"] == PromoteForm.DECIDED:
            n = services.promote_adjudicated(project, request.user, decided_values(project))
            messages.success(
                request, f"{n} text{'s' * (n != 1)} that the panel decided {'is' if n == 1 else 'are'} gold."
            )
        else:
            jobs.promote_gold(project, request.user, at_least=form.cleaned_data["at_least"] or 0)
            messages.success(request, "A job looks for them; this page shows how far it is.")
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("gold", slug)


@require_POST
def change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Retires a gold text, or brings it back."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    known = get_object_or_404(GoldItem.objects.select_related("project"), project=project, pk=pk)
    if "back" in request.POST:
        services.bring_back_gold(known, request.user)
        messages.success(request, "It is handed out again; its showings are counted from the start.")
    else:
        services.retire_gold(known, request.user)
        messages.success(request, "It is handed out no more. The answers to it stay, and what they counted.")
    return redirect("gold", slug)
