"""Samples that are reviewed by hand, and texts whose label is suspected to be wrong."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models import Item, Label, Project, User
from annotation.models.shapes import of_one_shape


class Sample(models.Model):
    """Texts that were drawn for review. The recipe and the seed say how, so that it can be drawn again."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="samples")
    recipe = models.JSONField()
    seed = models.BigIntegerField()
    total = models.PositiveIntegerField(default=0)
    population = models.PositiveIntegerField(default=0)  # of texts from which it was drawn
    drawn = models.DateTimeField(null=True)  # null: a worker still draws it
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-id"], name="samples_newest_first")]


class SampleItem(models.Model):
    """A text of a sample, by which parts of the recipe it was drawn, and the label that is reviewed."""

    sample = models.ForeignKey(Sample, models.CASCADE, related_name="sample_items", db_index=False)
    item = models.ForeignKey(Item, models.CASCADE, related_name="sample_items")
    position = models.PositiveIntegerField()
    drawn_by = ArrayField(models.CharField(max_length=12))
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "position"], name="sample_in_order"),
            models.UniqueConstraint(fields=["sample", "item"], name="once_per_sample"),
        ]


class Review(models.Model):
    """What one reviewer answered without seeing the label, and when the reviewer said what is wrong, if anything."""

    sample_item = models.ForeignKey(SampleItem, models.CASCADE, related_name="reviews", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)
    agrees = models.BooleanField(null=True)  # with the label that is reviewed; null where there is none
    # The meta-labels given after seeing the label
    kinds = ArrayField(models.CharField(max_length=10), null=True)
    note = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    marked = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            of_one_shape("review_of_one_shape"),
            models.UniqueConstraint(fields=["sample_item", "user"], name="one_review_per_person"),
        ]


class SuspectReport(models.Model):
    """The newest search for label errors in a project."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="suspect_report")
    result = models.JSONField(default=dict)
    revision = models.BigIntegerField(default=0)  # the newest answer that it saw
    computed = models.DateTimeField(default=timezone.now)


class Suspect(models.Model):
    """A text whose label looks wrong; ranked while the newest search still says so."""

    class Reason(models.TextChoices):
        MODEL = "model", "a model says otherwise"
        DISAGREEMENT = "disagreement", "people disagree"

    class Verdict(models.TextChoices):
        UNKNOWN = "", "not looked at"
        REAL = "real", "an error"
        FINE = "fine", "no error"

    project = models.ForeignKey(Project, models.CASCADE, related_name="suspects", db_index=False)
    item = models.ForeignKey(Item, models.CASCADE, related_name="suspects")
    reason = models.CharField(max_length=12, choices=Reason)
    rank = models.PositiveIntegerField(null=True)
    given = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    likely = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    score = models.FloatField()  # probability of the given label; or entropy of the answers in bits
    verdict = models.CharField(max_length=4, choices=Verdict, default=Verdict.UNKNOWN, blank=True)
    judged = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "reason", "item"], name="one_suspicion_per_text")
        ]
        indexes = [
            models.Index(
                fields=["project", "reason", "rank"],
                condition=Q(rank__isnull=False),
                name="suspects_in_order",
            ),
            models.Index(
                fields=["project", "reason", "verdict"], condition=~Q(verdict=""), name="suspects_judged"
            ),
        ]
