"""Writing the files of a split set, which clients pull: hard, soft and annotator-level labels in three formats.

All are written when the set is built, so that answers given later change nothing in a frozen set.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import default_storage

from annotation.services.watching import Progress
from evaluation.models import SplitFile, SplitSet
from evaluation.queries import splits as queries
from evaluation.services.writers import FORMATS, SHARES, Columns, Row, chunks, open_table

VARIANTS = ["hard", "soft", "annotators"]
Shares = dict[int, dict[str, float]]


def write_files(
    split_set: SplitSet, shares: Shares, labels: list[str], progress: Progress
) -> list[SplitFile]:
    """Writes and stores every file of the set; returns their unsaved rows.

    `shares` has the share of each label by item id; `labels` are the names in use, in their order.
    """
    fields = queries.field_types(split_set)
    wanted = [(split, variant) for split in queries.split_order(split_set) for variant in VARIANTS]
    written: list[SplitFile] = []
    try:
        for done, (split, variant) in enumerate(wanted):
            progress(done / len(wanted), f"writing {split}, {variant} labels")
            with ExitStack() as stack:
                sinks = {extension: stack.enter_context(TemporaryFile()) for extension in FORMATS}
                columns = columns_of(variant, fields)
                tables = [open_table(extension, sink, columns, labels) for extension, sink in sinks.items()]
                for chunk in chunks(variant_rows(split_set, split, variant, fields, shares)):
                    for table in tables:
                        table.write(chunk)
                for table in tables:
                    table.close()
                for extension, sink in sinks.items():
                    written.append(_store(split_set, f"{split}.{extension}", variant, sink))
    except BaseException:
        remove_files(written)
        raise
    return written


def remove_files(files: list[SplitFile]) -> None:
    """Takes the bytes of these files out of the storage."""
    for file in files:
        default_storage.delete(str(file.file))


def columns_of(variant: str, fields: dict[str, str]) -> Columns:
    """The columns of a file; `soft` is filled in files of soft labels, `annotator` is there beside each answer."""
    columns = {
        "id": "string",
        "text": "string",
        "label": "string",
        "soft": SHARES if variant == "soft" else "none",
    }
    if variant == "annotators":
        columns["annotator"] = "string"
    return columns | {f"meta.{field}": kind for field, kind in fields.items()}


def variant_rows(
    split_set: SplitSet, split: str, variant: str, fields: dict[str, str], shares: Shares
) -> Iterator[Row]:
    """The rows of a split: one for each text, or, at annotator level, one for each answer to it."""
    for chunk in chunks(queries.split_rows(split_set, split)):
        answers = (
            queries.split_answers(split_set, [entry.item for entry in chunk])
            if variant == "annotators"
            else {}
        )
        for entry in chunk:
            row: dict[str, Any] = {"id": entry.name, "text": entry.text, "label": entry.label, "soft": None}
            row |= {f"meta.{field}": entry.meta.get(field) for field in fields}
            if variant == "annotators":
                for annotator, label in answers.get(entry.item, []):
                    yield row | {"annotator": annotator, "label": label}
                continue
            if variant == "soft":
                row["soft"] = shares.get(entry.item) or {entry.label: 1.0}
            yield row


def _store(split_set: SplitSet, name: str, variant: str, sink: IO[bytes]) -> SplitFile:
    size = sink.seek(0, os.SEEK_END)
    sink.seek(0)
    sha256 = hashlib.file_digest(sink, "sha256").hexdigest()  # type: ignore[arg-type]
    sink.seek(0)
    extension = name.rpartition(".")[2]
    path = default_storage.save(f"splits/{split_set.pk}/{sha256[:32]}.{extension}", File(sink))
    return SplitFile(split_set=split_set, name=name, labels=variant, sha256=sha256, size=size, file=path)
