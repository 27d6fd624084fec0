"""The rounds page: what each round asks for, how far it is, and how well people agreed in it.

It stands in this room because it shows agreement, which `annotation` knows nothing of; what is done to a round is in
`annotation`, as its services are.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_http_methods

from annotation import jobs
from annotation.access import open_project
from annotation.forms.rounds import NewRoundForm, PlanForm, in_percent
from annotation.models import Project, Role, Round, User
from annotation.queries.jobs import live_jobs, worker_alive
from annotation.queries.projects import newest_guideline, rounds
from annotation.queries.rounds import Pace, guideline_versions, paces
from annotation.queries.suggestions import sources
from annotation.templatetags.loupe import share
from qc.queries.agreement import reports

ROUND_JOBS = ["fill_round", "resize_round", "compare_round", "measure_suggestions"]


@require_http_methods(["GET", "HEAD", "POST"])
def round_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the rounds; makes a new one."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    form = NewRoundForm(
        project, request.POST if request.method == "POST" else None, initial=_plan(project, request)
    )
    if request.method == "POST" and form.is_valid():
        state = Round.State.OPEN if "open" in request.POST else Round.State.DRAFT
        try:
            made, job = jobs.make_round(project, request.user, state=state, **form.new_round())
        except ValidationError as wrong:
            _put_into(form, wrong)
        else:
            filled = "Its texts are being put in." if job else f"It has {made.items_total:,} texts."
            messages.success(request, f"{made.name} is {made.get_state_display().lower()}. {filled}")
            return redirect("rounds", slug)
    context = _page(project) | {
        "form": form,
        "problems": _problems(form),
        "sources": sources(project).exists(),
    }
    if (said := request.GET.get("change", "")).isdecimal():
        context["change"] = next(
            (row["round"] for row in context["rows"] if str(row["round"].pk) == said), None
        )
    if context.get("change"):
        context["change"].project = project
        context["plan"] = PlanForm.of(context["change"])
    return render(request, "annotation/rounds.html", context, status=400 if form.errors else 200)


def _put_into(form: NewRoundForm, wrong: ValidationError) -> None:
    """The messages at the fields that they are about, the others above the form."""
    by_field = wrong.message_dict if hasattr(wrong, "error_dict") else {"": wrong.messages}
    for name, said in by_field.items():
        form.add_error(name if name in form.fields else None, said)


def _problems(form: NewRoundForm) -> list[str]:
    """What is wrong with the form, each with the field that it is about."""
    return [
        f"{form[name].label}: {error}" if name in form.fields else str(error)
        for name, errors in form.errors.items()
        for error in errors
    ]


def _plan(project: Project, request: HttpRequest) -> dict[str, Any]:
    """What a new round starts from; a link may say more, as ?source=all&which=disagreement."""
    guideline = newest_guideline(project)
    return {
        "name": f"Round {Round.objects.filter(project=project).count() + 1}",
        "kind": Round.Kind.RELAUNCH if guideline and guideline.version > 1 else Round.Kind.MAIN,
        "purpose": Round.Purpose.EVALUATION,
        "source": "none",
        "overlap": project.overlap,
        "maximum_overlap": project.maximum_overlap,
        "gold_rate": in_percent(project.gold_rate),
        "repeat_rate": in_percent(project.repeat_rate),
        "audience": Round.Audience.EVERYONE,
    } | {name: value for name, value in request.GET.items() if name in NewRoundForm.base_fields}


def _page(project: Project) -> dict[str, Any]:
    every = list(rounds(project).select_related("suggestion_source"))
    pace = paces(every)
    alphas = {report.round_id: report.result.get("alpha") for report in reports(project) if report.round_id}
    versions = guideline_versions(project)
    today = timezone.now().date()
    return {
        "rows": [
            {
                "round": made,
                "alpha": alphas.get(made.pk),
                "versions": versions.get(made.pk),
                "pace": pace[made.pk],
                "day": _day(made, today),
            }
            for made in every
        ],
        "reading": read_rounds(every, pace),
        "deleted": Round.objects.filter(project=project, deleted__isnull=False).order_by("-deleted")[:20],
        "compared": next((made for made in reversed(every) if made.comparison), None),
        "relaunch": next(
            (made for made in reversed(every) if made.kind == Round.Kind.RELAUNCH and made.answers_total),
            None,
        ),
        "jobs": live_jobs(project, ROUND_JOBS),
        "worker_alive": worker_alive(),
    }


def _day(made: Round, today: date) -> str:
    """ "day 9 of 20" of an open round."""
    if made.state != Round.State.OPEN:
        return ""
    started = (made.opened or made.created).date()
    day = (today - started).days + 1
    return (
        f"day {day} of {(made.ends - started).days + 1}" if made.ends and made.ends >= today else f"day {day}"
    )


@dataclass(frozen=True)
class Reading:
    """The page's first line: the state, its numbers, and what to do."""

    tone: str
    lead: str
    why: str
    round: Round | None = None
    action: str = ""  # "close", "move" or "invite"; "" none
    end: date | None = None


def read_rounds(every: list[Round], pace: dict[int, Pace]) -> Reading:
    """What there is to say of the rounds: the open one that is latest first, then what is done."""
    running = [made for made in every if made.state == Round.State.OPEN]
    if not running:
        said = "Open a draft, or make a new round from the texts that you choose."
        return Reading("warn", "No round is open, so nobody can label.", said)
    full = [made for made in running if made.items_total]
    if not full:
        return Reading(
            "warn", f"{running[0].name} is open and has no texts.", "Import texts into it, or choose some."
        )
    done = [made for made in full if made.items_done >= made.items_total]
    late = [made for made in full if (pace[made.pk].days_late or 0) > 0 and made not in done]
    if late:
        return _read(max(late, key=lambda made: pace[made.pk].days_late or 0), pace)
    if done:
        made = done[0]
        said = (
            f"{made.items_total:,} texts have {made.answers_total:,} answers. Closed, they stay as they are."
        )
        return Reading("good", f"{made.name} is done.", said, made, "close")
    return _read(full[-1], pace)


def _read(made: Round, pace: dict[int, Pace]) -> Reading:
    mine = pace[made.pk]
    stands = f"{made.name} is at {share(made.items_done, made.items_total)}"
    left = made.items_total - made.items_done
    numbers = (
        f"{left:,} text{'s' * (left != 1)} {'is' if left == 1 else 'are'} left: about {mine.left:,} answers"
    )
    if mine.end is None:
        return Reading(
            "warn", f"{stands}, and nobody answers.", f"{numbers}, none in the last days.", made, "invite"
        )
    end = format_date(mine.end, "j F")
    a_day = f"{numbers} at {mine.a_day:,.0f} a day."
    each = _each(mine)
    if mine.days_late is None:
        return Reading("", f"{stands} and will end on {end} at this pace.", f"{a_day}{each}", made)
    days = abs(mine.days_late)
    words = f"{days} day{'s' * (days != 1)}"
    if mine.days_late > 0:
        return Reading(
            "warn", f"{stands} and will end on {end}, {words} late.", f"{a_day}{each}", made, "move", mine.end
        )
    when = "as planned" if days == 0 else f"{words} before its planned end"
    return Reading("good", f"{stands} and will end on {end}, {when}.", f"{a_day}{each}", made)


def _each(mine: Pace) -> str:
    if not mine.people or mine.a_day_each is None:
        return ""
    people = "One person" if mine.people == 1 else f"{mine.people} people"
    if mine.needed_a_day is None:
        return f" {people} answered, {mine.a_day_each:,.0f} a day each."
    needed = -(-mine.needed_a_day // mine.people)
    if mine.people == 1:
        return f" {people} would need {needed:,} a day and manages {mine.a_day_each:,.0f}."
    return f" {people} would need {needed:,} a day each; they manage {mine.a_day_each:,.0f}."
