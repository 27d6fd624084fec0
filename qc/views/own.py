"""An annotator's own page: how much they did, and, where the project shows it, how well.

It stands in this room because agreement with the others is known here. Nothing on it tells which texts were gold or
came twice.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from annotation.access import open_project
from annotation.models import Membership, User
from annotation.queries.people import members
from annotation.queries.team import DAYS, Work, days_of, work_of
from annotation.services.timekeeping import day_seconds, sitting_seconds
from qc.queries.own import own_quality


@require_GET
def own_work(request: HttpRequest, slug: str) -> HttpResponse:
    """The signed-in member's own progress, days and sitting; the rest where the project shows quality."""
    project = open_project(request, slug)
    assert isinstance(request.user, User)
    membership = members(project).filter(user=request.user).first()
    if membership is None:  # a superuser
        membership = Membership(project=project, user=request.user)
    work = work_of(project, [membership])[0]
    now = timezone.now()
    context: dict[str, Any] = {
        "work": work,
        "membership": membership,
        "days": days_of(work, now.date()),
        "worked": sum(1 for n in work.days if n),
        "span": DAYS,
        "sitting": sitting_seconds(work.annotator, project, now) if work.annotator else 0.0,
        "today": day_seconds(work.annotator, now) if work.annotator else 0.0,
        "rounds": _parts(work),
    }
    if project.shows_quality:
        context["quality"] = own_quality(project, request.user)
    return render(request, "annotation/own.html", context)


def _parts(work: Work) -> list[Any]:
    """The rounds in which they have answered, newest first."""
    if work.annotator is None:
        return []
    parts = work.annotator.participations.filter(answers__gt=0, round__deleted__isnull=True)
    return list(parts.select_related("round").order_by("-round")[:20])
