"""The pool of texts: lists with filters, what people answered, and one item's story."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Lower
from django.http import QueryDict

from annotation.algorithms.text import NOT_KEEPABLE, is_keepable
from annotation.algorithms.words import expression, search_words
from annotation.models import Annotation, Flag, Item, Label, Project, Round, RoundItem
from annotation.queries.metadata import META, read_condition

POOL, OPEN, COMPLETE, DISPUTED = "pool", "open", "complete", "disputed"
EXCLUDED, DELETED = "excluded", "deleted"
STATES = {
    POOL: "In no round",
    OPEN: "Open",
    COMPLETE: "Complete",
    DISPUTED: "People disagree",
    EXCLUDED: "Excluded",
    DELETED: "Deleted",
}
NOT_FILTERS = {"after", "before", "sort", "pair"}
MOST_IDS = 1000
FILTERS = ("round", "label", "q", "flagged", "state", "ids")


def items(project: Project, filters: dict[str, str] | None = None) -> QuerySet[Item]:
    """The project's items under these filters; an unknown one or a value of the wrong form raises ValidationError.

    round (name, or "none"), label (name), q (words in the text, or an id), flagged (true, false or a kind of flag),
    meta.<field> (conditions as in `annotation.queries.metadata`),
    state (pool, open, complete, disputed, excluded, deleted), ids (internal ids with commas).
    Deleted items are found by their state alone.
    """
    gone = (filters or {}).get("state") == DELETED
    found = Item.objects.filter(project=project, deleted__isnull=not gone)
    for name, value in (filters or {}).items():
        if value == "":
            continue
        if not is_keepable(value) or not is_keepable(name):
            raise ValidationError({name.replace("\x00", ""): NOT_KEEPABLE})
        if name.startswith(META) and len(name) > len(META):
            found = found.filter(read_condition(project, name.removeprefix(META), value))
        elif name in _FILTERS:
            found = _FILTERS[name](found, project, value)
        else:
            known = ", ".join((*FILTERS, "meta.<field>"))
            raise ValidationError({name: f"There is no such filter. There are: {known}."})
    return found.select_related("imported_label")


def filters_of(query: QueryDict) -> dict[str, str]:
    """The filters that a page's address holds."""
    return {name: str(query[name]) for name in query if name not in NOT_FILTERS and query[name]}


def _by_round(found: QuerySet[Item], project: Project, value: str) -> QuerySet[Item]:
    slots = RoundItem.objects.filter(item=OuterRef("pk"), round__deleted__isnull=True)
    if value == "none":
        return found.filter(~Exists(slots))
    made = Round.objects.filter(project=project, name=value).first()
    if made is None:
        raise ValidationError({"round": f"There is no round “{value[:80]}”."})
    return found.filter(Exists(slots.filter(round=made)))


def _by_label(found: QuerySet[Item], project: Project, value: str) -> QuerySet[Item]:
    """The items whose label (majority of the answers that count; else the imported one) is this.

    Where a text may have several labels, or spans: an answer that counts has it, or nobody answered and it came in so.
    """
    label = Label.objects.filter(project=project, name=value).first()
    if label is None:
        raise ValidationError({"label": f"There is no label “{value[:100]}”."})
    answers = _answers_that_count(project).filter(item=OuterRef("pk")).order_by()
    if project.task != Project.Task.CLASSIFICATION:
        said = answers.filter(_has(label, "labels", "spans"))
        imported = _has(label, "imported_labels", "imported_spans")
        return found.filter(Q(Exists(said)) | imported & ~Exists(answers))
    given = answers.filter(label=label)
    others = answers.exclude(label=label).values("label").annotate(n=Count("id")).order_by("-n")
    found = found.alias(
        votes=Subquery(given.values("item").annotate(n=Count("id")).values("n")),
        other_votes=Subquery(others.values("n")[:1]),
    )
    # Most texts are out for want of a single answer with the label, so that is asked before votes are counted
    majority = Exists(given) & (Q(other_votes__isnull=True) | Q(votes__gt=F("other_votes")))
    return found.filter(majority | (Q(imported_label=label) & ~Exists(answers)))


def _answers_that_count(project: Project) -> QuerySet[Annotation]:
    """Everybody's newest answers to the items; in a single round, where nobody has two, they are not compared."""
    rounds = Round.objects.filter(project=project, deleted__isnull=True).values("pk")[:2]
    if len(rounds) > 1:
        return Annotation.objects.newest_of_each()
    return Annotation.objects.counted().filter(round__deleted__isnull=True)


def _has(label: Label, labels: str, spans: str) -> Q:
    """A label among several, or a span with it."""
    with_it = Func(
        F(spans),
        Value(f"$[*][2] ? (@ == {label.pk:d})"),
        template="(%(expressions)s::jsonpath)",
        arg_joiner=" @? ",
        output_field=BooleanField(),
    )
    return Q(**{f"{labels}__contains": [label.pk]}) | Q(with_it)


def label_family(project: Project, name: str) -> list[int]:
    """The ids of a label and of those that were merged into it, whose texts may be found under theirs."""
    rows = Label.objects.filter(project=project).values_list("pk", "name", "merged_into")
    into = {pk: target for pk, _, target in rows}
    family = {pk for pk, own, _ in rows if own == name}
    while more := {pk for pk, target in into.items() if target in family} - family:
        family |= more
    return sorted(family)


def _by_words(found: QuerySet[Item], project: Project, value: str) -> QuerySet[Item]:
    """In the text, every word of the search begins a word; or the whole is an item's id or the id it came with."""
    words = Q()
    for word in search_words(value):
        words &= Q(small__regex=expression(word))
    same = Q(external_id=value)
    if (number := number_in(value)) is not None:
        same |= Q(pk=number)
    return found.alias(small=Lower("text")).filter(words | same)


def number_in(search: str) -> int | None:
    """The id of an item that a search may mean."""
    number = search.strip().replace(",", "")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None


def _by_flag(found: QuerySet[Item], project: Project, value: str) -> QuerySet[Item]:
    flags = Flag.objects.filter(item=OuterRef("pk"), resolved__isnull=True)
    if value in Flag.Kind.values:
        return found.filter(Exists(flags.filter(kind=value)))
    if value.lower() in {"true", "1", "yes"}:
        return found.filter(Exists(flags))
    if value.lower() in {"false", "0", "no"}:
        return found.filter(~Exists(flags))
    kinds = ", ".join(Flag.Kind.values)
    raise ValidationError({"flagged": f"“{value[:40]}” is not a choice. There are: true, false, {kinds}."})


def _by_state(found: QuerySet[Item], project: Project, value: str) -> QuerySet[Item]:
    slots = RoundItem.objects.filter(item=OuterRef("pk"), round__deleted__isnull=True)
    unfinished = slots.filter(answers__lt=F("overlap"))
    if value == POOL:
        return found.filter(~Exists(slots))
    if value == OPEN:
        return found.filter(Exists(unfinished), excluded__isnull=True)
    if value == COMPLETE:
        return found.filter(Exists(slots), ~Exists(unfinished))
    if value == DISPUTED:
        answers = _answers_that_count(project).filter(item=OuterRef("pk"))
        labels = answers.order_by().values("item").annotate(n=Count("label", distinct=True))
        return found.filter(Exists(labels.filter(n__gt=1)))
    if value == EXCLUDED:
        return found.filter(excluded__isnull=False)
    if value == DELETED:
        return found
    raise ValidationError({"state": f"“{value[:40]}” is not a state. There are: {', '.join(STATES)}."})


def _by_ids(found: QuerySet[Item], project: Project, value: str) -> QuerySet[Item]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if len(parts) > MOST_IDS:
        raise ValidationError({"ids": f"At most {MOST_IDS:,} ids at once."})
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
        raise ValidationError({"ids": "Ids are whole numbers with commas between them."})
    return found.filter(pk__in=[int(part) for part in parts])


_FILTERS = {
    "round": _by_round,
    "label": _by_label,
    "q": _by_words,
    "flagged": _by_flag,
    "state": _by_state,
    "ids": _by_ids,
}


def describe(project: Project, page: Sequence[Item]) -> list[dict[str, Any]]:
    """What is known of each item of a page, in a fixed number of queries.

    {"item", "round", "label", "label_source", "confidence", "state", "votes": [(label, n)], "flags": {kind: n},
    "meta": [(field, value)], "imported": [label name]}; the
    label is the majority of the answers (None in a tie), everybody's newest one counting, else the imported one;
    confidence is the share of answers that say so.
    """
    pks = [item.pk for item in page]
    labels = {label.pk: label for label in Label.objects.filter(project=project)}
    votes: dict[int, Counter[int]] = {}
    people: Counter[int] = Counter()
    answers = _answers_that_count(project).filter(item__in=pks).order_by("id")
    for item, label, several, spans in answers.values_list("item", "label", "labels", "spans"):
        said = [label] if label else several if several is not None else {pk for _, _, pk in spans or []}
        votes.setdefault(item, Counter()).update(said)
        people[item] += 1
    slots: dict[int, list[tuple[str, bool]]] = {}
    for item, name, done, overlap in (
        RoundItem.objects.filter(item__in=pks, round__deleted__isnull=True)
        .order_by("round")
        .values_list("item", "round__name", "answers", "overlap")
    ):
        slots.setdefault(item, []).append((name, done >= overlap))
    flags: dict[int, dict[str, int]] = {}
    open_flags = Flag.objects.filter(item__in=pks, resolved__isnull=True)
    for item, kind, n in open_flags.values_list("item", "kind").annotate(n=Count("id")).order_by("kind"):
        flags.setdefault(item, {})[kind] = n
    one = project.task == Project.Task.CLASSIFICATION
    return [
        {
            "item": item,
            **label_of(item, votes.get(item.pk, Counter()) if one else Counter(), labels),
            "round": slots[item.pk][-1][0] if item.pk in slots else None,
            "state": state_of([done for _, done in slots.get(item.pk, [])]),
            "votes": [(labels[pk], n) for pk, n in votes.get(item.pk, Counter()).most_common()],
            "answers": people[item.pk],
            "imported": imported_names(item, labels),
            "flags": flags.get(item.pk, {}),
            "meta": list(item.meta.items()),
        }
        for item in page
    ]


def label_of(item: Item, votes: Counter[int], labels: dict[int, Label]) -> dict[str, Any]:
    """{"label", "label_source", "confidence"} of an item: the majority of its answers, else what was imported."""
    if not votes:
        imported = item.imported_label_id
        if imported is None:
            return {"label": None, "label_source": None, "confidence": None}
        return {"label": labels[imported].name, "label_source": "imported", "confidence": None}
    (first, n), *others = votes.most_common()
    tie = bool(others) and others[0][1] == n
    return {
        "label": None if tie else labels[first].name,
        "label_source": "majority",
        "confidence": n / votes.total(),
    }


def imported_names(item: Item, labels: dict[int, Label]) -> list[str]:
    """The names of what came in with a text, each once: its label, its labels, or those of its spans."""
    one = [] if item.imported_label_id is None else [item.imported_label_id]
    several = [*one, *(item.imported_labels or ()), *(span[2] for span in item.imported_spans or ())]
    return [labels[pk].name for pk in dict.fromkeys(several) if pk in labels]


def state_of(done: Iterable[bool]) -> str:
    """Where an item stands, from whether it is done in each of its rounds."""
    rounds = list(done)
    if not rounds:
        return POOL
    return COMPLETE if all(rounds) else OPEN


def flags_of(item: Item) -> QuerySet[Flag]:
    """Every flag on the item, oldest first."""
    return Flag.objects.filter(item=item).select_related("user").order_by("id")
