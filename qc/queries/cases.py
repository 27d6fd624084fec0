"""Cases: the queue, and what a person may see of one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.models import Annotation, Flag, Project, User
from annotation.queries.values import label_names, named_value, value_in_words
from qc.models import Case, Decision, GuidelineProposal, Outcome, StandAside, Vote
from qc.queries.blindness import blind_items, has_voted, stands_aside, waits_for

MOST_COUNTED = 1_000
MOST_FLAGS = 5_000  # that are looked through for texts without a case
MOST_LISTED = 50
Names = Mapping[int, str]

# Each text's open case is looked up in the index: a join would read all cases of all projects
_FLAGGED = """
WITH newest AS MATERIALIZED (
    SELECT flag.item_id FROM annotation_flag flag JOIN annotation_item item ON item.id = flag.item_id
    WHERE item.project_id = %(project)s AND item.deleted IS NULL AND flag.resolved IS NULL
    ORDER BY flag.id DESC LIMIT %(most)s
)
SELECT count(*) FROM (SELECT DISTINCT item_id FROM newest) flagged
WHERE (SELECT c.id FROM qc_case c WHERE c.item_id = flagged.item_id AND c.state = 'open' LIMIT 1) IS NULL
"""


def cases(project: Project, state: str = "", source: str = "") -> QuerySet[Case]:
    """The project's cases with all that `view_case` reads, in a fixed number of statements."""
    answers = Annotation.objects.counted().filter(round__deleted__isnull=True).select_related("annotator")
    found = (
        Case.objects.filter(project=project)
        .select_related("item", "project", "created_by")
        .prefetch_related(
            Prefetch("item__annotations", answers.order_by("label__position", "id")),
            Prefetch("item__flags", Flag.objects.filter(resolved__isnull=True)),
            Prefetch("votes", Vote.objects.select_related("user")),
            Prefetch("standing_aside", StandAside.objects.all()),
            Prefetch("decisions", Decision.objects.select_related("decided_by", "withdrawn_by", "guideline")),
            Prefetch(
                "proposals", GuidelineProposal.objects.select_related("user", "settled_by", "guideline")
            ),
        )
    )
    if source:
        found = found.filter(source=source)
    return found.filter(state=state) if state else found


def waiting(project: Project, user: User, source: str = "") -> QuerySet[Case]:
    """The open cases on which the user may still vote, oldest first."""
    found = Case.objects.filter(waits_for(user), project=project)
    return (found.filter(source=source) if source else found).order_by("id")


def queue(project: Project, user: User, source: str = "", most: int = MOST_LISTED) -> list[Case]:
    """The oldest open cases for the queue's column: those first on which the user may still vote.

    Two statements, each of which walks along an index until it has enough.
    """
    flags = Flag.objects.filter(item=OuterRef("item"), resolved__isnull=True).order_by()
    flagged = Coalesce(Subquery(flags.values("item").annotate(n=Count("id")).values("n")), 0)
    found: list[Case] = [
        *waiting(project, user, source).select_related("item").annotate(flags=flagged)[:most]
    ]
    if len(found) < most:
        done = Case.objects.filter(
            has_voted(user) | stands_aside(user), project=project, state=Case.State.OPEN
        )
        done = (done.filter(source=source) if source else done).order_by("id")
        found += done.select_related("item").annotate(flags=flagged, voted=has_voted(user))[
            : most - len(found)
        ]
    return found


@dataclass(frozen=True)
class Decided:
    """A line of the list of what was decided."""

    case: Case
    decision: Decision
    said: str
    tally: str  # "2 of 3", "3 votes, tie", or who decided alone


def decided(
    project: Project, source: str = "", outcome: str = "", by: str = "", most: int = MOST_LISTED
) -> list[Decided]:
    """The cases that were decided last, under these filters; `by` is a user's name, or "votes"."""
    standing = Decision.objects.filter(case__project=project, withdrawn__isnull=True)
    if source:
        standing = standing.filter(case__source=source, case__state=Case.State.DECIDED)
    if outcome:
        standing = standing.filter(outcome=outcome)
    if by == "votes":
        standing = standing.filter(by_votes=True)
    elif by:
        standing = standing.filter(decided_by__username=by, by_votes=False)
    votes = Vote.objects.filter(withdrawn__isnull=True)
    newest = (
        standing.select_related("case__item", "decided_by")
        .prefetch_related(Prefetch("case__votes", votes))
        .order_by("-id")[:most]
    )
    names = label_names(project)
    return [
        Decided(d.case, d, describe(d, names), tally_in_words(d, list(d.case.votes.all()))) for d in newest
    ]


def deciders(project: Project) -> list[User]:
    """Who has decided a case of the project, for the filter."""
    made = Decision.objects.filter(case__project=project, decided_by=OuterRef("pk"), withdrawn__isnull=True)
    members = User.objects.filter(memberships__project=project)
    return list(members.filter(Exists(made.filter(by_votes=False))).order_by("username"))


def count_cases(project: Project) -> dict[str, int]:
    """How many cases are in each state; 1,001 says that there are more than 1,000."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, (SELECT count(*) FROM (SELECT FROM qc_case WHERE project_id = %s AND state = every.state"
            " LIMIT %s) counted) FROM unnest(%s::text[]) every (state)",
            [project.pk, MOST_COUNTED + 1, Case.State.values],
        )
        return dict(cursor.fetchall())


def count_waiting(project: Project, user: User) -> tuple[int, bool]:
    """How many of the newest 1,000 open cases wait for this person's vote, and whether there are older ones."""
    newest = Case.objects.filter(project=project, state=Case.State.OPEN).order_by("-id").values("pk")
    left = Case.objects.filter(waits_for(user), pk__in=newest[:MOST_COUNTED]).order_by()
    return left.count(), newest[MOST_COUNTED : MOST_COUNTED + 1].exists()


def count_flagged(project: Project) -> int:
    """How many texts have open flags and no open case, among those of the newest 5,000 open flags."""
    with connection.cursor() as cursor:
        cursor.execute(_FLAGGED, {"project": project.pk, "most": MOST_FLAGS})
        return int(cursor.fetchone()[0])


@dataclass
class CaseView:
    """A case as one person may see it. `votes` is None while that person must vote blind."""

    case: Case
    answers: list[dict[str, Any]]
    entropy: float | None
    votes: list[Vote] | None
    votes_cast: int
    my_vote: Vote | None
    aside: bool
    decision: Decision | None
    names: Names
    proposals: list[GuidelineProposal] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def blind(self) -> bool:
        """Whether names and votes are hidden from this person."""
        return self.votes is None

    @property
    def shares(self) -> list[int]:
        """How many votes say the same, the most first: [2, 2, 1]."""
        return sorted(Counter(map(content, self.votes or [])).values(), reverse=True)

    @property
    def tied(self) -> bool:
        """Whether the votes are there and do not agree."""
        return self.case.state == Case.State.OPEN and self.votes_cast >= self.case.quorum


def view_cases(found: Sequence[Case], user: User, names: Names, *, is_lead: bool) -> list[CaseView]:
    """`view_case` for several cases at once. Leads see annotators' names once a case is decided.

    Not while another case is open on the same text, on which they may still vote.
    """
    decided = [case.item_id for case in found if case.state == Case.State.DECIDED] if is_lead else []
    blind = blind_items(user, decided) if decided else set()
    return [view_case(case, user, names, authors=is_lead and case.item_id not in blind) for case in found]


def view_case(case: Case, user: User, names: Names, *, authors: bool = False) -> CaseView:
    """What the user may see: answers without names, and the others' votes once the user has voted or it is decided.

    Or stands aside. Somebody who answered in several rounds counts with the newest answer. The answers come sorted by
    label, so that their order says nothing about their authors. `authors`: whether the user may see annotators' names
    at all; they show when the case is decided. `names` are the project's labels by id.
    """
    standing = [vote for vote in case.votes.all() if vote.withdrawn is None]
    my_vote = next((vote for vote in standing if vote.user_id == user.pk), None)
    decision = next((d for d in case.decisions.all() if d.withdrawn is None), None)
    aside = any(row.user_id == user.pk for row in case.standing_aside.all())
    open_to_me = my_vote is not None or decision is not None or aside
    answers = [
        {
            "letter": letter(at),
            **named_value(answer, names),
            "said": value_in_words(answer, names),
            "spans_by_id": answer.spans,
            "comment": answer.comment,
            "annotator": answer.annotator.name if authors and decision is not None else None,
            "overruled": decision is not None and overrules(decision, answer),
        }
        for at, answer in enumerate(newest_answers(case))
    ]
    return CaseView(
        case=case,
        answers=answers,
        entropy=_entropy(newest_answers(case)),
        votes=standing if open_to_me else None,
        votes_cast=len(standing),
        my_vote=my_vote,
        aside=aside,
        decision=decision,
        names=names,
        proposals=[p for p in case.proposals.all() if open_to_me or p.user_id == user.pk],
        history=_history(case, user, open_to_me, names),
    )


def newest_answers(case: Case) -> list[Annotation]:
    """Everybody's newest answer to the case's text, sorted by what they say."""
    newest: dict[int, Annotation] = {}
    for answer in case.item.annotations.all():
        if answer.annotator_id not in newest or newest[answer.annotator_id].pk < answer.pk:
            newest[answer.annotator_id] = answer
    given = [answer for answer in case.item.annotations.all() if newest[answer.annotator_id] is answer]
    return sorted(given, key=lambda answer: (answer.labels or [], answer.spans or []))  # stable: labels stay


def _entropy(answers: list[Annotation]) -> float | None:
    """How far the answers are from one, in bits; answers count as equal if they are the same in all."""
    if not answers:
        return None
    same = Counter((a.label_id, tuple(a.labels or ()), tuple(map(tuple, a.spans or ()))) for a in answers)
    shares = np.array(list(same.values())) / len(answers)
    return float(abs((shares * np.log2(shares)).sum()))


def content(settled: Vote | Decision) -> tuple[Any, ...]:
    """What a vote or a decision says, such that two that say the same are equal."""
    labels, spans = settled.labels, settled.spans
    return (
        settled.outcome,
        settled.label_id,
        None if labels is None else tuple(labels),
        None if spans is None else tuple(map(tuple, spans)),
        settled.meta_label,
    )


def overrules(decision: Decision, answer: Annotation) -> bool:
    """Whether the decision says that another answer is right."""
    if decision.outcome != Outcome.LABEL:
        return False
    return (decision.label_id, decision.labels, decision.spans) != (
        answer.label_id,
        answer.labels,
        answer.spans,
    )


def tally_in_words(decision: Decision, votes: list[Vote]) -> str:
    """How the votes stood that a decision ended: "3 of 3", "3 votes, tie"; without votes, who decided."""
    if not votes:
        return decision.decided_by.display_name
    agreeing = sum(content(vote) == content(decision) for vote in votes)
    most = max(Counter(map(content, votes)).values())
    if 2 * most <= len(votes) and len(votes) > 1:
        return f"{len(votes)} votes, tie"
    return f"{agreeing} of {len(votes)}"


def letter(at: int) -> str:
    """What an annotator is called where names are hidden: 0 → A … 25 → Z, 26 → AA."""
    before = letter(at // 26 - 1) if at >= 26 else ""
    return before + chr(ord("A") + at % 26)


def _history(case: Case, user: User, open_to_me: bool, names: Names) -> list[dict[str, Any]]:
    """What happened to the case, newest first.

    While the person must vote blind, what others voted is hidden, and so is what was decided before the case was
    reopened, which is some of the same people's opinion.
    """
    told: list[tuple[datetime, dict[str, Any]]] = [
        (case.created, {"what": f"Opened: {case.get_source_display().lower()}", "why": case.note, "tone": ""})
    ]
    for vote in case.votes.all():
        shown = open_to_me or vote.user_id == user.pk
        what = f"{vote.user.display_name} voted: {describe(vote, names)}" if shown else "Vote cast, hidden"
        told.append((vote.created, {"what": what, "tone": ""}))
    for proposal in case.proposals.all():
        if proposal.settled and proposal.settled_by and open_to_me:
            what = f"Proposal {proposal.get_state_display().lower()}, {proposal.settled_by.display_name}"
            told.append((proposal.settled, {"what": what, "tone": ""}))
    for decision in case.decisions.all():
        by = "the votes" if decision.by_votes else decision.decided_by.display_name
        what = f"Decided by {by}: {describe(decision, names)}" if open_to_me else "Decided, hidden"
        version = f"guideline v{decision.guideline.version}" if decision.guideline else ""
        told.append((decision.created, {"what": what, "why": version, "tone": "good"}))
        if decision.withdrawn and decision.withdrawn_by:
            shown = open_to_me or decision.withdrawn_by_id == user.pk
            what = f"Reopened by {decision.withdrawn_by.display_name}" if shown else "Reopened"
            told.append(
                (decision.withdrawn, {"what": what, "why": decision.withdrawn_because, "tone": "warn"})
            )
    return [{"at": at, **event} for at, event in sorted(told, key=lambda event: event[0], reverse=True)]


def describe(settled: Vote | Decision, names: Names) -> str:
    """A vote or a decision in a few words."""
    if settled.outcome == Outcome.LABEL:
        return value_in_words(settled, names)
    words = {
        Outcome.EXCLUDE: "Exclude",
        Outcome.HARD: "Hard example",
        Outcome.GUIDELINE: "Back to the guideline",
    }
    named = words[Outcome(settled.outcome)]
    if settled.acceptable:
        return f"{named}: {' or '.join(names[pk] for pk in settled.acceptable)}"
    return f"{named}, {settled.meta_label}" if settled.meta_label else named
