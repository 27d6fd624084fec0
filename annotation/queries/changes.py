"""What has changed since figures were stored."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from annotation.models import ChangeCount, Project, Round

Kind = ChangeCount.Kind
# By kind of change, and by the round that it concerned if it did one
Counts = Mapping[tuple[str, int | None], int]
# Of one round's figures: these are counted there, and a deleted round has none
OF_A_ROUND = {Kind.TEXTS, Kind.ANSWERS}
ONE = {
    Kind.TEXTS: "text with answers taken out or brought back",
    Kind.ANSWERS: "answer taken out or brought back",
    Kind.ROUNDS: "round deleted or brought back",
    Kind.LABELS: "label renamed or merged",
    Kind.GOLD_MADE: "gold text made",
    Kind.GOLD_CHANGED: "gold text changed",
    Kind.DECISIONS: "decision made or withdrawn",
    Kind.MEASURE: "change of how it is measured",
}


@dataclass(frozen=True)
class Since:
    """What has happened since figures were computed: newer answers, and other changes by kind. False for nothing."""

    answers: int = 0
    changes: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.answers or self.changes)

    @property
    def words(self) -> str:
        """Both in words, after "computed before".

        >>> Since(1, {"texts": 2}).words
        '1 newer answer and 2 texts with answers taken out or brought back'
        """
        told = [f"{self.answers:,} newer answer{'' if self.answers == 1 else 's'}"] if self.answers else []
        for kind, n in self.changes.items():
            told.append(f"{n:,} {ONE[Kind(kind)] if n == 1 else Kind(kind).label}")
        return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def change_counts(project: Project, rounds: Iterable[Round] = ()) -> Counts:
    """How often each kind of change has happened in the project, and in each of these rounds."""
    counted = ChangeCount.objects.filter(Q(round=None) | Q(round__in=list(rounds)), project=project)
    return {(kind, made): n for kind, made, n in counted.values_list("kind", "round_id", "n")}


def changes_of(project: Project, round_: Round | None = None, counts: Counts | None = None) -> dict[str, int]:
    """How often each kind of change has happened in the project, or as far as it concerns one of its rounds.

    `counts`, where they have been read for several rounds at once, hold those of this round too.
    """
    if counts is None:
        counts = change_counts(project, [round_] if round_ else [])
    return {
        kind: n
        for (kind, made), n in sorted(counts.items(), key=str)
        if made == (round_.pk if round_ is not None and kind in OF_A_ROUND else None)
        and not (round_ is not None and kind == Kind.ROUNDS)
    }


def changed_since(
    before: Mapping[str, int],
    project: Project,
    kinds: Collection[Kind],
    round_: Round | None = None,
    counts: Counts | None = None,
) -> dict[str, int]:
    """What of these kinds has happened since the counts were as they were `before`, in the order of the kinds."""
    now = changes_of(project, round_, counts)
    return {
        kind.value: now[kind] - before.get(kind, 0)
        for kind in Kind
        if kind in kinds and now.get(kind, 0) > before.get(kind, 0)
    }
