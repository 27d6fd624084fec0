"""Next and answer over HTTP: 100,000 items, 20 annotators at once against gunicorn; stops by itself.

    python -m benchmarks.labelling

Load generator and server share the machine. The server runs as the Procfile has it, on a database of its own that is
gone afterwards.
"""

import os
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import psutil  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from annotation.models import Membership, Project, Role, Round, User  # noqa: E402
from annotation.services.projects import create_project  # noqa: E402
from tests.annotation.serving import Client, serving, work_together  # noqa: E402

ITEMS = 100_000
ANNOTATORS = 20
WARM_UP = 3.0  # seconds, in which connections are opened and statements planned
SECONDS = 15.0


def load_project(items: int, annotators: int) -> tuple[Project, list[str]]:
    """A project with so many items and annotators; the annotators' keys."""
    owner = User.objects.create_user("owner")
    labels = [{"name": name} for name in ("good", "bad", "neither")]
    project = create_project(owner, name="Benchmark", slug="benchmark", labels=labels, overlap=3)
    made = Round.objects.get(project=project)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotation_item (project_id, text, digest, meta, provenance, created)"
            " SELECT %s, repeat('a text of a common length ', 8) || n, gen_random_uuid(), '{\"source\": \"chat\"}',"
            " 'real', now() FROM generate_series(1, %s) n",
            [project.pk, items],
        )
        cursor.execute(
            "INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)"
            " SELECT %s, id, row_number() OVER (ORDER BY random()), 3, 3, 0 FROM annotation_item",
            [made.pk],
        )
        cursor.execute("ANALYZE")
    Round.objects.filter(pk=made.pk).update(items_total=items)
    keys = []
    for n in range(annotators):
        user = User.objects.create_user(f"annotator{n}")
        Membership.objects.create(project=project, user=user, role=Role.ANNOTATOR)
        keys.append(Token.objects.create(user=user).key)
    return project, keys


def percentile(times: list[float], share: float) -> float:
    """The time below which this share of the times lies, in milliseconds."""
    return 1000 * sorted(times)[min(int(len(times) * share), len(times) - 1)]


def processor_seconds() -> dict[str, float]:
    """Processor time so far of the load generator, the web server, and PostgreSQL, if it is our own.

    Less than the clock, it depends on what else the machine has to do.
    """
    used = {"client": time.process_time(), "web": 0.0, "database": 0.0}
    for part, processes in (
        ("web", psutil.Process().children(recursive=True)),
        ("database", [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres"]),
    ):
        for process in processes:
            try:
                if part == "web" or Path(process.cwd()).is_relative_to(settings.DATA):
                    times = process.cpu_times()
                    used[part] += times.user + times.system
            except psutil.Error:
                continue  # ended meanwhile, or another user's
    return used


def main() -> None:
    """Prints answers per second, the median and 95th percentile of both calls, and the processor time of the parts."""
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        project, keys = load_project(ITEMS, ANNOTATORS)
        with serving() as port:
            work_together([Client(port, project.slug, key, WARM_UP) for key in keys])
            clients = [Client(port, project.slug, key, SECONDS) for key in keys]
            begun, before = time.perf_counter(), processor_seconds()
            work_together(clients)
            took, after = time.perf_counter() - begun, processor_seconds()
    finally:
        teardown_databases(databases, verbosity=0)
    failures = [failure for client in clients for failure in client.failures]
    taking = [t for client in clients for t in client.taking]
    answering = [t for client in clients for t in client.answering]
    print(
        f"labelling, {ITEMS:,} items, {ANNOTATORS} annotators at once: {len(answering) / took:.0f} answers/s"
    )
    for name, times in (("next", taking), ("answer", answering)):
        print(f"  {name}: p50 {percentile(times, 0.5):.0f} ms, p95 {percentile(times, 0.95):.0f} ms")
    used = ", ".join(
        f"{part} {1000 * (after[part] - before[part]) / len(answering):.1f} ms" for part in before
    )
    print(f"  processor time for a next and its answer: {used}")
    if failures:
        raise SystemExit(f"{len(failures)} requests failed, the first with {failures[0]}")


if __name__ == "__main__":
    main()
