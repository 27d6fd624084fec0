"""Cases: opened on items that need a decision, reopened when something has changed. `votes` is what comes between.

Whoever votes, decides or reopens first locks the case's row, so that its history has one order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from annotation.models import ChangeCount, Flag, Item, Project, User
from annotation.services.audit import record
from annotation.services.changes import count_change
from qc.models import Case, Decision, Outcome
from qc.queries.agreement import latest_report
from qc.services.judging import judge_suspects

MOST_CASES = 10_000  # in one call
MOST_QUORUM = 20


class CaseConflict(Exception):
    """The case is not in the state that the request thinks: it was decided, or somebody has voted already."""


@transaction.atomic
def open_cases(
    project: Project,
    user: User,
    item_ids: Sequence[int],
    source: str = Case.Source.MANUAL,
    quorum: int = 1,
    notes: Mapping[int, str] | None = None,
) -> list[Case]:
    """Opens a case on each item that has none open; the new cases in the order of the items.

    `notes` says for some items why, in a sentence. Raises ValidationError for items that the project does not have.
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
        Case(
            project=project,
            item_id=pk,
            source=source,
            quorum=quorum,
            note=(notes or {}).get(pk, "")[:300],
            created_by=user,
        )
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
        Item.objects.filter(
            project=project, pk__in=item_ids, deleted__isnull=True, excluded__isnull=True
        ).values_list("pk", flat=True)
    )
    there -= set(Case.objects.filter(item__in=there, state=Case.State.OPEN).values_list("item_id", flat=True))
    there -= set(
        Decision.objects.filter(item__in=there, withdrawn__isnull=True).values_list("item_id", flat=True)
    )
    chosen = [pk for pk in item_ids if pk in there][:most]
    return open_cases(project, user, chosen, Case.Source.DISAGREEMENT, quorum) if chosen else []


@transaction.atomic
def reopen_case(case: Case, user: User, because: str) -> Case:
    """Takes the decision back and asks for votes anew. What was voted and decided stays in the history."""
    if not because.strip():
        raise ValidationError({"because": "Say what has changed."})
    held = lock_case(case)
    if held.state == Case.State.OPEN:
        raise CaseConflict("This case is open already.")
    if Case.objects.filter(item=held.item_id, state=Case.State.OPEN).exists():
        raise CaseConflict("There is another open case on this text.")
    now = timezone.now()
    known = held.decisions.filter(withdrawn__isnull=True, outcome=Outcome.LABEL).exists()
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
    judge_suspects(held.item)
    record(held.project, user, "reopen case", str(held.pk), after={"because": because.strip()})
    if known:
        count_change(held.project, ChangeCount.Kind.DECISIONS)
    return held


def lock_case(case: Case) -> Case:
    """The case as it is now, held until the transaction ends."""
    return Case.objects.select_for_update(of=("self",)).select_related("project").get(pk=case.pk)
