"""Runs: a model's predictions on a split, and what they are worth."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from annotation.models import Item, Label, Project, SuggestionSource, User
from evaluation.models.splits import SplitSet


class Run(models.Model):
    """One model's predictions on one split."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    split_set = models.ForeignKey(SplitSet, models.PROTECT, related_name="runs")
    split = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    params = models.JSONField(default=dict)
    tags = models.JSONField(default=list)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="children")
    url = models.URLField(null=True, blank=True)
    labels = ArrayField(models.BigIntegerField(), default=list)  # label ids, as in every row of probabilities
    predictions_total = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)  # counts uploads, so that an old report shows
    # Under which its predictions are offered to annotators
    suggestion_source = models.ForeignKey(
        SuggestionSource, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class Prediction(models.Model):
    """What a run says of one item."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="predictions", db_index=False)
    item = models.ForeignKey(Item, models.PROTECT, related_name="+", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    probabilities = ArrayField(models.FloatField(), null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "item"], name="one_prediction_per_item")]


class RunReport(models.Model):
    """A run's figures, computed at one moment."""

    run = models.OneToOneField(Run, models.CASCADE, related_name="report")
    computed = models.DateTimeField(default=timezone.now)
    revision = models.PositiveIntegerField(default=0)  # the run's, at that moment
    macro_f1 = models.FloatField(null=True)
    result = models.JSONField()
