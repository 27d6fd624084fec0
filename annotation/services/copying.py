"""Rows into tables by COPY, and the look-ups that an import makes for a whole chunk at once."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection

from annotation.models import Item, Project, Round

FEW = 10_000
GAPS = 4  # for so many new ids, one is left free
TRIES = 12  # places that are looked at for each free id that is wanted

# The free ids right before some of the project's items, at random over all of them
_FREE_AMONG = """
SELECT DISTINCT near.id - 1
FROM (SELECT min(id) AS first, max(id) AS last FROM annotation_item WHERE project_id = %(project)s) bounds
CROSS JOIN unnest(%(places)s::float8[]) AS place
CROSS JOIN LATERAL (SELECT id FROM annotation_item
                    WHERE project_id = %(project)s AND id >= bounds.first + place * (bounds.last - bounds.first)
                    ORDER BY id LIMIT 1) near
WHERE near.id > bounds.first AND NOT EXISTS (SELECT FROM annotation_item WHERE id = near.id - 1)
ORDER BY 1
"""


class Known(NamedTuple):
    """An item that is in the pool; one that is about to be copied in has no id yet."""

    id: int | None
    digest: bytes
    row: int | None
    source: int | None


def copy_lines(statement: str, lines: Iterable[bytes]) -> None:
    """Runs a `COPY … FROM STDIN` with these lines, each of tab-separated cells without the line end."""
    block = b"\n".join(lines)
    if not block:
        return
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(block + b"\n")


def new_ids(n: int) -> list[int]:
    """Ids for so many new items, ascending and above all others.

    Some are left free here and there, at places that nobody can foretell: gold texts that come later lie there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(nextval(numbers.name)) FROM generate_series(1, %s) CROSS JOIN"
            " (SELECT pg_get_serial_sequence('annotation_item', 'id')::regclass AS name OFFSET 0) numbers",
            [n + n // GAPS + 1],
        )
        ids = np.array(cursor.fetchone()[0])
    left = _secret(int(ids[0])).choice(ids.size, ids.size - n, replace=False)
    found: list[int] = np.delete(ids, left).tolist()
    return found


def ids_among(project: Project, n: int, *seed: int) -> list[int]:
    """Ids for so many new items that lie among those of the project, in no order; new ones where too few are free.

    Whoever labels sees the ids. Gold texts that came in one file would be known by ids of their own.
    """
    draw = _secret(project.pk, *seed)
    values = {"project": project.pk, "places": draw.random(TRIES * n).tolist()}
    with connection.cursor() as cursor:
        cursor.execute(_FREE_AMONG, values)
        free = [pk for (pk,) in cursor.fetchall()]
    chosen = [int(pk) for pk in draw.permutation(free)[:n]]
    return chosen + (new_ids(n - len(chosen)) if len(chosen) < n else [])


def _secret(*seed: int) -> np.random.Generator:
    """Random numbers that are fixed by the seed for whoever has the secret key."""
    return np.random.default_rng([*settings.SECRET_KEY.encode(), *seed])


def lock_imports(project: Project) -> None:
    """Lets no other import into this project until the transaction ends; labelling goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('loupe.import'), %s)", [project.pk % 2**31])


def prepare_transaction() -> None:
    """Until the transaction ends: look-ups by index, whatever the statistics of a growing table say; and references
    checked chunk by chunk, while the next one is being cleaned, instead of all at the end under the round's lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET CONSTRAINTS ALL IMMEDIATE")


def refresh_estimates() -> None:
    """Tells the planner that the table of items is not empty any more, where it thinks so.

    An automatic ANALYZE in the middle of a first import sees no committed row, and look-ups by id then walk a whole
    index. This one sees our rows, and keeps the automatic one away until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'annotation_item'::regclass")
        if cursor.fetchone()[0] < FEW:
            cursor.execute("ANALYZE annotation_item (id, project_id, digest, external_id, source_id)")


def places_in_pool(
    project: Project, digests: Sequence[bytes], external_ids: Sequence[str | None]
) -> set[int]:
    """The places in the two lists, side by side, at which the pool has the text or the id. An empty digest is none."""
    found: set[int] = set()
    with connection.cursor() as cursor:
        if any(digests):
            written = ",".join([digest.hex() or "NULL" for digest in digests])
            cursor.execute(
                "SELECT given.place FROM unnest(%s::uuid[]) WITH ORDINALITY AS given (digest, place) WHERE EXISTS"
                " (SELECT FROM annotation_item WHERE project_id = %s AND digest = given.digest)",
                ["{" + written + "}", project.pk],
            )
            found.update(place - 1 for (place,) in cursor.fetchall())
        if any(external_ids):
            cursor.execute(
                "SELECT given.place FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place) WHERE EXISTS"
                " (SELECT FROM annotation_item WHERE project_id = %s AND external_id = given.name)",
                [list(external_ids), project.pk],
            )
            found.update(place - 1 for (place,) in cursor.fetchall())
    return found


def items_by_digest(project: Project, digests: Iterable[bytes]) -> dict[bytes, Known]:
    """The oldest item of the pool for each normalised text."""
    found = _items(
        "SELECT DISTINCT ON (digest) id, digest, row, source_id, NULL FROM annotation_item"
        " WHERE project_id = %s AND digest = ANY(%s::uuid[]) ORDER BY digest, id",
        [project.pk, [digest.hex() for digest in digests]],
    )
    return {known.digest: known for known, _ in found}


def items_by_external_id(project: Project, external_ids: Iterable[str]) -> dict[str, Known]:
    """The items of the pool that have these ids."""
    found = _items(
        "SELECT id, digest, row, source_id, external_id FROM annotation_item"
        " WHERE project_id = %s AND external_id = ANY(%s)",
        [project.pk, list(external_ids)],
    )
    return {external_id: known for known, external_id in found}


def _items(statement: str, parameters: list[Any]) -> list[tuple[Known, str]]:
    if not parameters[1]:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [
            (Known(pk, digest.bytes, row, source), external_id)
            for pk, digest, row, source, external_id in cursor.fetchall()
        ]


def copy_items(ids: Sequence[int], lines: Sequence[bytes]) -> None:
    """Copies items in, each with its id and a line as `cleaning.Cleaner` makes it."""
    copy_lines(
        "COPY annotation_item (id, external_id, text, digest, meta, provenance, imported_label_id, imported_labels,"
        " imported_spans, row, project_id, source_id, created) FROM STDIN",
        map(b"%d\t%b".__mod__, zip(ids, lines, strict=True)),
    )


def add_to_round(made: Round, ids: Sequence[int]) -> None:
    """Gives these new items a random but fixed place in the round, all their slots open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)"
            " SELECT %s, id, (hashint8extended(id, %s) & 2147483647)::int, %s, %s, 0 FROM unnest(%s::bigint[]) id",
            [made.pk, made.seed, made.overlap, made.overlap, f"{{{','.join(map(str, ids))}}}"],
        )


def texts_of(item_ids: Iterable[int]) -> dict[int, str]:
    """{item: text}."""
    return dict(Item.objects.filter(pk__in=set(item_ids)).values_list("pk", "text"))
