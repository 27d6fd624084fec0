"""Inviting people, changing what they may do, pausing them, letting them go."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from annotation.access import may, role_in
from annotation.models import Invitation, Membership, Project, Role, User
from annotation.services.audit import record
from annotation.services.pausing import pause, reinstate, restart_gold_count

INVITATION_DAYS = 14
MOST_INVITED = 200
LONGEST_REASON = 2000
MOST_QUOTA = 2**31 - 1


def _check_rank(user: User, project: Project, *roles: str) -> None:
    """Only owners give or take the roles of lead and above."""
    if any(Role(role).rank >= Role.LEAD.rank for role in roles) and not may(
        role_in(user, project), Role.OWNER
    ):
        raise PermissionDenied("Only an owner may give or take the roles of lead and owner.")


def _lock(project: Project) -> None:
    """Two owners must not remove each other at once, nor anybody join twice."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


@transaction.atomic
def add_member(
    project: Project, user: User, username: str, role: str, *, quota: int | None = None
) -> Membership:
    """Makes an existing user a member, or brings a removed one back."""
    _check_rank(user, project, role)
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise ValidationError(
            {
                "username": f"There is no user “{username}”. Send an invitation link from the team page instead."
            }
        )
    _lock(project)
    existing = Membership.objects.filter(project=project, user=person).first()
    if existing is not None and existing.state != Membership.State.REMOVED:
        raise ValidationError({"username": f"“{username}” is a member already."})
    membership = existing or Membership(project=project, user=person)
    _join(membership, role, quota)
    record(project, user, "add member", username, after={"role": role, "quota": quota})
    return membership


def _join(membership: Membership, role: str, quota: int | None) -> None:
    """Makes somebody new a member, or somebody who was removed: nothing of what they were allowed before comes back."""
    membership.role, membership.quota, membership.state = role, quota, Membership.State.ACTIVE
    restart_gold_count(membership)
    membership.save()


@transaction.atomic
def change_member(
    membership: Membership,
    user: User,
    *,
    role: str | None = None,
    state: str | None = None,
    reason: str = "",
    **quota: int | None,
) -> Membership:
    """Changes a member's role, state or quota. The last owner stays.

    `reason` is shown to a member who is paused. `quota` is left as it is unless given; None takes it away.
    """
    project = membership.project
    _lock(project)
    membership.refresh_from_db()
    before = {"role": membership.role, "state": membership.state, "quota": membership.quota}
    _check_rank(user, project, membership.role, *([role] if role else []))
    if len(reason) > LONGEST_REASON:
        raise ValidationError({"reason": f"At most {LONGEST_REASON:,} characters."})
    membership.role, membership.quota = role or membership.role, quota.get("quota", membership.quota)
    membership.full_clean()
    _keep_an_owner(membership, state or membership.state, before["role"])
    membership.save(update_fields=["role", "quota"])
    if state is not None and state != membership.state:
        _move(membership, user, state, reason.strip())
    after = {"role": membership.role, "quota": membership.quota}
    if any(before[name] != value for name, value in after.items()):
        record(project, user, "change member", membership.user.username, before=before, after=after)
    return membership


def _keep_an_owner(membership: Membership, state: str, role_before: Any) -> None:
    stays = membership.role == Role.OWNER and state == Membership.State.ACTIVE
    owners = Membership.objects.filter(
        project=membership.project_id, role=Role.OWNER, state=Membership.State.ACTIVE
    )
    if role_before == Role.OWNER and not stays and not owners.exclude(pk=membership.pk).exists():
        raise ValidationError("A project needs an owner. Make somebody else owner first.")


def _move(membership: Membership, user: User, state: str, reason: str) -> None:
    """To another state."""
    if state == Membership.State.PAUSED:
        if membership.state == Membership.State.REMOVED:
            raise ValidationError("Somebody who was removed cannot be paused. Reinstate them first.")
        pause(membership, user, reason)
        return
    if state == Membership.State.ACTIVE and membership.state == Membership.State.PAUSED:
        reinstate(membership, user)
        return
    was = membership.state
    if was == Membership.State.REMOVED:
        restart_gold_count(membership)
    membership.state = state
    membership.paused, membership.paused_by, membership.paused_because = None, None, ""
    membership.save(update_fields=["state", "paused", "paused_by", "paused_because"])
    action = "remove member" if state == Membership.State.REMOVED else "reinstate annotator"
    after = {"state": state} | ({"because": reason} if reason else {})
    record(membership.project, user, action, membership.user.username, before={"state": was}, after=after)


@transaction.atomic
def set_quota_of_everyone(project: Project, user: User, quota: int | None) -> int:
    """Gives every annotator of the project this quota; how many there are."""
    people = Membership.objects.filter(project=project, role=Role.ANNOTATOR).exclude(
        state=Membership.State.REMOVED
    )
    before = sorted({n for n in people.values_list("quota", flat=True) if n is not None})
    changed = people.update(quota=quota)
    record(
        project,
        user,
        "set quota of everyone",
        f"{changed} people",
        before={"quota": before},
        after={"quota": quota},
    )
    return changed


@transaction.atomic
def create_invitation(
    project: Project, user: User, *, role: str, email: str = "", quota: int | None = None
) -> Invitation:
    """A link with which one person can join the project within two weeks."""
    _check_rank(user, project, role)
    invitation = Invitation(
        project=project,
        role=role,
        email=email,
        quota=quota,
        created_by=user,
        expires=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    invitation.full_clean(exclude=["accepted_by"])
    invitation.save()
    record(project, user, "invite", email or "by link", after={"role": role, "quota": quota})
    return invitation


@transaction.atomic
def invite_people(
    project: Project, user: User, people: list[str], *, role: str, quota: int | None = None
) -> tuple[list[Membership], list[Invitation]]:
    """Makes members of user names and links for e-mail addresses, all of them or none; without any, one open link."""
    names = list(dict.fromkeys(said.strip() for said in people if said.strip()))
    if len(names) > MOST_INVITED:
        raise ValidationError({"people": f"At most {MOST_INVITED} people at once."})
    if not names:
        return [], [create_invitation(project, user, role=role, quota=quota)]
    members, invitations, wrong = [], [], []
    for name in names:
        try:
            if "@" in name:
                validate_email(name)
                invitations.append(create_invitation(project, user, role=role, email=name, quota=quota))
            else:
                members.append(add_member(project, user, name, role, quota=quota))
        except ValidationError as invalid:
            wrong.append(f"{name[:100]}: {' '.join(invalid.messages)}")
    if wrong:
        raise ValidationError({"people": wrong})
    return members, invitations


@transaction.atomic
def withdraw_invitation(invitation: Invitation, user: User) -> None:
    """Makes an invitation's link useless."""
    Invitation.objects.filter(pk=invitation.pk, accepted_by__isnull=True).update(expires=timezone.now())
    record(invitation.project, user, "withdraw invitation", invitation.email or "by link")


def is_usable(invitation: Invitation) -> bool:
    """Whether somebody can still join with the link."""
    over = invitation.accepted_by_id is not None or invitation.expires <= timezone.now()
    return not over and invitation.project.deleted is None


@transaction.atomic
def accept_invitation(invitation: Invitation, person: User) -> Membership:
    """Makes the person a member and uses the link up. Somebody who is a member keeps the higher role."""
    held = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if not is_usable(held):
        raise ValidationError("This invitation was used or has run out. Ask for a new one.")
    _lock(held.project)
    membership = Membership.objects.filter(project=held.project, user=person).first()
    if membership is None or membership.state == Membership.State.REMOVED:
        membership = membership or Membership(project=held.project, user=person)
        _join(membership, held.role, held.quota)
    else:
        membership.role = max(Role(membership.role), Role(held.role), key=lambda role: role.rank)
        membership.save()
    held.accepted_by = person
    held.save()
    record(held.project, person, "accept invitation", person.username, after={"role": membership.role})
    return membership
