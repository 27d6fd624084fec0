"""Keeping the blocks by which texts are found, after texts came in: bounded work at a time, away from the import.

Blocks follow each other without a gap, and only the last one of a project may be short: it is made anew when more
texts come in. Texts after the last full block are looked at one by one until then, so that nothing is ever missed.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import F, OuterRef, Q

from annotation.algorithms.words import EVERYTHING, fact, terms_of
from annotation.models import Item, Project, TextBlock
from annotation.queries.finding import TEXTS
from annotation.services.copying import copy_lines

CHARACTERS = 100_000  # of a block of several texts; its terms must fit into a tsvector
MOST_FACTS = 8000
BATCH = 20 * TEXTS


def keep_blocks(seconds: float = 10.0) -> bool:
    """Makes the blocks that are missing, for about this long; whether there is more to do."""
    until = time.monotonic() + seconds
    newest = Item.objects.filter(project=OuterRef("pk")).order_by("-pk")
    blocks = TextBlock.objects.filter(project=OuterRef("pk")).order_by("-first")
    behind = (
        Project.objects.filter(deleted__isnull=True)
        .annotate(newest=newest.values("pk")[:1], kept=blocks.values("last")[:1])
        .filter(Q(kept__isnull=True) | Q(kept__lt=F("newest")), newest__isnull=False)
    )
    for project in behind.order_by("pk"):
        while add_blocks(project) == BATCH:
            if time.monotonic() > until:
                return True
    return False


@transaction.atomic
def add_blocks(project: Project) -> int:
    """Makes blocks of the next texts that are in none; of how many. Nothing while an import writes to the project.

    Ids are handed out before they are committed, so under an import there may be texts below those that are seen.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('loupe.import'), %s)", [project.pk % 2**31])
        if not cursor.fetchone()[0]:
            return 0
    last = TextBlock.objects.filter(project=project).order_by("-first").first()
    after = last.last if last else 0
    if last is not None and last.texts < TEXTS:
        after = last.first - 1
        last.delete()
    waiting = Item.objects.filter(project=project, pk__gt=after).order_by("pk")
    rows = waiting.values_list("pk", "text", "meta", "imported_label", "imported_labels", "imported_spans")[
        :BATCH
    ]
    found = 0

    def lines() -> Iterator[bytes]:
        nonlocal found
        for first, final, n, terms in _blocks(rows.iterator(chunk_size=TEXTS)):
            found += n
            yield f"{project.pk}\t{first}\t{final}\t{n}\t{_vector(terms)}".encode()

    copy_lines("COPY annotation_textblock (project_id, first, last, texts, holds) FROM STDIN", list(lines()))
    return found


def _blocks(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, int, int, set[str]]]:
    """(first, last, texts, terms)."""
    first = last = texts = characters = 0
    terms, facts = set[str](), set[str]()
    for pk, text, meta, label, labels, spans in rows:
        if texts and (texts == TEXTS or characters + len(text) > CHARACTERS):
            yield first, last, texts, terms | _bounded(facts)
            texts, characters, terms, facts = 0, 0, set(), set()
        first = first if texts else pk
        last, texts, characters = pk, texts + 1, characters + len(text)
        terms |= terms_of(text)
        imported = {label, *(labels or ()), *(span[2] for span in spans or ())} - {None}
        facts.update(fact("label", one) for one in imported)
        if isinstance(meta, dict):
            facts.update(
                fact("meta", name, value)
                for name, value in meta.items()
                if not isinstance(value, list | dict)
            )
    if texts:
        yield first, last, texts, terms | _bounded(facts)


def _bounded(facts: set[str]) -> set[str]:
    return facts if len(facts) <= MOST_FACTS else {EVERYTHING}


def _vector(terms: set[str]) -> str:
    """As COPY takes a tsvector. No term holds a quote, a backslash, or white space."""
    return " ".join(f"'{term}'" for term in terms)
