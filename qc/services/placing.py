"""Keeping where decided texts lie among all texts, for those who decide like ones later."""

from annotation.models import Project
from annotation.services.embeddings import embed_texts
from qc.models import DecidedText
from qc.queries.similar import VECTOR, compared_decisions


def place_decided(project: Project) -> int:
    """Keeps the embeddings of decided texts that have none; how many.

    After a decision that is its text, and after an archive was restored those of its newest decisions.
    """
    missing = dict(
        compared_decisions(project.pk)
        .filter(item__decided_text__isnull=True)
        .values_list("item_id", "item__text")
    )
    if not missing:
        return 0
    vectors = embed_texts(list(missing.values())).astype(VECTOR)
    rows = [
        DecidedText(item_id=item, vector=vector.tobytes())
        for item, vector in zip(missing, vectors, strict=True)
    ]
    DecidedText.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
