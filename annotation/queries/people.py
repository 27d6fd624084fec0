"""Who is in a project, and under which name their answers are kept."""

from typing import Any

from django.db.models import Count, Max, QuerySet

from annotation.models import Annotation, Annotator, Membership, Project, Round, User


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
    """The members, each with `answers` (how many, in all rounds) and `last_answer` (when)."""
    found = list(members(project))
    rounds = list(Round.objects.filter(project=project))
    authors = {a.user_id: a.pk for a in Annotator.objects.filter(project=project, user__isnull=False)}
    given = {
        row["annotator"]: row
        for row in Annotation.objects.filter(round__in=rounds, annotator__in=authors.values())
        .values("annotator")
        .annotate(n=Count("id"), last=Max("created"))
    }
    for member in found:
        row: Any = given.get(authors.get(member.user_id, 0), {})
        member.answers = row.get("n", 0)  # type: ignore[attr-defined]
        member.last_answer = row.get("last")  # type: ignore[attr-defined]
    return found
