"""How large an uploaded file may be, and keeping it."""

import errno
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File

from annotation.models import Import

MEGABYTE = 1_000_000
NO_ROOM = "The server has no room left for this file. Nothing of it was kept. Make room, then send it again."


class TooLarge(ValidationError):
    """A file above the limit."""


def is_full(broken: BaseException | None) -> bool:
    """Whether an error means that a disk is full."""
    return isinstance(broken, OSError) and broken.errno in {errno.ENOSPC, errno.EDQUOT}


def check_size(file: File[bytes], instead: str = "Pack it with gzip, import it in parts") -> None:
    """Raises TooLarge for a file that is above the limit, before anything of it is read; `instead` says what to do."""
    most = settings.LARGEST_UPLOAD_MB
    if (file.size or 0) > most * MEGABYTE:
        said = f"The file has {file.size / MEGABYTE:,.0f} MB; at most {most:,} MB are taken."
        do = f"{instead}, or let whoever runs the server raise LARGEST_UPLOAD_MB."
        raise TooLarge({"file": f"{said} {do}"})


def keep_file(source: Import, file: File[bytes]) -> None:
    """Stores the file of an import that is not saved yet.

    Raises ValidationError, and keeps no part of it, where the disk is full.
    """
    storage = source.file.storage
    unsaved = f"{source.project.slug}-{uuid.uuid4().hex[:12]}.{source.format}"
    # Nobody else's name, so that a part of it can be deleted
    name = source.file.field.generate_filename(source, unsaved)
    try:
        source.file.name = storage.save(name, file, max_length=source.file.field.max_length)
    except OSError as broken:
        if not is_full(broken):
            raise
        storage.delete(name)
        raise ValidationError({"file": NO_ROOM}) from broken
