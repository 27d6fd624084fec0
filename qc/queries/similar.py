"""Decided cases whose text is like the one at hand, so that like cases end alike."""

import numpy as np
from django.db.models import Prefetch

from annotation.services.embeddings import embed_texts
from qc.models import Case, Decision, Outcome, Vote
from qc.queries.cases import Decided, Names, describe, tally_in_words

COMPARED = 200  # the newest decisions of a project; embedding as many texts takes some 20 ms
ALIKE = 0.35  # cosine of the embeddings; 96 of 100 pairs of a project of short texts are below


def similar_decisions(case: Case, names: Names, most: int = 3) -> list[Decided]:
    """Of the newest decisions that keep their text, those on texts most like this case's, the likest first."""
    kept = Decision.objects.filter(
        case__project=case.project_id, withdrawn__isnull=True, outcome__in=[Outcome.LABEL, Outcome.HARD]
    )
    newest = kept.exclude(item=case.item_id).order_by("-id").values_list("pk", "item__text")[:COMPARED]
    found = list(newest)
    if not found:
        return []
    vectors = embed_texts([case.item.text, *(text for _, text in found)])
    alike = vectors[1:] @ vectors[0]
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
