"""Importing files: upload, read in one transaction, undo.

Reading is pipelined: a thread takes the file apart and cleans its rows while the database takes in the chunk before.
"""

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import PurePath
from typing import IO, Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from annotation.models import Import, Item, Project, Round, User
from annotation.queries.imports import why_not_undoable
from annotation.services import reading
from annotation.services.audit import record
from annotation.services.cleaning import Cleaner, Rejection, from_json, guess_mapping
from annotation.services.copying import lock_imports, prepare_transaction, refresh_estimates
from annotation.services.entering import REJECTED, AnswerEntry, Entry, ItemEntry, Judged, LeftOut
from annotation.services.reading import Layout, Row, Unreadable
from annotation.services.settling import look_again, settle_answers, withdraw_answers, withdraw_items

T = TypeVar("T")
ROWS_AT_ONCE = 10_000
ROWS_CHECKED_AT_UPLOAD = 20_000
KINDS_READ_LATER = {"gold"}


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
    into: Round | None = None,
) -> Import:
    """Keeps an uploaded file, unread, once it is clear that it can be read.

    Raises Unreadable for a file of which nothing can be made, and ValidationError for what is asked wrongly.
    """
    check_choices(kind, format, duplicates, provenance)
    binary: IO[bytes] = file.file if hasattr(file, "file") else file  # type: ignore[assignment]
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
            round=into,
            columns=layout.columns,
            created_by=user,
        )
        source.file.save(f"{project.slug}.{layout.format}", file, save=False)
        source.save()
    return source


def check_choices(kind: str, format: str, duplicates: str, provenance: str) -> None:
    """Raises ValidationError, naming what there is."""
    wrong: dict[str, str] = {}
    if kind not in Import.Kind.values or kind in KINDS_READ_LATER:
        later = "is not read yet" if kind in KINDS_READ_LATER else "is not a kind of import"
        wrong["kind"] = f"“{kind[:40]}” {later}. There are: items, annotations."
    if format and format not in reading.FORMATS:
        later = "is not read yet" if format in reading.KNOWN_LATER else "is not a format"
        wrong["format"] = f"“{format[:40]}” {later}. There are: {', '.join(reading.FORMATS)}."
    if duplicates not in {"drop", "keep"}:
        wrong["duplicates"] = f"“{duplicates[:40]}” is not a choice. There are: drop, keep."
    if provenance not in Item.Provenance.values:
        wrong["provenance"] = (
            f"“{provenance[:40]}” is not a choice. There are: {', '.join(Item.Provenance.values)}."
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
    mapping = guess_mapping(source.kind, source.columns, given)
    check_round(source)
    source.mapping = mapping.as_json()
    source.state = Import.State.WAITING
    source.error = ""
    source.save()


def check_round(source: Import) -> None:
    """Raises ValidationError for answers without a round."""
    if source.kind == Import.Kind.ANNOTATIONS and source.round is None:
        raise ValidationError({"round": "Answers belong to a round. Choose one."})


def run_import(import_id: int, progress: Callable[[float, str], None]) -> None:
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
    except Exception as broken:
        message = "\n".join(broken.messages) if isinstance(broken, ValidationError) else ""
        Import.objects.filter(pk=import_id, state=Import.State.WAITING).update(
            state=Import.State.FAILED if message else Import.State.UPLOADED, error=message
        )
        raise


def read_file(source: Import, progress: Callable[[float, str], None]) -> None:
    """`run_import` inside its transaction."""
    lock_imports(source.project)
    prepare_transaction()
    entry: Entry = AnswerEntry(source) if source.kind == Import.Kind.ANNOTATIONS else ItemEntry(source)
    try:
        with without_cycle_search(), source.file.open("rb") as file:
            layout = reading.study(file, source.format)
            size = os.fstat(file.fileno()).st_size or 1
            for chunk in ahead(cleaned_chunks(file, layout, cleaner_of(source, layout))):
                entry.enter(chunk)
                if entry.tally.rows == ROWS_AT_ONCE:
                    refresh_estimates()
                progress(min(file.tell() / size, 0.99), f"{entry.tally.rows:,} rows")
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
    elif source.round is not None:
        look_again(source.round)
        Round.objects.filter(pk=source.round.pk).update(items_total=F("items_total") + entry.new_items)
    tally = entry.tally
    source.rows, source.imported = tally.rows, tally.imported
    source.duplicate_rows, source.rejected = tally.duplicates, tally.rejected
    source.reasons = dict(tally.reasons.most_common())
    source.state, source.error, source.finished = Import.State.DONE, "", timezone.now()
    source.save()
    counts = {"imported": tally.imported, "duplicates": tally.duplicates, "rejected": tally.rejected}
    record(source.project, source.created_by, "import file", source.filename, after=counts)


@contextlib.contextmanager
def without_cycle_search() -> Iterator[None]:
    """Rows make no reference cycles; looking for some among them took an eighth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def cleaner_of(source: Import, layout: Layout) -> Cleaner:
    """Judges this import's rows. A file that names no annotator speaks for the one given, or for its uploader."""
    annotator = source.annotator
    if source.mapping.get("annotator") is None:
        annotator = annotator or source.created_by.username
    return Cleaner(from_json(source.kind, source.mapping), layout, source.provenance, annotator)


def cleaned_chunks(file: IO[bytes], layout: Layout, cleaner: Cleaner) -> Iterator[list[Judged]]:
    """The file's rows, judged by themselves, some thousands at a time."""
    rows = reading.rows(file, layout)
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        yield [judge(row, cleaner) for row in chunk]


def judge(row: Row, cleaner: Cleaner) -> Judged:
    """The row as a candidate, or rejected."""
    try:
        return cleaner.read(row)
    except Rejection as rejection:
        return LeftOut(row, REJECTED, str(rejection))


def ahead(iterator: Iterator[T]) -> Iterator[T]:
    """The same, with the next one made in a thread while the one before is used."""
    with ThreadPoolExecutor(1) as executor:
        coming = executor.submit(next, iterator, None)
        while (value := coming.result()) is not None:
            coming = executor.submit(next, iterator, None)
            yield value


def undo_import(source: Import, user: User) -> None:
    """Takes out what the import brought in, as long as nobody has worked on it. The list of its rows stays.

    Raises ValidationError with the reason when it cannot be undone.
    """
    try:
        with transaction.atomic():
            lock_imports(source.project)
            source = (
                Import.objects.select_for_update(of=("self",)).select_related("project").get(pk=source.pk)
            )
            if reason := why_not_undoable(source):
                raise ValidationError(reason)
            withdraw_answers(source)
            withdraw_items(source)
            Import.objects.filter(pk=source.pk).update(state=Import.State.UNDONE)
            record(source.project, user, "undo import", source.filename, before={"imported": source.imported})
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as used:
        raise ValidationError(
            "Cases, pairs or split sets that were made since then use these texts, so the import stays."
        ) from used
