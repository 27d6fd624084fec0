"""The pool of texts and where each came from."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from annotation.models.people import User
from annotation.models.projects import Label, LivingLabels, Project, Round


class Import(models.Model):
    """One file that was read into a project. Every row is imported, a duplicate, or rejected with a reason."""

    class Kind(models.TextChoices):
        ITEMS = "items", "Texts"
        ANNOTATIONS = "annotations", "Answers by people"
        GOLD = "gold", "Gold texts"

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded, not read yet"
        WAITING = "waiting", "Waiting for a worker"
        DONE = "done", "Imported"
        FAILED = "failed", "Failed"
        UNDONE = "undone", "Undone"

    project = models.ForeignKey(Project, models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.ITEMS)
    state = models.CharField(max_length=8, choices=State, default=State.UPLOADED)
    file = models.FileField(upload_to="imports/%Y/%m/")
    filename = models.CharField(max_length=255)
    format = models.CharField(max_length=16)
    round = models.ForeignKey(Round, models.SET_NULL, null=True, related_name="+")
    mapping = models.JSONField(default=dict)
    duplicates = models.CharField(max_length=4, choices=[("drop", "Drop"), ("keep", "Keep")], default="drop")
    provenance = models.CharField(max_length=9, default="real")
    annotator = models.CharField(max_length=200, blank=True)
    repair = models.BooleanField(default=False)  # characters that were decoded wrongly, as in "cafÃ©"
    rows = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    duplicate_rows = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]


class ImportRow(models.Model):
    """A row of a file that did not become an item or an answer, kept as it was."""

    source = models.ForeignKey(Import, models.CASCADE, related_name="left_out")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=9)  # "duplicate" or "rejected"
    reason = models.CharField(max_length=200)
    values = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["source", "outcome", "number"], name="left_out_in_order")]


class Item(models.Model):
    """One text. `digest` identifies its normalised form, so equal texts are found by an index."""

    class Provenance(models.TextChoices):
        REAL = "real", "Real"
        AUGMENTED = "augmented", "Augmented"
        SYNTHETIC = "synthetic", "Synthetic"

    # Three references are not checked row by row by the database: imports write them by the hundred thousand, from ids
    # that they have read and locked, and the check took longer than the writing.
    project = models.ForeignKey(
        Project, models.CASCADE, related_name="items", db_index=False, db_constraint=False
    )
    external_id = models.CharField(max_length=200, null=True)
    text = models.TextField()
    digest = models.UUIDField()
    meta = models.JSONField(default=dict)
    provenance = models.CharField(max_length=9, choices=Provenance, default=Provenance.REAL)
    imported_label = models.ForeignKey(
        Label, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    imported_labels = ArrayField(models.BigIntegerField(), null=True)  # where several can be chosen
    imported_spans = models.JSONField(null=True)  # [start, end, label id] as in an annotation
    source = models.ForeignKey(Import, models.CASCADE, null=True, related_name="items", db_constraint=False)
    row = models.PositiveIntegerField(null=True)
    created = models.DateTimeField(default=timezone.now)
    # Nobody labels an excluded text, and no split takes it; the reason is shown wherever the text is
    excluded = models.DateTimeField(null=True)
    excluded_because = models.CharField(max_length=200, blank=True, default="", db_default="")
    deleted = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )

    living_labels = LivingLabels("project", ("imported_label", "imported_labels", "imported_spans"))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"],
                condition=models.Q(external_id__isnull=False),
                name="one_item_per_external_id",
            )
        ]
        indexes = [
            models.Index(fields=["project", "digest"], name="item_by_digest"),
            models.Index(fields=["project", "id"], name="item_in_order"),
            models.Index(
                fields=["project", "excluded", "id"],
                condition=models.Q(excluded__isnull=False),
                name="items_excluded",
            ),
            models.Index(
                fields=["project", "deleted", "id"],
                condition=models.Q(deleted__isnull=False),
                name="items_deleted",
            ),
            # The same in the order of lists. Imports write none of the four.
            models.Index(
                fields=["project", "id"], condition=models.Q(excluded__isnull=False), name="excluded_in_order"
            ),
            models.Index(
                fields=["project", "id"], condition=models.Q(deleted__isnull=False), name="deleted_in_order"
            ),
        ]


class MetadataField(models.Model):
    """A field that texts have in their metadata, and of which type its values are: found out, or said by a lead.

    The figures are of the texts that were looked at (`annotation.services.metadata_fields`), not of all.
    """

    class Type(models.TextChoices):
        CATEGORY = "category", "Category"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        TEXT = "text", "Text"

    class Source(models.TextChoices):
        DETECTED = "detected", "Detected"
        CORRECTED = "corrected", "Corrected"

    # The constraint has an index
    project = models.ForeignKey(Project, models.CASCADE, related_name="metadata_fields", db_index=False)
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=8, choices=Type)
    source = models.CharField(max_length=9, choices=Source, default=Source.DETECTED)
    texts = models.PositiveIntegerField(default=0)  # that were looked at
    values = models.PositiveIntegerField(default=0)  # of which so many say something in this field
    distinct = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)  # values that are not of the type
    examples = models.JSONField(default=list)
    minimum = models.JSONField(null=True)  # a number, or a date as in ISO 8601
    maximum = models.JSONField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_field_per_name")]

    def __str__(self) -> str:
        return self.name
