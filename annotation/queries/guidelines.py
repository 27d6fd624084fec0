"""What annotators are told, in all its versions."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum

from annotation.markdown import Clause, clauses
from annotation.models import AnswerTally, Guideline, Membership, Project

MOST_COMPARED = 30  # versions through which the age of a clause is followed


def versions(project: Project) -> QuerySet[Guideline]:
    """Every version with its author, newest first; a draft comes before all."""
    return Guideline.objects.filter(project=project).select_related("created_by").order_by("-version")


def published_versions(project: Project) -> QuerySet[Guideline]:
    """The versions that annotators have or had, newest first."""
    return versions(project).filter(published__isnull=False)


def draft_of(project: Project) -> Guideline | None:
    """The draft, which only leads see."""
    return versions(project).filter(published__isnull=True).first()


def answers_by_version(project: Project) -> dict[int, int]:
    """{id of a version: answers given under it}, as of the last minutes; imported answers have none."""
    tallies = AnswerTally.objects.filter(guideline__project=project).values_list("guideline")
    return dict(tallies.annotate(n=Sum("answers")))


def readers(guideline: Guideline) -> tuple[int, int]:
    """How many active members have confirmed this version, and how many there are."""
    active = Membership.objects.filter(project=guideline.project_id, state=Membership.State.ACTIVE)
    read = Q(user__in=guideline.readings.values("user"))
    return active.filter(read).count(), active.count()


@dataclass(frozen=True)
class DatedClause:
    """A clause, and the version since which it has been as it is."""

    clause: Clause
    since: int


def dated_clauses(history: list[Guideline]) -> list[DatedClause]:
    """The clauses of the newest of these versions (newest first), each with the version that it came with."""
    if not history:
        return []
    earlier = [
        (version.version, {(clause.title, clause.body) for clause in clauses(version.body)})
        for version in history[1:MOST_COMPARED]
    ]
    found = []
    for clause in clauses(history[0].body):
        since = history[0].version
        for version, known in earlier:
            if (clause.title, clause.body) not in known:
                break
            since = version
        found.append(DatedClause(clause, since))
    return found


def changed_clauses(old: str, new: str) -> list[str]:
    """The titles of the clauses that are new, gone, or say something else."""
    before = {clause.title: clause.body for clause in clauses(old)}
    after = {clause.title: clause.body for clause in clauses(new)}
    return [title for title in {**after, **before} if before.get(title) != after.get(title)]
