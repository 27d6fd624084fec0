"""What is labelled and how: projects, labels, guidelines, rounds."""

from typing import NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.people import User

rate = [MinValueValidator(0), MaxValueValidator(1)]


class LivingLabels(NamedTuple):
    """On a model, as `living_labels`: its rows follow when a label is merged into another.

    Records of a moment have none: they keep the label that they were made with.
    """

    project: str  # the way to the project, as in a filter
    columns: tuple[str, ...]  # a label, an array of label ids, or spans


class Project(models.Model):
    """One labelling question over one pool of texts."""

    class Task(models.TextChoices):
        CLASSIFICATION = "classification", "One label"
        MULTILABEL = "multilabel", "Several labels"
        SPANS = "spans", "Marked spans"

    class GoldFeedback(models.TextChoices):
        """What an annotator is told after a gold item; each tells what those above it do."""

        NOTHING = "nothing", "nothing"
        SCORE = "score", "score only"
        HINT = "hint", "score and hint by label"
        EXPLANATION = "explanation", "the explanation itself"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    task = models.CharField(max_length=14, choices=Task, default=Task.CLASSIFICATION)
    question = models.CharField(max_length=200, default="Which label fits this text?")
    overlap = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    gold_rate = models.FloatField(default=0.05, validators=rate)
    repeat_rate = models.FloatField(default=0.05, validators=rate)
    # Up to which overlap grows where the first answers disagree; null: it does not grow
    maximum_overlap = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    overlapping_spans = models.BooleanField(default=False)
    asks_difficulty = models.BooleanField(default=True)
    asks_confidence = models.BooleanField(default=False)
    gold_threshold = models.FloatField(default=0.7, validators=rate)
    gold_minimum = models.PositiveSmallIntegerField(default=5)
    gold_feedback = models.CharField(max_length=11, choices=GoldFeedback, default=GoldFeedback.NOTHING)
    # After so many exposures a gold item is retired; null: never
    gold_wear = models.PositiveIntegerField(
        null=True, blank=True, default=200, validators=[MinValueValidator(1)]
    )
    repeat_distance = models.PositiveIntegerField(default=50, validators=[MinValueValidator(1)])
    shows_quality = models.BooleanField(default=False)  # annotators see how good their own answers are
    screen_version = models.PositiveIntegerField(default=1)  # grows when labels or what else is asked change
    sitting_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    day_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    total_minutes = models.PositiveIntegerField(null=True, blank=True)
    break_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    # What an imported text must be
    text_minimum = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])  # characters
    text_maximum = models.PositiveIntegerField(
        default=100_000, validators=[MinValueValidator(1), MaxValueValidator(100_000)]
    )
    # Of the characters that are not white space
    fewest_letters = models.FloatField(default=0.2, validators=rate)
    languages = ArrayField(models.CharField(max_length=3), default=list, blank=True)  # ISO 639-1; empty: any
    # Whether a look at the pool follows an import by itself
    looks_for_copies = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    deleted = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """One of the answers that a project offers. Its id stays when its name changes."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    examples = models.JSONField(default=list, blank=True)  # short texts
    hotkey = models.CharField(max_length=1, blank=True)
    color = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(8)]
    )
    position = models.PositiveSmallIntegerField(default=0)
    retired = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", db_index=False
    )

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


class LabelMigration(models.Model):
    """A label was renamed, merged into another, retired or brought back."""

    class Kind(models.TextChoices):
        RENAME = "rename", "Renamed"
        MERGE = "merge", "Merged"
        RETIRE = "retire", "Retired"
        RESTORE = "restore", "Brought back"

    project = models.ForeignKey(Project, models.CASCADE, related_name="label_migrations")
    kind = models.CharField(max_length=7, choices=Kind)
    label = models.ForeignKey(Label, models.CASCADE, related_name="migrations")
    into = models.ForeignKey(Label, models.CASCADE, null=True, related_name="+", db_index=False)
    name_before = models.CharField(max_length=100, blank=True)
    name_after = models.CharField(max_length=100, blank=True)
    answers = models.PositiveIntegerField(default=0)  # that carry another label since then
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]


class Guideline(models.Model):
    """One version of what annotators are told, in Markdown. Without a time of publication it is a draft."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    body = models.TextField(blank=True)
    summary = models.TextField(blank=True)  # what annotators read before their next text
    published = models.DateTimeField(null=True, default=timezone.now)
    created = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="guideline_versions_differ"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(published__isnull=True), name="one_guideline_draft"
            ),
        ]


class GuidelineRead(models.Model):
    """Somebody confirmed to have read a version of the guideline."""

    guideline = models.ForeignKey(Guideline, models.CASCADE, related_name="readings")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["guideline", "user"], name="one_reading_per_person")]


class Round(models.Model):
    """A stretch of labelling with its own items, overlap and rates."""

    class Kind(models.TextChoices):
        PILOT = "pilot", "Pilot"
        MAIN = "main", "Main"
        RELAUNCH = "relaunch", "Relaunch"

    class Purpose(models.TextChoices):
        EVALUATION = "evaluation", "Evaluation"
        TRAINING = "training", "Training"

    class Audience(models.TextChoices):
        EVERYONE = "everyone", "all who are active"
        UNSEEN = "unseen", "only who has not seen the text"
        CHOSEN = "chosen", "chosen people"

    class Suggestions(models.TextChoices):
        OFF = "off", "off"
        HIDDEN = "hidden", "hidden until asked for"
        SHOWN = "shown", "shown"

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
    maximum_overlap = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    audience = models.CharField(max_length=8, choices=Audience, default=Audience.EVERYONE)
    people = models.ManyToManyField(User, blank=True, related_name="+")  # where the audience is chosen
    suggestions = models.CharField(max_length=6, choices=Suggestions, default=Suggestions.OFF)
    suggestion_source = models.ForeignKey(
        "annotation.SuggestionSource",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rounds",
        db_index=False,
    )
    # Coverage, and what suggestions did to answers
    suggestion_figures = models.JSONField(null=True, blank=True)
    seed = models.PositiveIntegerField(default=0)
    texts = models.JSONField(default=dict, blank=True)  # which it was filled with, as they were chosen
    comparison = models.JSONField(null=True, blank=True)  # of its answers with older ones to the same texts
    ends = models.DateField(null=True, blank=True)  # as planned
    opened = models.DateTimeField(null=True, blank=True)
    closed = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now)
    deleted = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    # Kept by the services that change them, so that no page counts rows
    items_total = models.PositiveIntegerField(default=0)
    items_done = models.PositiveIntegerField(default=0)
    answers_total = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_round_per_name")]

    def __str__(self) -> str:
        return self.name
