"""Importing files: upload, and read in one transaction.

Reading is pipelined: a process of its own takes the file apart and cleans its rows while the database takes in the
chunk before.
"""

import os
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import PurePath
from typing import IO, Any, TypeVar

import psycopg
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from annotation.models import ChangeCount, Import, Project, Round, User
from annotation.services import reading
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.chunks import Chunk, Limits, Rules
from annotation.services.cleaning import PROVENANCES, Cleaner
from annotation.services.cleaning_process import chunks_from_child
from annotation.services.copying import lock_imports, prepare_transaction, refresh_estimates
from annotation.services.entering import Entry, ItemEntry
from annotation.services.entering_answers import AnswerEntry, GoldEntry
from annotation.services.mapping import from_json, guess_mapping
from annotation.services.metadata_fields import detect_fields
from annotation.services.reading import Layout, Unreadable
from annotation.services.settling import look_again, settle_answers
from annotation.services.uploads import check_size, keep_file
from annotation.services.values import label_ids
from annotation.services.watching import Progress

T = TypeVar("T")
ROWS_CHECKED_AT_UPLOAD = 2_000
READ_HERE = 2 << 20  # bytes; what is smaller is read before another process would have started
DISK_FULL = "53100"  # PostgreSQL's code for it
ENTRIES: dict[str, type[Entry]] = {
    Import.Kind.ITEMS: ItemEntry,
    Import.Kind.ANNOTATIONS: AnswerEntry,
    Import.Kind.GOLD: GoldEntry,
}


def store_upload(
    project: Project,
    user: User,
    file: File[bytes],
    *,
    kind: str = "items",
    format: str = "",
    duplicates: str = "drop",
    provenance: str = "real",
    annotator: str = "",
    repair: bool = False,
    into: Round | None = None,
) -> Import:
    """Keeps an uploaded file, unread, once it is clear that it can be read.

    Raises Unreadable for a file of which nothing can be made, and ValidationError for what is asked wrongly.
    """
    check_choices(kind, format, duplicates, provenance)
    check_size(file)
    binary: IO[bytes] = file.file if hasattr(file, "file") else file  # type: ignore[assignment]
    reading.check_harmless(binary)
    layout = reading.study(binary, format)
    for _ in islice(reading.rows(binary, layout), ROWS_CHECKED_AT_UPLOAD):
        pass  # raises when the file breaks off
    binary.seek(0)
    name = (
        PurePath((file.name or "").replace("\\", "/")).name.replace("\x00", "") or f"upload.{layout.format}"
    )
    with transaction.atomic():
        source = Import(
            project=project,
            kind=kind,
            filename=name[-255:],
            format=layout.format,
            duplicates=duplicates,
            provenance=provenance,
            annotator=annotator.strip()[:200],
            repair=repair,
            round=into,
            columns=list(layout.columns),
            created_by=user,
        )
        keep_file(source, file)
        source.save()
    return source


def check_choices(kind: str, format: str, duplicates: str, provenance: str) -> None:
    """Raises ValidationError, naming what there is."""
    wrong: dict[str, str] = {}
    if kind not in Import.Kind.values:
        wrong["kind"] = f"“{kind[:40]}” is not a kind of import. There are: {', '.join(Import.Kind.values)}."
    if format and format not in reading.FORMATS:
        wrong["format"] = f"“{format[:40]}” is not a format. There are: {', '.join(reading.FORMATS)}."
    if duplicates not in {"drop", "keep"}:
        wrong["duplicates"] = f"“{duplicates[:40]}” is not a choice. There are: drop, keep."
    if provenance not in PROVENANCES:
        wrong["provenance"] = (
            f"“{provenance[:40]}” is not a choice. There are: {', '.join(sorted(PROVENANCES))}."
        )
    if wrong:
        raise ValidationError(wrong)


def default_round(project: Project) -> Round | None:
    """The round that new texts enter when none is named: `main` if it is open, else the newest that is."""
    open_rounds = list(Round.objects.filter(project=project, state=Round.State.OPEN).order_by("id"))
    return next(
        (made for made in open_rounds if made.name == "main"), open_rounds[-1] if open_rounds else None
    )


def choose_mapping(source: Import, given: dict[str, Any] | None = None) -> None:
    """Notes which column becomes what, completed by columns with telling names, and makes the import ready to run."""
    mapping = guess_mapping(source.kind, source.project.task, source.columns, given)
    check_round(source)
    source.mapping = mapping.as_json()
    source.state = Import.State.WAITING
    source.error = ""
    source.save()


def read_as(source: Import, format: str) -> None:
    """Takes a file that waits to be read as of another format. Raises Unreadable."""
    with source.file.open("rb") as file:
        layout = reading.study(file, format)
        for _ in islice(reading.rows(file, layout), ROWS_CHECKED_AT_UPLOAD):
            pass
    source.format, source.columns, source.mapping = layout.format, list(layout.columns), {}
    source.save(update_fields=["format", "columns", "mapping"])


def check_round(source: Import) -> None:
    """Raises ValidationError for answers without a round."""
    if source.kind == Import.Kind.ANNOTATIONS and source.round is None:
        raise ValidationError({"round": "Answers belong to a round. Choose one."})


def run_import(import_id: int, progress: Progress) -> None:
    """Reads the file into its project: all of it or, when something is wrong with the file, nothing.

    Running it again after it has run changes nothing.
    """
    try:
        with transaction.atomic():
            source = (
                Import.objects.select_for_update(of=("self",))
                .select_related("project", "round")
                .get(pk=import_id)
            )
            if source.state not in {Import.State.DONE, Import.State.UNDONE}:
                read_file(source, progress)
    except (OperationalError, psycopg.OperationalError) as broken:  # what COPY raises is not Django's
        if DISK_FULL in {getattr(broken, "sqlstate", ""), getattr(broken.__cause__, "sqlstate", "")}:
            fail_import(import_id, NO_ROOM)
            raise ValidationError(NO_ROOM) from broken
        # Raises as well where the database is away: the job is then swept up and runs again
        let_go(import_id)
        raise
    except ValidationError as broken:
        fail_import(import_id, "\n".join(broken.messages))
        raise
    except Exception:
        let_go(import_id)
        raise


NO_ROOM = "The database's disk is full. Nothing of the file came in. Make room, then import it again."


def let_go(import_id: int) -> None:
    """Gives an import that was rolled back through no fault of its file back to its page."""
    Import.objects.filter(pk=import_id, state=Import.State.WAITING).update(state=Import.State.UPLOADED)


def fail_import(import_id: int, message: str) -> None:
    """Says why nothing of the file came in, so that it can be read in another way."""
    Import.objects.filter(pk=import_id, state=Import.State.WAITING).update(
        state=Import.State.FAILED, error=message
    )


def read_file(source: Import, progress: Progress) -> None:
    """`run_import` inside its transaction."""
    lock_imports(source.project)
    prepare_transaction()
    entry = ENTRIES[source.kind](source)
    try:
        with source.file.open("rb") as file:
            layout = reading.study(file, source.format)
            size = os.fstat(file.fileno()).st_size or 1
            for n, chunk in enumerate(ahead(chunks_of(source, file, layout, size))):
                entry.enter(chunk)
                if n == 0:
                    refresh_estimates()
                progress(min(chunk.at / size, 0.99), f"{entry.tally.rows:,} rows")
    except Unreadable as broken:
        raise ValidationError(str(broken)) from broken
    except FileNotFoundError as gone:
        raise ValidationError("The uploaded file is not there any more. Upload it again.") from gone
    if isinstance(entry, AnswerEntry):
        settle_answers(source, entry.repeats)
        if entry.new_labels:
            record(
                source.project, source.created_by, "create labels", source.filename, after=entry.new_labels
            )
    elif entry.round is not None:
        look_again(entry.round)
        Round.objects.filter(pk=entry.round.pk).update(items_total=F("items_total") + entry.new_items)
    if entry.new_items:
        detect_fields(source.project)
    tally = entry.tally
    source.rows, source.imported = tally.rows, tally.imported
    source.duplicate_rows, source.rejected = tally.duplicates, tally.rejected
    source.reasons = dict(tally.reasons.most_common())
    source.state, source.error, source.finished = Import.State.DONE, "", timezone.now()
    source.save()
    counts = {"imported": tally.imported, "duplicates": tally.duplicates, "rejected": tally.rejected}
    record(source.project, source.created_by, "import file", source.filename, after=counts)
    if source.kind == Import.Kind.GOLD:
        count_change(source.project, ChangeCount.Kind.GOLD_MADE, tally.imported)
    progress(1, ", ".join(f"{n:,} {word}" for word, n in counts.items()))


def chunks_of(source: Import, file: IO[bytes], layout: Layout, size: int) -> Iterator[Chunk]:
    """The file's rows, judged by themselves; those of a large file by another process."""
    rules = rules_of(source)
    if size < READ_HERE:
        return Cleaner(rules, layout).chunks(file, layout)
    return chunks_from_child(source.file.path, layout, rules)


def rules_of(source: Import) -> Rules:
    """What this import's rows are judged by. A file that names no annotator speaks for the one given, or for its
    uploader. Items and gold know the labels that can be chosen.
    """
    project = source.project
    annotator = source.annotator
    if source.mapping.get("annotator") is None:
        annotator = annotator or source.created_by.username
    return Rules(
        mapping=from_json(source.kind, project.task, source.mapping),
        limits=limits_of(project),
        provenance=source.provenance,
        annotator=annotator,
        labels=label_ids(project),
        overlapping=project.overlapping_spans,
        repair=source.repair,
        rest=f"{project.pk}\t{source.pk}\t{source.created.isoformat()}",
    )


def limits_of(project: Project) -> Limits:
    """What the project asks of its texts."""
    return Limits(
        project.text_minimum, project.text_maximum, project.fewest_letters, tuple(project.languages)
    )


def ahead(iterator: Iterator[T]) -> Iterator[T]:
    """The same, with the next one made in a thread while the one before is used."""
    with ThreadPoolExecutor(1) as executor:
        try:
            coming = executor.submit(next, iterator, None)
            while (value := coming.result()) is not None:
                coming = executor.submit(next, iterator, None)
                yield value
        finally:
            executor.submit(close, iterator)


def close(iterator: Iterator[Any]) -> None:
    """Ends a generator, and what it holds, in the thread in which it runs."""
    if isinstance(iterator, Generator):
        iterator.close()
