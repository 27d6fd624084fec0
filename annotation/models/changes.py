"""How often what counts has changed, so that figures that were stored know that they are old."""

from django.db import models

from annotation.models.projects import Project, Round


class ChangeCount(models.Model):
    """Changes of one kind in a project, and of those that are of answers in each of its rounds; new answers aside.

    Raised in the transaction of the change. Stored figures keep the counts of their time: what is higher since then has
    changed, and nobody has to look through texts or answers for it.
    """

    class Kind(models.TextChoices):
        TEXTS = "texts", "texts with answers taken out or brought back"
        ANSWERS = "answers", "answers taken out or brought back"
        ROUNDS = "rounds", "rounds deleted or brought back"
        LABELS = "labels", "labels renamed or merged"
        GOLD_MADE = "gold", "gold texts made"
        GOLD_CHANGED = "gold_changed", "gold texts changed"
        DECISIONS = "decisions", "decisions made or withdrawn"
        MEASURE = "measure", "changes of how it is measured"

    project = models.ForeignKey(Project, models.CASCADE, related_name="change_counts", db_index=False)
    round = models.ForeignKey(Round, models.CASCADE, null=True, related_name="change_counts")
    kind = models.CharField(max_length=12, choices=Kind)
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "round"], name="one_count_of_changes", nulls_distinct=False
            )
        ]
