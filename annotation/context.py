"""What the shell of every page needs: the project at hand, the user's role in it, and the side bar."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from annotation.access import may, role_here
from annotation.models import Project, Role

# One entry per station: (group, name, icon, URL name, right that is needed); one whose page is not there is left out.
STATIONS: list[tuple[str, str, str, str, Role]] = [
    ("", "Overview", "road", "project", Role.ANNOTATOR),
    ("", "Annotate", "tag", "annotate", Role.ANNOTATOR),
    ("", "My work", "star", "own-work", Role.ANNOTATOR),
    ("", "Adjudicate", "panel", "adjudicate", Role.ADJUDICATOR),
    ("Quality", "Agreement", "agree", "agreement", Role.LEAD),
    ("Quality", "Explore and sample", "hist", "explore", Role.LEAD),
    ("Data sets", "Texts", "texts", "items", Role.LEAD),
    ("Data sets", "Leakage", "leak", "leakage", Role.LEAD),
    ("Data sets", "Splits", "split", "splits", Role.LEAD),
    ("Models", "Runs", "eval", "runs", Role.LEAD),
    ("Set up", "Guideline", "book", "guideline", Role.LEAD),
    ("Set up", "Rounds", "round", "rounds", Role.LEAD),
    ("Set up", "Gold", "star", "gold", Role.LEAD),
    ("Set up", "Team", "team", "team", Role.LEAD),
    ("Set up", "Jobs", "clock", "jobs", Role.LEAD),
    ("Set up", "Settings", "gear", "settings", Role.LEAD),
]
# Pages that stand under a station without lying under its address
UNDER = {"items": ("import", "cleaning", "metadata"), "rounds": ("suggestions",)}


def navigation(request: HttpRequest, project: Project, role: Role | None) -> list[dict[str, Any]]:
    """The side bar's groups: [{"title", "entries": [{"name", "url", "icon", "current"}]}]."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for title, name, icon, url_name, need in STATIONS:
        if not may(role, need):
            continue
        try:
            url = reverse(url_name, args=[project.slug])
        except NoReverseMatch:
            continue
        exact = url_name == "project"
        places = [url, *(reverse(name, args=[project.slug]) for name in UNDER.get(url_name, ()))]
        current = request.path == url if exact else request.path.startswith(tuple(places))
        groups.setdefault(title, []).append(
            {
                "name": name,
                "url": url,
                "icon": icon,
                "current": current,
            }
        )
    return [{"title": title, "entries": entries} for title, entries in groups.items()]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context of every page. Views put the project at hand on the request by `project_for`'s caller."""
    project: Project | None = getattr(request, "project", None)
    user = getattr(request, "user", None)
    if project is None or user is None:
        return {}
    role = role_here(request)
    return {
        "project": project,
        "role": role,
        "membership_role": role.label if role else "",
        "navigation": navigation(request, project, role),
    }
