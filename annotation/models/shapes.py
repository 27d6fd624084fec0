"""The three shapes of an answer, of which every row that holds one has exactly one.

`label`; `labels`, the ids of the chosen labels in ascending order, none being an answer too; or `spans`, a list of
[start, end, label id] in ascending order, start and end counted in Unicode code points, end exclusive.
"""

from django.db import models
from django.db.models import Q


def of_one_shape(name: str) -> models.CheckConstraint:
    """That exactly one of label, labels and spans is there."""
    return models.CheckConstraint(
        condition=Q(label__isnull=False, labels__isnull=True, spans__isnull=True)
        | Q(label__isnull=True, labels__isnull=False, spans__isnull=True)
        | Q(label__isnull=True, labels__isnull=True, spans__isnull=False),
        name=name,
    )
