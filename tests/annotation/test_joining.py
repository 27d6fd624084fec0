"""Becoming a member: by a link or by name, for the first time and after having been removed."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from annotation.models import Annotator, AuditEntry, Invitation, Membership, Project, Role, User
from annotation.queries.people import annotator_of
from annotation.services import members

Pages = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


def membership(project: Project, user: User) -> Membership:
    return Membership.objects.select_related("project", "user").get(project=project, user=user)


@pytest.fixture
def invited(project: Project, lea: User) -> Invitation:
    """A lead's link for an annotator."""
    return members.create_invitation(project, lea, role=Role.ANNOTATOR, quota=30)


def test_who_was_removed_comes_back_as_what_the_link_says(
    project: Project, olga: User, lea: User, invited: Invitation
) -> None:
    members.change_member(membership(project, lea), olga, state=Membership.State.REMOVED)
    members.accept_invitation(invited, lea)
    back = membership(project, lea)
    assert (back.role, back.state, back.quota) == ("annotator", "active", 30)
    newest = AuditEntry.objects.filter(project=project, action="accept invitation").latest("id")
    assert newest.after == {"role": "annotator"}


def test_a_member_keeps_the_higher_role(project: Project, lea: User, invited: Invitation) -> None:
    members.accept_invitation(invited, lea)
    assert membership(project, lea).role == "lead"


@pytest.mark.parametrize("way", ["link", "name", "reinstated"])
def test_gold_is_counted_anew_for_who_comes_back(
    project: Project, olga: User, ann: User, invited: Invitation, way: str
) -> None:
    annotator = annotator_of(project, ann)
    Annotator.objects.filter(pk=annotator.pk).update(gold_answers=20, gold_correct=2)
    members.change_member(membership(project, ann), olga, state=Membership.State.REMOVED)
    if way == "link":
        members.accept_invitation(invited, ann)
    elif way == "name":
        members.add_member(project, olga, "ann", Role.ANNOTATOR)
    else:
        members.change_member(membership(project, ann), olga, state=Membership.State.ACTIVE)
    annotator.refresh_from_db()
    assert (annotator.gold_answers, annotator.gold_correct) == (0, 0)


def test_a_second_press_leads_to_the_project(
    project: Project, otto: User, ben: User, invited: Invitation, page: Pages
) -> None:
    address, browser = f"/invitations/{invited.token}/", page(otto)
    for _ in range(2):
        assert browser.post(address).url == f"/projects/{project.slug}/"  # type: ignore[attr-defined]
    assert browser.get(address).status_code == 302
    assert page(ben).post(address).status_code == 410
    assert Membership.objects.filter(project=project, user=otto).count() == 1


def test_nobody_joins_a_deleted_project(
    project: Project, otto: User, invited: Invitation, page: Pages
) -> None:
    Project.objects.filter(pk=project.pk).update(deleted=timezone.now())
    assert page(otto).get(f"/invitations/{invited.token}/").status_code == 410
    with pytest.raises(ValidationError, match="run out"):
        members.accept_invitation(Invitation.objects.get(pk=invited.pk), otto)
    assert not Membership.objects.filter(user=otto).exists()
