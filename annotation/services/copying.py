"""Rows into tables by COPY, and the look-ups that an import makes for a whole chunk at once."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connection

from annotation.models import Project, Round

NULL = "\\N"


class Known(NamedTuple):
    """An item that is in the pool."""

    id: int
    digest: bytes
    row: int | None
    source: int | None


def cell(value: str | None) -> str:
    """A text as COPY's text format has it."""
    if value is None:
        return NULL
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def copy_lines(statement: str, lines: Iterable[str]) -> None:
    """Runs a `COPY … FROM STDIN` with these lines, each of tab-separated cells without the line end."""
    block = "\n".join(lines)
    if not block:
        return
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(block.encode() + b"\n")


def reserve_item_ids(n: int) -> list[int]:
    """The ids of n items that are about to be copied in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('annotation_item', 'id')) FROM generate_series(1, %s)", [n]
        )
        return [row[0] for row in cursor.fetchall()]


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


def copy_items(lines: list[str]) -> None:
    """Copies items in; cells in the order named here."""
    copy_lines(
        "COPY annotation_item (id, external_id, text, digest, meta, provenance, imported_label_id, row,"
        " project_id, source_id, created) FROM STDIN",
        lines,
    )


def item_line(
    pk: int,
    external_id: str | None,
    text: str,
    digest: bytes,
    meta: str,
    provenance: str,
    label: int | None,
    row: int,
    rest: str,
) -> str:
    """One item for `copy_items`; `rest` is project, source and time, the same for a whole file."""
    known_label = NULL if label is None else label
    return f"{pk}\t{cell(external_id)}\t{cell(text)}\t{digest.hex()}\t{cell(meta)}\t{provenance}\t{known_label}\t{row}\t{rest}"


def add_to_round(made: Round, item_ids: list[int]) -> None:
    """Gives new items a random but fixed place in the round, with all their slots open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)"
            " SELECT %s, id, (hashint8extended(id, %s) & 2147483647)::int, %s, %s, 0 FROM unnest(%s::bigint[]) AS id",
            [made.pk, made.seed, made.overlap, made.overlap, item_ids],
        )
