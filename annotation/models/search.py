"""What the texts of a pool are found by."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from annotation.models.projects import Project


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
