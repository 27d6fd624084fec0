"""Who may do what: the one place that decides.

A non-member gets 404, as if the thing did not exist; a member without the right gets 403. Superusers see every
project. Deleted projects are there for their owners alone, who can restore them.
"""

from typing import Any, TypeAlias, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from annotation.models import Membership, Project, Role, User

Person: TypeAlias = User | AnonymousUser
M = TypeVar("M", bound=Model)


def role_in(user: Person, project: Project) -> Role | None:
    """The user's role in the project, or None for a non-member. A paused member keeps the role, a removed one not."""
    if not user.is_authenticated:
        return None
    return role_of(
        user, None if user.is_superuser else Membership.objects.filter(project=project, user=user).first()
    )


def role_of(user: User, membership: Membership | None) -> Role | None:
    """`role_in` for somebody whose membership is at hand."""
    if user.is_superuser:
        return Role.OWNER
    if membership is None or membership.state == Membership.State.REMOVED:
        return None
    return Role(membership.role)


def may(role: Role | None, need: Role) -> bool:
    """Whether somebody in this role has the rights of `need`."""
    return role is not None and role.rank >= need.rank


def authorise(user: Person, project: Project, need: Role = Role.ANNOTATOR) -> Role:
    """The user's role, if it carries the right that is needed; else 404 (non-member) or 403."""
    return authorise_role(role_in(user, project), project, need)


def authorise_role(role: Role | None, project: Project, need: Role = Role.ANNOTATOR) -> Role:
    """`authorise` for a role that is known."""
    if role is None:
        raise Http404("There is no such project, or you are not a member of it.")
    if project.deleted is not None and not may(role, Role.OWNER):
        raise Http404("This project was deleted; its owner can restore it.")
    if not may(role, need):
        raise PermissionDenied(f"This needs the role “{need.label}” or above; you are “{role.label}” here.")
    return role


def project_for(user: Person, slug: str, need: Role = Role.ANNOTATOR) -> Project:
    """The project with this slug, for somebody who has the right."""
    project = get_object_or_404(Project, slug=slug)
    authorise(user, project, need)
    return project


def open_project(request: HttpRequest, slug: str, need: Role = Role.ANNOTATOR) -> Project:
    """`project_for` for pages: also tells the shell which project is at hand."""
    project = get_object_or_404(Project, slug=slug)
    _enter(request, project, authorise(request.user, project, need))
    return project


def open_object(
    request: HttpRequest,
    queryset: QuerySet[M],
    pk: object,
    need: Role = Role.ANNOTATOR,
    path: str = "project",
) -> M:
    """`object_for` for pages: also tells the shell which project is at hand."""
    found, project = _with_project(queryset, pk, path)
    _enter(request, project, authorise(request.user, project, need))
    return found


def role_here(request: HttpRequest) -> Role | None:
    """The user's role in the project of this page, as it was when the page was opened; asked of nobody again."""
    role: Role | None = getattr(request, "role", None)
    return role


def _enter(request: HttpRequest, project: Project, role: Role) -> None:
    request.project, request.role = project, role  # type: ignore[attr-defined]


def object_for(
    user: Person, queryset: QuerySet[M], pk: object, need: Role = Role.ANNOTATOR, path: str = "project"
) -> M:
    """The object with this primary key, for somebody who has the right in its project (reached by `path`)."""
    found, project = _with_project(queryset, pk, path)
    authorise(user, project, need)
    return found


def _with_project(queryset: QuerySet[M], pk: object, path: str) -> tuple[M, Project]:
    found = get_object_or_404(queryset.select_related(path.replace(".", "__")), pk=pk)
    project: Any = found
    for step in path.split("."):
        project = getattr(project, step)
    return found, project


def projects_of(user: Person) -> QuerySet[Project]:
    """The projects that the user can see, newest first."""
    if not user.is_authenticated:
        return Project.objects.none()
    projects = Project.objects.filter(deleted__isnull=True).order_by("-id")
    if user.is_superuser:
        return projects
    return projects.filter(
        memberships__in=Membership.objects.filter(user=user).exclude(state=Membership.State.REMOVED)
    )


def projects_led_by(user: Person) -> QuerySet[Project]:
    """Those of the projects that the user can see in which they are lead or owner."""
    projects = projects_of(user)
    if not user.is_authenticated or user.is_superuser:
        return projects
    leading = [role for role in Role if role.rank >= Role.LEAD.rank]
    held = Membership.objects.filter(user=user, role__in=leading).exclude(state=Membership.State.REMOVED)
    return projects.filter(memberships__in=held)


def deleted_projects_of(user: Person) -> QuerySet[Project]:
    """The deleted projects that the user can restore, the last deletion first."""
    if not user.is_authenticated:
        return Project.objects.none()
    gone = Project.objects.filter(deleted__isnull=False).select_related("deleted_by").order_by("-deleted")
    if user.is_superuser:
        return gone
    held = Membership.objects.filter(user=user, role=Role.OWNER).exclude(state=Membership.State.REMOVED)
    return gone.filter(memberships__in=held)
