"""Rounds: which texts go into one, how fast it goes, and when it will be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import (
    BooleanField,
    Exists,
    F,
    Func,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from annotation.models import Annotation, AnswerTally, Item, Label, Project, Round
from annotation.queries import items as pool

PACE_DAYS = 7
MOST_ITEMS = 10_000  # that can be chosen by id
OWN_KEYS = {"items", "disagreement", "answered_with", "before_version", "any", "sample", "seed"}


def chosen_items(project: Project, texts: Mapping[str, Any]) -> QuerySet[Item]:
    """The items that a round is to be filled with; ValidationError for a choice that makes no sense.

    The filters of the list of texts (`round`, "none" for those in no round, `label`, `q`, `flagged`, `state`,
    `meta.<field>`), `items` (ids), `disagreement` (true: people disagree), `answered_with` (names of labels that
    somebody chose), `before_version` (answered under an older guideline). All of them hold; with `any` true, one of
    the last three is enough. `sample` and `seed` are for whoever fills the round.
    """
    filters = {name: value for name, value in texts.items() if name not in OWN_KEYS}
    if wrong := sorted(name for name, value in filters.items() if not isinstance(value, str)):
        raise ValidationError({"texts": f"“{wrong[0]}” must be a text."})
    for name in ("disagreement", "any"):
        if not isinstance(texts.get(name, False), bool):
            raise ValidationError({"texts": f"“{name}” is true or false."})
    found = pool.items(project, filters).select_related(None).order_by()
    if (ids := texts.get("items")) is not None:
        found = found.filter(pk__in=_whole_numbers(ids))
        if (n := found.count()) < len(set(ids)):
            raise ValidationError(
                {"items": f"{len(set(ids)) - n} of these ids are no texts of this project."}
            )
    conditions = _answered(project, texts)
    if conditions:
        joined = conditions[0]
        for condition in conditions[1:]:
            joined = joined | condition if texts.get("any") is True else joined & condition
        found = found.filter(joined)
    for name in ("sample", "seed"):
        value = texts.get(name)
        if value is not None and (
            not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31
        ):
            raise ValidationError({"texts": f"“{name}” must be a whole number."})
    return found


_PATH_EXISTS: dict[str, Any] = {"function": "jsonb_path_exists", "output_field": BooleanField()}


def _spans_of(labels: list[int]) -> Func:
    """The path to spans [start, end, label] of these labels."""
    either = " || ".join(f"@[2] == {pk}" for pk in labels)
    return Func(
        Value(f"strict $[*] ? ({either})"), template="%(expressions)s::jsonpath", output_field=TextField()
    )


def _whole_numbers(ids: Any) -> list[int]:
    if not isinstance(ids, list) or not all(isinstance(pk, int) and 0 < pk < 2**63 for pk in ids):
        raise ValidationError({"items": "Items are chosen by a list of their ids, which are whole numbers."})
    if len(ids) > MOST_ITEMS:
        raise ValidationError({"items": f"At most {MOST_ITEMS:,} ids at once. Use a filter for more."})
    return ids


def _answered(project: Project, texts: Mapping[str, Any]) -> list[Q]:
    """The conditions on what people answered so far."""
    given = Annotation.objects.counted().filter(item=OuterRef("pk")).order_by()
    found: list[Q] = []
    if texts.get("disagreement") is True:
        said = Coalesce(
            Cast("label_id", TextField()), Cast("labels", TextField()), Cast("spans", TextField())
        )
        extremes = given.annotate(said=said).values("item").annotate(low=Min("said"), high=Max("said"))
        found.append(Q(Exists(extremes.exclude(low=F("high")))))
    if names := texts.get("answered_with"):
        if not isinstance(names, list):
            raise ValidationError({"texts": "“answered_with” is a list of labels."})
        labels = Label.objects.filter(project=project, name__in=[str(name) for name in names])
        ids = list(labels.values_list("pk", flat=True))
        if len(ids) < len(set(map(str, names))):
            raise ValidationError({"texts": "“answered_with” names a label that this project does not have."})
        holds = (
            Q(label__in=ids) | Q(labels__overlap=ids) | Q(Func(F("spans"), _spans_of(ids), **_PATH_EXISTS))
        )
        found.append(Q(Exists(given.filter(holds))))
    if (version := texts.get("before_version")) is not None:
        if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**31:
            raise ValidationError({"texts": "“before_version” is the number of a guideline's version."})
        found.append(Q(Exists(given.filter(guideline__version__lt=version))))
    return found


@dataclass(frozen=True)
class Pace:
    """How fast a round goes, from the answers of the last days, and what follows from it."""

    round: Round
    days: int  # whose answers were added up, today not among them unless it is the first
    answers: int
    people: int  # who gave them
    left: int  # answers that are missing, at the least
    today: date

    @property
    def a_day(self) -> float:
        """Answers a day."""
        return self.answers / self.days

    @property
    def a_day_each(self) -> float | None:
        """Answers a day of each of the people."""
        return self.a_day / self.people if self.people else None

    @property
    def end(self) -> date | None:
        """When the round is done at this pace; None when nobody answers."""
        if not self.left:
            return self.today
        days = ceil(self.left / self.a_day) if self.answers else None
        return None if days is None or days > 3650 else self.today + timedelta(days=days)

    @property
    def days_late(self) -> int | None:
        """How many days after the planned end that is; negative when it is before."""
        return (self.end - self.round.ends).days if self.end and self.round.ends else None

    @property
    def needed_a_day(self) -> int | None:
        """Answers a day that would end it as planned; None without a plan, or when its day is past."""
        if self.round.ends is None or self.round.ends <= self.today:
            return None
        return ceil(self.left / (self.round.ends - self.today).days)


def answers_left(made: Round) -> int:
    """How many answers the round still needs: as planned for each text, and at least one for each unfinished one."""
    planned = made.items_total * made.overlap - made.answers_total
    return max(planned, made.items_total - made.items_done, 0)


def paces(rounds: list[Round], today: date | None = None) -> dict[int, Pace]:
    """{id: pace} of the rounds, from the tallies of the last seven days."""
    today = today or timezone.now().date()
    first = today - timedelta(days=PACE_DAYS)
    rows = AnswerTally.objects.filter(round__in=rounds, day__gte=first).values_list(
        "round", "day", "annotator"
    )
    given: dict[int, dict[tuple[date, int], int]] = {}
    for made, day, person, n in rows.annotate(n=Sum("normal")):
        given.setdefault(made, {})[day, person] = n
    found = {}
    for made in rounds:
        started = (made.opened or made.created).date()
        whole = {key: n for key, n in given.get(made.pk, {}).items() if key[0] < today}
        counted = whole or given.get(made.pk, {})
        days = min(PACE_DAYS, max(1, (today - started).days)) if whole else 1
        people = {person for (_, person), n in counted.items() if n}
        found[made.pk] = Pace(made, days, sum(counted.values()), len(people), answers_left(made), today)
    return found


def guideline_versions(project: Project) -> dict[int, tuple[int, int]]:
    """{round: (first, last version)} of the guideline under which its answers were given."""
    rows = AnswerTally.objects.filter(round__project=project, guideline__isnull=False).values_list("round")
    found = rows.annotate(first=Min("guideline__version"), last=Max("guideline__version"))
    return {made: (first, last) for made, first, last in found}
