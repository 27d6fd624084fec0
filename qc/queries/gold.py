"""Gold as leads see it: the texts whose answer is known, and what the panel has decided that could be gold too."""

from django.db.models import QuerySet

from annotation.models import GoldItem, Project
from annotation.queries.gold import gold_items
from annotation.services.values import AnswerValue, value_of
from qc.models import Decision, Outcome

MOST_DECISIONS = 1000


def gold_page(project: Project, before: int | None, n: int) -> tuple[list[GoldItem], int | None]:
    """The newest gold items, or the newest that were made before this one; and from which on there are older ones."""
    found = gold_items(project).filter(item__deleted__isnull=True)
    rows = list((found.filter(pk__lt=before) if before else found)[: n + 1])
    return rows[:n], rows[n - 1].pk if len(rows) > n else None


def _decided(project: Project) -> QuerySet[Decision]:
    """The decisions for a label on texts that are not gold yet."""
    return Decision.objects.filter(
        case__project=project,
        withdrawn__isnull=True,
        outcome=Outcome.LABEL,
        item__gold__isnull=True,
        item__deleted__isnull=True,
        item__excluded__isnull=True,
    )


def count_decided(project: Project) -> int:
    """On how many texts there are such decisions, counted up to 1,000."""
    return _decided(project).order_by().values("item").distinct()[:MOST_DECISIONS].count()


def decided_values(project: Project, most: int = MOST_DECISIONS) -> dict[int, AnswerValue]:
    """{item: value} of the newest decisions for a label on texts that are not gold yet."""
    newest = _decided(project).order_by("-id")[:most]
    return {decision.item_id: value_of(decision) for decision in reversed(newest)}
