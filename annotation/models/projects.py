"""What is labelled and how: projects, labels, guidelines, rounds."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.people import User

rate = [MinValueValidator(0), MaxValueValidator(1)]


class Project(models.Model):
    """One labelling question over one pool of texts."""

    class Task(models.TextChoices):
        CLASSIFICATION = "classification", "One label"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    task = models.CharField(max_length=14, choices=Task, default=Task.CLASSIFICATION)
    question = models.CharField(max_length=200, default="Which label fits this text?")
    overlap = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    gold_rate = models.FloatField(default=0.05, validators=rate)
    repeat_rate = models.FloatField(default=0.05, validators=rate)
    gold_threshold = models.FloatField(default=0.7, validators=rate)
    gold_minimum = models.PositiveSmallIntegerField(default=5)
    sitting_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    day_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    total_minutes = models.PositiveIntegerField(null=True, blank=True)
    break_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    deleted = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """One of the answers that a project offers. Its id stays when its name changes."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    hotkey = models.CharField(max_length=1, blank=True)
    color = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(8)]
    )
    position = models.PositiveSmallIntegerField(default=0)
    retired = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_label_per_name"),
            models.UniqueConstraint(
                fields=["project", "hotkey"],
                condition=~Q(hotkey="") & Q(retired__isnull=True),
                name="one_label_per_hotkey",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Guideline(models.Model):
    """One version of what annotators are told, in Markdown."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    body = models.TextField(blank=True)
    published = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="guideline_versions_differ")
        ]


class Round(models.Model):
    """A stretch of labelling with its own items, overlap and rates."""

    class Kind(models.TextChoices):
        PILOT = "pilot", "Pilot"
        MAIN = "main", "Main"
        RELAUNCH = "relaunch", "Relaunch"

    class Purpose(models.TextChoices):
        EVALUATION = "evaluation", "Evaluation"
        TRAINING = "training", "Training"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    project = models.ForeignKey(Project, models.CASCADE, related_name="rounds")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.MAIN)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.EVALUATION)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    overlap = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    gold_rate = models.FloatField(default=0.05, validators=rate)
    repeat_rate = models.FloatField(default=0.05, validators=rate)
    seed = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now)

    # Kept by the services that change them, so that no page counts rows
    items_total = models.PositiveIntegerField(default=0)
    items_done = models.PositiveIntegerField(default=0)
    answers_total = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_round_per_name")]

    def __str__(self) -> str:
        return self.name
