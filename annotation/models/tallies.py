"""What people did, day by day, so that no page counts answers."""

from django.db import models

from annotation.models.people import Annotator
from annotation.models.projects import Guideline, Round


class AnswerTally(models.Model):
    """Answers that one person gave here in one round, under one version of the guideline, on one day (UTC).

    Added up every minute from the answers that are new, in the background: an answer waits for nobody's counter.
    Imported answers are not in it, and an answer that is set aside later stays: it was given.
    """

    round = models.ForeignKey(Round, models.CASCADE, related_name="tallies", db_index=False)
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="tallies", db_index=False)
    guideline = models.ForeignKey(Guideline, models.CASCADE, null=True, related_name="tallies")
    day = models.DateField()
    answers = models.PositiveIntegerField(default=0)  # of every kind
    normal = models.PositiveIntegerField(default=0)
    repeats = models.PositiveIntegerField(default=0)
    repeats_same = models.PositiveIntegerField(default=0)  # as the first time, when they were added up
    seconds = models.FloatField(default=0)  # active ones

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "day", "round", "guideline"],
                name="one_tally_a_day",
                nulls_distinct=False,
            )
        ]
        indexes = [models.Index(fields=["round", "day"], name="tallies_of_a_round")]


class TallyMark(models.Model):
    """How far the answers have been added up; one row.

    Ids are handed out before they are committed, so what was newest at one look is added up at the next.
    """

    counted = models.BigIntegerField(default=0)  # answers up to this id are in
    seen = models.BigIntegerField(default=0)  # the newest id at the last look
