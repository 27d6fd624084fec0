"""Lists of texts in other orders than that of their ids, at a cost that does not grow with the pool.

Each order has an index. Where the filters leave few texts, these are gathered and sorted; else the order is walked and
its texts are held against the filters, no more than `MOST_LOOKED_AT` of them for a page. An order by something leaves
out the texts that have nothing of the kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection

from annotation.models import Item, Project
from annotation.queries.finding import FEW, FIRST_LOOK, MOST_LOOKED_AT, Found, Listing
from annotation.queries.projects import rounds

ITEM, NEWEST, ID, ID_BACK = "item", "newest", "external_id", "-external_id"
ANSWERED, QUEUE = "answered", "queue"
ORDERS = {
    ITEM: "by item",
    NEWEST: "newest first",
    ID: "by the id they came with",
    ID_BACK: "by that id, backwards",
    ANSWERED: "answered last first",
    QUEUE: "to be answered next first",
}
WHOLE = {ITEM, NEWEST}  # orders of all texts under the filters
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Sheet:
    """A page in some order; before and after it lie the places of its neighbours, as an address holds them."""

    texts: list[Item]
    before: str | None = None
    after: str | None = None
    cut_off: bool = False


def orders_under(filters: dict[str, str]) -> dict[str, str]:
    """The orders that make sense under these filters."""
    one_round = filters.get("round", "none") != "none"
    return {name: words for name, words in ORDERS.items() if one_round or name != QUEUE}


def check_order(name: str, filters: dict[str, str]) -> str:
    """The order itself; raises ValidationError for one that there is not."""
    if name not in ORDERS:
        said = f"“{name[:40]}” is no order. There are: {', '.join(ORDERS)}."
        raise ValidationError({"order": f"{said} Others have no index, and would keep everybody waiting."})
    if name not in orders_under(filters):
        raise ValidationError({"order": "Texts wait for answers in a round. Choose one as a filter too."})
    return name


def page_in_order(
    project: Project,
    filters: dict[str, str],
    texts: Listing,
    order: str,
    size: int,
    *,
    before: str | None = None,
    after: str | None = None,
) -> Sheet:
    """The texts that follow a place in this order, or that come before one, or the first ones.

    A place that makes no sense is the beginning.
    """
    if order in WHOLE:
        places = {"before": _id_in(before), "after": _id_in(after)}
        page = texts.page(size, **places, descending=order == NEWEST)
        return Sheet(page.texts, _written(page.before), _written(page.after), page.cut_off)
    return _sorted(project, filters, order).page(texts, size, before, after)


def is_place(order: str, place: str) -> bool:
    """Whether an address can hold this place of the order."""
    if order in WHOLE:
        return _id_in(place) is not None
    return _KINDS[order].read(place) is not None


def place_of(project: Project, filters: dict[str, str], order: str, item: Item) -> str | None:
    """Where a text stands in this order; None where it does not."""
    if order in WHOLE:
        return str(item.pk)
    return _sorted(project, filters, order).place_of(item)


def _id_in(place: str | None) -> int | None:
    return int(place) if place and place.isascii() and place.isdecimal() and len(place) < 19 else None


def _written(place: int | None) -> str | None:
    return None if place is None else str(place)


def _sorted(project: Project, filters: dict[str, str], order: str) -> "_Sorted":
    if order in {ID, ID_BACK}:
        return _ById(project, falling=order == ID_BACK)
    made = [one.pk for one in rounds(project) if filters.get("round", "") in {"", one.name}]
    return _ByAnswer(project, made) if order == ANSWERED else _ByTurn(project, made)


class _Sorted(ABC):
    """An order by some columns, which no two texts share."""

    columns: Sequence[str]
    falling: bool

    def __init__(self, project: Project) -> None:
        self.project = project

    @abstractmethod
    def walk(self, border: Key | None, falling: bool, most: int) -> tuple[str, list[Any]]:
        """The first rows of the order beyond a place: id of the text, columns."""

    @abstractmethod
    def of_text(self) -> tuple[str, list[Any]]:
        """The columns of the text `way.id`."""

    @abstractmethod
    def written(self, key: Key) -> str:
        """A place as an address holds it."""

    @staticmethod
    @abstractmethod
    def read(place: str) -> Key | None:
        """The same, read; None for what is no place."""

    def place_of(self, item: Item) -> str | None:
        """Where a text stands."""
        statement, values = self.of_text()
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT own.* FROM (SELECT %s::bigint AS id) way CROSS JOIN LATERAL ({statement}) own",  # noqa: S608
                [item.pk, *values],
            )
            row = cursor.fetchone()
        return self.written(row) if row else None

    def page(self, texts: Listing, size: int, before: str | None, after: str | None) -> Sheet:
        """As `page_in_order`."""
        if not texts.texts:
            return Sheet([])
        backwards = before is not None and self.read(before) is not None
        place = before if backwards else after
        border = self.read(place) if place else None
        falling = self.falling != backwards
        found, reached = self._found(texts, size + 1, border, falling)
        full = len(found) > size
        shown = found[:size]
        end = shown[-1][1:] if full else reached
        start = None if border is None else shown[0][1:] if shown else border
        if backwards:
            start, end, shown = end, start, shown[::-1]
        return Sheet(
            Found([pk for pk, *_ in shown]).texts(),
            self.written(start) if start else None,
            self.written(end) if end else None,
            cut_off=not full and reached is not None,
        )

    def _found(
        self, texts: Listing, size: int, border: Key | None, falling: bool
    ) -> tuple[list[Key], Key | None]:
        """(id, columns…) of the first texts, and where looking stopped before the end."""
        if texts.way.size <= FEW:
            return self._gathered(texts, size, border, falling), None
        found: list[Key] = []
        for look in (FIRST_LOOK, MOST_LOOKED_AT - FIRST_LOOK):
            walk, steps = self.walk(border, falling, look)
            own, values = self.of_text()
            order = self._order("way", falling)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT way.* FROM {walk} way CROSS JOIN LATERAL ({texts.texts} OFFSET 0) text"  # noqa: S608
                    f" CROSS JOIN LATERAL ({own}) own WHERE {self._row('own')} = {self._row('way')}"
                    f" ORDER BY {order} LIMIT %s",
                    [*steps, *texts.values, *values, size - len(found)],
                )
                found += cursor.fetchall()
                if len(found) == size:
                    return found, found[-1][1:]
                last = self._order("way", not falling)
                cursor.execute(
                    f"SELECT count(*) OVER (), {self._names('way')} FROM {walk} way ORDER BY {last} LIMIT 1",  # noqa: S608
                    steps,
                )
                end = cursor.fetchone()
            if end is None or end[0] < look:
                return found, None
            border = end[1:]
        return found, border

    def _gathered(self, texts: Listing, size: int, border: Key | None, falling: bool) -> list[Key]:
        walk, steps = texts.way.walk(0, 2**62, "ASC", 2 * FEW)
        own, values = self.of_text()
        beyond = f"WHERE {self._row('own')} {'<' if falling else '>'} {self._marks(border)}" if border else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT way.id, {self._names('own')} FROM {walk} way"  # noqa: S608 – our own
                f" CROSS JOIN LATERAL ({texts.texts} OFFSET 0) text CROSS JOIN LATERAL ({own}) own {beyond}"
                f" ORDER BY {self._order('own', falling)} LIMIT %s",
                [*steps, *texts.values, *values, *(border or ()), size],
            )
            return list(cursor.fetchall())

    def _names(self, of: str) -> str:
        return ", ".join(f"{of}.{column}" for column in self.columns)

    def _row(self, of: str) -> str:
        return f"({self._names(of)})"

    def _order(self, of: str, falling: bool) -> str:
        return ", ".join(f"{of}.{column}{' DESC' if falling else ''}" for column in self.columns)

    def _marks(self, border: Key) -> str:
        return f"({', '.join('%s' for _ in border)})"


class _ById(_Sorted):
    """By the id that texts came with."""

    columns = ("external_id",)

    def __init__(self, project: Project, *, falling: bool) -> None:
        super().__init__(project)
        self.falling = falling

    def walk(self, border: Key | None, falling: bool, most: int) -> tuple[str, list[Any]]:
        beyond = f" AND external_id {'<' if falling else '>'} %s" if border else ""
        return (
            "(SELECT id, external_id FROM annotation_item WHERE project_id = %s AND external_id IS NOT NULL"  # noqa: S608
            f"{beyond} ORDER BY external_id{' DESC' if falling else ''} LIMIT %s)",
            [self.project.pk, *(border or ()), most],
        )

    def of_text(self) -> tuple[str, list[Any]]:
        return "SELECT external_id FROM annotation_item WHERE id = way.id AND external_id IS NOT NULL", []

    def written(self, key: Key) -> str:
        return str(key[0])

    @staticmethod
    def read(place: str) -> Key | None:
        return None if "\x00" in place else (place,)


class _ByAnswer(_Sorted):
    """By the newest answer that counts in some rounds."""

    columns = ("created", "answer")
    falling = True
    COUNTS = "kind = 'normal' AND set_aside IS NULL"

    def __init__(self, project: Project, made: list[int]) -> None:
        super().__init__(project)
        self.made = made

    def walk(self, border: Key | None, falling: bool, most: int) -> tuple[str, list[Any]]:
        way, beyond = " DESC" if falling else "", "<" if falling else ">"
        beyond = f" AND (created, id) {beyond} (%s, %s)" if border else ""
        part = (
            "(SELECT item_id AS id, created, id AS answer FROM annotation_annotation"  # noqa: S608 – our own
            f" WHERE round_id = %s AND {self.COUNTS}{beyond} ORDER BY created{way},"
            f" annotation_annotation.id{way} LIMIT %s)"
        )
        parts = (
            " UNION ALL ".join([part] * len(self.made))
            or "(SELECT 0::bigint AS id, now() AS created, 0 AS answer LIMIT 0)"
        )
        steps = [value for one in self.made for value in (one, *(border or ()), most)]
        return (
            f"(SELECT id, created, answer FROM ({parts}) every ORDER BY created{way}, answer{way} LIMIT %s)",  # noqa: S608
            [*steps, most],
        )

    def of_text(self) -> tuple[str, list[Any]]:
        return (
            "SELECT created, id AS answer FROM annotation_annotation WHERE item_id = way.id"  # noqa: S608 – our own
            f" AND round_id = ANY(%s) AND {self.COUNTS} ORDER BY created DESC, id DESC LIMIT 1",
            [self.made],
        )

    def written(self, key: Key) -> str:
        return f"{key[0].isoformat()}_{key[1]}"

    @staticmethod
    def read(place: str) -> Key | None:
        moment, _, answer = place.rpartition("_")
        try:
            created = datetime.fromisoformat(moment)
        except ValueError:
            return None
        if created.tzinfo is None or not (answer.isascii() and answer.isdecimal() and len(answer) < 19):
            return None
        return created, int(answer)


class _ByTurn(_Sorted):
    """By when texts of a round are handed out: those that somebody has answered or has at hand first, by the round's
    own order. What somebody gave back goes before all of them, and is not told apart here."""

    columns = ("stage", "position", "item")
    falling = False
    STAGES = ("open_slots > 0 AND open_slots < overlap", "open_slots > 0 AND open_slots = overlap")

    def __init__(self, project: Project, made: list[int]) -> None:
        super().__init__(project)
        self.made = made[0] if made else 0

    def walk(self, border: Key | None, falling: bool, most: int) -> tuple[str, list[Any]]:
        way, parts, steps = " DESC" if falling else "", list[str](), list[Any]()
        for stage, open_ in enumerate(self.STAGES):
            beyond = ""
            if border is not None and border[0] != stage:
                if (border[0] > stage) != falling:  # all of it lies behind
                    continue
            elif border is not None:
                beyond = f" AND (position, item_id) {'<' if falling else '>'} (%s, %s)"
            parts.append(
                f"(SELECT item_id AS id, {stage} AS stage, position, item_id AS item FROM annotation_rounditem"  # noqa: S608
                f" WHERE round_id = %s AND {open_}{beyond} ORDER BY position{way}, item_id{way} LIMIT %s)"
            )
            steps += [self.made, *(border[1:] if border and beyond else ()), most]
        return (
            f"(SELECT id, stage, position, item FROM ({' UNION ALL '.join(parts)}) every"  # noqa: S608 – our own
            f" ORDER BY stage{way}, position{way}, item{way} LIMIT %s)",
            [*steps, most],
        )

    def of_text(self) -> tuple[str, list[Any]]:
        return (
            "SELECT (open_slots = overlap)::int AS stage, position, item_id AS item FROM annotation_rounditem"
            " WHERE round_id = %s AND item_id = way.id AND open_slots > 0",
            [self.made],
        )

    def written(self, key: Key) -> str:
        return "_".join(map(str, key))

    @staticmethod
    def read(place: str) -> Key | None:
        parts = place.split("_")
        if len(parts) != 3 or parts[0] not in {"0", "1"}:
            return None
        if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
            return None
        return tuple(map(int, parts))


_KINDS: dict[str, type[_Sorted]] = {ID: _ById, ID_BACK: _ById, ANSWERED: _ByAnswer, QUEUE: _ByTurn}
