"""Decided cases whose text is like the one at hand, so that like cases end alike."""

import numpy as np
from django.db.models import Prefetch, QuerySet

from annotation.services.embeddings import embed_texts
from qc.models import Case, Decision, Outcome, Vote
from qc.queries.cases import Decided, Names, describe, tally_in_words

COMPARED = 200  # the newest decisions of a project
ALIKE = 0.35  # cosine of the embeddings; 96 of 100 pairs of a project of short texts are below
VECTOR = np.dtype("<f2")  # of what is kept of a decided text


def compared_decisions(project_id: int) -> QuerySet[Decision]:
    """The newest decisions that keep their text."""
    kept = Decision.objects.filter(
        case__project=project_id, withdrawn__isnull=True, outcome__in=[Outcome.LABEL, Outcome.HARD]
    )
    newest = kept.order_by("-id").values("pk")[:COMPARED]
    return Decision.objects.filter(pk__in=newest).order_by("-id")


def similar_decisions(case: Case, names: Names, most: int = 3) -> list[Decided]:
    """Of the newest decisions that keep their text, those on texts most like this case's, the likest first.

    Decided texts were placed when they were decided (`qc.services.placing`): only this case's text is placed here.
    """
    placed = compared_decisions(case.project_id).exclude(item=case.item_id)
    found = list(
        placed.filter(item__decided_text__isnull=False).values_list("pk", "item__decided_text__vector")
    )
    if not found:
        return []
    vectors = np.frombuffer(b"".join(bytes(vector) for _, vector in found), VECTOR).reshape(len(found), -1)
    alike = vectors.astype(np.float32) @ embed_texts([case.item.text])[0]
    best = [at for at in np.argsort(-alike, kind="stable")[:most].tolist() if alike[at] >= ALIKE]
    decisions = (
        Decision.objects.select_related("case__item", "decided_by")
        .prefetch_related(Prefetch("case__votes", Vote.objects.filter(withdrawn__isnull=True)))
        .in_bulk([found[at][0] for at in best])
    )
    return [
        Decided(d.case, d, describe(d, names), tally_in_words(d, list(d.case.votes.all())))
        for d in (decisions[found[at][0]] for at in best)
    ]
