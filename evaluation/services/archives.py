"""A whole project as one file, and back: a ZIP of JSON Lines and a manifest with the SHA-256 of each.

The rooms say which of their tables go in. Split sets and runs stay: they are files of their own already, and frozen
ones are pulled as they are.
"""

import contextlib
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from django.utils.text import slugify

from annotation.algorithms.text import all_keepable, is_keepable
from annotation.models import Job, Membership, MetadataField, Project, Role, User
from annotation.services import archiving as ground
from annotation.services.archiving import Restoring, first_ids, table_blocks
from annotation.services.audit import record
from annotation.services.metadata_fields import detect_fields
from annotation.services.projects import RESERVED_SLUGS
from annotation.services.uploads import NO_ROOM, check_size, is_full
from annotation.services.watching import Progress
from qc.services import archiving as quality
from qc.services.placing import place_decided

FORMAT, VERSION = "loupe-archive", 1
TABLES = [*ground.TABLES, *quality.TABLES]
MANIFEST = "manifest.json"
OWN = {"id", "slug", "created_by", "deleted"}  # of the project itself: these are not taken over
BLOCK = 256 * 1024
LONGEST_MANIFEST = 1_000_000
MOST_PEOPLE = 500  # that are asked for one by one; others are found by their names
# What reading a ZIP raises: broken in itself, in a compressed part, cut off, packed in another way, or encrypted
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
WAITING = "archives/restoring"
ABANDONED_AFTER = timedelta(days=1)
MOST_UNPACKED = 200  # times the size of the file; no real archive packs as well


def file_of(job: Job) -> str:
    """Where a job's archive is stored."""
    return f"archives/{job.pk}.zip"


def make_archive(job: Job, progress: Progress) -> None:
    """Writes the archive of a job's project, as it is at one moment."""
    if not connection.in_atomic_block:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            _make_archive(job, progress)
    else:  # a test's
        _make_archive(job, progress)


def _make_archive(job: Job, progress: Progress) -> None:
    name = file_of(job)
    if default_storage.exists(name):
        default_storage.delete(name)  # of a worker that died
    with TemporaryFile() as file:
        write_archive(job.project, file, progress)
        file.seek(0)
        default_storage.save(name, File(file))


def write_archive(project: Project, sink: IO[bytes], progress: Progress) -> dict[str, Any]:
    """Writes a project's archive into an open file; its manifest."""
    firsts = first_ids(TABLES, project)
    rows = sum(size for _, size in firsts.values()) or 1
    done = 0
    entries = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for table in TABLES:
            digest, n = hashlib.sha256(), 0
            with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as member:
                for block in table_blocks(table, project, firsts):
                    digest.update(block)
                    n += block.count(b"\n")
                    member.write(block)
                    progress(min(0.99, (done + n) / rows), f"{table.name}, {n:,} rows")
            done += firsts[table.model][1]
            entries.append(
                {
                    "table": table.name,
                    "rows": n,
                    "ids": firsts[table.model][1],
                    "sha256": digest.hexdigest(),
                }
            )
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "made": timezone.now().isoformat(),
            "project": _project_fields(project),
            "tables": entries,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
    return manifest


def _project_fields(project: Project) -> dict[str, Any]:
    fields = [field for field in Project._meta.concrete_fields if field.name not in OWN - {"slug"}]
    values = {field.name: field.value_from_object(project) for field in fields}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()
    }


def read_manifest(file: IO[bytes]) -> dict[str, Any]:
    """The manifest of an archive; ValidationError for a file that is none."""
    size = file.seek(0, 2)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(MANIFEST).file_size > LONGEST_MANIFEST:
                raise ValidationError("This is no archive of Loupe: its manifest is too long.")
            manifest = json.loads(archive.read(MANIFEST))
            unpacked = sum(info.file_size for info in archive.infolist())
            members = set(archive.namelist())
    except (*DAMAGED, KeyError, ValueError, OSError) as broken:
        raise ValidationError("This is no archive of Loupe. Upload the ZIP as it was downloaded.") from broken
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValidationError("This is no archive of Loupe: its manifest says something else.")
    if manifest.get("version") != VERSION:
        raise ValidationError("This archive was made by a newer version of Loupe. Update this one first.")
    if unpacked > max(100_000_000, MOST_UNPACKED * size):
        raise ValidationError("This archive unpacks to far more than any real one.")
    if not all_keepable(manifest):
        raise ValidationError(
            "The archive is damaged: its manifest has characters in it that no text can have."
        )
    entries, project = manifest.get("tables"), manifest.get("project")
    if (
        not isinstance(entries, list)
        or not isinstance(project, dict)
        or not isinstance(project.get("name"), str)
    ):
        raise ValidationError("The archive is damaged: its manifest is not whole.")
    known = {table.name for table in TABLES}
    for entry in entries:
        whole = isinstance(entry, dict) and all(
            isinstance(entry.get(name), kind) for name, kind in (("table", str), ("rows", int), ("ids", int))
        )
        if not whole or not 0 <= entry["rows"] <= entry["ids"] < 2**40:
            raise ValidationError("The archive is damaged: its manifest is not whole.")
        if entry["table"] not in known or f"{entry['table']}.jsonl" not in members:
            raise ValidationError(
                f"The archive holds a table that this version does not know: {entry['table'][:80]}."
            )
    return manifest


@transaction.atomic
def start_project(user: User, manifest: dict[str, Any], *, slug: str = "", name: str = "") -> Project:
    """An empty project for an archive to be restored into; the user owns it."""
    told = manifest["project"]
    wanted = slug or slugify(str(told.get("slug") or told["name"]))[:60] or "project"
    if slugify(wanted) != wanted or len(wanted) > 60:
        raise ValidationError({"slug": "A slug is made of small letters, digits and hyphens, at most 60."})
    if wanted in RESERVED_SLUGS or Project.objects.filter(slug=wanted).exists():
        raise ValidationError({"slug": f"There is a project “{wanted}” already. Send another slug."})
    project = Project.objects.create(slug=wanted, name=(name or told["name"])[:120], created_by=user)
    Membership.objects.create(project=project, user=user, role=Role.OWNER)
    return project


@dataclass(frozen=True)
class Person:
    """Somebody who has a part in an archive's project."""

    username: str
    role: str


def check_upload(file: File[bytes]) -> dict[str, Any]:
    """The manifest of an archive that somebody sent. Raises TooLarge, or ValidationError for what is no archive."""
    check_size(file, "Restore it on a server that takes files of this size")
    return read_manifest(file)


def keep_upload(file: File[bytes]) -> tuple[str, str]:
    """Stores an archive that is to be restored; its key, and where it waits. Raises ValidationError for a full disk."""
    key = str(uuid4())
    file.seek(0)
    name = uploaded_as(key)
    try:
        return key, default_storage.save(name, file)
    except OSError as broken:
        if not is_full(broken):
            raise
        default_storage.delete(name)
        raise ValidationError({"file": NO_ROOM}) from broken


def uploaded_as(key: str) -> str:
    """Where an archive waits to be restored."""
    return f"{WAITING}/{key}.zip"


def forget_abandoned() -> int:
    """Deletes archives that were uploaded a day ago or more and that nobody went on to restore; how many."""
    if not default_storage.exists(WAITING):
        return 0
    alive = Job.objects.filter(kind="restore_archive", state__in=[Job.State.QUEUED, Job.State.RUNNING])
    wanted = set(alive.values_list("parameters__file", flat=True))
    gone = 0
    for file in default_storage.listdir(WAITING)[1]:
        name = f"{WAITING}/{file}"
        if name in wanted:
            continue
        with contextlib.suppress(FileNotFoundError):  # a restoration that ended just now
            if default_storage.get_modified_time(name) < timezone.now() - ABANDONED_AFTER:
                default_storage.delete(name)
                gone += 1
    return gone


def people_of(file: IO[bytes]) -> list[Person]:
    """The people who had a role in an archive's project, in the order in which they came; at most `MOST_PEOPLE`."""
    found = []
    try:
        with zipfile.ZipFile(file) as archive:
            name = f"{Membership._meta.label_lower}.jsonl"
            if name not in archive.namelist():
                return []
            with archive.open(name) as member:
                for line in islice(member, MOST_PEOPLE):
                    row = json.loads(line)
                    found.append(Person(str(row["user_id"])[:150], str(row["role"])[:40]))
    except (*DAMAGED, ValueError, KeyError, TypeError) as broken:
        raise ValidationError("The archive is damaged: its people cannot be read.") from broken
    if not all(is_keepable(person.username) and is_keepable(person.role) for person in found):
        raise ValidationError("The archive is damaged: a name in it has characters that no text can have.")
    return found


def restore_archive(
    project: Project, user: User, name: str, progress: Progress, people: Mapping[str, str] | None = None
) -> None:
    """Restores a stored archive into the new project, all or nothing, and forgets the file.

    `people` says who somebody of the archive is here: {their user name there: here, or "" for nobody}.
    """
    try:
        with default_storage.open(name, "rb") as file:
            read_archive(project, user, file, progress, people)
    except ValidationError:  # nothing came in, and its name is free for another try
        gone = f"{project.slug[:40]}-damaged-{project.pk}"
        Project.objects.filter(pk=project.pk).update(deleted=timezone.now(), deleted_by=user, slug=gone)
        default_storage.delete(name)
        raise
    default_storage.delete(name)


@transaction.atomic
def read_archive(
    project: Project,
    user: User,
    file: IO[bytes],
    progress: Progress,
    people: Mapping[str, str] | None = None,
) -> None:
    """Puts everything of an archive into the new project; ValidationError, and nothing done, if it is damaged."""
    manifest = read_manifest(file)
    entries = {entry["table"]: entry for entry in manifest["tables"]}
    rows = sum(entry["rows"] for entry in entries.values()) or 1
    _take_over(project, manifest["project"])
    Membership.objects.filter(project=project).delete()
    sizes = {table.model: entries[table.name]["ids"] if table.name in entries else 0 for table in TABLES}
    restoring = Restoring(project, sizes, people or {})
    done = 0
    with zipfile.ZipFile(file) as archive:
        for table in TABLES:
            if (entry := entries.get(table.name)) is None:
                continue
            progress(0.99 * done / rows, f"{table.name}, {entry['rows']:,} rows")
            try:
                n, digest = restoring.put(table, _blocks(archive, f"{table.name}.jsonl"))
            except DAMAGED as broken:
                raise ValidationError(f"The archive is damaged: {table.name} cannot be unpacked.") from broken
            if n != entry["rows"] or digest != entry.get("sha256"):
                raise ValidationError(
                    f"The archive is damaged: {table.name} is not what its manifest says. Download it again."
                )
            done += n
    if MetadataField._meta.label_lower not in entries:  # an older archive
        detect_fields(project)
    place_decided(project)
    Membership.objects.update_or_create(
        project=project, user=user, defaults={"role": Role.OWNER, "state": Membership.State.ACTIVE}
    )
    record(None, user, "restore archive", project.slug, after={"rows": rows})


def _take_over(project: Project, told: dict[str, Any]) -> None:
    for field in Project._meta.concrete_fields:
        if field.name not in OWN | {"name"} and field.name in told:
            setattr(project, field.attname, field.to_python(told[field.name]))
    project.full_clean(exclude=["slug", "created_by"])
    project.save()


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as member:
        while block := member.read(BLOCK):
            yield block
