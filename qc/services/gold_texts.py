"""Making gold of many texts at once, from what is known of each."""

from collections import Counter
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from annotation.models import Annotation, GoldItem, Item, Label, Project, User
from annotation.services.audit import record
from annotation.services.bulk import Done, told
from annotation.services.values import AnswerValue, value_of
from qc.models import Decision, Outcome

LEAST_AGREED = 2
BEST = "best"
DECIDED, AGREED, IMPORTED = "decided", "agreed", "imported"
WITHOUT = {
    BEST: "of which nothing is known for sure",
    DECIDED: "that no panel decided",
    AGREED: "with fewer than two answers or different ones",
    IMPORTED: "imported without one",
}
ORIGINS = {
    DECIDED: GoldItem.Origin.ADJUDICATED,
    AGREED: GoldItem.Origin.UNANIMOUS,
    IMPORTED: GoldItem.Origin.IMPORTED,
}
TAKE_BACK = "take back gold"


@transaction.atomic
def make_gold(project: Project, user: User, found: QuerySet[Item], by: str) -> Done:
    """Makes gold of texts whose answer is known in this way; the message says which were left out, and why.

    `by` is decided, agreed, imported, or best: the first of these that there is. A label that can no longer be chosen
    makes no gold, since nobody could give it.
    """
    if by not in WITHOUT:
        raise ValidationError({"by": f"There is no such way. There are: {', '.join(WITHOUT)}."})
    items = list(found.order_by("pk").select_for_update(of=("self",), no_key=True))
    gold = set(GoldItem.objects.filter(item__in=items).values_list("item", flat=True))
    left = Counter[str]()
    candidates = []
    for item in items:
        if item.pk in gold:
            left["gold already"] += 1
        elif item.deleted is not None:
            left["deleted"] += 1
        elif item.excluded is not None:
            left["excluded"] += 1
        else:
            candidates.append(item)
    values: dict[int, tuple[AnswerValue, str]] = {}
    for way in (DECIDED, AGREED, IMPORTED) if by == BEST else (by,):
        for pk, value in KNOWN[way]([item for item in candidates if item.pk not in values]).items():
            values[pk] = value, way
    offered = set(Label.objects.filter(project=project, retired__isnull=True).values_list("pk", flat=True))
    now = timezone.now()
    rows = []
    for item in candidates:
        if item.pk not in values:
            left[WITHOUT[by]] += 1
            continue
        value, way = values[item.pk]
        if not value.label_ids <= offered:
            left["with a label that can no longer be chosen"] += 1
            continue
        rows.append(
            GoldItem(
                project=project,
                item=item,
                **value.fields,
                origin=ORIGINS[way],
                created_by=user,
                created=now,
            )
        )
    GoldItem.objects.bulk_create(rows, batch_size=1000)
    if rows:
        record(project, user, "promote gold", f"{len(rows)} texts", after={"by": by, "texts": len(rows)})
    undo = {"action": TAKE_BACK, "at": now.isoformat()} if rows else None
    return Done(len(rows), told(len(rows), "made gold", left), undo)


@transaction.atomic
def take_back_gold(project: Project, user: User, at: str) -> Done:
    """Takes back what `make_gold` did at a time. Gold that somebody has seen is retired: its answers stay judged."""
    moment = parse_datetime(at) if len(at) < 40 else None
    if moment is None or moment.tzinfo is None:
        raise ValidationError({"at": "A time as the action gave it, with its time zone."})
    made = GoldItem.objects.filter(project=project, created=moment)
    locked = list(made.select_for_update().values_list("pk", "exposures"))
    seen = [pk for pk, exposures in locked if exposures]
    retired = made.filter(pk__in=seen, retired__isnull=True).update(retired=timezone.now())
    gone, _ = made.exclude(pk__in=seen).delete()
    if gone or retired:
        record(project, user, "take back gold", f"{gone + retired} texts", before={"texts": gone + retired})
    message = told(gone, "taken out of the gold", {})
    if seen:
        message += f" {len(seen):,} had been shown already: retired, and their answers stay judged."
    return Done(gone + retired, message)


def _decided(items: Iterable[Item]) -> dict[int, AnswerValue]:
    standing = Decision.objects.filter(item__in=list(items), withdrawn__isnull=True)
    newest = standing.order_by("item", "-id").distinct("item")
    return {made.item_id: value_of(made) for made in newest if made.outcome == Outcome.LABEL}


def _agreed(items: Iterable[Item]) -> dict[int, AnswerValue]:
    answers = Annotation.objects.newest_of_each().filter(item__in=list(items))
    given: dict[int, list[AnswerValue]] = {}
    for answer in answers.only("item", "label", "labels", "spans"):
        given.setdefault(answer.item_id, []).append(value_of(answer))
    return {
        pk: values[0]
        for pk, values in given.items()
        if len(values) >= LEAST_AGREED and all(value == values[0] for value in values)
    }


def _imported(items: Iterable[Item]) -> dict[int, AnswerValue]:
    values = {
        item.pk: AnswerValue(item.imported_label_id, item.imported_labels, item.imported_spans)
        for item in items
    }
    return {pk: value for pk, value in values.items() if value != AnswerValue()}


KNOWN = {DECIDED: _decided, AGREED: _agreed, IMPORTED: _imported}
