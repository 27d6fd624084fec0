"""Stored agreement, reports of people, inferred truth, the human ceiling, and how they are measured."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from annotation.models import Annotator, Project, Round


class QualitySettings(models.Model):
    """How a project's answers are compared and resolved. A project without a row has the defaults."""

    class Scale(models.TextChoices):
        NOMINAL = "nominal", "Labels without an order"
        ORDINAL = "ordinal", "Labels in their order"
        INTERVAL = "interval", "Labels that are numbers"

    class SetDistance(models.TextChoices):
        MASI = "masi", "MASI"
        JACCARD = "jaccard", "Jaccard"

    class Method(models.TextChoices):
        MAJORITY = "majority", "Majority"
        DAWID_SKENE = "dawid-skene", "Dawid–Skene"
        GLAD = "glad", "GLAD"
        MACE = "mace", "MACE"

    project = models.OneToOneField(Project, models.CASCADE, related_name="quality_settings")
    scale = models.CharField(max_length=8, choices=Scale, default=Scale.NOMINAL)
    set_distance = models.CharField(max_length=7, choices=SetDistance, default=SetDistance.MASI)
    method = models.CharField(max_length=11, choices=Method, default=Method.MAJORITY)


class OfAMoment(models.Model):
    """When figures were computed, and what was there then: what came since makes them out of date."""

    computed = models.DateTimeField(default=timezone.now)
    revision = models.BigIntegerField(default=0)  # newest annotation id at the time
    revisions = models.BigIntegerField(default=0)  # newest id of a replaced answer at the time
    changes = models.JSONField(default=dict)  # how often what counts had changed, by kind of change

    class Meta:
        abstract = True


class AgreementReport(OfAMoment):
    """How well people agree, computed at one moment over a project or one of its rounds."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="agreement_reports")
    round = models.ForeignKey(Round, models.CASCADE, null=True, related_name="agreement_reports")
    annotations = models.PositiveIntegerField(default=0)  # that went in; more since then make it out of date
    result = models.JSONField()
    pairs = models.JSONField(default=list)  # every two annotators; long, and not read for the page

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "round"], name="one_agreement_report_per_scope", nulls_distinct=False
            )
        ]


class AnnotatorReport(models.Model):
    """One person's part of an agreement report, in full."""

    agreement = models.ForeignKey(AgreementReport, models.CASCADE, related_name="people")
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="quality_reports")
    result = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agreement", "annotator"], name="one_report_per_annotator")
        ]


class TruthReport(OfAMoment):
    """What the methods of inferring labels say of a project's answers and of each other."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="truth_report")
    # In the order in which blocks have them
    methods = ArrayField(models.CharField(max_length=11), default=list)
    labels = ArrayField(models.BigIntegerField(), default=list)  # the ids behind the codes in the blocks
    result = models.JSONField()


class TruthBlock(models.Model):
    """What every method says of some hundred texts, one after the other in the order of their ids.

    `says` is as `qc.algorithms.leading` makes it. A block is read for any of its texts, and all are replaced with their
    report: a row for each text would be a million rows to delete and to write, where these are two thousand.
    """

    report = models.ForeignKey(TruthReport, models.CASCADE, related_name="blocks", db_index=False)
    first = models.BigIntegerField()  # the smallest id
    ids = models.BinaryField()
    says = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "first"], name="one_truth_block_per_start")]


class HumanCeiling(OfAMoment):
    """How often people, and the crowd's label, give what a panel decided; kept beside what models do."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="human_ceiling")
    result = models.JSONField()
