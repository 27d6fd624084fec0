"""The team page, and the page behind an invitation's link."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from annotation.access import may, open_project, role_in
from annotation.forms.account import InvitedUserForm
from annotation.forms.members import InviteForm, MemberForm
from annotation.models import Invitation, Role, User
from annotation.queries import people
from annotation.services import members


@require_GET
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody in the project, and the invitations that wait."""
    project = open_project(request, slug, Role.LEAD)
    now = timezone.now()
    open_invitations = Invitation.objects.filter(project=project, accepted_by__isnull=True, expires__gt=now)
    context = {
        "members": people.members_with_answers(project),
        "invitations": open_invitations.order_by("-id")[:50],
        "form": InviteForm(),
        "is_owner": may(role_in(request.user, project), Role.OWNER),
        "roles": Role,
    }
    return render(request, "annotation/team.html", context)


@require_POST
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes an invitation's link."""
    project = open_project(request, slug, Role.LEAD)
    form = InviteForm(request.POST)
    assert isinstance(request.user, User)
    if not form.is_valid():
        messages.error(request, " ".join(str(e) for errors in form.errors.values() for e in errors))
    else:
        members.create_invitation(project, request.user, **form.cleaned_data)
        messages.success(request, "The invitation is ready. Copy its link below and send it.")
    return redirect("team", slug)


@require_POST
def change_member(request: HttpRequest, slug: str, username: str) -> HttpResponse:
    """Changes a member's role, or pauses, reinstates or removes them."""
    project = open_project(request, slug, Role.LEAD)
    membership = get_object_or_404(people.members(project), user__username=username)
    form = MemberForm(request.POST)
    assert isinstance(request.user, User)
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        sent = {name: value for name, value in form.cleaned_data.items() if value}
        changed = members.change_member(membership, request.user, **sent)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        messages.success(
            request,
            f"{changed.user.display_name}: {changed.get_role_display()}, {changed.get_state_display().lower()}.",
        )
    return redirect("team", slug)


@login_not_required
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Joins the project: at once for somebody who is signed in, after making an account for somebody who is new."""
    invitation = get_object_or_404(Invitation.objects.select_related("project", "created_by"), token=token)
    usable = invitation.accepted_by_id is None and invitation.expires > timezone.now()
    person = request.user if isinstance(request.user, User) else None
    form = InvitedUserForm(request.POST or None, initial={"email": invitation.email})
    if request.method == "POST" and usable:
        if person is None and form.is_valid():
            person = form.save()
            login(request, person, backend="django.contrib.auth.backends.ModelBackend")
        if person is not None:
            try:
                members.accept_invitation(invitation, person)
            except ValidationError as wrong:
                messages.error(request, " ".join(wrong.messages))
            return redirect("project", invitation.project.slug)
    context = {"invitation": invitation, "usable": usable, "form": form}
    return render(request, "annotation/invitation.html", context, status=200 if usable else 410)
