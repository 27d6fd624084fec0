"""Who must not know yet who said what of a text: everybody who may still vote on an open case of it.

That is asked of adjudicators and of leads alike, by pages and by REST. A lead who wants to know stands aside from the
case, and does not vote on it. Files (exports, archives, split sets) go out whole, to leads alone.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q

from annotation.models import Item, User
from qc.models import Case, StandAside, Vote


def has_voted(user: User) -> Exists:
    """For a queryset of cases: that the user has a vote which counts."""
    return Exists(Vote.objects.filter(case=OuterRef("pk"), user=user, withdrawn__isnull=True))


def stands_aside(user: User) -> Exists:
    """For a queryset of cases: that the user has looked at the names and does not vote."""
    return Exists(StandAside.objects.filter(case=OuterRef("pk"), user=user))


def waits_for(user: User) -> Q:
    """For a queryset of cases: that the user may still vote."""
    return Q(state=Case.State.OPEN) & ~Q(has_voted(user)) & ~Q(stands_aside(user))


def blind_items(user: User, items: Iterable[int]) -> set[int]:
    """Those of these texts of which the user must see neither names nor what others voted."""
    found = Case.objects.filter(waits_for(user), item__in=list(items))
    return set(found.values_list("item_id", flat=True))


def is_blind(user: User, item: Item) -> bool:
    """`blind_items` for one text."""
    return bool(blind_items(user, [item.pk]))


def case_to_vote_on(user: User, item: Item) -> Case | None:
    """The open case for which the user must stay blind on this text, if there is one."""
    return Case.objects.filter(waits_for(user), item=item).first()


def without_blind(user: User, report: dict[str, Any]) -> dict[str, Any]:
    """A person's report without the texts on which the user must not know yet what this person said."""
    blind = blind_items(user, [row["item"] for row in report["gold_missed"]])
    return {**report, "gold_missed": [row for row in report["gold_missed"] if row["item"] not in blind]}
