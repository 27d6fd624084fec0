"""What stands in place of a text: a limit, a pause, the end of the work, or a guideline to read first."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from annotation import markdown
from annotation.access import open_project
from annotation.algorithms.difference import line_difference
from annotation.models import Guideline, Project, User
from annotation.queries import guidelines as versions
from annotation.queries import labelling as reads
from annotation.queries import projects
from annotation.queries.people import membership_of
from annotation.services import guidelines, labelling, timekeeping

SCRIPTS = ["js/overlays.js", "js/outbox.js", "js/annotate-notices.js", "js/annotate-end.js"]
MOST_LINES = 400  # of a comparison that are shown


def clock_of(handout: labelling.Handout, project: Project) -> dict[str, Any]:
    """The clock of this sitting, as the bar shows it."""
    seconds = round(timekeeping.sitting_seconds(handout.annotator, project, handout.now))
    limit = project.sitting_minutes
    return {
        "seconds": seconds,
        "minutes": seconds // 60,
        "limit": limit,
        "limit_seconds": 60 * limit if limit else None,
    }


def end_page(
    request: HttpRequest, project: Project, handout: labelling.Handout, recent: list[dict[str, Any]]
) -> HttpResponse:
    """Says why there is no text, what is kept, and what comes next."""
    assert isinstance(request.user, User)
    guideline = projects.newest_guideline(project)
    context: dict[str, Any] = {
        "reason": handout.reason,
        "until": handout.until,
        "another_day": _another_day(handout.until, handout.now),
        "round": handout.round,
        "recent": recent,
        "mine": handout.mine,
        "quota": handout.quota,
        "quota_reached": handout.quota is not None and handout.annotator.answers >= handout.quota,
        "totals": reads.texts_answered(handout.annotator, project),
        "sitting": clock_of(handout, project),
        "day_seconds": timekeeping.day_seconds(handout.annotator, handout.now),
        "day_limit": 60 * project.day_minutes if project.day_minutes else None,
        "total_seconds": handout.annotator.total_seconds,
        "total_limit": 60 * project.total_minutes if project.total_minutes else None,
        "guideline": guideline,
        "guideline_html": markdown.render(guideline.body) if guideline else "",
        "scripts": SCRIPTS,
        "script": {
            "project": project.slug,
            "user": handout.annotator.user_id,
            "page": reverse("annotate", args=[project.slug]),
        },
    }
    if handout.reason == "paused":
        context["membership"] = membership_of(project, request.user)
    if handout.reason == "read_guideline" and guideline is not None:
        context |= _changes(project, guideline, handout.annotator.read_version)
        return render(request, "annotation/annotate_changed.html", context)
    return render(request, "annotation/finish.html", context)


def _another_day(until: datetime | None, now: datetime) -> bool:
    return until is not None and until.date() != now.date()


def _changes(project: Project, newest: Guideline, read: int | None) -> dict[str, Any]:
    """What is new in the guideline since the version that was read last, and what was said about it on the way."""
    published = versions.published_versions(project)
    old = published.filter(version=read or 0).first()
    lines = line_difference(old.body if old else "", newest.body)
    since = published.filter(version__gt=read or 0).exclude(summary="").order_by("version")
    return {
        "old": old,
        "lines": lines[:MOST_LINES],
        "more_lines": max(0, len(lines) - MOST_LINES),
        "summaries": list(since.values("version", "summary")),
    }


@require_POST
def confirm_guideline(request: HttpRequest, slug: str) -> HttpResponse:
    """Notes that the guideline was read as it is now; the work goes on."""
    project = open_project(request, slug)
    assert isinstance(request.user, User)
    said = request.POST.get("version", "")
    asked = int(said) if said.isdecimal() and len(said) < 9 else 0
    published = versions.published_versions(project).select_related("project")
    try:
        guidelines.acknowledge(get_object_or_404(published, version=asked), request.user)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("annotate", slug)
