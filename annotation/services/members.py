"""Inviting people, changing what they may do, letting them go."""

from datetime import timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.access import may, role_in
from annotation.models import Invitation, Membership, Project, Role, User
from annotation.services.audit import record

INVITATION_DAYS = 14


def _check_rank(user: User, project: Project, *roles: str) -> None:
    """Only owners give or take the roles of lead and above."""
    if any(Role(role).rank >= Role.LEAD.rank for role in roles) and not may(
        role_in(user, project), Role.OWNER
    ):
        raise PermissionDenied("Only an owner may give or take the roles of lead and owner.")


@transaction.atomic
def add_member(project: Project, user: User, username: str, role: str) -> Membership:
    """Makes an existing user a member, or brings a removed one back."""
    _check_rank(user, project, role)
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise ValidationError(
            {
                "username": f"There is no user “{username}”. Send an invitation link from the team page instead."
            }
        )
    existing = Membership.objects.filter(project=project, user=person).first()
    if existing is not None and existing.state != Membership.State.REMOVED:
        raise ValidationError({"username": f"“{username}” is a member already."})
    membership, _ = Membership.objects.update_or_create(
        project=project, user=person, defaults={"role": role, "state": Membership.State.ACTIVE}
    )
    record(project, user, "add member", username, after={"role": role})
    return membership


@transaction.atomic
def change_member(
    membership: Membership, user: User, *, role: str | None = None, state: str | None = None
) -> Membership:
    """Changes a member's role or state. The last owner stays."""
    project = membership.project
    Project.objects.select_for_update().get(pk=project.pk)  # two owners must not remove each other at once
    membership.refresh_from_db()
    before = {"role": membership.role, "state": membership.state}
    _check_rank(user, project, membership.role, *([role] if role else []))
    membership.role, membership.state = role or membership.role, state or membership.state
    membership.full_clean()
    keeps_owner = membership.role == Role.OWNER and membership.state == Membership.State.ACTIVE
    others = Membership.objects.filter(project=project, role=Role.OWNER, state=Membership.State.ACTIVE)
    if before["role"] == Role.OWNER and not keeps_owner and not others.exclude(pk=membership.pk).exists():
        raise ValidationError("A project needs an owner. Make somebody else owner first.")
    membership.save()
    after = {"role": membership.role, "state": membership.state}
    if after != before:
        record(project, user, "change member", membership.user.username, before=before, after=after)
    return membership


@transaction.atomic
def create_invitation(project: Project, user: User, *, role: str, email: str = "") -> Invitation:
    """A link with which one person can join the project within two weeks."""
    _check_rank(user, project, role)
    invitation = Invitation(
        project=project,
        role=role,
        email=email,
        created_by=user,
        expires=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    invitation.full_clean(exclude=["accepted_by"])
    invitation.save()
    record(project, user, "invite", email or "by link", after={"role": role})
    return invitation


@transaction.atomic
def accept_invitation(invitation: Invitation, person: User) -> Membership:
    """Makes the person a member and uses the link up. Somebody who is a member keeps the higher role."""
    held = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if held.accepted_by_id is not None or held.expires < timezone.now():
        raise ValidationError("This invitation was used or has run out. Ask for a new one.")
    membership = Membership.objects.filter(project=held.project, user=person).first()
    if membership is None:
        membership = Membership.objects.create(project=held.project, user=person, role=held.role)
    else:
        membership.state = Membership.State.ACTIVE
        membership.role = max(Role(membership.role), Role(held.role), key=lambda role: role.rank)
        membership.save()
    held.accepted_by = person
    held.save()
    record(held.project, person, "accept invitation", person.username, after={"role": membership.role})
    return membership
