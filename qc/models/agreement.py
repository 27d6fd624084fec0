"""Stored agreement."""

from django.db import models
from django.utils import timezone

from annotation.models import Project, Round


class AgreementReport(models.Model):
    """How well people agree, computed at one moment over a project or one of its rounds."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="agreement_reports")
    round = models.ForeignKey(Round, models.CASCADE, null=True, related_name="agreement_reports")
    computed = models.DateTimeField(default=timezone.now)
    annotations = models.PositiveIntegerField(default=0)  # that went in; more since then make it out of date
    revision = models.BigIntegerField(default=0)  # newest annotation id at the time
    revisions = models.BigIntegerField(default=0)  # newest id of a replaced answer at the time
    result = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "round"], name="one_agreement_report_per_scope", nulls_distinct=False
            )
        ]
