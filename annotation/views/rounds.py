"""What can be done to a round from the rounds page. The page itself is in `qc`, which knows how well people agreed."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from annotation import jobs
from annotation.access import open_project
from annotation.forms.rounds import PlanForm, plan_of
from annotation.models import Role, Round, User
from annotation.services import rounds


def _do(request: HttpRequest, slug: str, pk: int, act: Callable[[Round, User], str]) -> HttpResponse:
    """Does it, says so, and goes back to the page."""
    project = open_project(request, slug, Role.LEAD)
    made = get_object_or_404(Round.objects.filter(project=project).select_related("project"), pk=pk)
    assert isinstance(request.user, User)
    try:
        messages.success(request, act(made, request.user))
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("rounds", slug)


@require_POST
def change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Changes a round's plan, or its planned end alone."""

    def act(made: Round, user: User) -> str:
        form = PlanForm(made.project, {**plan_of(made), **request.POST.dict()})
        if not form.is_valid():
            raise ValidationError([f"{name}: {e}" for name, errors in form.errors.items() for e in errors])
        job = jobs.change_round(made, user, form.plan())
        later = " Its texts follow in the background." if job else ""
        return f"{made.name} is changed.{later}"

    return _do(request, slug, pk, act)


@require_POST
def open_round(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Opens a round, for the first time or again."""
    return _do(
        request,
        slug,
        pk,
        lambda made, user: f"{rounds.open_round(made, user).name} is open. People can label in it.",
    )


@require_POST
def close_round(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Closes a round."""
    return _do(
        request,
        slug,
        pk,
        lambda made, user: f"{rounds.close_round(made, user).name} is closed. Its answers are kept.",
    )


@require_POST
def delete_round(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Hides a round; it can be restored from the foot of the page."""

    def act(made: Round, user: User) -> str:
        rounds.delete_round(made, user)
        return f"{made.name} is deleted. It can be restored at the foot of the list."

    return _do(request, slug, pk, act)


@require_POST
def restore_round(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Brings a deleted round back."""
    return _do(request, slug, pk, lambda made, user: f"{rounds.restore_round(made, user).name} is back.")


@require_POST
def compare_round(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Starts the comparison of a round's answers with older ones."""

    def act(made: Round, user: User) -> str:
        jobs.start_comparison(made, user)
        return f"The answers of {made.name} are being compared."

    return _do(request, slug, pk, act)
