"""Who is in a project, and under which name their answers are kept."""

from django.db.models import QuerySet

from annotation.models import Annotator, Membership, Project, User


def members(project: Project) -> QuerySet[Membership]:
    """The project's members with their users, by name; removed ones too, since their answers stay."""
    return Membership.objects.filter(project=project).select_related("user").order_by("user__username")


def membership_of(project: Project, user: User) -> Membership | None:
    """The user's membership, with who paused it; None for a superuser who is no member."""
    return Membership.objects.filter(project=project, user=user).select_related("paused_by").first()


def annotator_of(project: Project, user: User) -> Annotator:
    """The author under which a user's answers in the project are kept; made at the first call."""
    annotator, _ = Annotator.objects.get_or_create(
        project=project, user=user, defaults={"name": user.username}
    )
    return annotator


def members_with_answers(project: Project) -> list[Membership]:
    """The members, each with `answers` (how many, in all rounds) and `last_seen` (at the labelling screen)."""
    mine = Annotator.objects.filter(project=project, user__isnull=False)
    authors = {
        user: (answers, active) for user, answers, active in mine.values_list("user", "answers", "active")
    }
    found = list(members(project))
    for member in found:
        answers, active = authors.get(member.user_id, (0, None))
        member.answers, member.last_seen = answers, active  # type: ignore[attr-defined]
    return found
