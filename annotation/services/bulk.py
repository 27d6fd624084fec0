"""One action on many texts: those that were ticked, or all under the filters of a list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.utils.dateparse import parse_datetime

from annotation.models import Item, Project, Round, User
from annotation.queries import items as pool
from annotation.queries.finding import find
from annotation.services import items as services
from annotation.services.watching import Progress, unwatched

INLINE = 2000  # texts up to which an action is done at once; above it, a job does it
MOST_IDS = 10_000
EXCLUDE, INCLUDE, DELETE, RESTORE = "exclude", "include", "delete", "restore"
ROUND, OUT_OF_ROUND = "round", "out of round"
ACTIONS = {
    EXCLUDE: "excluded",
    INCLUDE: "taken back",
    DELETE: "deleted",
    RESTORE: "restored",
    ROUND: "put into the round",
    OUT_OF_ROUND: "taken out of the round",
}


@dataclass(frozen=True)
class Done:
    """What an action did, and what takes it back at once (another action, and the time that its texts share)."""

    texts: int
    message: str
    undo: dict[str, str] | None = None


def chosen(project: Project, choice: Mapping[str, Any]) -> QuerySet[Item]:
    """The texts of a choice: `items` (ids), `at` (the time that an action's texts share), or `filters`.

    `newest` keeps texts out that came in after somebody looked. Raises ValidationError for what makes no sense.
    """
    if (ids := choice.get("items")) is not None:
        if not isinstance(ids, list) or not all(
            isinstance(pk, int) and not isinstance(pk, bool) and 0 < pk < 2**63 for pk in ids
        ):
            raise ValidationError(
                {"items": "Texts are chosen by a list of their ids, which are whole numbers."}
            )
        if len(ids) > MOST_IDS:
            raise ValidationError(
                {"items": f"At most {MOST_IDS:,} ids at once. Choose by a filter for more."}
            )
        return Item.objects.filter(project=project, pk__in=ids)
    if (at := choice.get("at")) is not None:
        moment = parse_datetime(at) if isinstance(at, str) and len(at) < 40 else None
        if moment is None or moment.tzinfo is None:
            raise ValidationError({"at": "A time as the action gave it, with its time zone."})
        return services.of_time(project, choice.get("undo_of", EXCLUDE), moment)
    filters = choice.get("filters")
    if not isinstance(filters, dict) or not all(isinstance(value, str) for value in filters.values()):
        raise ValidationError(
            {"items": "Choose texts: a list of ids as “items”, or “filters” as in the list."}
        )
    found = pool.items(project, filters)
    newest = choice.get("newest")
    return found.filter(pk__lte=newest) if isinstance(newest, int) else found


def few(project: Project, choice: Mapping[str, Any]) -> QuerySet[Item] | None:
    """The texts of a choice, if they are so few that somebody can wait for a change to them; None for a job's work."""
    found = chosen(project, choice)
    if "items" in choice:
        return found
    if "at" in choice:
        return None if found.order_by()[: INLINE + 1].count() > INLINE else found
    listed = find(project, choice["filters"], INLINE + 1)
    return None if listed.reached is not None else Item.objects.filter(project=project, pk__in=listed.ids)


def change_items(
    project: Project,
    user: User | None,
    action: str,
    found: QuerySet[Item],
    *,
    because: str = "",
    round: str = "",
    progress: Progress = unwatched,
) -> Done:
    """Does it, in one transaction."""
    counted = found.order_by().aggregate(
        all=Count("pk"),
        gone=Count("pk", filter=Q(deleted__isnull=False)),
        out=Count("pk", filter=Q(deleted__isnull=True, excluded__isnull=False)),
    )
    undo: dict[str, str] | None = None
    left: dict[str, int] = {}
    if action == EXCLUDE:
        n, at = services.exclude_items(project, user, found, because, progress)
        undo = {"action": INCLUDE, "at": at.isoformat()}
        left = {"excluded already": counted["out"], "deleted": counted["gone"]}
    elif action == DELETE:
        n, at = services.delete_items(project, user, found, progress)
        undo = {"action": RESTORE, "at": at.isoformat()}
        left = {"deleted already": counted["gone"]}
    elif action == INCLUDE:
        n = services.include_items(project, user, found, progress)
        left = {"not excluded": counted["all"] - n}
    elif action == RESTORE:
        n = services.restore_items(project, user, found, progress)
        left = {"not deleted": counted["all"] - n}
    elif action == ROUND:
        made = _round(project, round)
        n, slots = services.add_to_round(made, user, found, progress)
        undo = {"action": OUT_OF_ROUND, "round": made.name, "slots": slots}
        left = {"excluded": counted["out"], "deleted": counted["gone"]}
        left["in the round already"] = counted["all"] - n - sum(left.values())
    else:
        raise ValidationError({"action": f"There is no such action. There are: {', '.join(ACTIONS)}."})
    what = f"{ACTIONS[action]} {round}" if action == ROUND else ACTIONS[action]
    return Done(n, told(n, what, left), undo if n else None)


def take_out_of_round(project: Project, user: User | None, round: str, slots: str) -> Done:
    """Takes back what `ROUND` did: those of the texts that nobody has or answered leave the round again."""
    first, _, last = slots.partition("-")
    if not (first.isdecimal() and last.isdecimal() and len(slots) < 40):
        raise ValidationError({"slots": "The texts as the action gave them."})
    n, stay = services.take_out_of_round(_round(project, round), user, int(first), int(last))
    return Done(n, told(n, f"taken out of the round {round}", {"in somebody's hands or answered": stay}))


def told(n: int, what: str, left: Mapping[str, int]) -> str:
    """What was done to how many texts, and how many were left as they were, with why.

    >>> told(2, "excluded", {"excluded already": 1, "deleted": 0})
    '2 texts were excluded. Left as it was: 1 excluded already.'
    """
    done = "1 text was" if n == 1 else f"{n:,} texts were" if n else "No text was"
    others = {why: many for why, many in left.items() if many > 0}
    if not others:
        return f"{done} {what}."
    words = ", ".join(f"{many:,} {why}" for why, many in others.items())
    return f"{done} {what}. Left as {'it was' if sum(others.values()) == 1 else 'they were'}: {words}."


def _round(project: Project, name: str) -> Round:
    made = Round.objects.filter(project=project, name=name, deleted__isnull=True).first()
    if made is None:
        raise ValidationError({"round": "Choose a round of this project."})
    return made
