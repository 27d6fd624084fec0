"""What was found in the pool: copies, unusable texts, and what the texts are like."""

from django.db import models

from annotation.models import Project
from evaluation.models.splits import LeakageReport


class CleaningReport(models.Model):
    """The newest look at a project's texts. Its similar pairs are those of a leakage report on the pool."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="cleaning_report")
    copies = models.ForeignKey(LeakageReport, models.SET_NULL, null=True, related_name="+")
    threshold = models.FloatField(default=0.995)
    computed = models.DateTimeField()
    texts = models.PositiveIntegerField(default=0)  # that were looked at
    revision = models.BigIntegerField(default=0)  # newest item id at the time
    result = models.JSONField(default=dict)
