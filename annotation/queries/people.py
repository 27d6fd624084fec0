"""Who is in a project, and under which name their answers are kept."""

from typing import Any

from django.db.models import Max, QuerySet, Sum

from annotation.models import Annotator, Membership, Participation, Project, User


def members(project: Project) -> QuerySet[Membership]:
    """The project's members with their users, by name; removed ones too, since their answers stay."""
    return Membership.objects.filter(project=project).select_related("user").order_by("user__username")


def annotator_of(project: Project, user: User) -> Annotator:
    """The author under which a user's answers in the project are kept; made at the first call."""
    annotator, _ = Annotator.objects.get_or_create(
        project=project, user=user, defaults={"name": user.username}
    )
    return annotator


def members_with_answers(project: Project) -> list[Membership]:
    """The members, each with `answers` (how many, in all rounds) and `last_seen` (at the labelling screen)."""
    mine = Participation.objects.filter(annotator__project=project, annotator__user__isnull=False)
    parts = {
        row["annotator__user"]: row
        for row in mine.values("annotator__user").annotate(answers=Sum("answers"), last_seen=Max("active"))
    }
    found = list(members(project))
    for member in found:
        part: Any = parts.get(member.user_id, {})
        member.answers = part.get("answers", 0)  # type: ignore[attr-defined]
        member.last_seen = part.get("last_seen")  # type: ignore[attr-defined]
    return found
