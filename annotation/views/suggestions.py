"""Suggestions: who suggests, for how many texts, and what it did to the answers of each round."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotation import jobs
from annotation.access import open_project
from annotation.models import Project, Role, Round, SuggestionSource, User
from annotation.queries import suggestions as reads
from annotation.queries.changes import Counts, change_counts
from annotation.queries.jobs import live_jobs, worker_alive
from annotation.queries.projects import rounds
from annotation.services import suggestions as services

ALL_BUT = 0.95  # of a round's texts; where fewer have a suggestion, one makes gold much likelier
FEWEST = 10  # gold answers from which the reading speaks of them
WORDS = {"hidden": "hidden", "shown": "shown", "asked": "asked for"}


@require_GET
def suggestion_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The sources, and what suggestions reach and did in each round that has or had them."""
    project = open_project(request, slug, Role.LEAD)
    used = reads.rounds_by_source(project)
    every = rounds(project).select_related("suggestion_source", "project")
    with_figures = [
        made for made in every if made.suggestions != Round.Suggestions.OFF or made.suggestion_figures
    ]
    counts = change_counts(project, with_figures)
    context = {
        "sources": [
            {"source": source, "rounds": used.get(source.pk, [])} for source in reads.sources(project)
        ],
        "deleted": reads.deleted_sources(project)[:20],
        "rounds": [_round(made, counts) for made in with_figures],
        "reading": read_suggestions(with_figures),
        "jobs": live_jobs(project, ["measure_suggestions"]),
        "worker_alive": worker_alive(),
    }
    return render(request, "annotation/suggestions.html", context)


def _round(made: Round, counts: Counts) -> dict[str, Any]:
    figures: dict[str, Any] = made.suggestion_figures or {}
    return {
        "round": made,
        "figures": figures,
        "since": reads.since_figures(made, counts) if figures else None,
        "states": [state | {"words": WORDS[state["state"]]} for state in figures.get("states", [])],
    }


@dataclass(frozen=True)
class Reading:
    """The page's first line: the state, its numbers, and what to do."""

    tone: str
    lead: str
    why: str


def read_suggestions(every: list[Round]) -> Reading | None:
    """What there is to say, the worst first: people follow wrong suggestions; gold stands out; else what is on."""
    known = [made for made in every if made.suggestion_figures]
    for made in reversed(known):
        if (worse := _pulled(made)) is not None:
            return worse
    on = [made for made in known if made.suggestions != Round.Suggestions.OFF]
    for made in reversed(on):
        texts, gold = made.suggestion_figures["texts"], made.suggestion_figures["gold"]  # type: ignore[index]
        if texts["n"] and texts["with"] < ALL_BUT * texts["n"] and gold["with"] and made.gold_rate:
            return Reading(
                "warn",
                f"In {made.name}, {texts['with']:,} of {texts['n']:,} texts have a suggestion.",
                "All gold that is handed out there has one, so a suggestion hints at gold. Suggest for all texts.",
            )
    if not on:
        return None
    made = on[-1]
    return Reading(
        "",
        f"{made.name} has suggestions of {made.suggestion_source}, {made.get_suggestions_display()}.",
        "They pull people along: agreement on such texts says less, and gold tells how much.",
    )


def _pulled(made: Round) -> Reading | None:
    """Where gold tells that wrong suggestions made answers wrong; or may have, while nothing is known without them.

    Texts on which models are wrong are often hard for people too, so the fair comparison is with answers to such texts
    that were given while the suggestion was hidden.
    """
    figures: dict[str, Any] = made.suggestion_figures or {}
    states = {state["state"]: state for state in figures.get("states", [])}
    if "shown" not in states:
        return None
    right, wrong = (states["shown"][f"accuracy_where_{how}"] for how in ("right", "wrong"))
    unseen = states["hidden"]["accuracy_where_wrong"]
    if min(wrong["n"], unseen["n"]) >= FEWEST:
        if wrong["high"] >= unseen["low"]:
            return None
        return Reading(
            "warn",
            f"In {made.name}, wrong suggestions pull people along: beside them, gold was answered right"
            f" {wrong['value']:.0%} of the time, and {unseen['value']:.0%} while they were hidden.",
            f"The intervals ({_ends(wrong)}, and {_ends(unseen)}) do not touch. Keep suggestions hidden until they are"
            " asked for, or switch them off.",
        )
    if min(right["n"], wrong["n"]) < FEWEST or wrong["high"] >= right["low"]:
        return None
    return Reading(
        "warn",
        f"In {made.name}, gold was answered right {right['value']:.0%} of the time where the suggestion shown was"
        f" right, and {wrong['value']:.0%} where it was wrong.",
        f"The intervals ({_ends(right)}, and {_ends(wrong)}) do not touch. Texts on which a model is wrong may be hard"
        " for people too: keep suggestions hidden for a while, and the answers until then tell.",
    )


def _ends(estimate: dict[str, Any]) -> str:
    return f"{estimate['low']:.0%} to {estimate['high']:.0%}"


def _do(request: HttpRequest, slug: str, act: Callable[[Project, User], str]) -> HttpResponse:
    """Does it, says so, and goes back to the page."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    try:
        messages.success(request, act(project, request.user))
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("suggestions", slug)


@require_POST
def delete_source(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Hides a source; it can be restored from the foot of the list."""

    def act(project: Project, user: User) -> str:
        source = get_object_or_404(SuggestionSource, project=project, pk=pk)
        services.delete_source(source, user)
        return f"The suggestions of {source.name} are deleted. They can be restored at the foot of the list."

    return _do(request, slug, act)


@require_POST
def restore_source(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Brings a deleted source back."""

    def act(project: Project, user: User) -> str:
        source = get_object_or_404(SuggestionSource, project=project, pk=pk)
        return f"The suggestions of {services.restore_source(source, user).name} are back."

    return _do(request, slug, act)


@require_POST
def measure(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Counts anew what a round's suggestions reach and did."""

    def act(project: Project, user: User) -> str:
        made = get_object_or_404(Round, project=project, pk=pk, deleted__isnull=True)
        made.project = project
        later = jobs.measure_suggestions(made, user)
        return (
            f"The answers of {made.name} are being compared." if later else f"{made.name} is computed anew."
        )

    return _do(request, slug, act)
