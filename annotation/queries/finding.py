"""Lists of texts a page at a time, at a cost that does not grow with the pool.

Any filter may fit a million texts or none, and any two may hardly ever meet, so no one plan is right, and the planner
cannot know: of words and metadata it has no statistics. Here the way is chosen by counters and bounded counts. Every
filter with an index in the order of ids is a way in; the one with the fewest texts is walked in order, its texts are
held against all the filters, and no more than `MOST_LOOKED_AT` of them. A list that was cut off there says so and can
be followed from where it stopped.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Max, Min

from annotation.algorithms.words import EVERYTHING, fact, needed, search_words
from annotation.models import (
    Annotation,
    AnnotationVersion,
    Flag,
    Item,
    LabelBlock,
    LabelBlockMark,
    Project,
    TextBlock,
)
from annotation.queries import items as pool
from annotation.queries.metadata import META, equalities, readings
from annotation.queries.projects import rounds

TEXTS = 128  # in a full block
FIRST_LOOK, MOST_LOOKED_AT = 1_000, 6_000  # texts for one page
FEW = 2_000
MOST_BLOCKS, MANY = 200, 2**40
ALL = 2**62


@dataclass(frozen=True)
class Arm:
    """Rows of a table with the id of a text each, in the order of an index on it."""

    table: str
    column: str
    where: str
    parameters: Sequence[Any]

    def walk(self, above: int, below: int, order: str, most: int) -> tuple[str, list[Any]]:
        """The first ids between two others."""
        return (
            f"(SELECT DISTINCT {self.column} AS id FROM {self.table} WHERE {self.where} AND {self.column} > %s"  # noqa: S608
            f" AND {self.column} < %s ORDER BY {self.column} {order} LIMIT %s)",
            [*self.parameters, above, below, most],
        )


@dataclass(frozen=True)
class Blocks(Arm):
    """The texts of the blocks that hold some terms. `parameters` are the project and the query of terms."""

    def walk(self, above: int, below: int, order: str, most: int) -> tuple[str, list[Any]]:
        project, query = self.parameters
        return (
            "(SELECT text.id FROM (SELECT first, last FROM annotation_textblock WHERE project_id = %s"  # noqa: S608
            f" AND last > %s AND first < %s AND holds @@ %s::tsquery ORDER BY first {order} OFFSET 0) block"
            " CROSS JOIN LATERAL (SELECT id FROM annotation_item WHERE project_id = %s AND id BETWEEN first AND last"
            f" AND id > %s AND id < %s OFFSET 0) text ORDER BY block.first {order}, text.id {order} LIMIT %s)",
            [project, above, below, query, project, above, below, most],
        )


@dataclass(frozen=True)
class LabelBlocks(Arm):
    """The texts of the blocks in which somebody said a label. `parameters` are the project and the label."""

    def walk(self, above: int, below: int, order: str, most: int) -> tuple[str, list[Any]]:
        project, label = self.parameters
        ids = LabelBlock.IDS
        return (
            "(SELECT text.id FROM (SELECT block FROM annotation_labelblock WHERE label_id = %s"  # noqa: S608
            f" AND block >= %s AND block <= %s ORDER BY block {order} OFFSET 0) said"
            f" CROSS JOIN LATERAL (SELECT id FROM annotation_item WHERE project_id = %s AND id >= said.block * {ids}"
            f" AND id < (said.block + 1) * {ids} AND id > %s AND id < %s OFFSET 0) text"
            f" ORDER BY said.block {order}, text.id {order} LIMIT %s)",
            [label, above // ids, below // ids, project, above, below, most],
        )


@dataclass(frozen=True)
class Way:
    """Arms that lead to every text that a filter fits, and to others; `size` is about how many at most."""

    size: float
    arms: Sequence[Arm]

    def walk(self, above: int, below: int, order: str, most: int) -> tuple[str, list[Any]]:
        """The first ids between two others, in order."""
        parts = [arm.walk(above, below, order, most) for arm in self.arms]
        if len(parts) == 1:
            return parts[0]
        union = " UNION ".join(statement for statement, _ in parts)
        together = [value for _, values in parts for value in values]
        statement = f"(SELECT id FROM ({union}) arm ORDER BY id {order} LIMIT %s)"  # noqa: S608 – our own
        return statement, [*together, most]


@dataclass(frozen=True)
class Found:
    """Texts of a list. `reached` is the id at which looking stopped before the end of the list, `cut_off` if that was
    because nothing more was looked at."""

    ids: list[int]
    reached: int | None = None
    cut_off: bool = False

    def texts(self) -> list[Item]:
        """The texts themselves, in their order."""
        found = Item.objects.select_related("imported_label").in_bulk(self.ids)
        return [found[pk] for pk in self.ids if pk in found]


@dataclass(frozen=True)
class Coverage:
    """How many texts the blocks cover, and how many are in none yet (as far as they were counted)."""

    covered: int
    waiting: int

    MOST = 10_000

    @property
    def complete(self) -> bool:
        """Whether what is missing is looked through on every page anyway."""
        return self.waiting <= FEW


@dataclass(frozen=True)
class Page:
    """A page of a list in its own order, the ids beyond which the pages before and after it lie, and whether there may
    be more texts between it and the page that it is followed by."""

    texts: list[Item]
    before: int | None
    after: int | None
    cut_off: bool


@dataclass(frozen=True)
class Listing:
    """The texts under some filters, made once for all that a page asks: finding the way costs as much as going it."""

    texts: str  # finds the text of `way.id` if it is under the filters; "" if none can be
    values: tuple[Any, ...]
    way: Way

    def first(
        self,
        size: int,
        *,
        above: int = 0,
        below: int = ALL,
        descending: bool = False,
        most: int | None = None,
    ) -> Found:
        """The first `size` texts between two ids, in order, among the first `most` that are looked at."""
        if not self.texts:
            return Found([])
        order = "DESC" if descending else "ASC"
        ids: list[int] = []
        bound = MOST_LOOKED_AT if most is None else most
        for look in (min(FIRST_LOOK, bound), bound - FIRST_LOOK):
            if look <= 0:
                continue
            walk, steps = self.way.walk(above, below, order, look)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT way.id FROM {walk} way CROSS JOIN LATERAL ({self.texts} OFFSET 0) text"  # noqa: S608
                    f" ORDER BY way.id {order} LIMIT %s",
                    [*steps, *self.values, size - len(ids)],
                )
                ids += [pk for (pk,) in cursor.fetchall()]
                if len(ids) == size:
                    return Found(ids, ids[-1])
                ends = "min" if descending else "max"
                cursor.execute(f"SELECT count(*), {ends}(id) FROM {walk} way", steps)  # noqa: S608
                n, end = cursor.fetchone()
            if n < look:
                return Found(ids)
            above, below = (above, end) if descending else (end, below)
        return Found(ids, end, cut_off=True)

    def page(
        self, size: int, *, before: int | None = None, after: int | None = None, descending: bool = False
    ) -> Page:
        """The texts that follow `after`, or that come before `before`, or the first ones."""
        backwards = before is not None
        border = before if backwards else after
        falling = descending != backwards
        borders = {} if border is None else {"below" if falling else "above": border}
        found = self.first(size + 1, descending=falling, **borders)
        full = len(found.ids) > size
        ids = found.ids[:size]
        end = ids[-1] if full else found.reached
        texts = Found(ids[::-1] if backwards else ids).texts()
        start = None
        if border is not None:
            start = ids[0] if ids else border
        if backwards:
            start, end = end, start
        return Page(texts, start, end, found.cut_off)


def listing(project: Project, filters: dict[str, str]) -> Listing:
    """The project's texts under the filters; raises ValidationError as `items` does."""
    try:
        texts, values = (
            pool.items(project, filters)
            .order_by()
            .select_related(None)
            .extra(where=["annotation_item.id = way.id"])
            .values("pk")
            .query.sql_with_params()
        )
    except EmptyResultSet:
        return Listing("", (), Way(0, []))
    return Listing(texts, values, shortest_way(project, filters))


def find(project: Project, filters: dict[str, str], size: int, **bounds: Any) -> Found:
    """The first texts of a list of which nothing else is asked, as `Listing.first` gives them."""
    return listing(project, filters).first(size, **bounds)


def shortest_way(project: Project, filters: dict[str, str]) -> Way:
    """The way in with the fewest texts that these filters offer."""
    whole = Way(math.inf, [Arm("annotation_item", "id", "project_id = %s", [project.pk])])
    return min([whole, *_ways(project, filters)], key=lambda way: way.size)


def coverage(project: Project) -> Coverage:
    """What can be searched without looking at every text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(texts), 0), coalesce(max(last), 0) FROM annotation_textblock"
            " WHERE project_id = %s",
            [project.pk],
        )
        covered, last = cursor.fetchone()
    waiting = Item.objects.filter(project=project, pk__gt=last).order_by()
    return Coverage(int(covered), waiting[: Coverage.MOST + 1].count())


def _ways(project: Project, filters: dict[str, str]) -> Iterator[Way]:
    asked = {name: value for name, value in filters.items() if value != ""}
    made = {found.name: found for found in rounds(project)}
    if (known := made.get(asked.get("round", ""))) is not None:
        yield Way(known.items_total, [Arm("annotation_rounditem", "item_id", "round_id = %s", [known.pk])])
    if state := asked.get("state"):
        yield from _by_state(project, state, list(made.values()))
    if asked.get("flagged", "").lower() not in {"", "false", "0", "no"}:
        yield _by_flag(project, asked["flagged"])
    if ids := asked.get("ids"):
        chosen = [int(part) for part in ids.split(",") if part.strip()]
        yield Way(len(chosen), [Arm("annotation_item", "id", "id = ANY(%s)", [chosen])])
    yield from _by_blocks(project, asked)


def _by_state(project: Project, state: str, made: list[Any]) -> Iterator[Way]:
    keys = [found.pk for found in made]
    if state in {pool.EXCLUDED, pool.DELETED}:
        there = f"project_id = %s AND {state} IS NOT NULL"
        n = Item.objects.filter(project=project, **{f"{state}__isnull": False}).order_by()[: FEW + 1].count()
        yield Way(n, [Arm("annotation_item", "id", there, [project.pk])])
    elif state == pool.COMPLETE:
        done = "round_id = %s AND answers >= overlap"
        arms = [Arm("annotation_rounditem", "item_id", done, [key]) for key in keys]
        if arms:
            yield Way(sum(found.items_done for found in made), arms)
    elif state == pool.OPEN:
        n = sum(found.items_total - found.items_done for found in made)
        if n <= FEW:  # collected from the slots; their index is in another order
            of = "round_id = ANY(%s)"
            slots = [f"{of} AND open_slots > 0 AND open_slots {is_} overlap" for is_ in ("=", "<")]
            yield Way(
                n,
                [
                    *(Arm("annotation_rounditem", "item_id", slot, [keys]) for slot in slots),
                    Arm("annotation_assignment", "item_id", f"{of} AND state = 'leased'", [keys]),
                ],
            )
        else:
            yield Way(n, [Arm("annotation_rounditem", "item_id", "round_id = %s", [key]) for key in keys])
    elif state == pool.DISPUTED:
        between = _borders(project)
        where = "kind = 'normal' AND item_id BETWEEN %s AND %s"
        n = sum(found.answers_total for found in made)
        yield Way(n, [Arm("annotation_annotation", "item_id", where, between)])


def _by_flag(project: Project, value: str) -> Way:
    first, last = _borders(project)
    flags = Flag.objects.filter(resolved__isnull=True, item__gte=first, item__lte=last)
    where = "resolved IS NULL AND item_id BETWEEN %s AND %s"
    parameters: list[Any] = [first, last]
    if value in Flag.Kind.values:
        flags, where, parameters = flags.filter(kind=value), where + " AND kind = %s", [*parameters, value]
    return Way(flags.order_by()[: FEW + 1].count(), [Arm("annotation_flag", "item_id", where, parameters)])


def _borders(project: Project) -> list[int]:
    """The ids between which the project's texts lie, for tables that do not know the project."""
    ends = Item.objects.filter(project=project).order_by().aggregate(low=Min("pk"), high=Max("pk"))
    return [ends["low"] or 0, ends["high"] or 0]


def _by_blocks(project: Project, asked: dict[str, str]) -> Iterator[Way]:
    """By words, metadata and the label: the blocks that may have them, the texts that are in no block yet, and those
    that are found by something else: an id that was searched for, the label that people gave."""
    required, arms = set[str](), list[Arm]()
    for name, value in asked.items():
        if name.startswith(META) and (equal := equalities(project, name.removeprefix(META), value)):
            field, values = equal
            required.add(_any_of(fact("meta", field, read) for one in values for read in readings(one)))
    if search := asked.get("q"):
        required |= needed(search_words(search))
        one = "project_id = %s AND external_id = %s"
        arms.append(Arm("annotation_item", "id", one, [project.pk, search]))
        if (number := pool.number_in(search)) is not None:
            arms.append(Arm("annotation_item", "id", "id = %s", [number]))
    if required:
        yield _through_blocks(project, required, arms, len(arms))
    if wanted := asked.get("label"):
        labels = pool.label_family(project, wanted)
        required.add(_any_of(fact("label", label) for label in labels))
        alone = project.task == Project.Task.CLASSIFICATION
        if (said := _said_alone(labels) if alone else _said_with_others(project, labels)) is not None:
            yield _through_blocks(project, required, [*arms, *said.arms], said.size)


def _said_alone(labels: Sequence[int]) -> Way:
    """Texts of which somebody said one of these labels, and nothing else."""
    counted = "kind = 'normal' AND set_aside IS NULL AND label_id IS NOT NULL AND label_id = %s"
    n = Annotation.objects.counted().filter(label__in=labels).order_by()[: FEW + 1].count()
    return Way(n, [Arm("annotation_annotation", "item_id", counted, [label]) for label in labels])


def _said_with_others(project: Project, labels: Sequence[int]) -> Way | None:
    """Texts in an answer of which one of these labels may be; None while many answers are not sorted in."""
    mark = LabelBlockMark.objects.first() or LabelBlockMark()
    new = Annotation.objects.filter(pk__gt=mark.answers, label__isnull=True).order_by("pk")
    revised = AnnotationVersion.objects.filter(pk__gt=mark.versions).order_by("pk")
    fresh = set(new.values_list("item", flat=True)[: FEW + 1])
    fresh |= set(revised.values_list("annotation__item", flat=True)[: FEW + 1])
    if len(fresh) > FEW:
        return None
    blocks = LabelBlock.objects.filter(label__in=labels).order_by()[:MOST_BLOCKS].count()
    size = blocks * LabelBlock.IDS if blocks < MOST_BLOCKS else MANY
    return Way(
        size + len(fresh),
        [
            *(LabelBlocks("", "", "", [project.pk, label]) for label in labels),
            Arm("annotation_item", "id", "id = ANY(%s)", [sorted(fresh)]),
        ],
    )


def _any_of(facts: Iterable[str]) -> str:
    return "(" + " | ".join(f"'{term}'" for term in sorted({*facts, EVERYTHING})) + ")"


def _through_blocks(project: Project, required: set[str], arms: Sequence[Arm], others: float) -> Way:
    query = " & ".join(sorted(required))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM annotation_textblock WHERE project_id = %s AND holds @@ %s::tsquery"
            " LIMIT %s) found",
            [project.pk, query, MOST_BLOCKS],
        )
        blocks = int(cursor.fetchone()[0])
    last = TextBlock.objects.filter(project=project).aggregate(last=Max("last"))["last"] or 0
    waiting = Item.objects.filter(project=project, pk__gt=last).order_by()[: FEW + 1].count()
    # More are not counted, and a round's counter goes first
    size = blocks * TEXTS if blocks < MOST_BLOCKS else MANY
    return Way(
        size + waiting + others,
        [
            Blocks("", "", "", [project.pk, query]),
            Arm("annotation_item", "id", "project_id = %s AND id > %s", [project.pk, last]),
            *arms,
        ],
    )
