"""The page of one person's report."""

import math
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_GET, require_POST

from annotation.access import may, open_project, role_here
from annotation.jobs import change_member
from annotation.models import Annotator, Item, Membership, Project, Role, User
from annotation.queries import people
from annotation.queries.projects import rounds
from qc.forms.people import PersonDecisionForm
from qc.queries.agreement import latest_alpha, neighbours, report_of_person
from qc.queries.blindness import without_blind
from qc.queries.outdated import since_agreement
from qc.views.courses import over_sitting, over_weeks
from qc.views.reading import read_person
from qc.views.scope import chosen_round

MOST_MISSED = 8
MOST_WITH = 8


@require_GET
def annotator(request: HttpRequest, slug: str, annotator_id: int) -> HttpResponse:
    """How one person's answers compare with gold, with themselves, and with the rest; patterns with their evidence."""
    project = open_project(request, slug, Role.LEAD)
    person = get_object_or_404(Annotator.objects.select_related("user"), project=project, pk=annotator_id)
    round_ = chosen_round(project, request.GET.get("round", ""))
    report = report_of_person(project, person.pk, round_)
    context: dict[str, Any] = {
        "person": person,
        "name": person.user.display_name if person.user else person.name,
        "round": round_,
        "rounds": list(rounds(project)),
        "report": report,
    }
    if report is not None:
        assert isinstance(request.user, User)
        result = without_blind(request.user, report.result)
        context |= _figures(project, result) | {"since": since_agreement(report.agreement)}
        context["before"], context["after"] = neighbours(report)
        context |= _decision(request, project, person, report.result)
        context["alpha"] = latest_alpha(report.agreement_id)
    return render(request, "qc/annotator.html", context)


@require_POST
def decide(request: HttpRequest, slug: str, annotator_id: int) -> HttpResponse:
    """Pauses, reinstates or removes somebody, or sets their answers aside, after a look at their report."""
    project = open_project(request, slug, Role.LEAD)
    person = get_object_or_404(Annotator, project=project, pk=annotator_id)
    member = get_object_or_404(people.members(project).select_related("project"), user=person.user_id)
    form = PersonDecisionForm(request.POST)
    assert isinstance(request.user, User)
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        changed, job = change_member(member, request.user, **form.changes())
    except ValidationError as wrong:
        messages.error(request, f"Nothing was changed. {' '.join(wrong.messages)}")
    else:
        said = f"{changed.user.display_name}: {changed.get_state_display().lower()}."
        if job is not None:
            said += " A job sets their answers aside; then recompute agreement to see it without them."
        elif form.changes().get("requeue"):
            said += " Their answers are set aside; others get the texts. Recompute agreement to see it without them."
        messages.success(request, said)
    return redirect("annotator", slug, annotator_id)


def _decision(
    request: HttpRequest, project: Project, person: Annotator, result: dict[str, Any]
) -> dict[str, Any]:
    """Who the person is in the project now, and whether the reader may decide about them."""
    member = people.membership_of(project, person.user) if person.user else None
    if member is None:
        return {"member": None}
    ranked = Role(member.role).rank < Role.LEAD.rank or may(role_here(request), Role.OWNER)
    paused = member.state == Membership.State.PAUSED
    worrying = paused or result.get("alpha_without") is not None
    return {"member": member, "may_decide": ranked, "paused": paused, "worrying": worrying and ranked}


def _figures(project: Project, result: dict[str, Any]) -> dict[str, Any]:
    missed = result["gold_missed"][:MOST_MISSED]
    texts = Item.objects.filter(project=project, deleted__isnull=True).in_bulk(
        [row["item"] for row in missed]
    )
    sitting = result["over_sitting"]
    blocks = [
        block | {"until": datetime.fromtimestamp(block["until"], UTC)} for block in result["gold_over_time"]
    ]
    mix = result["label_mix"]
    return {
        "result": result,
        "reading": read_person(result, project.gold_threshold),
        "tests": sorted(result["tests"], key=lambda test: (not test["named"], test["q"])),
        "sitting": sitting,
        "sitting_curves": over_sitting(sitting, project.gold_threshold),
        "week_curves": over_weeks(result["over_weeks"], project.gold_threshold),
        "gold_blocks": blocks,
        "gold_days": [date_format(timezone.localtime(block["until"]), "j M") for block in blocks],
        "break_minutes": result.get("break_minutes", 15),
        "weeks": [row | {"week": datetime.fromisoformat(row["week"]).date()} for row in result["over_weeks"]],
        "threshold": project.gold_threshold,
        "mix": mix,
        **_mix_axis(mix),
        "with": [
            row | {"estimate": {name: row[name] for name in ("low", "high")} | {"value": row["kappa"]}}
            for row in result["with"][:MOST_WITH]
        ],
        "missed": [row | {"text": texts[row["item"]].text} for row in missed if row["item"] in texts],
        "missed_ids": ",".join(str(row["item"]) for row in result["gold_missed"]),
    }


def _mix_axis(mix: list[dict[str, Any]]) -> dict[str, Any]:
    """The axis of the label mix: from 0 to the next tenth above all shares; so few ticks that no names touch."""
    highest = max([0.05, *(max(row["share"]["high"] or 0.0, row["others"]) for row in mix)])
    tenths = min(10, math.ceil(highest * 10))
    step = 1 if tenths <= 2 else 2 if tenths <= 4 else 5
    ticks = ", ".join(f"{at / 10}:{10 * at}%" for at in range(0, tenths + 1, step))
    return {"mix_high": tenths / 10, "mix_ticks": ticks}
