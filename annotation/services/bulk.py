"""One action on many texts: those that were ticked, or all under the filters of a list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from annotation.models import Item, Project, Round, User
from annotation.queries import items as pool
from annotation.services import items as services

INLINE = 2000  # texts up to which an action is done at once; above it, a job does it
MOST_IDS = 10_000
EXCLUDE, INCLUDE, DELETE, RESTORE, ROUND = "exclude", "include", "delete", "restore", "round"
ACTIONS = {
    EXCLUDE: "excluded",
    INCLUDE: "taken back",
    DELETE: "deleted",
    RESTORE: "restored",
    ROUND: "put into the round",
}
OPPOSITE = {EXCLUDE: INCLUDE, DELETE: RESTORE}


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


def is_large(found: QuerySet[Item]) -> bool:
    """Whether these are more texts than are changed while somebody waits."""
    return found.order_by()[: INLINE + 1].count() > INLINE


def change_items(
    project: Project,
    user: User | None,
    action: str,
    found: QuerySet[Item],
    *,
    because: str = "",
    round: str = "",
    progress: Callable[[float, str], None] = lambda share, message: None,
) -> Done:
    """Does it, in one transaction."""
    undo = None
    if action == EXCLUDE:
        n, at = services.exclude_items(project, user, found, because, progress)
        undo = {"action": INCLUDE, "at": at.isoformat()}
    elif action == DELETE:
        n, at = services.delete_items(project, user, found, progress)
        undo = {"action": RESTORE, "at": at.isoformat()}
    elif action == INCLUDE:
        n = services.include_items(project, user, found, progress)
    elif action == RESTORE:
        n = services.restore_items(project, user, found, progress)
    elif action == ROUND:
        n = services.add_to_round(_round(project, round), user, found, progress)
    else:
        raise ValidationError({"action": f"There is no such action. There are: {', '.join(ACTIONS)}."})
    what = f"{ACTIONS[action]} {round}" if action == ROUND else ACTIONS[action]
    counted = "1 text was" if n == 1 else f"{n:,} texts were"
    return Done(n, f"{counted} {what}.", undo if n else None)


def _round(project: Project, name: str) -> Round:
    made = Round.objects.filter(project=project, name=name, deleted__isnull=True).first()
    if made is None:
        raise ValidationError({"round": "Choose a round of this project."})
    return made
