"""The team page, and the page behind an invitation's link."""

import csv
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from annotation import jobs
from annotation.access import may, open_project, role_here
from annotation.algorithms.formulas import defuse
from annotation.forms.account import InvitedUserForm
from annotation.forms.members import InviteForm, MemberForm, QuotaForm
from annotation.models import Invitation, Job, Membership, Project, Role, Round, User
from annotation.queries import people
from annotation.queries.jobs import live_jobs, worker_alive
from annotation.queries.projects import rounds
from annotation.queries.rounds import paces
from annotation.queries.team import (
    Work,
    changes,
    counted_work,
    has_many_set_aside,
    labels_mostly,
    look_closer,
    placeholders,
    work_of,
)
from annotation.services import members

PAGE = 25
ANSWER_JOBS = ["set_aside_answers", "take_back_answers"]


@require_GET
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """How everybody is doing, who waits for a decision, and who is invited."""
    project = open_project(request, slug, Role.LEAD)
    return render(request, "annotation/team.html", team_page(request, project))


def team_page(request: HttpRequest, project: Project) -> dict[str, Any]:
    """What the page shows."""
    everybody = counted_work(project)
    here = [work for work in everybody if work.membership.state != Membership.State.REMOVED]
    labelling = [work for work in here if labels_mostly(work)]
    order = request.GET.get("order", "gold")
    labelling.sort(key=ORDERS.get(order, ORDERS["gold"]))
    page = Paginator(labelling, PAGE).get_page(request.GET.get("page"))
    look_closer(list(page))
    running = [made for made in rounds(project) if made.state == Round.State.OPEN]
    pace = paces(running).values()
    invitations = Invitation.objects.filter(
        project=project, accepted_by__isnull=True, expires__gt=timezone.now()
    )
    chosen = request.GET.get("member", "")
    is_owner = may(role_here(request), Role.OWNER)
    shown = next((work for work in everybody if work.membership.user.username == chosen), None)
    paused = [work for work in here if work.membership.state == Membership.State.PAUSED]
    return {
        "page": page,
        "order": order if order in ORDERS else "gold",
        "labelling": labelling,
        "others": [work for work in here if not labels_mostly(work)],
        "removed": [work for work in everybody if work.membership.state == Membership.State.REMOVED],
        "placeholders": placeholders(project),
        "paused": sorted(paused, key=lambda work: work.membership.paused_by_id is not None),
        "paused_answers": sum(work.answers for work in paused),
        "all_answers": sum(work.answers for work in everybody),
        "by_rule": any(work.membership.paused_by_id is None for work in paused),
        "a_day": sum(mine.a_day for mine in pace),
        "needed": sum(mine.needed_a_day or 0 for mine in pace),
        "chosen": shown,
        "set_aside": bool(shown and shown.annotator and has_many_set_aside(shown.annotator)),
        "jobs": live_jobs(project, ANSWER_JOBS),
        "worker_alive": worker_alive(),
        "invitations": invitations.order_by("-id")[:50],
        "form": InviteForm(),
        "is_owner": is_owner,
        "roles": [role for role in Role if is_owner or role.rank < Role.LEAD.rank],
        "changes": changes(project),
    }


def _by_gold(work: Work) -> tuple[float, str]:
    value = work.gold.value
    return (-1.0 if value is None else -1.0 - value, work.membership.user.username)


ORDERS: dict[str, Callable[[Work], Any]] = {
    "gold": _by_gold,
    "name": lambda work: work.membership.user.display_name.lower(),
    "answers": lambda work: (-work.answers, work.membership.user.username),
    "seen": lambda work: -(work.last_seen.timestamp() if work.last_seen else 0),
}


COLUMNS = [
    *(
        "username",
        "role",
        "state",
        "answers",
        "quota",
        "gold_answers",
        "gold_accuracy",
        "gold_low",
        "gold_high",
    ),
    *("repeats", "same_answer_twice", "median_seconds", "answers_a_day", "last_seen"),
]


@require_GET
def team_file(request: HttpRequest, slug: str) -> HttpResponse:
    """What the page shows of everybody, as CSV."""
    project = open_project(request, slug, Role.LEAD)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{project.slug}-team.csv"'
    writer = csv.writer(answer)
    writer.writerow(COLUMNS)
    for work in work_of(project):
        member, gold, again = work.membership, work.gold, work.consistency
        facts = [
            member.role,
            member.state,
            work.answers,
            member.quota,
            gold.n,
            gold.value,
            gold.low,
            gold.high,
        ]
        facts += [again.n, again.value, work.median_seconds, work.a_day]
        seen = work.last_seen.isoformat() if work.last_seen else ""
        writer.writerow([defuse(member.user.username), *facts, seen])
    return answer


@require_POST
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes members of users and links for everybody else."""
    project = open_project(request, slug, Role.LEAD)
    form = InviteForm(request.POST)
    assert isinstance(request.user, User)
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        sent = form.cleaned_data
        joined, links = members.invite_people(
            project, request.user, form.names(), role=sent["role"], quota=sent["quota"]
        )
    except ValidationError as wrong:
        messages.error(request, f"Nobody was invited. {' '.join(wrong.messages)}")
    else:
        there = f"{len(joined)} joined. " if joined else ""
        ready = "1 link is ready: copy it and send it." if len(links) == 1 else ""
        copy = ready or (f"{len(links)} links are ready: copy and send them." if links else "")
        messages.success(request, there + copy)
    return redirect(reverse("team", args=[slug]) + "#invite")


@require_POST
def withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Takes an invitation back."""
    project = open_project(request, slug, Role.LEAD)
    invitation = get_object_or_404(Invitation, project=project, pk=pk)
    assert isinstance(request.user, User)
    members.withdraw_invitation(invitation, request.user)
    messages.success(request, "The link does not work any more.")
    return redirect(reverse("team", args=[slug]) + "#invite")


@require_POST
def set_quota(request: HttpRequest, slug: str) -> HttpResponse:
    """Gives every annotator the same quota."""
    project = open_project(request, slug, Role.LEAD)
    form = QuotaForm(request.POST)
    assert isinstance(request.user, User)
    if not form.is_valid():
        messages.error(request, "A quota is a whole number of texts; nothing is as many as there are.")
    else:
        n = members.set_quota_of_everyone(project, request.user, form.cleaned_data["quota"])
        messages.success(request, f"{n} annotator{'s' * (n != 1)} have the new quota.")
    return redirect("team", slug)


@require_POST
def change_member(request: HttpRequest, slug: str, username: str) -> HttpResponse:
    """Changes a member's role or quota, or pauses, reinstates or removes them."""
    project = open_project(request, slug, Role.LEAD)
    membership = get_object_or_404(people.members(project).select_related("project"), user__username=username)
    form = MemberForm(request.POST)
    assert isinstance(request.user, User)
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        changed, job = jobs.change_member(membership, request.user, **form.changes())
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        said = _about_answers(form.cleaned_data, job)
        state, role = changed.get_state_display().lower(), changed.get_role_display().lower()
        messages.success(request, f"{changed.user.display_name}: {role}, {state}.{said}")
    return redirect("team", slug)


def _about_answers(sent: dict[str, Any], job: Job | None) -> str:
    if not sent["requeue"] and not sent["take_back"]:
        return ""
    if job is not None:
        return " A job sees to their answers; this page shows how far it is."
    if sent["requeue"]:
        return " Their answers are set aside; others get the texts."
    return " Their answers count again, except where others have filled the text in the meantime."


@login_not_required
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Joins the project: at once for somebody who is signed in, after making an account for somebody who is new."""
    invitation = get_object_or_404(Invitation.objects.select_related("project", "created_by"), token=token)
    usable = members.is_usable(invitation)
    person = request.user if isinstance(request.user, User) else None
    if person is not None and invitation.accepted_by_id == person.pk:  # a second press, or the link once more
        return redirect("project", invitation.project.slug)
    form = InvitedUserForm(request.POST or None, initial={"email": invitation.email})
    if request.method == "POST" and usable:
        if person is None and form.is_valid():
            person = form.save()
            login(request, person)
        if person is not None:
            try:
                members.accept_invitation(invitation, person)
            except ValidationError as wrong:
                messages.error(request, " ".join(wrong.messages))
            return redirect("project", invitation.project.slug)
    context = {"invitation": invitation, "usable": usable, "form": form}
    return render(request, "annotation/invitation.html", context, status=200 if usable else 410)
