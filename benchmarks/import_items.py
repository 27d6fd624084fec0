"""How fast a file of items comes in, and in how much memory, beside a plain ORM import of a sample in the same run.

    python -m benchmarks.import_items [--rows 100000] [--sample 10000]

A million rows: --rows 1000000. Processor time is what to compare where others work on the same machine.
"""

import argparse
import contextlib
import csv
import os
import random
import resource
import tempfile
import threading
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.files.base import File  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from annotation.algorithms.text import digest, normalise  # noqa: E402
from annotation.models import Import, Item, Project, RoundItem, User  # noqa: E402
from annotation.services import imports  # noqa: E402
from annotation.services.projects import create_project  # noqa: E402
from annotation.services.undoing import undo_import  # noqa: E402
from annotation.services.watching import unwatched  # noqa: E402

WORDS = [
    "the",
    "my",
    "card",
    "account",
    "payment",
    "was",
    "charged",
    "twice",
    "refund",
    "still",
    "waiting",
    "transfer",
    "cash",
    "machine",
    "fee",
    "top-up",
    "failed",
    "please",
    "help",
    "since",
    "Monday",
    "abroad",
    "exchange",
    "rate",
    "app",
    "does",
    "not",
    "open",
    "new",
    "phone",
    "number",
    "change",
    "address",
    "lost",
    "stolen",
    "PIN",
    "cannot",
    "see",
    "statement",
    "month",
    "why",
    "is",
    "there",
    "another",
    "support",
    "agent",
    "said",
    "ticket",
    "again",
    "urgent",
    "thanks",
    "regards",
]


def write_file(path: Path, rows: int, seed: int = 0) -> int:
    """A CSV file of texts of about 400 characters with metadata; 1 % duplicates. Its size in bytes."""
    random_words = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "source", "date", "customer"])
        last = ""
        for n in range(rows):
            if n % 100 != 99:
                last = " ".join(random_words.choices(WORDS, k=random_words.randint(50, 80))) + f" {n}"
                last += " – “café”" if n % 4 == 0 else ""  # a quarter is not ASCII
            writer.writerow(
                [
                    f"t{n:07d}",
                    last,
                    random_words.choice(["good", "bad"]),
                    random_words.choice(["chat", "mail", "phone"]),
                    f"2026-{random_words.randint(1, 12):02d}-{random_words.randint(1, 28):02d}",
                    random_words.choice(["new", "old"]),
                ]
            )
    return path.stat().st_size


def plain_import(path: Path, project: Project, sample: int) -> tuple[int, float]:
    """The same cleaning and look-ups row by row with the ORM, saved by bulk_create. Rows and seconds."""
    began = time.perf_counter()
    labels = {label.name: label for label in project.labels.all()}
    made = project.rounds.get()
    with transaction.atomic(), path.open(newline="", encoding="utf-8") as file:
        seen: set[str] = set()
        items = []
        for number, row in enumerate(csv.DictReader(file), start=1):
            if number > sample:
                break
            text = normalise(row["text"])
            if text in seen or Item.objects.filter(project=project, external_id=row["id"]).exists():
                continue
            seen.add(text)
            meta = {name: row[name] for name in ("source", "date", "customer")}
            items.append(
                Item(
                    project=project,
                    external_id=row["id"],
                    text=row["text"],
                    digest=digest(row["text"]),
                    meta=meta,
                    imported_label=labels[row["label"]],
                    row=number,
                )
            )
        Item.objects.bulk_create(items, batch_size=1000)
        RoundItem.objects.bulk_create(
            [
                RoundItem(round=made, item=item, position=n, overlap=made.overlap, open_slots=made.overlap)
                for n, item in enumerate(items)
            ],
            batch_size=1000,
        )
    return sample, time.perf_counter() - began


def processor_seconds() -> dict[str, float]:
    """Processor time so far: of this process, of its children that ended, and of the database's process."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"own": own.ru_utime + own.ru_stime, "cleaning": children.ru_utime + children.ru_stime}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        about = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if about.exists():
        cells = about.read_text().rpartition(")")[2].split()
        found["database"] = (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")
    return found


class Peak(threading.Thread):
    """The largest resident memory, in MB, of this process and of its children, looked up a few times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most: dict[str, int] = {}
        self.over = threading.Event()

    def run(self) -> None:
        me = Path("/proc/self")
        while not self.over.wait(0.25):
            with contextlib.suppress(OSError):
                children = {
                    pid for task in (me / "task").iterdir() for pid in (task / "children").read_text().split()
                }
                sizes = {
                    "own": resident(me),
                    "cleaning": sum(resident(Path("/proc") / pid) for pid in children),
                }
                for who, size in (sizes | {"together": sum(sizes.values())}).items():
                    self.most[who] = max(size, self.most.get(who, 0))


def resident(process: Path) -> int:
    """Its resident memory in MB."""
    return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def new_project(user: User, name: str) -> Project:
    """An empty project with the two labels of the file."""
    return create_project(user, name=name, labels=[{"name": "good"}, {"name": "bad"}])


def main() -> None:
    """Prints rows per second for both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=10_000)
    asked = parser.parse_args()
    user, _ = User.objects.get_or_create(username="benchmark")
    projects = [new_project(user, "Benchmark import"), new_project(user, "Benchmark plain import")]
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "items.csv"
            size = write_file(path, asked.rows)
            print(f"{asked.rows:,} rows, {size / 1e6:.1f} MB")
            peak = Peak()
            peak.start()
            processor = processor_seconds()
            began = time.perf_counter()
            with path.open("rb") as file:
                source = imports.store_upload(
                    projects[0], user, File(file, "items.csv"), into=projects[0].rounds.get()
                )
            imports.choose_mapping(source)
            uploaded = time.perf_counter()
            imports.run_import(source.pk, unwatched)
            ended = time.perf_counter()
            rate = asked.rows / (ended - began)
            spent = {who: seconds - processor[who] for who, seconds in processor_seconds().items()}
            peak.over.set()
            source.refresh_from_db()
            print(
                f"imported {source.imported:,}, duplicates {source.duplicate_rows:,}, rejected {source.rejected:,}"
            )
            print(
                f"Loupe: {asked.rows / (ended - began):,.0f} rows/s ({ended - began:.2f} s, of which upload "
                f"{uploaded - began:.2f} s)"
            )
            print("peak memory: " + ", ".join(f"{who} {size} MB" for who, size in peak.most.items()))
            print("processor: " + ", ".join(f"{who} {seconds:.2f} s" for who, seconds in spent.items()))
            again = Import.objects.get(pk=source.pk)
            again.pk, again.state = None, Import.State.WAITING
            again.save()
            began = time.perf_counter()
            imports.run_import(again.pk, unwatched)
            seconds = time.perf_counter() - began
            again.refresh_from_db()
            print(f"the same file again: {again.duplicate_rows:,} duplicates in {seconds:.2f} s")
            rows, seconds = plain_import(path, projects[1], min(asked.sample, asked.rows))
            times = rate / (rows / seconds)
            print(
                f"plain ORM, bulk_create, first {rows:,} rows: {rows / seconds:,.0f} rows/s; Loupe {times:.1f} times"
            )
            began = time.perf_counter()
            undo_import(source, user)
            print(f"undone in {time.perf_counter() - began:.2f} s")
    finally:
        for project in projects:
            clear(project)


def clear(project: Project) -> None:
    """Takes the benchmark's project away again."""
    with connection.cursor() as cursor:
        for statement in (
            "DELETE FROM annotation_rounditem slot USING annotation_round own"
            " WHERE own.id = slot.round_id AND own.project_id = %s",
            "DELETE FROM annotation_item WHERE project_id = %s",
        ):
            cursor.execute(statement, [project.pk])
    for source in Import.objects.filter(project=project):
        source.file.delete(save=False)
    project.delete()


if __name__ == "__main__":
    main()
