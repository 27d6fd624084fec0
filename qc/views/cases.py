"""The adjudication pages: queue, case, reference."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import may, open_project, role_in
from annotation.markdown import render as render_markdown
from annotation.models import Label, MetaLabel, Project, Role, User
from annotation.queries.projects import active_labels, newest_guideline
from qc.forms.cases import OpenCasesForm, OutcomeForm, ReopenForm
from qc.models import Case, Outcome
from qc.queries import cases
from qc.services import cases as case_services

MOST_LABEL_BUTTONS = 12

OUTCOMES = [  # value, key, name, what it means
    (Outcome.LABEL, "l", "Final label", "One label is right under the guideline."),
    (Outcome.EXCLUDE, "x", "Exclude", "Out of the data, kept with a reason."),
    (Outcome.HARD, "h", "Hard example", "Keep; several labels are defensible."),
    (Outcome.GUIDELINE, "g", "Unclear guideline", "Back to the guideline, with what is unclear in it."),
]
META_KEYS = {
    MetaLabel.MISLABELED: "m",
    MetaLabel.UNSOLVABLE: "u",
    MetaLabel.NOISY: "n",
    MetaLabel.AMBIGUOUS: "a",
}


@require_GET
def adjudicate(request: HttpRequest, slug: str) -> HttpResponse:
    """The first open case that the user has not voted on; with `?state=decided` the case decided last."""
    project = open_project(request, slug, Role.ADJUDICATOR)
    assert isinstance(request.user, User)
    if request.GET.get("state") == "decided":
        listed = cases.decided(project, 1)
    else:
        listed = cases.queue(project, request.user, 1)
    if listed:
        return redirect("case", slug, listed[0].pk)
    return render(request, "qc/adjudicate_empty.html", _counts(request, project))


@require_GET
def case(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """One case: to vote on while it is open, to read when it is decided."""
    chosen = _chosen(request, slug, case_id)
    return _page(request, chosen, OutcomeForm(chosen.project))


@require_POST
def vote(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """Casts a vote and opens the next case. With a quorum of one, the vote decides."""
    return _settle(request, slug, case_id, case_services.cast_vote)


@require_POST
def decide(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """Decides a case whose votes are there but do not agree."""
    return _settle(request, slug, case_id, case_services.decide_case)


@require_POST
def reopen(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """Takes a decision back."""
    chosen = _chosen(request, slug, case_id)
    assert isinstance(request.user, User)
    form = ReopenForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say what has changed, then the case can be reopened.")
        return redirect("case", slug, case_id)
    try:
        case_services.reopen_case(chosen, request.user, form.cleaned_data["because"])
    except (ValidationError, case_services.CaseConflict) as wrong:
        messages.error(request, " ".join(getattr(wrong, "messages", [str(wrong)])))
    else:
        messages.success(request, "The case is open again.")
    return redirect("case", slug, case_id)


@require_POST
def open_cases(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes cases of disputed texts, of texts with two confused labels, of flagged texts, or of one."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    form = OpenCasesForm(request.POST)
    back = reverse("agreement", args=[slug])
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        opened = _open(project, request.user, form)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return redirect(back)
    if not opened:
        messages.info(request, "No new case: these texts have an open case or a decision already.")
        return redirect(back)
    messages.success(request, f"{len(opened):,} {'case' if len(opened) == 1 else 'cases'} opened.")
    return redirect("adjudicate", slug)


def _chosen(request: HttpRequest, slug: str, case_id: int) -> Case:
    project = open_project(request, slug, Role.ADJUDICATOR)
    return get_object_or_404(Case.objects.select_related("project"), project=project, pk=case_id)


def _open(project: Project, user: User, form: Form) -> list[Case]:
    sent = form.cleaned_data
    quorum, most = sent["quorum"] or 1, sent["most"] or 20
    if sent["what"] == "flags":
        return case_services.open_cases_of_flags(project, user, quorum)
    if sent["what"] == "item":
        return case_services.open_cases(project, user, [sent["item"] or 0], Case.Source.DISAGREEMENT, quorum)
    if sent["what"] == "confused":
        return case_services.open_cases_of_confusion(
            project, user, sent["a"], sent["b"], most, quorum, sent["round"]
        )
    return case_services.open_cases_of_disputes(project, user, most, quorum, sent["round"])


def _settle(request: HttpRequest, slug: str, case_id: int, service: Any) -> HttpResponse:
    chosen = _chosen(request, slug, case_id)
    form = OutcomeForm(chosen.project, request.POST)
    if not form.is_valid():
        return _page(request, chosen, form, status=400)
    try:
        service(chosen, request.user, **form.content())
    except ValidationError as wrong:
        for name, problems in wrong.message_dict.items():
            form.add_error(name if name in form.fields else None, problems)
        return _page(request, chosen, form, status=400)
    except case_services.CaseConflict as crossed:
        messages.error(request, str(crossed))
        return redirect("case", slug, case_id)
    decided = chosen.state == Case.State.DECIDED
    messages.success(request, f"Case {chosen.pk}: {'decided' if decided else 'your vote is cast'}.")
    following = _next_open(chosen, request.user)
    return redirect("case", slug, following.pk) if following else redirect("adjudicate", slug)


def _next_open(chosen: Case, user: Any) -> Case | None:
    """The next case in the queue that the user has not voted on; after the last, the first one left."""
    left = [c for c in cases.queue(chosen.project, user) if not c.voted and c.pk != chosen.pk]  # type: ignore[attr-defined]
    return next((c for c in left if c.pk > chosen.pk), left[0] if left else None)


def _page(request: HttpRequest, chosen: Case, form: OutcomeForm, status: int = 200) -> HttpResponse:
    project = chosen.project
    user = request.user
    assert isinstance(user, User)
    is_lead = may(role_in(user, project), Role.LEAD)
    seen = cases.view_case(cases.cases(project).get(pk=chosen.pk), user, names=is_lead)
    is_open = chosen.state == Case.State.OPEN
    listed = cases.queue(project, user) if is_open else cases.decided(project)
    at = next((n for n, other in enumerate(listed) if other.pk == chosen.pk), None)
    guideline = newest_guideline(project)
    labels = list(active_labels(project))
    context = _counts(request, project) | {
        "seen": seen,
        "case": seen.case,
        "item": seen.case.item,
        "is_open": is_open,
        "listed": listed,
        "previous": listed[at - 1] if at else None,
        "next": listed[at + 1] if at is not None and at + 1 < len(listed) else None,
        "form": form,
        "may_vote": is_open and seen.my_vote is None,
        "tied": is_open and seen.my_vote is not None and seen.votes_cast >= seen.case.quorum,
        "outcomes": OUTCOMES,
        "meta_labels": [(value, name, META_KEYS[MetaLabel(value)]) for value, name in MetaLabel.choices],
        "labels": _keyed(labels) if len(labels) <= MOST_LABEL_BUTTONS else None,
        "all_labels": labels,
        "guideline": guideline,
        "guideline_html": render_markdown(guideline.body) if guideline else "",
        "settled": cases.describe(seen.decision) if seen.decision else "",
        "votes": [(vote, cases.describe(vote)) for vote in seen.votes or []],
    }
    return render(request, "qc/adjudicate.html", context, status=status)


def _keyed(labels: list[Label]) -> list[tuple[Label, str]]:
    """Each label with its digit: the one that annotators use where all have one, else by position."""
    if all(label.hotkey.isdecimal() for label in labels):
        return [(label, label.hotkey) for label in labels]
    return [(label, str((at + 1) % 10) if at < 10 else "") for at, label in enumerate(labels)]


def _counts(request: HttpRequest, project: Project) -> dict[str, Any]:
    return {
        "open_count": cases.count_cases(project, Case.State.OPEN),
        "decided_count": cases.count_cases(project, Case.State.DECIDED),
        "flagged_count": cases.count_flagged(project),
        "is_lead": may(role_in(request.user, project), Role.LEAD),
    }
