"""What the texts of a pool are found by."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from annotation.models.projects import Label, Project


class TextBlock(models.Model):
    """Some texts of a project whose ids follow each other, and everything that one of them can be found by.

    A filter asks the blocks first, and then looks at the texts of those alone that may have something, in the order of
    their ids. So a page of a list costs the same for a word that everybody uses, a word that is used once, and a word
    that nobody uses. An index of the texts themselves would be thirty times larger, could not give them in order, and
    would have to be kept while they are imported; blocks are made by a job afterwards.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    first = models.BigIntegerField()  # ids of texts
    last = models.BigIntegerField()
    texts = models.PositiveIntegerField()
    holds = SearchVectorField()  # terms of `algorithms.words` and of `services.blocks`

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "first"], name="block_in_order")]
        indexes = [GinIndex(fields=["holds"], name="block_by_term", fastupdate=False)]


class LabelBlock(models.Model):
    """Somebody said this label of a text whose id lies in this block of ids that follow each other.

    Where an answer holds several labels, or spans, no index gives its texts in the order of their ids; these blocks do.
    They are kept in the background, so that an answer waits for nobody, and never taken away: a block is a hint.
    """

    IDS = 128  # in a block: those from block × IDS on

    label = models.ForeignKey(Label, models.CASCADE, related_name="+", db_index=False)
    block = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label", "block"], name="label_blocks_in_order")]


class LabelBlockMark(models.Model):
    """How far answers, and versions that were revised, are in the blocks of labels; one row.

    Ids are handed out before they are committed, so what was newest at one look goes in at a later one, when all
    transactions of that time are over.
    """

    answers = models.BigIntegerField(default=0)  # up to this id they are in
    versions = models.BigIntegerField(default=0)
    answers_seen = models.BigIntegerField(default=0)  # the newest id at the last look
    versions_seen = models.BigIntegerField(default=0)
    horizon = models.BigIntegerField(default=0)  # transactions of the last look have numbers below this
