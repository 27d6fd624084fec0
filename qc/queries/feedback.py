"""What annotators may learn of decisions on their own answers."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from annotation.models import Annotation, GoldItem, Item, Project, User
from annotation.queries.values import label_names, value_in_words
from qc.models import Case, Decision, Outcome
from qc.queries.cases import describe, overrules
from qc.queries.review import review_settings


def is_secret(item: Item) -> bool:
    """Whether annotators hear nothing of decisions on the text: its known answer is still used to test them."""
    return GoldItem.objects.filter(item=item, retired__isnull=True).exists()


def tells(project: Project) -> bool:
    """Whether the project tells annotators of decisions on their answers."""
    return review_settings(project).tells_annotators


def decisions_on(project: Project, user: User) -> QuerySet[Decision]:
    """The standing decisions on texts that the user has answered, newest first.

    Nothing of gold texts, whatever their case came from: who saw one missing or present could tell what is gold.
    """
    if not tells(project):
        return Decision.objects.none()
    own = _own_answers(project, user).filter(item=OuterRef("item"))
    secret = GoldItem.objects.filter(item=OuterRef("item"), retired__isnull=True)
    return (
        Decision.objects.filter(Exists(own), ~Exists(secret), case__project=project, withdrawn__isnull=True)
        .filter(item__deleted__isnull=True)
        .exclude(case__source=Case.Source.GOLD)
        .select_related("item", "guideline")
        .order_by("-id")
    )


def _own_answers(project: Project, user: User) -> QuerySet[Annotation]:
    return Annotation.objects.counted().filter(annotator__project=project, annotator__user=user)


def told(project: Project, user: User, decisions: list[Decision]) -> list[dict[str, Any]]:
    """These decisions as their annotator reads them: the own answer, what was decided, whether it overrules, why.

    No names: neither who decided nor who answered otherwise.
    """
    names = label_names(project)
    answers = _own_answers(project, user).filter(item__in=[decision.item_id for decision in decisions])
    mine = {answer.item_id: answer for answer in answers.order_by("id")}  # the newest of several rounds
    return [
        {
            "id": decision.pk,
            "item": decision.item,
            "answered": value_in_words(mine[decision.item_id], names),
            "decided": describe(decision, names),
            "overruled": overrules(decision, mine[decision.item_id]),
            "kept": decision.outcome != Outcome.EXCLUDE,
            "clause": decision.clause,
            "reason": decision.rationale,
            "guideline": decision.guideline.version if decision.guideline else None,
            "created": decision.created,
        }
        for decision in decisions
    ]
