"""Suggestions: what a model says of texts that people have yet to label.

Annotators may be shown one, or may ask for it; what it was, and whether they saw it, is kept with their answer.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.items import Item
from annotation.models.people import User
from annotation.models.projects import Label, LivingLabels, Project
from annotation.models.shapes import of_one_shape


class SuggestionSource(models.Model):
    """Whose suggestions they are, by the name that annotators read: a run, or a script's model."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="suggestion_sources", db_index=False)
    name = models.CharField(max_length=120)
    suggestions_total = models.PositiveIntegerField(default=0)  # texts that have one, kept by the services
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    created = models.DateTimeField(default=timezone.now)
    changed = models.DateTimeField(default=timezone.now)  # when suggestions came in last
    deleted = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_source_per_name")]

    def __str__(self) -> str:
        return self.name


class Suggestion(models.Model):
    """What a source says of one text, in the shape of an answer.

    A row does not change when its source says something else later: that is a new row, and the old one is `replaced`.
    So an answer that was given beside it can always tell what it said.
    """

    source = models.ForeignKey(SuggestionSource, models.CASCADE, related_name="suggestions", db_index=False)
    # Neither is checked row by row, as RoundItem.item is not: they come by the hundred thousand
    item = models.ForeignKey(Item, models.CASCADE, related_name="suggestions", db_constraint=False)
    label = models.ForeignKey(
        Label, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)
    score = models.FloatField(null=True)  # from 0 to 1, as the source gave it
    created = models.DateTimeField(default=timezone.now)
    replaced = models.DateTimeField(null=True)

    living_labels = LivingLabels("source__project", ("label", "labels", "spans"))

    class Meta:
        constraints = [
            of_one_shape("suggestion_of_one_shape"),
            models.UniqueConstraint(
                fields=["source", "item"], condition=Q(replaced__isnull=True), name="one_suggestion_per_text"
            ),
        ]


class Suggested(models.TextChoices):
    """How a text stood to suggestions in somebody's hands; nothing ("") where its round had them switched off."""

    NONE = "none", "there was none"
    HIDDEN = "hidden", "hidden"
    SHOWN = "shown", "shown"
    ASKED = "asked", "asked for"
