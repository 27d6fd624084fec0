"""Cases: the queue, and what a person may see of one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from annotation.models import Annotation, Flag, Project, User
from qc.models import Case, Decision, Outcome, Vote

MOST_COUNTED = 1_000


def cases(project: Project, state: str = "") -> QuerySet[Case]:
    """The project's cases with all that `view_case` reads, in a fixed number of statements."""
    answers = Annotation.objects.filter(kind=Annotation.Kind.NORMAL).select_related("label", "annotator")
    votes = Vote.objects.select_related("user", "label")
    decisions = Decision.objects.select_related("label", "decided_by", "withdrawn_by")
    found = (
        Case.objects.filter(project=project)
        .select_related("item", "project", "created_by")
        .prefetch_related(
            Prefetch("item__annotations", answers.order_by("label__position", "id")),
            Prefetch("item__flags", Flag.objects.filter(resolved__isnull=True)),
            Prefetch("votes", votes),
            Prefetch("decisions", decisions),
        )
    )
    return found.filter(state=state) if state else found


def queue(project: Project, user: User, most: int = 50) -> list[Case]:
    """The oldest open cases for the queue's column: those first that the user has not voted on."""
    mine = Vote.objects.filter(case=OuterRef("pk"), user=user, withdrawn__isnull=True)
    return list(
        Case.objects.filter(project=project, state=Case.State.OPEN)
        .select_related("item")
        .annotate(
            voted=Exists(mine), flags=Count("item__flags", filter=Q(item__flags__resolved__isnull=True))
        )
        .order_by("voted", "id")[:most]
    )


def decided(project: Project, most: int = 50) -> list[Case]:
    """The cases that were decided last."""
    standing = Decision.objects.filter(case__project=project, withdrawn__isnull=True)
    newest = standing.select_related("case__item", "label").order_by("-id")[:most]
    found = []
    for decision in newest:
        decision.case.decision = decision  # type: ignore[attr-defined]
        found.append(decision.case)
    return found


def count_cases(project: Project, state: str) -> int:
    """How many cases are in this state, counted up to 1,000."""
    return Case.objects.filter(project=project, state=state)[:MOST_COUNTED].count()


def count_flagged(project: Project) -> int:
    """How many texts have open flags and no open case, counted up to 1,000."""
    busy = Case.objects.filter(item=OuterRef("item"), state=Case.State.OPEN)
    flags = Flag.objects.filter(item__project=project, item__deleted__isnull=True, resolved__isnull=True)
    return flags.exclude(Exists(busy)).values("item").distinct()[:MOST_COUNTED].count()


@dataclass
class CaseView:
    """A case as one person may see it. `votes` is None while that person must vote blind."""

    case: Case
    answers: list[dict[str, Any]]
    entropy: float | None
    votes: list[Vote] | None
    votes_cast: int
    my_vote: Vote | None
    decision: Decision | None
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def blind(self) -> bool:
        """Whether names and votes are hidden from this person."""
        return self.votes is None


def view_case(case: Case, user: User, *, names: bool = False) -> CaseView:
    """What the user may see: answers without names, and the others' votes once the user has voted or it is decided.

    Somebody who answered in several rounds counts with the newest answer. The answers come sorted by label, so that
    their order says nothing about their authors. `names`: whether the user may see annotators' names at all; they
    show when the case is decided.
    """
    standing = [vote for vote in case.votes.all() if vote.withdrawn is None]
    my_vote = next((vote for vote in standing if vote.user_id == user.pk), None)
    decision = next((d for d in case.decisions.all() if d.withdrawn is None), None)
    open_to_me = my_vote is not None or decision is not None
    newest: dict[int, Annotation] = {}
    for answer in case.item.annotations.all():
        if answer.annotator_id not in newest or newest[answer.annotator_id].pk < answer.pk:
            newest[answer.annotator_id] = answer
    given = [answer for answer in case.item.annotations.all() if newest[answer.annotator_id] is answer]
    answers = [
        {
            "letter": _letter(at),
            "label": answer.label_name,
            "comment": answer.comment,
            "annotator": answer.annotator.name if names and decision is not None else None,
        }
        for at, answer in enumerate(given)
    ]
    _, counts = np.unique([answer["label"] for answer in answers], return_counts=True)
    shares = counts / counts.sum() if answers else counts
    return CaseView(
        case=case,
        answers=answers,
        entropy=float(abs((shares * np.log2(shares)).sum())) if answers else None,
        votes=standing if open_to_me else None,
        votes_cast=len(standing),
        my_vote=my_vote,
        decision=decision,
        history=_history(case, open_to_me),
    )


def _letter(at: int) -> str:
    """0 → A … 25 → Z, 26 → AA."""
    before = _letter(at // 26 - 1) if at >= 26 else ""
    return before + chr(ord("A") + at % 26)


def _history(case: Case, open_to_me: bool) -> list[dict[str, Any]]:
    """What happened to the case, newest first; votes without name and content while they are hidden."""
    told: list[tuple[datetime, dict[str, Any]]] = [
        (case.created, {"what": f"Opened: {case.get_source_display().lower()}", "tone": ""})
    ]
    for vote in case.votes.all():
        what = f"{vote.user.display_name} voted: {describe(vote)}" if open_to_me else "Vote cast, hidden"
        told.append((vote.created, {"what": what, "tone": ""}))
    for decision in case.decisions.all():
        by = "the votes" if decision.by_votes else decision.decided_by.display_name
        told.append((decision.created, {"what": f"Decided by {by}: {describe(decision)}", "tone": "good"}))
        if decision.withdrawn and decision.withdrawn_by:
            what = f"Reopened by {decision.withdrawn_by.display_name}"
            told.append(
                (decision.withdrawn, {"what": what, "why": decision.withdrawn_because, "tone": "warn"})
            )
    return [{"at": at, **event} for at, event in sorted(told, key=lambda event: event[0], reverse=True)]


def describe(settled: Vote | Decision) -> str:
    """A vote or a decision in a few words."""
    if settled.outcome == Outcome.LABEL and settled.label is not None:
        return settled.label.name
    words = {
        Outcome.EXCLUDE: "Exclude",
        Outcome.HARD: "Hard example",
        Outcome.GUIDELINE: "Back to the guideline",
    }
    named = words[Outcome(settled.outcome)]
    return f"{named}, {settled.meta_label}" if settled.meta_label else named
