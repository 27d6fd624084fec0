"""Files that were read in, the rows they left out, and whether they can be undone."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from annotation.models import Annotation, Assignment, Flag, GoldItem, Import, ImportRow, Item, Job, Project

LONGEST_EXAMPLE = 120
LOOKED_AT = 2000  # texts of an import, to tell on a page whether it can be undone
OUTCOMES = ("rejected", "duplicate")


def imports(project: Project) -> QuerySet[Import]:
    """The project's imports, newest first."""
    return Import.objects.filter(project=project).select_related("round", "created_by").order_by("-id")


def newest_job(source: Import, kind: str) -> Job | None:
    """The last job of this kind on the import."""
    jobs = Job.objects.filter(project=source.project_id, kind=kind, parameters={"import": source.pk})
    return jobs.order_by("-created").first()


def is_being_read(source: Import) -> bool:
    """Whether a job reads the file, or will. One that was cancelled in the queue, or whose workers died, never does."""
    if source.state != Import.State.WAITING:
        return False
    job = newest_job(source, "import_file")
    return job is not None and job.alive


def why_not_undoable(source: Import, most: int | None = LOOKED_AT) -> str:
    """Why the import cannot be undone, in a sentence; empty when it can.

    A page looks at so many of its texts, and at what is in somebody's hands; undoing looks at all.
    """
    if source.state == Import.State.UNDONE:
        return "This import was undone already."
    if source.state != Import.State.DONE:
        return "This import has not brought anything in."
    texts = Item.objects.filter(source=source).order_by().values("pk")
    texts = texts if most is None else texts[:most]
    others = Annotation.objects.filter(item__in=texts).exclude(source=source)
    if others.filter(source__isnull=True).exists():
        return "People have answered texts of this import, so it stays."
    if others.filter(source__isnull=False).exists():
        return "A later import brought answers to these texts. Undo that one first."
    at_hand = Assignment.objects.filter(item__source=source)
    at_hand = (
        at_hand.exclude(state=Assignment.State.EXPIRED)
        if most is None
        else at_hand.filter(state=Assignment.State.LEASED)
    )
    if at_hand.exists():
        return "Somebody has worked on texts of this import, or has one at hand now, so it stays."
    if source.kind == Import.Kind.GOLD and GoldItem.objects.filter(source=source, exposures__gt=0).exists():
        return "People have answered gold texts of this import, so it stays."
    if GoldItem.objects.filter(item__in=texts).exclude(source=source).exists():
        return "Some of these texts were made gold since then, so the import stays."
    if Flag.objects.filter(item__in=texts).exists():
        return "People have flagged texts of this import, so it stays."
    if most is None and source.kind == Import.Kind.ANNOTATIONS and _later_answers(source):
        return "A later import has further answers of the same people. Undo that one first."
    return ""


def _later_answers(source: Import) -> bool:
    """Whether answers from elsewhere are repeats of this import's. Two sets are compared, which needs no statistics of
    a table that has just grown; a join was planned as a walk over all pairs then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT item_id, annotator_id FROM annotation_annotation"
            " WHERE source_id = %(source)s AND kind = 'normal'"
            " INTERSECT SELECT item_id, annotator_id FROM annotation_annotation"
            " WHERE round_id = %(round)s AND kind = 'repeat' AND source_id IS DISTINCT FROM %(source)s)",
            {"source": source.pk, "round": source.round_id},
        )
        return bool(cursor.fetchone()[0])


def left_out(source: Import, outcome: str) -> QuerySet[ImportRow]:
    """The rows that were rejected, or duplicates, in the order of the file."""
    return ImportRow.objects.filter(source=source, outcome=outcome).order_by("number")


def reasons_with_examples(source: Import, n: int = 4) -> list[dict[str, Any]]:
    """[{"reason", "rows", "numbers", "more", "example"}] of the rejected rows, the commonest reason first.

    The example is what the reason says of a row, else the row's text.
    """
    column = source.mapping.get("text") or ""
    found = []
    for reason, rows in source.reasons.items():
        examples = list(
            left_out(source, "rejected").filter(Q(reason=reason) | Q(reason__startswith=f"{reason}:"))[:n]
        )
        found.append(
            {
                "reason": reason,
                "rows": rows,
                "numbers": [row.number for row in examples],
                "more": rows > len(examples),
                "example": next((_what_was_wrong(row, column) for row in examples), ""),
            }
        )
    return found


def _what_was_wrong(row: ImportRow, column: str) -> str:
    detail = row.reason.partition(": ")[2]
    written = row.values.get(column)
    text = "" if written is None else " ".join(str(written).split())[:LONGEST_EXAMPLE]
    return detail or text or (f"nothing in “{column}”" if column else row.reason)


def columns_left_out(source: Import, outcome: str) -> list[str]:
    """The columns of the left-out rows: the file's, then names that only appear further down in JSON Lines."""
    if source.columns[:2] == ["row", "reason"]:  # our own list, imported as a plain table; it gets new ones
        return list(source.columns[2:])
    if source.format in {"csv", "tsv", "parquet"}:
        return list(source.columns)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT jsonb_object_keys(values) FROM annotation_importrow WHERE source_id = %s AND outcome = %s",
            [source.pk, outcome],
        )
        names = {row[0] for row in cursor.fetchall()}
    return [name for name in source.columns if name in names] + sorted(names - set(source.columns))


def left_out_records(source: Import, outcome: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(row number, reason, original values), streamed."""
    rows = left_out(source, outcome).values_list("number", "reason", "values")
    yield from rows.iterator(chunk_size=2000)


def shares(source: Import) -> list[dict[str, Any]]:
    """The parts of a bar of all rows, in percent of its width: {"kind", "from", "width"}, empty ones left out."""
    parts = [("bar", source.imported), ("bar2", source.duplicate_rows), ("barx", source.rejected)]
    found, at = [], 0.0
    for kind, rows in parts:
        width = 100 * rows / source.rows if source.rows else 0.0
        if rows:
            found.append({"kind": kind, "from": f"{at:.3f}%", "width": f"{width:.3f}%"})
        at += width
    return found
