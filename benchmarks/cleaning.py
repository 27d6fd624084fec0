"""What a look at a whole pool costs, and filters on metadata: processor time, memory, and time in the database.

    python -m benchmarks.cleaning [--items 100000] [--keep]

A million texts of 400 characters, three answers to nine in ten: --items 1000000. Peak memory is the worker's own; the
database works beside it. With --keep the database stays for the next run with --keep.
"""

import argparse
import os
import resource
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from annotation.models import Project  # noqa: E402
from annotation.queries.items import items  # noqa: E402
from annotation.services.metadata_fields import detect_fields  # noqa: E402
from benchmarks.pool import fill  # noqa: E402
from evaluation.services.cleaning import clean_pool  # noqa: E402

CONDITIONS = [
    {"meta.source": "source 3"},
    {"meta.source:any": "source 3, source 5"},
    {"meta.age:from": "40", "meta.age:below": "45"},
    {"meta.age:from": "89.5"},
    {"meta.date:from": "2024-05-01", "meta.date:to": "2024-05"},
    {"meta.date:from": "2031-01"},
    {"meta.source:has": "SOURCE 7"},
    {"meta.source:none": "true"},
]


def peak() -> int:
    """The largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Phases:
    """What the job says of itself, with the time since it last said something else."""

    def __init__(self) -> None:
        self.name, self.began, self.cpu = "start", time.perf_counter(), time.process_time()

    def __call__(self, share: float, message: str = "") -> None:
        name = "".join(mark for mark in message if not mark.isdigit() and mark != ",").strip()
        if name and name != self.name:
            self.end()
            self.name, self.began, self.cpu = name, time.perf_counter(), time.process_time()

    def end(self) -> None:
        """Prints the phase that is over."""
        took, cpu = time.perf_counter() - self.began, time.process_time() - self.cpu
        print(
            f"  {self.name:34} {took:8.1f} s, {cpu:7.1f} s of one core here, peak {peak():,} MB", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    databases = setup_databases(verbosity=0, interactive=False, keepdb=options.keep)
    try:
        project = Project.objects.filter(slug="benchmark").first() or fill(options.items)
        texts = project.items.count()
        began, cpu = time.perf_counter(), time.process_time()
        detect_fields(project)
        found = {field.name: field.type for field in project.metadata_fields.all()}
        print(
            f"{texts:,} texts; types of {found} in {time.perf_counter() - began:.2f} s"
            f" ({time.process_time() - cpu:.2f} s of one core here)"
        )
        for condition in CONDITIONS:
            began = time.perf_counter()
            page = list(items(project, condition).order_by("pk")[:51])
            took = time.perf_counter() - began
            print(f"  {condition!s:70} first {len(page):2} in {1000 * took:8.1f} ms", flush=True)
        before = peak()
        phases = Phases()
        clean_pool(project, None, 0.995, phases)
        phases.end()
        print(f"the whole look: peak {peak():,} MB, {before:,} MB before it")
        connection.close()
    finally:
        if not options.keep:
            teardown_databases(databases, verbosity=0)


if __name__ == "__main__":
    main()
