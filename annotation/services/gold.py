"""Gold items: texts whose answer is known. Setting, promoting, changing and retiring them, and what an answer earns.

An answer to a gold item is right when it is the same: the same label; the same set of labels; the same set of spans,
each with the same start, end and label. There is no credit for a part. When a lead changes what is right, by another
known answer or by merging labels, the answers that were given are judged anew, and what counts towards a pause with
them; who is paused stays so until a lead decides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from annotation.models import Annotation, Annotator, ChangeCount, GoldItem, Item, Label, Project, User
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.values import AnswerValue, read_value, value_of
from annotation.services.watching import Progress, unwatched

MOST_PROMOTED = 1000

_UNANIMOUS = """
SELECT n.item_id, min(n.id)
FROM annotation_annotation n
JOIN annotation_round r ON r.id = n.round_id AND r.project_id = %(project)s AND r.deleted IS NULL
JOIN annotation_item i ON i.id = n.item_id AND i.deleted IS NULL AND i.excluded IS NULL
WHERE n.kind = 'normal' AND n.set_aside IS NULL
  AND NOT EXISTS (SELECT FROM annotation_golditem g WHERE g.item_id = n.item_id)
GROUP BY n.item_id
HAVING count(*) >= %(at_least)s AND count(DISTINCT (n.label_id, n.labels, n.spans)) = 1
ORDER BY count(*) DESC, n.item_id LIMIT %(most)s
"""

_JUDGE = """
WITH judged AS (
    UPDATE annotation_annotation n
    SET correct = (g.label_id, g.labels, g.spans) IS NOT DISTINCT FROM (n.label_id, n.labels, n.spans)
    FROM annotation_golditem g
    WHERE g.project_id = %(project)s AND (%(gold)s::bigint IS NULL OR g.id = %(gold)s)
      AND n.item_id = g.item_id AND n.kind = 'gold'
      AND n.correct IS DISTINCT FROM
          ((g.label_id, g.labels, g.spans) IS NOT DISTINCT FROM (n.label_id, n.labels, n.spans))
    RETURNING n.annotator_id
)
SELECT array_agg(DISTINCT annotator_id) FROM judged
"""

# The gold answers that count are the newest ones, as many as were given since the last reinstatement.
_RECOUNT = """
UPDATE annotation_annotator a SET gold_correct = (
    SELECT count(*) FILTER (WHERE newest.correct) FROM (
        SELECT n.correct FROM annotation_annotation n
        WHERE n.annotator_id = a.id AND n.kind = 'gold' AND n.correct IS NOT NULL AND n.set_aside IS NULL
        ORDER BY n.id DESC LIMIT a.gold_answers) newest)
WHERE a.id = ANY(%(annotators)s)
"""


@transaction.atomic
def set_gold(
    project: Project,
    user: User,
    item: Item,
    *,
    label: str | None = None,
    labels: Sequence[str] | None = None,
    spans: Sequence[Mapping[str, Any]] | None = None,
    explanation: str = "",
) -> GoldItem:
    """Makes an item gold, with its answer by label names. Raises ValidationError if nobody could give that answer."""
    if item.project_id != project.pk or item.deleted is not None:
        raise ValidationError("Only a text of this project that is not deleted can be gold.")
    if GoldItem.objects.filter(item=item).exists():
        raise ValidationError("This text is gold already. Change its answer instead.")
    value = read_value(project, item.text, label=label, labels=labels, spans=spans)
    made = GoldItem.objects.create(
        project=project, item=item, **value.fields, explanation=explanation.strip(), created_by=user
    )
    record(project, user, "set gold", f"text {item.pk}", after=_told(made))
    count_change(project, ChangeCount.Kind.GOLD_MADE)
    return made


def check_unanimous(at_least: int) -> None:
    """Raises ValidationError for a number of equal answers that says nothing."""
    if at_least < 2:
        raise ValidationError({"at_least": "One answer is not agreement. Ask for at least two."})


@transaction.atomic
def promote_unanimous(
    project: Project,
    user: User | None,
    *,
    at_least: int,
    most: int = MOST_PROMOTED,
    progress: Progress = unwatched,
) -> int:
    """Makes gold of texts on which at least so many people answered, all the same, most answers first; how many."""
    check_unanimous(at_least)
    progress(0.1, "looking for texts on which everybody agreed")
    with connection.cursor() as cursor:
        cursor.execute(_UNANIMOUS, {"project": project.pk, "at_least": at_least, "most": most})
        firsts = [first for _, first in cursor.fetchall()]
    progress(0.8, f"{len(firsts):,} texts")
    values = {made.item_id: value_of(made) for made in Annotation.objects.filter(pk__in=firsts)}
    return _promote(project, user, values, GoldItem.Origin.UNANIMOUS)


@transaction.atomic
def promote_adjudicated(project: Project, user: User, values: Mapping[int, AnswerValue]) -> int:
    """Makes gold of texts that a panel has decided, given as {item id: value}; how many. Those that are gold stay."""
    items = Item.objects.filter(project=project, pk__in=values, deleted__isnull=True, gold__isnull=True)
    here = set(items.values_list("pk", flat=True))
    decided = {item: value for item, value in values.items() if item in here}
    return _promote(project, user, decided, GoldItem.Origin.ADJUDICATED)


def _promote(project: Project, user: User | None, values: Mapping[int, AnswerValue], origin: str) -> int:
    """Answers with a label that can no longer be chosen are left out: nobody could give them."""
    offered = set(Label.objects.filter(project=project, retired__isnull=True).values_list("pk", flat=True))
    rows = [
        GoldItem(project=project, item_id=item, **value.fields, origin=origin, created_by=user)
        for item, value in values.items()
        if value.label_ids <= offered
    ]
    GoldItem.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    if rows:
        record(
            project, user, "promote gold", f"{len(rows)} texts", after={"origin": origin, "texts": len(rows)}
        )
        count_change(project, ChangeCount.Kind.GOLD_MADE, len(rows))
    return len(rows)


@transaction.atomic
def change_gold(gold: GoldItem, user: User, *, explanation: str | None = None, **shape: Any) -> GoldItem:
    """Changes the answer (`label`, `labels` or `spans`, by names) or the explanation."""
    project = gold.project
    lock_authors(project, gold)
    held = GoldItem.objects.select_for_update(of=("self",)).get(pk=gold.pk)
    before = _told(held)
    if shape:
        value = read_value(project, gold.item.text, **shape)
        for field, content in value.fields.items():
            setattr(held, field, content)
    if explanation is not None:
        held.explanation = explanation.strip()
    if (after := _told(held)) == before:
        return held
    held.save(update_fields=["label", "labels", "spans", "explanation"])
    if shape:
        judge_again(project, held)
    record(project, user, "change gold", f"text {held.item_id}", before=before, after=after)
    if {**after, "explanation": ""} != {**before, "explanation": ""}:
        count_change(project, ChangeCount.Kind.GOLD_CHANGED)
    return held


def lock_authors(project: Project, gold: GoldItem | None = None) -> None:
    """Locks those whose counts may change, as where an answer is stored."""
    authors = Annotator.objects.select_for_update(no_key=True).filter(project=project)
    if gold is not None:
        given = Annotation.objects.filter(item=gold.item_id, kind=Annotation.Kind.GOLD)
        authors = authors.filter(pk__in=given.values("annotator"))
    list(authors.order_by("pk").values("pk"))


@transaction.atomic
def judge_again(project: Project, gold: GoldItem | None = None) -> None:
    """Judges the answers to a gold item anew, or those to all of the project."""
    lock_authors(project, gold)
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE, {"project": project.pk, "gold": gold.pk if gold else None})
        recount_gold(cursor.fetchone()[0] or [])


def recount_gold(annotators: Sequence[int]) -> None:
    """Counts anew how many of the gold answers were right that these annotators gave since they may label."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"annotators": list(annotators)})


@transaction.atomic
def retire_gold(gold: GoldItem, user: User) -> None:
    """No longer hands the item out as gold; the answers to it stay, and what they counted."""
    if GoldItem.objects.filter(pk=gold.pk, retired__isnull=True).update(retired=timezone.now()):
        record(
            gold.project, user, "retire gold", f"text {gold.item_id}", before={"exposures": gold.exposures}
        )


@transaction.atomic
def bring_back_gold(gold: GoldItem, user: User) -> None:
    """Hands the item out as gold again; its exposures are counted from the start."""
    if GoldItem.objects.filter(pk=gold.pk, retired__isnull=False).update(retired=None, exposures=0):
        record(
            gold.project,
            user,
            "bring back gold",
            f"text {gold.item_id}",
            before={"exposures": gold.exposures},
        )


def _told(gold: GoldItem) -> dict[str, Any]:
    return value_of(gold).fields | {"explanation": gold.explanation}
