"""Split sets: which item belongs to which split, by a recipe that can be repeated."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models import Item, Label, Project, User


class SplitSet(models.Model):
    """A division of the pool by a recipe. Once frozen it never changes."""

    class State(models.TextChoices):
        BUILDING = "building", "Building"
        READY = "ready", "Ready"
        FROZEN = "frozen", "Frozen"
        FAILED = "failed", "Failed"

    project = models.ForeignKey(Project, models.CASCADE, related_name="split_sets")
    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    seed = models.BigIntegerField(default=0)
    recipe = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.BUILDING)
    manifest = models.JSONField(default=dict)
    checks = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    frozen = models.DateTimeField(null=True)
    deleted = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="split_set_versions_differ")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class SplitItem(models.Model):
    """An item's place in a split set, with the label it had when the set was built."""

    split_set = models.ForeignKey(SplitSet, models.CASCADE, related_name="split_items", db_index=False)
    item = models.ForeignKey(Item, models.PROTECT, related_name="split_items")
    split = models.CharField(max_length=60)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["split_set", "item"], name="item_in_one_split"),
        ]
        indexes = [models.Index(fields=["split_set", "split", "item"], name="split_in_order")]


class SplitFile(models.Model):
    """One file of a split set as clients pull it. A frozen set's files are these bytes for ever."""

    split_set = models.ForeignKey(SplitSet, models.CASCADE, related_name="files")
    name = models.CharField(max_length=80)  # train.parquet
    labels = models.CharField(max_length=10, default="hard")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    file = models.FileField(upload_to="splits/")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["split_set", "name", "labels"], name="split_file_names_differ")
        ]


class LeakageReport(models.Model):
    """Copies within the pool, or between the splits of a split set."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="leakage_reports")
    split_set = models.ForeignKey(SplitSet, models.CASCADE, null=True, related_name="leakage_reports")
    threshold = models.FloatField(default=0.995)
    ngram = models.PositiveSmallIntegerField(default=3)
    computed = models.DateTimeField(null=True)
    items = models.PositiveIntegerField(default=0)  # that were compared
    revision = models.BigIntegerField(default=0)  # newest item id at the time
    result = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]


class LeakagePair(models.Model):
    """Two items that are copies of each other, or nearly."""

    class Kind(models.TextChoices):
        EXACT = "exact", "Exact"
        NEAR = "near", "Near"

    class Action(models.TextChoices):
        NONE = "", "Open"
        TOGETHER = "together", "Keep together"
        DROP = "drop", "Drop from train"
        IGNORE = "ignore", "Not a copy"

    report = models.ForeignKey(LeakageReport, models.CASCADE, related_name="pairs", db_index=False)
    a = models.ForeignKey(Item, models.CASCADE, related_name="+")
    b = models.ForeignKey(Item, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind)
    similarity = models.FloatField()
    split_a = models.CharField(max_length=60, blank=True)
    split_b = models.CharField(max_length=60, blank=True)
    cluster = models.IntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(a=models.F("b")), name="pair_of_two_items")]
        indexes = [models.Index(fields=["report", "-similarity", "id"], name="pairs_most_similar_first")]


class PairDecision(models.Model):
    """What a lead decided about two similar items; it holds for every later report and split set."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="pair_decisions")
    a = models.ForeignKey(Item, models.CASCADE, related_name="+")
    b = models.ForeignKey(Item, models.CASCADE, related_name="+")
    action = models.CharField(max_length=8, choices=LeakagePair.Action)
    reason = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["a", "b"], name="one_decision_per_pair"),
            models.CheckConstraint(condition=Q(a__lt=models.F("b")), name="pair_in_order"),
        ]
