"""Reviewing a sample: first an answer without seeing the label, then what is wrong with the text, if anything."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import may, open_project, role_in
from annotation.models import Role, User
from annotation.queries.jobs import newest_job, worker_alive
from annotation.queries.projects import active_labels, newest_guideline
from annotation.queries.values import label_names, value_in_words
from annotation.services.values import AnswerValue, value_of
from qc.forms.cases import AnswerForm
from qc.forms.explore import MarkForm
from qc.models import Case, MetaLabelVote, Review, Sample, SampleItem
from qc.queries import samples as queries
from qc.queries.review import review_settings
from qc.services import samples as services
from qc.services.cases import open_cases
from qc.views.keys import MOST_LABEL_BUTTONS, keyed

PARTS = {"random": "Random", "metadata": "By metadata", "distance": "By distance", "class": "Per class"}


@require_GET
def sample(request: HttpRequest, slug: str, sample_id: int) -> HttpResponse:
    """The next text of the sample that the user has not reviewed, and what the reviews say so far."""
    chosen = _chosen(request, slug, sample_id)
    return _page(request, chosen, AnswerForm(chosen.project))


@require_POST
def answer(request: HttpRequest, slug: str, sample_id: int, place: int) -> HttpResponse:
    """The user's own answer; the label shows after it."""
    chosen = _chosen(request, slug, sample_id)
    assert isinstance(request.user, User)
    item = get_object_or_404(chosen.sample_items.select_related("item", "sample__project"), position=place)
    form = AnswerForm(chosen.project, request.POST)
    if not form.is_valid():
        return _page(request, chosen, form, status=400)
    try:
        services.answer_blind(item, request.user, **form.value())
    except ValidationError as wrong:
        for name, problems in wrong.message_dict.items():
            form.add_error(name if name in form.fields else None, problems)
        return _page(request, chosen, form, status=400)
    return redirect("sample", slug, sample_id)


@require_POST
def mark(request: HttpRequest, slug: str, sample_id: int, place: int) -> HttpResponse:
    """What is wrong with the text; the next one follows."""
    chosen = _chosen(request, slug, sample_id)
    assert isinstance(request.user, User)
    item = get_object_or_404(chosen.sample_items.select_related("item"), position=place)
    form = MarkForm(request.POST)
    try:
        if not form.is_valid() or not form.cleaned_data["kinds"]:
            raise ValidationError("A text is fine, mislabeled, unsolvable, noisy or ambiguous.")
        services.mark_reviewed(item, request.user, form.cleaned_data["kinds"], form.cleaned_data["note"])
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("sample", slug, sample_id)


@require_POST
def cases(request: HttpRequest, slug: str, sample_id: int) -> HttpResponse:
    """Sends the marked texts to the panel."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    chosen = get_object_or_404(Sample, project=project, pk=sample_id)
    marked = queries.findings(chosen, label_names(project))["marked"]
    note = f"Marked on review of sample {chosen.pk}."
    opened = (
        open_cases(
            project,
            request.user,
            marked,
            Case.Source.MANUAL,
            review_settings(project).quorum,
            dict.fromkeys(marked, note),
        )
        if marked
        else []
    )
    if not opened:
        messages.info(request, "No new case: no text is marked, or all that are have an open case.")
        return redirect("sample", slug, sample_id)
    messages.success(request, f"{len(opened):,} {'case' if len(opened) == 1 else 'cases'} opened.")
    return redirect(f"{reverse('adjudicate', args=[slug])}?source=manual")


def _chosen(request: HttpRequest, slug: str, sample_id: int) -> Sample:
    project = open_project(request, slug, Role.ADJUDICATOR)
    return get_object_or_404(Sample.objects.select_related("project"), project=project, pk=sample_id)


def _page(request: HttpRequest, chosen: Sample, form: AnswerForm, status: int = 200) -> HttpResponse:
    project, user = chosen.project, request.user
    assert isinstance(user, User)
    names = label_names(project)
    at_hand = queries.next_to_review(chosen, user) if chosen.drawn else None
    review = queries.review_of(at_hand, user) if at_hand else None
    labels = list(active_labels(project))
    findings = queries.findings(chosen, names)
    context: dict[str, Any] = {
        "sample": chosen,
        "job": None if chosen.drawn else newest_job(project, "draw_sample", sample=chosen.pk),
        "worker_alive": worker_alive(),
        "parts": [(PARTS[part["kind"]], part["size"]) for part in chosen.recipe["parts"]],
        "drawn_by": PARTS,
        "is_lead": may(role_in(user, project), Role.LEAD),
        "mine": queries.reviewed_by(chosen, user),
        "at_hand": at_hand,
        "review": review,
        "said": value_in_words(review, names) if review else "",
        "reviewed_label": _in_words(at_hand, names) if at_hand else "",
        "form": form,
        "task": project.task,
        "labels": keyed(labels) if len(labels) <= MOST_LABEL_BUTTONS else None,
        "all_labels": labels,
        "span_answers": [],
        "kinds": MetaLabelVote.Kind.choices,
        "findings": findings,
        "guideline": newest_guideline(project),
        "finished": [_finished(row, names) for row in queries.finished_reviews(chosen, user)],
    }
    return render(request, "qc/sample.html", context, status=status)


def _in_words(drawn: SampleItem, names: dict[int, str]) -> str:
    return "" if value_of(drawn) == AnswerValue() else value_in_words(drawn, names)


def _finished(row: Review, names: dict[int, str]) -> dict[str, Any]:
    return {
        "item": row.sample_item.item,
        "label": _in_words(row.sample_item, names),
        "said": value_in_words(row, names),
        "agrees": row.agrees,
        "kinds": row.kinds or ["fine"],
        "drawn_by": ", ".join(PARTS[part].lower() for part in row.sample_item.drawn_by),
        "place": row.sample_item.position,
    }
