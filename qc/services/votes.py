"""What a case ends with: votes cast blind, and one decision, by the votes or by a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.access import may, role_in
from annotation.models import ChangeCount, Flag, MetaLabel, Project, Role, User
from annotation.queries.projects import newest_guideline
from annotation.queries.values import label_names, value_in_words
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.values import AnswerValue, label_ids, read_value
from qc.models import Case, Decision, Outcome, StandAside, TieRule, Vote
from qc.queries.cases import content
from qc.queries.review import review_settings
from qc.services.cases import MOST_QUORUM, CaseConflict, lock_case
from qc.services.judging import judge_suspects
from qc.services.placing import place_decided
from qc.services.proposals import propose_change

VALUES = {
    Project.Task.CLASSIFICATION: ("label", "Choose the final label."),
    Project.Task.MULTILABEL: ("labels", "Choose the final labels; an empty list says that none fits."),
    Project.Task.SPANS: ("spans", "Give the final spans; an empty list says that there are none."),
}


@dataclass(frozen=True)
class Ending:
    """How somebody wants a case to end, checked."""

    outcome: Outcome
    value: AnswerValue = field(default_factory=AnswerValue)
    acceptable: list[int] = field(default_factory=list)
    meta_label: str = ""
    clause: str = ""
    rationale: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """As columns of a vote or a decision."""
        return {
            "outcome": self.outcome,
            **self.value.fields,
            "acceptable": self.acceptable,
            "meta_label": self.meta_label,
            "clause": self.clause,
            "rationale": self.rationale,
        }


def read_ending(
    case: Case,
    *,
    outcome: str,
    label: str | None = None,
    labels: Sequence[str] | None = None,
    spans: Sequence[Mapping[str, Any]] | None = None,
    acceptable: Sequence[str] = (),
    meta_label: str = "",
    clause: str = "",
    rationale: str = "",
) -> Ending:
    """What was sent, as an ending of this case. Raises ValidationError for what is missing or too much."""
    if outcome not in Outcome.values:
        raise ValidationError({"outcome": f"“{outcome}” is not one of {', '.join(Outcome.values)}."})
    if meta_label and meta_label not in MetaLabel.values:
        raise ValidationError({"meta_label": f"“{meta_label}” is not one of {', '.join(MetaLabel.values)}."})
    if outcome == Outcome.EXCLUDE and not meta_label:
        raise ValidationError({"meta_label": f"Say why it is excluded: {', '.join(MetaLabel.values)}."})
    if outcome == Outcome.GUIDELINE and not rationale.strip():
        raise ValidationError({"rationale": "Say what is unclear in the guideline."})
    sent = {"label": label or None, "labels": labels, "spans": spans}
    known = label_ids(case.project)
    value = AnswerValue()
    if outcome == Outcome.LABEL:
        wanted, missing = VALUES[Project.Task(case.project.task)]
        if all(given is None for given in sent.values()):
            raise ValidationError({wanted: missing})
        value = read_value(
            case.project, case.item.text, label=label or None, labels=labels, spans=spans, known=known
        )
    elif extra := [name for name, given in sent.items() if given]:
        raise ValidationError({extra[0]: f"Only the outcome “label” takes {extra[0]}."})
    if acceptable and outcome != Outcome.HARD:
        raise ValidationError({"acceptable": "Only a hard example has several acceptable labels."})
    if unknown := [name for name in acceptable if name not in known]:
        raise ValidationError({"acceptable": f"This project has no label “{unknown[0][:100]}”."})
    return Ending(
        Outcome(outcome),
        value,
        sorted({known[name] for name in acceptable}),
        meta_label,
        clause.strip()[:200],
        rationale.strip(),
    )


@transaction.atomic
def cast_vote(case: Case, user: User, *, proposal: str = "", **sent: Any) -> Vote:
    """One person's vote on an open case. The vote that fills the quorum decides it, if more than half agree.

    `proposal` is a change of the guideline, under the clause that the vote cites. If the votes do not agree and the
    project's tie rule is one more vote, the quorum grows by one. Raises CaseConflict if the case is decided or the
    user has voted.
    """
    ending = read_ending(case, **sent)
    held = lock_case(case)
    if held.state != Case.State.OPEN:
        raise CaseConflict("This case is decided already.")
    if held.votes.filter(user=user, withdrawn__isnull=True).exists():
        raise CaseConflict("You have voted on this case already.")
    if held.standing_aside.filter(user=user).exists():
        raise CaseConflict("You stand aside from this case, since you have seen who answered.")
    vote = Vote.objects.create(case=held, user=user, **ending.columns)
    propose_change(held, user, proposal, ending.clause)
    votes = list(held.votes.filter(withdrawn__isnull=True).order_by("id"))
    if agreeing := _majority(votes, held.quorum):
        _end(held, user, _joined(agreeing), by_votes=True)
    elif held.quorum <= len(votes) < MOST_QUORUM and review_settings(held.project).tie_rule == TieRule.VOTE:
        held.quorum = len(votes) + 1
        held.save(update_fields=["quorum"])
    case.refresh_from_db()
    return vote


@transaction.atomic
def stand_aside(case: Case, user: User) -> None:
    """Lets a lead see at once who answered the text of an open case; in return the lead does not vote on it.

    Raises CaseConflict if the case is decided. Changes nothing for somebody who has voted, who sees the names anyway.
    """
    held = lock_case(case)
    if held.state != Case.State.OPEN:
        raise CaseConflict("This case is decided: its names show already.")
    if held.votes.filter(user=user, withdrawn__isnull=True).exists():
        return
    if StandAside.objects.get_or_create(case=held, user=user)[1]:
        record(held.project, user, "stand aside", f"case {held.pk}")


@transaction.atomic
def decide_case(case: Case, user: User, *, proposal: str = "", **sent: Any) -> Decision:
    """Ends a case. The same decision as the panel's votes made confirms theirs.

    Raises CaseConflict if the case is decided (it can be reopened, not decided again), while the panel is voting, and
    if the votes are there, do not agree, and the tie rule gives the decision to others.
    """
    ending = read_ending(case, **sent)
    held = lock_case(case)
    standing = held.decisions.filter(withdrawn__isnull=True).first()
    if standing is not None:
        if not (standing.by_votes and content(standing) == content(Decision(**ending.columns))):
            raise CaseConflict("This case is decided. Reopen it to decide anew.")
        standing.by_votes = False
        standing.decided_by, standing.rationale = user, ending.rationale or standing.rationale
        standing.save(update_fields=["by_votes", "decided_by", "rationale"])
        record(held.project, user, "confirm decision", f"case {held.pk}")
        return standing
    _check_may_end(held, user)
    decision = _end(held, user, ending, by_votes=False)
    propose_change(held, user, proposal, ending.clause)
    case.refresh_from_db()
    return decision


def _check_may_end(case: Case, user: User) -> None:
    """That this user may end the case in place of the votes: nobody has voted, or all have and do not agree.

    A lead may at any time.
    """
    cast = case.votes.filter(withdrawn__isnull=True).count()
    if not cast or may(role_in(user, case.project), Role.LEAD):
        return
    rule = review_settings(case.project).tie_rule
    if cast < case.quorum or rule == TieRule.VOTE:
        raise CaseConflict(
            "The panel is voting: the case ends when most votes agree, or when a lead decides."
        )
    if rule == TieRule.LEAD:
        raise CaseConflict("The votes do not agree, and in this project a lead decides then.")


def _majority(votes: list[Vote], quorum: int) -> list[Vote]:
    """The votes that agree, if the quorum is there and they are more than half; else none."""
    if len(votes) < quorum:
        return []
    most, n = Counter(map(content, votes)).most_common(1)[0]
    return [vote for vote in votes if content(vote) == most] if 2 * n > len(votes) else []


def _joined(agreeing: list[Vote]) -> Ending:
    """What agreeing votes decide together: their reasons one under the other, and what more than half would accept."""
    first = agreeing[0]
    accepted = Counter(pk for vote in agreeing for pk in vote.acceptable)
    return Ending(
        Outcome(first.outcome),
        AnswerValue(first.label_id, first.labels, first.spans),
        sorted(pk for pk, n in accepted.items() if 2 * n > len(agreeing)),
        first.meta_label,
        next((vote.clause for vote in agreeing if vote.clause), ""),
        "\n".join(dict.fromkeys(vote.rationale for vote in agreeing if vote.rationale)),
    )


def _end(case: Case, user: User, ending: Ending, *, by_votes: bool) -> Decision:
    """Writes the decision on a locked case, resolves the flags that it answers and the suspicion it settles."""
    now = timezone.now()
    decision = Decision.objects.create(
        case=case,
        item_id=case.item_id,
        guideline=newest_guideline(case.project),
        decided_by=user,
        by_votes=by_votes,
        created=now,
        **ending.columns,
    )
    case.state = Case.State.DECIDED
    case.save(update_fields=["state"])
    Flag.objects.filter(item=case.item_id, resolved__isnull=True).update(resolved=now)
    judge_suspects(case.item)
    if ending.outcome in {Outcome.LABEL, Outcome.HARD}:
        place_decided(case.project)
    says = value_in_words(decision, label_names(case.project)) if ending.outcome == Outcome.LABEL else None
    record(
        case.project,
        user,
        "decide case",
        str(case.pk),
        after={"outcome": ending.outcome, "label": says, "meta_label": ending.meta_label},
    )
    if ending.outcome == Outcome.LABEL:
        count_change(case.project, ChangeCount.Kind.DECISIONS)
    return decision
