"""The list of projects and a project's home: where it stands at each station and what needs somebody next."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from annotation.access import deleted_projects_of, may, open_project, projects_of, role_here
from annotation.models import Job, Role, User
from annotation.queries import people, projects
from annotation.queries.jobs import worker_alive
from evaluation.queries import overview

PAGE = 25


@require_GET
def project_list(request: HttpRequest) -> HttpResponse:
    """Every project that the user can see."""
    assert isinstance(request.user, User)
    seen = projects_of(request.user)
    if filtered := request.GET.get("q", "").replace("\x00", "").strip():
        seen = seen.filter(name__icontains=filtered)
    page = Paginator(seen, PAGE).get_page(request.GET.get("page"))
    rows = overview.project_rows(seen.filter(pk__in=[project.pk for project in page]), request.user)
    led = [row["project"].pk for row in rows if may(row["role"], Role.LEAD)]
    context = {
        "rows": rows,
        "page": page,
        "q": filtered,
        "mine": [row for row in rows if row["round"] and row["items"] > row["done"]][:5],
        "cases": [row for row in rows if row["cases"] and may(row["role"], Role.ADJUDICATOR)][:5],
        "jobs": Job.objects.filter(project__in=led).select_related("project").order_by("-created")[:5],
        "changes": projects.recent_changes(projects_of(request.user).filter(pk__in=led)),
        "worker_alive": worker_alive(),
        "deleted": deleted_projects_of(request.user)[:20],
    }
    return render(request, "evaluation/projects.html", context)


@require_GET
def project_home(request: HttpRequest, slug: str) -> HttpResponse:
    """For leads: stages, what is next, rounds, team. Annotators and adjudicators go to their work."""
    project = open_project(request, slug)
    role = role_here(request)
    if not may(role, Role.LEAD):
        return redirect("adjudicate" if role == Role.ADJUDICATOR else "annotate", slug)
    now = overview.standing(project)
    context = {
        "now": now,
        "stages": overview.stages(now),
        "todos": overview.todos(now),
        "days": projects.answers_per_day(project),
        "rounds": [{"round": r, "alpha": now.round_agreement.get(r.pk)} for r in now.rounds],
        "members": people.members_with_answers(project)[:12],
        "labels": projects.active_labels(project),
        "guideline": projects.newest_guideline(project),
    }
    return render(request, "evaluation/project.html", context)
