"""How a project reviews its labels: the panel's rules, meta-labels as votes, proposed guideline changes."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models import Guideline, Item, MetaLabel, Project, User
from qc.models.cases import Case


class Treatment(models.TextChoices):
    """What the cleaned data does with a text that has a meta-label."""

    DROP = "drop", "Leave out"
    RELABEL = "relabel", "Take what people said since"
    KEEP = "keep", "Keep as it is"
    SOFT = "soft", "Keep with soft labels"


class TieRule(models.TextChoices):
    """Who ends a case whose votes are all there and do not agree."""

    PANEL = "panel", "anybody of the panel decides"
    LEAD = "lead", "a lead decides"
    VOTE = "vote", "one more vote, until most agree"


class ReviewSettings(models.Model):
    """A project's rules for review. A project without a row has the defaults."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="review_settings")
    quorum = models.PositiveSmallIntegerField(default=1)  # of new cases
    tie_rule = models.CharField(max_length=5, choices=TieRule, default=TieRule.PANEL)
    tells_annotators = models.BooleanField(default=False)  # decisions on their own answers, with the reason
    mislabeled = models.CharField(max_length=7, choices=Treatment, default=Treatment.RELABEL)
    unsolvable = models.CharField(max_length=7, choices=Treatment, default=Treatment.DROP)
    noisy = models.CharField(max_length=7, choices=Treatment, default=Treatment.DROP)
    ambiguous = models.CharField(max_length=7, choices=Treatment, default=Treatment.SOFT)

    def treatment_of(self, kind: str) -> Treatment:
        """What is done with texts that have this meta-label."""
        return Treatment(getattr(self, MetaLabel(kind).value))


class MetaLabelVote(models.Model):
    """Somebody's opinion on what is wrong with a text; `fine` says that nothing is."""

    class Kind(models.TextChoices):
        FINE = "fine", "Fine"
        MISLABELED = "mislabeled", "Mislabeled"
        UNSOLVABLE = "unsolvable", "Unsolvable"
        NOISY = "noisy", "Noisy"
        AMBIGUOUS = "ambiguous", "Ambiguous"

    item = models.ForeignKey(Item, models.CASCADE, related_name="meta_label_votes", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    note = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    withdrawn = models.DateTimeField(null=True)  # the same person said something else since

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "user", "kind"],
                condition=Q(withdrawn__isnull=True),
                name="one_meta_label_per_person",
            )
        ]


class MetaLabelReport(models.Model):
    """How far people agree on meta-labels, as computed last."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="meta_label_report")
    result = models.JSONField(default=dict)
    revision = models.BigIntegerField(default=0)  # the newest vote that it saw
    computed = models.DateTimeField(default=timezone.now)


class GuidelineProposal(models.Model):
    """A change of the guideline that came out of a case. A lead takes it into the draft, or leaves it out."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        KEPT = "kept", "In the draft"
        LEFT_OUT = "left_out", "Left out"

    case = models.ForeignKey(Case, models.CASCADE, related_name="proposals")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    clause = models.CharField(max_length=200, blank=True)  # under which heading; "" at the end
    text = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    guideline = models.ForeignKey(Guideline, models.SET_NULL, null=True, related_name="+", db_index=False)
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    settled = models.DateTimeField(null=True)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
