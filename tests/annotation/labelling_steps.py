"""What tests of labelling do again and again: fill a round, take, answer, let leases run out, check the slots."""

import uuid
from datetime import timedelta

from django.utils import timezone

from annotation.models import Annotation, Assignment, Item, Project, Round, RoundItem, User
from annotation.queries import labelling as reads
from annotation.services import answers, labelling


def fill(
    project: Project,
    n: int,
    *,
    overlap: int = 3,
    name: str = "main",
    gold_rate: float = 0,
    repeat_rate: float = 0,
) -> Round:
    """Puts n items into a round, by default one without gold and repeats; the text is the position."""
    made = Round.objects.get(project=project, name=name)
    items = Item.objects.bulk_create(
        [Item(project=project, text=f"text {k}", digest=uuid.uuid4(), meta={"k": k}) for k in range(n)]
    )
    RoundItem.objects.bulk_create(
        [
            RoundItem(round=made, item=item, position=k, overlap=overlap, open_slots=overlap)
            for k, item in enumerate(items)
        ]
    )
    made.items_total += n
    made.gold_rate, made.repeat_rate = gold_rate, repeat_rate
    made.save()
    return made


def check_slots() -> None:
    """open_slots = overlap − answers − live leases of normal items; and answers are what the table says."""
    for place in RoundItem.objects.all():
        of = {"round": place.round_id, "item": place.item_id}
        live = Assignment.objects.filter(**of, state="leased", kind="normal").count()
        given = Annotation.objects.counted().filter(**of).count()
        assert place.answers == given
        assert place.open_slots == place.overlap - given - live


def take(project: Project, user: User, count: int = 1) -> list[Assignment]:
    leases = labelling.next_items(project, user, count).leases
    return [Assignment.objects.select_related("round", "item").get(pk=lease.id) for lease in leases]


def at_hand(user: User, assignment: Assignment) -> Assignment:
    """The assignment as the next request sees it."""
    return reads.assignment_of(user, assignment.pk)[0]


def texts(taken: list[Assignment]) -> list[str]:
    return [assignment.item.text for assignment in taken]


def answer(assignment: Assignment, label: str = "good", key: uuid.UUID | None = None) -> Annotation:
    return answers.answer_item(assignment, key=key or uuid.uuid4(), label=label)[0]


def expire(*assignments: Assignment) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Assignment.objects.filter(pk__in=[a.pk for a in assignments]).update(expires=past)
