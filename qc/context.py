"""What quality control adds to the shell of every page: how many cases wait for the user, and told decisions."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from annotation.access import may, role_here
from annotation.models import Project, Role
from qc.queries import cases, feedback


def side_bar(request: HttpRequest) -> dict[str, Any]:
    """{"station_counts": {address: (waiting, or more)}, "told_decisions": address or None} for the project at hand."""
    project: Project | None = getattr(request, "project", None)
    user = getattr(request, "user", None)
    if project is None or user is None:
        return {}
    found: dict[str, Any] = {"station_counts": {}, "told_decisions": None}
    role = role_here(request)
    if may(role, Role.ADJUDICATOR):
        address = reverse("adjudicate", args=[project.slug])
        found["station_counts"][address] = cases.count_waiting(project, user)
    if not may(role, Role.LEAD) and feedback.tells(project):
        found["told_decisions"] = reverse("told-decisions", args=[project.slug])
    return found
