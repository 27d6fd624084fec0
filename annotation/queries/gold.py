"""What there is to know about gold items."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from annotation.models import Annotation, GoldItem, Label, Project


def gold_items(project: Project) -> QuerySet[GoldItem]:
    """The project's gold items with their texts, newest first; retired ones too."""
    return GoldItem.objects.filter(project=project).select_related("item", "label").order_by("-id")


def gold_counts(project: Project) -> dict[str, int]:
    """{"active", "retired"}."""
    found = GoldItem.objects.filter(project=project)
    return found.aggregate(
        active=Count("id", filter=Q(retired__isnull=True)),
        retired=Count("id", filter=Q(retired__isnull=False)),
    )


def feedback(answer: Annotation, project: Project) -> dict[str, Any] | None:
    """What somebody is told after their answer to a gold item; None for any other, and where nothing is told.

    {"correct", "right", "answers", "needed"}: this answer, how many were right of how many since they may label, and
    the share that is asked for; then `hint`, what the right labels mean; then `explanation`, that of the text.
    """
    levels = list(Project.GoldFeedback)
    level = levels.index(Project.GoldFeedback(project.gold_feedback))
    if level == 0 or answer.kind != Annotation.Kind.GOLD or answer.correct is None:
        return None
    annotator = answer.annotator
    told: dict[str, Any] = {
        "correct": answer.correct,
        "right": annotator.gold_correct,
        "answers": annotator.gold_answers,
        "needed": project.gold_threshold,
    }
    gold = GoldItem.objects.filter(item=answer.item_id).first()
    if level >= levels.index(Project.GoldFeedback.HINT) and gold is not None:
        wanted = (
            [gold.label_id] if gold.label_id else gold.labels or [label for _, _, label in gold.spans or ()]
        )
        meant = Label.objects.filter(pk__in=wanted)
        told["hint"] = [{"label": label.name, "description": label.description} for label in meant]
    if level >= levels.index(Project.GoldFeedback.EXPLANATION) and gold is not None:
        told["explanation"] = gold.explanation
    return told
