"""How fast answers and texts go out over HTTP, when the first byte comes, and in how much memory.

    python -m benchmarks.export [--items 100000] [--keep]

A million texts with three million answers: --items 1000000. The server is gunicorn as the Procfile has it; the client
runs beside it on the same machine. With --keep the database stays for the next run with --keep.
"""

import argparse
import os
import time
from http.client import HTTPConnection
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from annotation.models import Annotation, Project, User  # noqa: E402
from benchmarks.pool import fill  # noqa: E402
from tests.annotation.serving import serving  # noqa: E402

FILES = [
    "annotations.jsonl",
    "annotations.csv",
    "annotations.parquet",
    "annotations.label-studio.json",
    "annotations.doccano.jsonl",
    "items.jsonl",
    "items.csv",
    "items.parquet",
    "dataset.zip",
]


def peak(gunicorn_port: int) -> int:
    """The largest resident memory, in MB, of any process that serves on this port."""
    most = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f":{gunicorn_port}" in (status.parent / "cmdline").read_text():
                lines = status.read_text().splitlines()
                most = max(
                    most, *(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))
                )
        except OSError:
            continue
    return most


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--keep", action="store_true")
    options = arguments.parse_args()
    databases = setup_databases(verbosity=0, interactive=False, keepdb=options.keep)
    try:
        project = Project.objects.filter(slug="benchmark").first() or fill(options.items)
        key = Token.objects.get_or_create(user=User.objects.get(username="owner"))[0].key
        answers, texts = Annotation.objects.count(), project.items.count()
        print(f"{texts:,} texts, {answers:,} answers")
        with serving() as port:
            for name in FILES:
                client = HTTPConnection("127.0.0.1", port, timeout=600)
                begun = time.perf_counter()
                client.request(
                    "GET", f"/api/v1/projects/benchmark/{name}", headers={"Authorization": f"Token {key}"}
                )
                response = client.getresponse()
                assert response.status == 200, response.read()
                size = len(response.read(1))
                first = time.perf_counter() - begun
                while block := response.read(1 << 20):
                    size += len(block)
                took = time.perf_counter() - begun
                rows = texts if name.startswith("items") else answers
                print(
                    f"{name:30} {rows / took:10,.0f} rows/s {size / took / 1e6:7.0f} MB/s"
                    f"  first byte {first:6.3f} s  all {took:6.1f} s  peak memory of a server {peak(port)} MB",
                    flush=True,
                )
        connection.close()
    finally:
        if not options.keep:
            teardown_databases(databases, verbosity=0)


if __name__ == "__main__":
    main()
