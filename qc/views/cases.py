"""The adjudication pages: queue, case, what was decided."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from annotation.access import may, open_project, role_here
from annotation.markdown import clauses
from annotation.markdown import render as render_markdown
from annotation.models import Label, MetaLabel, Project, Role, User
from annotation.queries.projects import newest_guideline
from qc.algorithms.marked_text import cut
from qc.forms.cases import CaseFilterForm, OpenCasesForm, OutcomeForm, ReopenForm
from qc.models import Case, GuidelineProposal, Outcome, ReviewSettings, TieRule
from qc.queries import cases, feedback
from qc.queries.clauses import cited, clauses_about
from qc.queries.review import review_settings
from qc.queries.samples import samples_to_review
from qc.queries.similar import similar_decisions
from qc.services import cases as case_services
from qc.services import proposals, votes
from qc.views.keys import MOST_LABEL_BUTTONS, keyed

OUTCOMES = [  # value, key, name, what it means
    (Outcome.LABEL, "l", "Final label", "One answer is right under the guideline."),
    (Outcome.EXCLUDE, "x", "Exclude", "Out of the data, kept with a reason."),
    (Outcome.HARD, "h", "Hard example", "Keep; several labels are defensible."),
    (Outcome.GUIDELINE, "b", "Unclear guideline", "Back to the guideline, with what is unclear in it."),
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
    filters = CaseFilterForm(request.GET).chosen()
    if request.GET.get("state") == "decided":
        found = [line.case for line in _decided(project, filters, 1)]
    else:
        found = cases.queue(project, request.user, filters.get("source", ""), 1)
    if found:
        return redirect(_address(found[0], filters))
    context = _counts(request, project) | {"filters": filters, "form": CaseFilterForm(request.GET)}
    return render(request, "qc/adjudicate_empty.html", context)


@require_GET
def case(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """One case: to vote on while it is open, to read when it is decided."""
    project = open_project(request, slug, Role.ADJUDICATOR)
    chosen = get_object_or_404(cases.cases(project), pk=case_id)
    chosen.project = project
    return _page(request, chosen)


@require_POST
def vote(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """Casts a vote and opens the next case. With a quorum of one, the vote decides."""
    return _settle(request, slug, case_id, votes.cast_vote)


@require_POST
def decide(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """Decides a case whose votes are there but do not agree."""
    return _settle(request, slug, case_id, votes.decide_case)


@require_POST
def stand_aside(request: HttpRequest, slug: str, case_id: int) -> HttpResponse:
    """Shows a lead who answered the text; in return the lead does not vote on the case."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    chosen = get_object_or_404(Case.objects.select_related("project"), project=project, pk=case_id)
    try:
        votes.stand_aside(chosen, request.user)
    except case_services.CaseConflict as crossed:
        messages.error(request, str(crossed))
    else:
        messages.success(request, f"You stand aside from case {chosen.pk}: names show, and others vote.")
    return redirect("item", slug, chosen.item_id)


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
def settle_proposal(request: HttpRequest, slug: str, case_id: int, proposal_id: int) -> HttpResponse:
    """Takes a proposed change into the guideline's draft, or leaves it out."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    proposal = get_object_or_404(GuidelineProposal, pk=proposal_id, case=case_id, case__project=project)
    keep = request.POST.get("keep") == "1"
    try:
        (proposals.keep_proposal if keep else proposals.leave_out_proposal)(proposal, request.user)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        messages.success(request, "It is in the draft now." if keep else "The guideline stays as it is.")
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
    quorum, most = sent["quorum"] or review_settings(project).quorum, sent["most"] or 20
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
    assert isinstance(request.user, User)
    form = OutcomeForm(chosen.project, request.POST)
    if not form.is_valid():
        return _again(request, chosen, form)
    try:
        service(chosen, request.user, **form.content())
    except ValidationError as wrong:
        for name, problems in wrong.message_dict.items():
            form.add_error(name if name in form.fields else None, problems)
        return _again(request, chosen, form)
    except case_services.CaseConflict as crossed:
        messages.error(request, str(crossed))
        return redirect("case", slug, case_id)
    decided = chosen.state == Case.State.DECIDED
    messages.success(request, f"Case {chosen.pk}: {'decided' if decided else 'your vote is cast'}.")
    filters = CaseFilterForm(request.GET).chosen()
    following = _next_open(chosen, request.user, filters.get("source", ""))
    return redirect(_address(following, filters) if following else reverse("adjudicate", args=[slug]))


def _next_open(chosen: Case, user: User, source: str) -> Case | None:
    """The next case in the queue that waits for the user's vote; after the last, the first one left."""
    left = cases.waiting(chosen.project, user, source).select_related("project").exclude(pk=chosen.pk)
    return left.filter(pk__gt=chosen.pk).first() or left.first()


def _address(case: Case, filters: dict[str, str]) -> str:
    """A case's page in a filtered list."""
    kept = f"?{urlencode(filters)}" if filters else ""
    return reverse("case", args=[case.project.slug, case.pk]) + kept


def _decided(project: Project, filters: dict[str, str], most: int = cases.MOST_LISTED) -> list[cases.Decided]:
    return cases.decided(
        project, filters.get("source", ""), filters.get("outcome", ""), filters.get("by", ""), most
    )


def _again(request: HttpRequest, chosen: Case, form: OutcomeForm) -> HttpResponse:
    """The case's page with what is wrong in the form."""
    return _page(request, cases.cases(chosen.project).get(pk=chosen.pk), form, status=400)


def _page(
    request: HttpRequest, chosen: Case, sent: OutcomeForm | None = None, status: int = 200
) -> HttpResponse:
    """The page of a case that was read by `cases.cases`."""
    project, user = chosen.project, request.user
    assert isinstance(user, User)
    is_lead = may(role_here(request), Role.LEAD)
    every = list(Label.objects.filter(project=project))
    names = {label.pk: label.name for label in every}
    [seen] = cases.view_cases([chosen], user, names, is_lead=is_lead)
    is_open = chosen.state == Case.State.OPEN
    filters = CaseFilterForm(request.GET).chosen()
    lines = [] if is_open else _decided(project, filters)
    listed = cases.queue(project, user, filters.get("source", "")) if is_open else [d.case for d in lines]
    at = next((n for n, other in enumerate(listed) if other.pk == chosen.pk), None)
    settings = review_settings(project)
    context = _counts(request, project) | {
        "seen": seen,
        "case": seen.case,
        "item": seen.case.item,
        "meta": list(seen.case.item.meta.items())[:3],
        "is_open": is_open,
        "listed": listed,
        "lines": lines,
        "place": None if at is None else at + 1,
        "kept": f"?{urlencode(filters)}" if filters else "",
        "filters": filters,
        "filter_form": CaseFilterForm(request.GET),
        "deciders": [] if is_open else cases.deciders(project),
        "previous": listed[at - 1] if at else None,
        "next": listed[at + 1] if at is not None and at + 1 < len(listed) else None,
        "settled": cases.describe(seen.decision, names) if seen.decision else "",
        "pieces": _pieces(seen),
        "votes": [
            (vote, cases.describe(vote, names), bool(seen.decision) and _agree(vote, seen))
            for vote in seen.votes or []
        ],
        "tally": cases.tally_in_words(seen.decision, seen.votes or []) if seen.decision else "",
        "overruled": sum(answer["overruled"] for answer in seen.answers),
        "told": settings.tells_annotators and not feedback.is_secret(seen.case.item),
        "similar": similar_decisions(seen.case, names) if is_open else [],
    }
    return render(
        request,
        "qc/adjudicate.html",
        context | _voting(seen, sent, [label for label in every if label.retired is None], settings, is_lead),
        status=status,
    )


def _voting(
    seen: cases.CaseView,
    sent: OutcomeForm | None,
    labels: list[Label],
    settings: ReviewSettings,
    is_lead: bool,
) -> dict[str, Any]:
    """What the form, the guideline beside it and the keys need; nothing once the case is decided."""
    case, project = seen.case, seen.case.project
    if case.state != Case.State.OPEN:
        return {}
    tie_rule = TieRule(settings.tie_rule)
    guideline = newest_guideline(project)
    body = guideline.body if guideline else ""
    in_question = {answer["label"] for answer in seen.answers} | {
        name for answer in seen.answers for name in answer["labels"] or []
    }
    quoted = clauses_about(body, sorted(name for name in in_question if name))
    return {
        "form": sent or OutcomeForm(project, labels=labels),
        "task": project.task,
        "may_vote": seen.my_vote is None and not seen.aside,
        "may_decide": seen.tied
        and (seen.my_vote is not None or seen.aside)
        and (is_lead or tie_rule == TieRule.PANEL),
        "tie_rule": tie_rule,
        "outcomes": OUTCOMES,
        "meta_labels": [(value, name, META_KEYS[MetaLabel(value)]) for value, name in MetaLabel.choices],
        "labels": keyed(labels) if len(labels) <= MOST_LABEL_BUTTONS else None,
        "all_labels": labels,
        "span_answers": _span_answers(seen) if project.task == Project.Task.SPANS else [],
        "guideline": guideline,
        "guideline_html": render_markdown(body),
        "clauses": [cited(clause) for clause in clauses(body)],
        "quoted": [(clause.number, clause.title, render_markdown(clause.body)) for clause in quoted],
    }


def _agree(vote: Any, seen: cases.CaseView) -> bool:
    return seen.decision is not None and cases.content(vote) == cases.content(seen.decision)


def _pieces(seen: cases.CaseView) -> list[tuple[str, list[str], bool]]:
    """The text, cut where the final spans begin and end; nothing where there are none to show."""
    if seen.decision is None or not seen.decision.spans:
        return []
    found = cut(seen.case.item.text, seen.decision.spans)
    return [(text, [seen.names[pk] for pk in over], ends) for text, over, ends in found]


def _span_answers(seen: cases.CaseView) -> list[dict[str, Any]]:
    """The different answers of a span project: which people gave them, what they marked, and what a form sends."""
    different: dict[str, dict[str, Any]] = {}
    text = seen.case.item.text
    for answer in seen.answers:
        key = json.dumps(answer["spans"])
        if key not in different:
            marks = [(text[span["start"] : span["end"]], span["label"]) for span in answer["spans"] or []]
            different[key] = {"value": key, "marks": marks, "letters": [], "key": str(len(different) + 1)}
        different[key]["letters"].append(answer["letter"])
    return list(different.values())


def _counts(request: HttpRequest, project: Project) -> dict[str, Any]:
    assert isinstance(request.user, User)
    is_lead = may(role_here(request), Role.LEAD)
    counted = cases.count_cases(project)
    return {
        "open_count": counted[Case.State.OPEN],
        "decided_count": counted[Case.State.DECIDED],
        "flagged_count": cases.count_flagged(project) if is_lead else 0,
        "is_lead": is_lead,
        "to_review": samples_to_review(project, request.user),
    }
