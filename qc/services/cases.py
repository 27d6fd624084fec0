"""Cases: opened on items that need a decision, voted on blind, decided once, reopened when something has changed.

Whoever votes, decides or reopens first locks the case's row, so that its history has one order.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from annotation.models import Flag, Item, Label, MetaLabel, Project, User
from annotation.services.audit import record
from qc.models import Case, Decision, Outcome, Vote
from qc.queries.agreement import latest_report

MOST_CASES = 10_000  # in one call
MOST_QUORUM = 20


class CaseConflict(Exception):
    """The case is not in the state that the request thinks: it was decided, or somebody has voted already."""


@transaction.atomic
def open_cases(
    project: Project, user: User, item_ids: Sequence[int], source: str = Case.Source.MANUAL, quorum: int = 1
) -> list[Case]:
    """Opens a case on each item that has none open; the new cases in the order of the items.

    Raises ValidationError for items that the project does not have.
    """
    wanted = list(dict.fromkeys(item_ids))
    if not wanted:
        raise ValidationError({"items": "Name at least one item."})
    if len(wanted) > MOST_CASES:
        raise ValidationError({"items": f"At most {MOST_CASES:,} items at once."})
    if source not in Case.Source.values:
        raise ValidationError({"source": f"“{source}” is not one of {', '.join(Case.Source.values)}."})
    if not 1 <= quorum <= MOST_QUORUM:
        raise ValidationError({"quorum": f"A quorum is between 1 and {MOST_QUORUM} votes."})
    there = set(
        Item.objects.filter(project=project, pk__in=wanted, deleted__isnull=True).values_list("pk", flat=True)
    )
    if missing := [pk for pk in wanted if pk not in there]:
        named = ", ".join(str(pk) for pk in missing[:10])
        raise ValidationError({"items": f"There is no such item in this project: {named}."})
    busy = set(Case.objects.filter(item__in=wanted, state=Case.State.OPEN).values_list("item_id", flat=True))
    fresh = [
        Case(project=project, item_id=pk, source=source, quorum=quorum, created_by=user)
        for pk in wanted
        if pk not in busy
    ]
    try:
        with transaction.atomic():
            Case.objects.bulk_create(fresh)
    except IntegrityError:  # somebody opened one of them in this moment: one by one then
        fresh = [case for case in fresh if _open_one(case)]
    if fresh:
        record(project, user, "open cases", f"{len(fresh)} texts", after={"source": source, "quorum": quorum})
    return fresh


def _open_one(case: Case) -> bool:
    case.pk = None
    try:
        with transaction.atomic():
            case.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def open_cases_of_flags(project: Project, user: User, quorum: int = 1) -> list[Case]:
    """Opens cases on the texts with open flags, those with most flags first."""
    flagged = (
        Flag.objects.filter(item__project=project, item__deleted__isnull=True, resolved__isnull=True)
        .values("item")
        .annotate(n=Count("id"))
        .order_by("-n", "item")
        .values_list("item", flat=True)[:MOST_CASES]
    )
    ids = list(flagged)
    return open_cases(project, user, ids, Case.Source.FLAG, quorum) if ids else []


def open_cases_of_disputes(
    project: Project, user: User, most: int, quorum: int = 1, round_id: int | None = None
) -> list[Case]:
    """Opens cases on the most disputed texts of the newest agreement report, highest entropy first.

    Texts that have an open case or a standing decision do not count towards `most`.
    """
    disputed = _report(project, round_id)["disputed_items"]
    return _open_first(project, user, [row["item_id"] for row in disputed], most, quorum)


def open_cases_of_confusion(
    project: Project, user: User, a: str, b: str, most: int, quorum: int = 1, round_id: int | None = None
) -> list[Case]:
    """Opens cases on texts that got both labels, highest entropy first, from the newest agreement report."""
    for pair in _report(project, round_id)["confused_labels"]:
        if {pair["a"], pair["b"]} == {a, b}:
            return _open_first(project, user, pair["items"], most, quorum)
    raise ValidationError(f"The report knows no texts with both “{a}” and “{b}”.")


def _report(project: Project, round_id: int | None) -> dict[str, Any]:
    round_ = project.rounds.filter(pk=round_id).first() if round_id is not None else None
    report = latest_report(project, round_)
    if report is None:
        raise ValidationError("Agreement was not computed yet, so nothing is known to be disputed.")
    result: dict[str, Any] = report.result
    return result


def _open_first(project: Project, user: User, item_ids: Sequence[int], most: int, quorum: int) -> list[Case]:
    """Opens cases on the first `most` of these items that have neither an open case nor a standing decision."""
    there = set(
        Item.objects.filter(project=project, pk__in=item_ids, deleted__isnull=True).values_list(
            "pk", flat=True
        )
    )
    there -= set(Case.objects.filter(item__in=there, state=Case.State.OPEN).values_list("item_id", flat=True))
    there -= set(
        Decision.objects.filter(item__in=there, withdrawn__isnull=True).values_list("item_id", flat=True)
    )
    chosen = [pk for pk in item_ids if pk in there][:most]
    return open_cases(project, user, chosen, Case.Source.DISAGREEMENT, quorum) if chosen else []


def check_outcome(
    case: Case, outcome: str, label: str | None, meta_label: str, rationale: str
) -> Label | None:
    """The label that the outcome names, if it needs one. Raises ValidationError for what is missing or too much."""
    if outcome not in Outcome.values:
        raise ValidationError({"outcome": f"“{outcome}” is not one of {', '.join(Outcome.values)}."})
    if meta_label and meta_label not in MetaLabel.values:
        raise ValidationError({"meta_label": f"“{meta_label}” is not one of {', '.join(MetaLabel.values)}."})
    if outcome == Outcome.EXCLUDE and not meta_label:
        raise ValidationError({"meta_label": f"Say why it is excluded: {', '.join(MetaLabel.values)}."})
    if outcome == Outcome.GUIDELINE and not rationale.strip():
        raise ValidationError({"rationale": "Say what is unclear in the guideline."})
    if outcome != Outcome.LABEL:
        if label:
            raise ValidationError({"label": "Only the outcome “label” takes a label."})
        return None
    if not label:
        raise ValidationError({"label": "Choose the final label."})
    chosen = Label.objects.filter(project=case.project, name=label, retired__isnull=True).first()
    if chosen is None:
        raise ValidationError({"label": f"“{label}” is not a label of this project."})
    return chosen


@transaction.atomic
def cast_vote(
    case: Case,
    user: User,
    *,
    outcome: str,
    label: str | None = None,
    meta_label: str = "",
    rationale: str = "",
) -> Vote:
    """One person's vote on an open case. The vote that fills the quorum decides it, if more than half agree.

    Raises CaseConflict if the case is decided or the user has voted.
    """
    chosen = check_outcome(case, outcome, label, meta_label, rationale)
    held = _lock_open(case)
    if held.votes.filter(user=user, withdrawn__isnull=True).exists():
        raise CaseConflict("You have voted on this case already.")
    vote = Vote.objects.create(
        case=held,
        user=user,
        outcome=outcome,
        label=chosen,
        meta_label=meta_label,
        rationale=rationale.strip(),
    )
    votes = list(held.votes.filter(withdrawn__isnull=True).order_by("id"))
    if agreeing := _majority(votes, held.quorum):
        reasons = "\n".join(dict.fromkeys(v.rationale for v in agreeing if v.rationale))
        _end(
            held, user, agreeing[0].outcome, agreeing[0].label, agreeing[0].meta_label, reasons, by_votes=True
        )
    case.refresh_from_db()
    return vote


@transaction.atomic
def decide_case(
    case: Case,
    user: User,
    *,
    outcome: str,
    label: str | None = None,
    meta_label: str = "",
    rationale: str = "",
) -> Decision:
    """Ends a case. The same decision as the panel's votes made confirms theirs.

    Raises CaseConflict if the case is decided: it can be reopened, not decided again.
    """
    chosen = check_outcome(case, outcome, label, meta_label, rationale)
    held = _lock(case)
    standing = held.decisions.filter(withdrawn__isnull=True).first()
    if standing is not None:
        same = (standing.outcome, standing.label, standing.meta_label) == (outcome, chosen, meta_label)
        if not (standing.by_votes and same):
            raise CaseConflict("This case is decided. Reopen it to decide anew.")
        standing.by_votes = False
        standing.decided_by, standing.rationale = user, rationale.strip() or standing.rationale
        standing.save(update_fields=["by_votes", "decided_by", "rationale"])
        record(held.project, user, "confirm decision", f"case {held.pk}")
        return standing
    decision = _end(held, user, outcome, chosen, meta_label, rationale.strip(), by_votes=False)
    case.refresh_from_db()
    return decision


@transaction.atomic
def reopen_case(case: Case, user: User, because: str) -> Case:
    """Takes the decision back and asks for votes anew. What was voted and decided stays in the history."""
    if not because.strip():
        raise ValidationError({"because": "Say what has changed."})
    held = _lock(case)
    if held.state == Case.State.OPEN:
        raise CaseConflict("This case is open already.")
    if Case.objects.filter(item=held.item_id, state=Case.State.OPEN).exists():
        raise CaseConflict("There is another open case on this text.")
    now = timezone.now()
    held.votes.filter(withdrawn__isnull=True).update(withdrawn=now)
    held.decisions.filter(withdrawn__isnull=True).update(
        withdrawn=now, withdrawn_by=user, withdrawn_because=because.strip()
    )
    held.state = Case.State.OPEN
    try:
        with transaction.atomic():
            held.save(update_fields=["state"])
    except IntegrityError as crossed:
        raise CaseConflict("There is another open case on this text.") from crossed
    record(held.project, user, "reopen case", f"case {held.pk}", after={"because": because.strip()})
    return held


def _lock(case: Case) -> Case:
    return Case.objects.select_for_update(of=("self",)).select_related("project").get(pk=case.pk)


def _majority(votes: list[Vote], quorum: int) -> list[Vote]:
    """The votes that agree, if the quorum is there and they are more than half; else none."""
    if len(votes) < quorum:
        return []
    content, n = Counter((v.outcome, v.label_id, v.meta_label) for v in votes).most_common(1)[0]
    return (
        [v for v in votes if (v.outcome, v.label_id, v.meta_label) == content] if 2 * n > len(votes) else []
    )


def _lock_open(case: Case) -> Case:
    held = _lock(case)
    if held.state != Case.State.OPEN:
        raise CaseConflict("This case is decided already.")
    return held


def _end(
    case: Case,
    user: User,
    outcome: str,
    label: Label | None,
    meta_label: str,
    rationale: str,
    *,
    by_votes: bool,
) -> Decision:
    """Writes the decision on a locked case and resolves the flags that it answers."""
    now: datetime = timezone.now()
    decision = Decision.objects.create(
        case=case,
        item_id=case.item_id,
        outcome=outcome,
        label=label,
        meta_label=meta_label,
        rationale=rationale,
        decided_by=user,
        by_votes=by_votes,
        created=now,
    )
    case.state = Case.State.DECIDED
    case.save(update_fields=["state"])
    Flag.objects.filter(item=case.item_id, resolved__isnull=True).update(resolved=now)
    record(
        case.project,
        user,
        "decide case",
        f"case {case.pk}",
        after={"outcome": outcome, "label": label.name if label else None, "meta_label": meta_label},
    )
    return decision
