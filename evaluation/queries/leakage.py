"""Reading copies: the texts that are compared, the stored reports and their pairs."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value

from annotation.algorithms.duplicates import IntArray
from annotation.algorithms.text import is_keepable
from annotation.models import Item, Project
from evaluation.models import LeakagePair, LeakageReport, PairDecision, SplitItem, SplitSet

AT_ONCE = 5_000
MOST_COUNTED = 10_000


class Compared:
    """The texts of a leakage check as they stream by, in id order, with what is kept of them: the item, and for those
    of a split set the split."""

    def __init__(self, project: Project, split_set: SplitSet | None) -> None:
        self.project, self.split_set = project, split_set
        self.items = array("q")
        self.splits = array("H")  # places in `names`
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self.items)

    def number(self) -> int:
        """How many texts there will be."""
        return self._rows().count()

    def texts(self) -> Iterator[str]:
        """Every text once, through a server-side cursor."""
        known: dict[str, int] = {}
        for item, text, split in self._rows().iterator(chunk_size=AT_ONCE):
            self.items.append(item)
            if split:
                self.splits.append(known.setdefault(split, len(known)))
            yield text
        self.names = list(known)

    def split_of(self, at: int) -> str:
        """The split of a text, "" where the pool is compared."""
        return self.names[self.splits[at]] if self.splits else ""

    def sides(self, order: Sequence[str]) -> IntArray:
        """Which of these splits each text is in."""
        places = np.array([order.index(name) for name in self.names], np.int64)
        return places[np.frombuffer(self.splits, np.uint16)]

    def _rows(self) -> "QuerySet[Any, tuple[int, str, str]]":
        if self.split_set is None:
            pool = Item.objects.filter(project=self.project, deleted__isnull=True).order_by("id")
            return pool.values_list("id", "text", Value(""))
        placed = SplitItem.objects.filter(split_set=self.split_set).order_by("item_id")
        return placed.values_list("item_id", "item__text", "split")


def newest_item_id(project: Project) -> int:
    """The id of the newest text, by which a stored report knows whether it is old."""
    return Item.objects.filter(project=project).order_by("-id").values_list("id", flat=True).first() or 0


def reports(project: Project) -> QuerySet[LeakageReport]:
    """The project's computed reports, the newest computation first; those of deleted split sets are left out."""
    return (
        LeakageReport.objects.filter(project=project, computed__isnull=False)
        .filter(Q(split_set__isnull=True) | Q(split_set__deleted__isnull=True))
        .select_related("split_set")
        .defer("split_set__manifest")
        .order_by("-computed")
    )


def newer_texts(report: LeakageReport) -> int:
    """How many texts (counted up to 10,000) came after a report on the pool; those of a split set do not change."""
    if report.split_set_id is not None:
        return 0
    newer = Item.objects.filter(project=report.project_id, id__gt=report.revision, deleted__isnull=True)
    return newer.order_by("id")[:MOST_COUNTED].count()


def pairs_of(
    report: LeakageReport, *, kind: str = "", splits: tuple[str, str] | None = None, undecided: bool = False
) -> QuerySet[LeakagePair]:
    """The pairs of a report, most similar first; of one kind, between two splits, or without a decision."""
    pairs = LeakagePair.objects.filter(report=report.pk)
    if not all(map(is_keepable, (kind, *(splits or ())))):
        return pairs.none()
    if kind:
        pairs = pairs.filter(kind=kind)
    if splits:
        a, b = splits
        pairs = pairs.filter(Q(split_a=a, split_b=b) | Q(split_a=b, split_b=a))
    if undecided:
        decided = PairDecision.objects.filter(
            Q(a=OuterRef("a"), b=OuterRef("b")) | Q(a=OuterRef("b"), b=OuterRef("a"))
        )
        pairs = pairs.filter(~Exists(decided))
    return pairs.order_by("-similarity", "id")


def after(pairs: QuerySet[LeakagePair], pair: LeakagePair) -> QuerySet[LeakagePair]:
    """The pairs that follow one in the order of `pairs_of`, through the index."""
    behind = Q(similarity__lt=pair.similarity) | Q(id__gt=pair.pk)
    return pairs.filter(behind, similarity__lte=pair.similarity)


def decisions_on(pairs: list[LeakagePair]) -> dict[tuple[int, int], PairDecision]:
    """The decisions on these pairs, by (smaller, larger) item id."""
    ids = {pair.a_id for pair in pairs} | {pair.b_id for pair in pairs}
    found = PairDecision.objects.filter(a__in=ids, b__in=ids).select_related("decided_by")
    return {(decision.a_id, decision.b_id): decision for decision in found}


def split_labels(report: LeakageReport, items: set[int]) -> dict[int, str]:
    """The labels that these items have in the report's split set."""
    if report.split_set_id is None:
        return {}
    placed = SplitItem.objects.filter(split_set=report.split_set_id, item__in=items, label__isnull=False)
    return dict(placed.values_list("item_id", "label__name"))


def pair_rows(report: LeakageReport) -> Iterator[dict[str, object]]:
    """Every pair as REST clients read it: external ids where given."""
    rows = pairs_of(report).values_list(
        "a_id", "a__external_id", "b_id", "b__external_id", "kind", "similarity", "split_a", "split_b"
    )
    for a, external_a, b, external_b, kind, similarity, split_a, split_b in rows.iterator(chunk_size=AT_ONCE):
        yield {
            "a": external_a if external_a is not None else str(a),
            "b": external_b if external_b is not None else str(b),
            "kind": kind,
            "similarity": similarity,
            "split_a": split_a or None,
            "split_b": split_b or None,
        }


def pair_decisions(project: Project) -> QuerySet[PairDecision, tuple[int, int, str]]:
    """(a, b, action) of every decision on two texts of the project."""
    return (
        PairDecision.objects.filter(project=project)
        .order_by(F("a"), F("b"))
        .values_list("a_id", "b_id", "action")
    )
