"""Adjudication: a case is opened on an item, people vote, a decision ends it.

What a vote or a decision says is right has the shape of an answer: `label`, `labels` or `spans`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models import Guideline, Item, Label, LivingLabels, MetaLabel, Project, User


class Outcome(models.TextChoices):
    """How a case can end."""

    LABEL = "label", "Final label"
    EXCLUDE = "exclude", "Exclude"
    HARD = "hard", "Keep as hard"
    GUIDELINE = "guideline", "Send back to the guideline"


def value_where_it_ends_with_one(name: str) -> models.CheckConstraint:
    """That the outcome “label” has exactly one of label, labels and spans, and the others none."""
    shapes = ["label", "labels", "spans"]
    none = Q(**{f"{shape}__isnull": True for shape in shapes})
    one = Q()
    for there in shapes:
        one |= Q(**{f"{shape}__isnull": shape != there for shape in shapes})
    return models.CheckConstraint(
        condition=(Q(outcome="label") & one) | (~Q(outcome="label") & none), name=name
    )


class Case(models.Model):
    """A question about one item that people must settle."""

    class Source(models.TextChoices):
        FLAG = "flag", "Flagged"
        DISAGREEMENT = "disagreement", "Disagreement"
        SUSPECT = "suspect", "Suspected label error"
        GOLD = "gold", "Gold disputed"
        LEAKAGE = "leakage", "Leakage pair"
        ERROR = "error", "Error of a run"
        MANUAL = "manual", "By hand"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DECIDED = "decided", "Decided"

    project = models.ForeignKey(Project, models.CASCADE, related_name="cases")
    item = models.ForeignKey(Item, models.CASCADE, related_name="cases")
    source = models.CharField(max_length=12, choices=Source, default=Source.MANUAL)
    note = models.CharField(max_length=300, blank=True)  # why it was opened, in a sentence
    quorum = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=7, choices=State, default=State.OPEN)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["item"], condition=Q(state="open"), name="one_open_case_per_item")
        ]
        indexes = [
            models.Index(fields=["project", "state", "id"], name="case_queue"),
            models.Index(fields=["project", "state", "source", "id"], name="case_queue_by_source"),
        ]


class Vote(models.Model):
    """One person's blind opinion on a case."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="votes")
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    outcome = models.CharField(max_length=9, choices=Outcome)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)  # [start, end, label id] as in an annotation
    # Of a hard example: the labels that can be defended
    acceptable = ArrayField(models.BigIntegerField(), default=list, blank=True)
    meta_label = models.CharField(max_length=10, choices=MetaLabel, blank=True)
    clause = models.CharField(max_length=200, blank=True)  # of the guideline, as cited
    rationale = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    withdrawn = models.DateTimeField(null=True)  # the case was reopened; the vote stays in its history

    living_labels = LivingLabels("case__project", ("label", "labels", "spans", "acceptable"))

    class Meta:
        ordering = ["id"]
        constraints = [
            value_where_it_ends_with_one("vote_has_value"),
            models.UniqueConstraint(
                fields=["user", "case"], condition=Q(withdrawn__isnull=True), name="one_vote_per_person"
            ),
        ]


class DecidedText(models.Model):
    """Where a text that was decided lies among all texts, so that like ones are found without placing it again."""

    item = models.OneToOneField(Item, models.CASCADE, primary_key=True, related_name="decided_text")
    vector = models.BinaryField()  # its embedding: 256 numbers of half precision


class StandAside(models.Model):
    """A lead has looked at who answered the text of a case, and therefore does not vote on it, reopened or not."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="standing_aside", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="stands_aside_once")]


class Decision(models.Model):
    """How a case ended. The newest decision on an item that was not withdrawn is the adjudicated truth."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="decisions")
    item = models.ForeignKey(Item, models.CASCADE, related_name="decisions")
    outcome = models.CharField(max_length=9, choices=Outcome)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)  # [start, end, label id] as in an annotation
    # Of a hard example: the labels that can be defended
    acceptable = ArrayField(models.BigIntegerField(), default=list, blank=True)
    meta_label = models.CharField(max_length=10, choices=MetaLabel, blank=True)
    clause = models.CharField(max_length=200, blank=True)  # of the guideline, as cited
    rationale = models.TextField(blank=True)
    # The version in force
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True, related_name="+", db_index=False)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    # The panel agreed, and nobody decided or confirmed it alone
    by_votes = models.BooleanField(default=False)
    created = models.DateTimeField(default=timezone.now)
    withdrawn = models.DateTimeField(null=True)  # the case was reopened
    withdrawn_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    withdrawn_because = models.TextField(blank=True)

    living_labels = LivingLabels("case__project", ("label", "labels", "spans", "acceptable"))

    class Meta:
        ordering = ["id"]
        constraints = [
            value_where_it_ends_with_one("decision_has_value"),
            models.UniqueConstraint(
                fields=["case"], condition=Q(withdrawn__isnull=True), name="one_standing_decision_per_case"
            ),
        ]
        indexes = [
            models.Index(
                fields=["item", "-id"], condition=Q(withdrawn__isnull=True), name="standing_decisions"
            ),
            models.Index(
                fields=["outcome", "-id"], condition=Q(withdrawn__isnull=True), name="standing_by_outcome"
            ),
            models.Index(
                fields=["decided_by", "-id"],
                condition=Q(withdrawn__isnull=True, by_votes=False),
                name="decided_alone",
            ),
        ]
