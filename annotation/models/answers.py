"""Labelling: an item's open slots in a round, leases on them, and the answers that people gave.

An answer has one of three shapes (`annotation.models.shapes`), by the project's task.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from annotation.models.items import Item
from annotation.models.people import Annotator, User
from annotation.models.projects import Guideline, Label, LivingLabels, Project, Round
from annotation.models.shapes import of_one_shape
from annotation.models.suggestions import Suggested, Suggestion


class AnswerKind(models.TextChoices):
    """What an item was handed out for. Only normal answers take a slot and count for agreement."""

    NORMAL = "normal"
    GOLD = "gold"
    REPEAT = "repeat"


class RoundItem(models.Model):
    """An item in a round. `open_slots` is how many more people may take it; the database keeps it in bounds.

    open_slots = overlap − answers − live leases, at every moment.
    """

    # Neither is checked row by row, as Item.project is not: imports write them by the hundred thousand
    round = models.ForeignKey(
        Round, models.CASCADE, related_name="round_items", db_index=False, db_constraint=False
    )
    item = models.ForeignKey(Item, models.CASCADE, related_name="round_items", db_constraint=False)
    position = models.IntegerField()  # random, but fixed for the round
    overlap = models.PositiveSmallIntegerField()
    open_slots = models.PositiveSmallIntegerField()
    answers = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "item"], name="item_once_per_round"),
            models.CheckConstraint(
                condition=Q(open_slots__gte=0) & Q(open_slots__lte=F("overlap") - F("answers")),
                name="slots_in_bounds",
            ),
        ]
        indexes = [
            models.Index(
                fields=["round", "position"],
                condition=Q(open_slots__gt=0) & Q(open_slots=F("overlap")),
                name="untouched_in_order",
            ),
            models.Index(
                fields=["round", "position"],
                condition=Q(open_slots__gt=0) & Q(open_slots__lt=F("overlap")),
                name="started_in_order",
            ),
            models.Index(
                fields=["round", "item"], condition=Q(answers__gte=F("overlap")), name="complete_in_order"
            ),
        ]


class Assignment(models.Model):
    """A lease of one item to one annotator.

    Those of gold items and repeats hold no slot, and nobody waits for them. They run out as the others do: what stays
    in somebody's hands over a night would be known.
    """

    class State(models.TextChoices):
        LEASED = "leased"
        ANSWERED = "answered"
        SKIPPED = "skipped"
        EXPIRED = "expired"

    round = models.ForeignKey(Round, models.CASCADE, related_name="assignments", db_index=False)
    # Not checked by the database, which would read the table through for each item that an undone import takes out
    item = models.ForeignKey(
        Item, models.CASCADE, related_name="assignments", db_index=False, db_constraint=False
    )
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="assignments", db_index=False)
    kind = models.CharField(max_length=6, choices=AnswerKind, default=AnswerKind.NORMAL)
    state = models.CharField(max_length=8, choices=State, default=State.LEASED)
    reason = models.CharField(max_length=500, blank=True)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    # As the round had it when the item was handed out; a change of the round is for what is handed out after it
    suggestion = models.ForeignKey(
        Suggestion, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    suggested = models.CharField(max_length=6, choices=Suggested, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "item", "round", "kind"], name="item_once_per_annotator"
            )
        ]
        indexes = [
            models.Index(fields=["annotator", "round"], condition=Q(state="leased"), name="live_leases"),
            models.Index(fields=["expires"], condition=Q(state="leased"), name="live_leases_by_expiry"),
        ]


class Participation(models.Model):
    """One annotator's part in a round. Whoever acts for the annotator there locks this row after the annotator's.

    The counters spare every page a count. The two positions spare `next` a walk over what the annotator has behind
    them: up to `started_after` no started item, and up to `untouched_after` no untouched one, is theirs to take.
    """

    round = models.ForeignKey(Round, models.CASCADE, related_name="participations", db_index=False)
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="participations")
    answers = models.PositiveIntegerField(default=0)  # of every kind
    skipped = models.PositiveIntegerField(default=0)
    started_after = models.BigIntegerField(default=-1)
    untouched_after = models.BigIntegerField(default=-1)
    # Items so far; draws which of the next are gold or repeats
    handed = models.PositiveIntegerField(default=0)
    first_answer = models.BigIntegerField(null=True)  # the id of the first; repeats are drawn from there on

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "annotator"], name="one_part_per_annotator")]


class ReturnedItem(models.Model):
    """An item in a round whose slot somebody gave back; it is handed out before all others until it is full.

    A row whose item is gone means nothing, so none is kept from going.
    """

    round = models.ForeignKey(Round, models.DO_NOTHING, db_constraint=False, related_name="+")
    round_item = models.OneToOneField(RoundItem, models.DO_NOTHING, db_constraint=False, related_name="+")


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    """Answers."""

    def counted(self) -> "AnnotationQuerySet":
        """Those that count for agreement and for an item's overlap."""
        return self.filter(kind=AnswerKind.NORMAL, set_aside__isnull=True)

    def newest_of_each(self) -> "AnnotationQuerySet":
        """Those that count where an item was asked in several rounds: everybody's newest one to it.

        Without those of deleted rounds.
        """
        counted = Annotation.objects.counted().filter(round__deleted__isnull=True)
        newer = counted.filter(
            item=models.OuterRef("item"), annotator=models.OuterRef("annotator"), pk__gt=models.OuterRef("pk")
        )
        return self.counted().filter(~models.Exists(newer.order_by()), round__deleted__isnull=True)


class Annotation(models.Model):
    """One person's answer to one item, in its newest version."""

    Kind = AnswerKind

    round = models.ForeignKey(Round, models.CASCADE, related_name="annotations", db_index=False)
    item = models.ForeignKey(Item, models.CASCADE, related_name="annotations")
    annotator = models.ForeignKey(Annotator, models.PROTECT, related_name="annotations", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)
    kind = models.CharField(max_length=6, choices=AnswerKind, default=AnswerKind.NORMAL)
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True, related_name="+", db_index=False)
    source = models.ForeignKey("annotation.Import", models.CASCADE, null=True, related_name="annotations")
    key = models.UUIDField(null=True)  # the browser's idempotency key
    seconds = models.FloatField(null=True)  # measured by the server, at most 120
    client_seconds = models.FloatField(null=True)
    comment = models.TextField(blank=True)
    difficulty = models.PositiveSmallIntegerField(null=True)
    confidence = models.PositiveSmallIntegerField(null=True)
    correct = models.BooleanField(null=True)  # of a gold answer: whether it was the known one
    suggestion = models.ForeignKey(
        Suggestion, models.PROTECT, null=True, related_name="answers", db_index=False, db_constraint=False
    )
    suggested = models.CharField(max_length=6, choices=Suggested, blank=True, default="", db_default="")
    followed = models.BooleanField(null=True)  # where there was a suggestion: whether the answer is the same
    created = models.DateTimeField(default=timezone.now)
    revised = models.DateTimeField(null=True)
    set_aside = models.DateTimeField(null=True)  # a lead removed its author's answers; it counts for nothing

    objects = AnnotationQuerySet.as_manager()

    living_labels = LivingLabels("round__project", ("label", "labels", "spans"))

    class Meta:
        constraints = [
            of_one_shape("answer_of_one_shape"),
            models.UniqueConstraint(
                fields=["round", "item", "annotator"],
                condition=Q(kind="normal"),
                name="one_answer_per_person",
            ),
            models.UniqueConstraint(
                fields=["annotator", "key"], condition=Q(key__isnull=False), name="one_answer_per_key"
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="recent_answers"),
            models.Index(fields=["round", "created", "id"], name="answers_in_order"),
            models.Index(
                fields=["round"], condition=Q(suggestion__isnull=False), name="answers_with_suggestion"
            ),
            models.Index(
                fields=["annotator"], condition=Q(set_aside__isnull=False), name="answers_set_aside"
            ),
            models.Index(
                fields=["label", "item"],
                condition=Q(kind="normal", set_aside__isnull=True, label__isnull=False),
                name="texts_by_label",
            ),
        ]

    @property
    def label_name(self) -> str | None:
        """The label's name, where one label is the answer."""
        return self.label.name if self.label is not None else None


class AnnotationVersion(models.Model):
    """What an answer was before its author revised it, or its label was merged into another."""

    annotation = models.ForeignKey(Annotation, models.CASCADE, related_name="versions")
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)
    comment = models.TextField(blank=True)
    difficulty = models.PositiveSmallIntegerField(null=True)
    confidence = models.PositiveSmallIntegerField(null=True)
    replaced = models.DateTimeField(default=timezone.now)

    @property
    def label_name(self) -> str | None:
        """The label's name, where one label is the answer."""
        return self.label.name if self.label is not None else None


class GoldItem(models.Model):
    """An item whose answer is known. It is mixed into what people label, and takes no slot there."""

    class Origin(models.TextChoices):
        SET = "set", "Set by hand"
        IMPORTED = "imported", "Imported"
        UNANIMOUS = "unanimous", "Everybody agreed"
        ADJUDICATED = "adjudicated", "Decided by the panel"

    project = models.ForeignKey(Project, models.CASCADE, related_name="gold_items", db_index=False)
    item = models.OneToOneField(Item, models.CASCADE, related_name="gold")
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    labels = ArrayField(models.BigIntegerField(), null=True)
    spans = models.JSONField(null=True)
    explanation = models.TextField(blank=True)
    origin = models.CharField(max_length=11, choices=Origin, default=Origin.SET)
    source = models.ForeignKey("annotation.Import", models.SET_NULL, null=True, related_name="gold_items")
    exposures = models.PositiveIntegerField(default=0)
    retired = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    living_labels = LivingLabels("project", ("label", "labels", "spans"))

    class Meta:
        constraints = [of_one_shape("gold_of_one_shape")]
        indexes = [
            models.Index(
                fields=["project", "exposures", "id"],
                condition=Q(retired__isnull=True),
                name="gold_least_seen",
            )
        ]


class MetaLabel(models.TextChoices):
    """What can be wrong with an item."""

    MISLABELED = "mislabeled", "Mislabeled"
    UNSOLVABLE = "unsolvable", "Unsolvable"
    NOISY = "noisy", "Noisy"
    AMBIGUOUS = "ambiguous", "Ambiguous"


class Flag(models.Model):
    """Somebody says that something is wrong with an item."""

    class Kind(models.TextChoices):
        MISLABELED = "mislabeled", "Mislabeled"
        UNSOLVABLE = "unsolvable", "Unsolvable"
        NOISY = "noisy", "Noisy"
        AMBIGUOUS = "ambiguous", "Ambiguous"
        OTHER = "other", "Other"

    item = models.ForeignKey(Item, models.CASCADE, related_name="flags")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    note = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    resolved = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["item", "kind"], condition=Q(resolved__isnull=True), name="open_flags"),
        ]
