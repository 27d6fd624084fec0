"""How everybody in a project is doing. Counters, the tallies of days, and the last answers of each person; nothing here
looks through the answers of a project, and the number of queries is the same for every team."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from annotation.algorithms.intervals import Estimate, wilson
from annotation.models import Annotation, Annotator, AnswerTally, AuditEntry, Membership, Project, Role
from annotation.queries.people import members

DAYS = 14
LAST_ANSWERS = 50  # of each person, whose median time is told
NO_GOLD = "no gold answers yet"
NO_REPEATS = "no repeats yet"

_MEDIANS = """
SELECT a.id, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY last.seconds)
              FROM (SELECT n.seconds FROM annotation_annotation n WHERE n.annotator_id = a.id
                    ORDER BY n.id DESC LIMIT %(most)s) last)
FROM annotation_annotator a WHERE a.id = ANY(%(annotators)s)
"""


@dataclass
class Work:
    """What one person has done in a project, and how well."""

    membership: Membership
    annotator: Annotator | None = None  # None before the first text
    days: list[int] = field(default_factory=lambda: [0] * DAYS)  # answers a day, today last
    repeats: int = 0
    repeats_same: int = 0
    median_seconds: float | None = None  # of the last answers

    @property
    def answers(self) -> int:
        """Answers of every kind, in all rounds."""
        return self.annotator.answers if self.annotator else 0

    @property
    def last_seen(self) -> datetime | None:
        """The last request for a text, or answer."""
        return self.annotator.active if self.annotator else None

    @property
    def gold(self) -> Estimate:
        """Gold accuracy since the last reinstatement."""
        right, n = (self.annotator.gold_correct, self.annotator.gold_answers) if self.annotator else (0, 0)
        return wilson(right, n, reason=NO_GOLD)

    @property
    def consistency(self) -> Estimate:
        """How often a repeated text got the same answer again."""
        return wilson(self.repeats_same, self.repeats, reason=NO_REPEATS)

    @property
    def a_day(self) -> float | None:
        """Mean answers of the days, among the last fourteen, on which there were any."""
        worked = [n for n in self.days if n]
        return sum(worked) / len(worked) if worked else None

    @property
    def done_of_quota(self) -> float | None:
        """The share of the quota that is done, at most 1; None without a quota."""
        quota = self.membership.quota
        return None if quota is None else min(1.0, self.answers / quota) if quota else 1.0


def work_of(project: Project, only: list[Membership] | None = None) -> list[Work]:
    """The work of the members (all of them, those who left too), by user name, with all that is known of it."""
    rows = counted_work(project, only)
    look_closer(rows)
    return rows


def counted_work(project: Project, only: list[Membership] | None = None) -> list[Work]:
    """`work_of` from the counters alone: without days, repeats and seconds, which `look_closer` adds."""
    found = list(members(project)) if only is None else only
    mine = Annotator.objects.filter(project=project, user__in=[member.user_id for member in found])
    authors = {author.user_id: author for author in mine}
    return [Work(member, authors.get(member.user_id)) for member in found]


def look_closer(rows: Sequence[Work], today: date | None = None) -> None:
    """Adds the days, the repeats and the seconds of each of these people."""
    by_author = {work.annotator.pk: work for work in rows if work.annotator is not None}
    today = today or timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    tallies = AnswerTally.objects.filter(annotator__in=by_author)
    of_days = tallies.filter(day__gte=first, day__lte=today).values_list("annotator", "day")
    for author, day, n in of_days.annotate(n=Sum("answers")):
        by_author[author].days[(day - first).days] = n
    repeated = tallies.filter(repeats__gt=0).values_list("annotator")
    for author, n, same in repeated.annotate(n=Sum("repeats"), same=Sum("repeats_same")):
        by_author[author].repeats, by_author[author].repeats_same = n, same
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, {"most": LAST_ANSWERS, "annotators": list(by_author)})
        for author, median in cursor.fetchall():
            by_author[author].median_seconds = median


def days_of(work: Work, today: date) -> list[dict[str, Any]]:
    """[{"day", "answers"}] of the last days, today last."""
    first = today - timedelta(days=DAYS - 1)
    return [{"day": first + timedelta(days=k), "answers": n} for k, n in enumerate(work.days)]


def labels_mostly(work: Work) -> bool:
    """Whether somebody is an annotator, or has answered."""
    return work.membership.role == Role.ANNOTATOR or work.answers > 0


def placeholders(project: Project, most: int = 50) -> list[Annotator]:
    """Names that came with imported answers."""
    return list(Annotator.objects.filter(project=project, user__isnull=True).order_by("name")[:most])


def has_many_set_aside(author: Annotator, many: int = 0) -> bool:
    """Whether more than so many of somebody's answers are set aside."""
    aside = Annotation.objects.filter(annotator=author, set_aside__isnull=False)
    return aside[: many + 1].count() > many


CHANGES = {
    "add member": "joined",
    "accept invitation": "joined by invitation",
    "change member": "changed",
    "invite": "invited",
    "withdraw invitation": "invitation withdrawn",
    "pause annotator": "paused",
    "reinstate annotator": "reinstated",
    "remove member": "removed",
    "set answers aside": "answers set aside",
    "take answers back": "answers taken back",
    "set quota of everyone": "new quota",
}


def changes(project: Project, most: int = 8) -> list[AuditEntry]:
    """What changed about people, newest first, among the newest entries of the log; each with `said`, in words."""
    newest = AuditEntry.objects.filter(project=project).select_related("user").order_by("-id")[:300]
    found = [entry for entry in newest if entry.action in CHANGES][:most]
    for entry in found:
        entry.said = CHANGES[entry.action]  # type: ignore[attr-defined]
    return found
