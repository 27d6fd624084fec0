"""Next and answer in a round of 1,000,000 texts, of which the same annotator has answered 100,000.

    python -m benchmarks.labelling_at_scale [texts] [answered]

Gold and repeats are switched on; suggestions are off at first, and then shown for every text. The requests go through
everything but the network, one after the other in one process: what their statements take, commits among them, is told
beside what they take in all. Runs on a database of its own that is gone afterwards. Fails when a statement reads one of
the large tables through, however quick that was.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["API_RATE"] = "1000000/min"
django.setup()

import psycopg  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from annotation.models import Project, Round  # noqa: E402
from annotation.queries.people import annotator_of  # noqa: E402
from benchmarks.labelling import load_project, percentile, processor_seconds  # noqa: E402

TEXTS = 1_000_000
ANSWERED = 100_000
GOLD = 2000
WARM_UP = 50
CALLS = 1000

_ANSWERED = """
WITH mine AS (
    SELECT item_id, position FROM annotation_rounditem WHERE round_id = %(round)s ORDER BY position LIMIT %(n)s
), leases AS (
    INSERT INTO annotation_assignment (round_id, item_id, annotator_id, kind, state, reason, created, expires)
    SELECT %(round)s, item_id, %(annotator)s, 'normal', 'answered', '', now(), now() FROM mine
), given AS (
    INSERT INTO annotation_annotation (round_id, item_id, annotator_id, label_id, kind, key, comment, created)
    SELECT %(round)s, item_id, %(annotator)s, (SELECT min(id) FROM annotation_label), 'normal', gen_random_uuid(), '',
           now() FROM mine ORDER BY position RETURNING id
), slots AS (
    UPDATE annotation_rounditem ri SET answers = 1, open_slots = 2 FROM mine
    WHERE ri.round_id = %(round)s AND ri.item_id = mine.item_id
), author AS (
    UPDATE annotation_annotator SET answers = %(n)s WHERE id = %(annotator)s
)
INSERT INTO annotation_participation (round_id, annotator_id, answers, skipped, started_after, untouched_after, handed,
                                      first_answer)
SELECT %(round)s, %(annotator)s, %(n)s, 0, %(n)s, -1, %(n)s, min(id) FROM given
"""

_GOLD = """
INSERT INTO annotation_golditem (project_id, item_id, label_id, explanation, origin, exposures, created)
SELECT %(project)s, item_id, (SELECT min(id) FROM annotation_label), '', 'set', 0, now() FROM annotation_rounditem
WHERE round_id = %(round)s ORDER BY position DESC LIMIT %(gold)s
"""

_SUGGEST = """
WITH said AS (
    INSERT INTO annotation_suggestionsource (project_id, name, suggestions_total, created, changed)
    VALUES (%(project)s, 'model', 0, now(), now()) RETURNING id
), every AS (
    INSERT INTO annotation_suggestion (source_id, item_id, label_id, score, created)
    SELECT said.id, item_id, (SELECT min(id) FROM annotation_label), 0.9, now()
    FROM said CROSS JOIN annotation_rounditem WHERE round_id = %(round)s
)
UPDATE annotation_round SET suggestions = 'shown', suggestion_source_id = (SELECT id FROM said) WHERE id = %(round)s
"""

_READ = """
SELECT COALESCE(sum(seq_tup_read), 0)::bigint, COALESCE(sum(idx_tup_fetch), 0)::bigint FROM pg_stat_user_tables
WHERE relname IN ('annotation_item', 'annotation_rounditem', 'annotation_assignment', 'annotation_annotation',
                  'annotation_suggestion')
"""


class Statements:
    """How long the process waited for statements and commits, whoever sent them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        psycopg.Cursor.execute = self.timed(psycopg.Cursor.execute)  # type: ignore[method-assign]
        psycopg.Connection.commit = self.timed(psycopg.Connection.commit)  # type: ignore[method-assign]

    def timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, with its time added to `seconds`."""

        def run(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return method(*given, **named)
            finally:
                self.seconds += time.perf_counter() - begun

        return run


def prepare(texts: int, answered: int) -> tuple[Project, str]:
    """The project with its round, and the key of the annotator who has answered so many of its texts."""
    project, keys = load_project(texts, 1)
    user = Token.objects.select_related("user").get(key=keys[0]).user
    made = Round.objects.get(project=project)
    Round.objects.filter(pk=made.pk).update(gold_rate=0.05, repeat_rate=0.05, answers_total=answered)
    of = {"round": made.pk, "project": project.pk, "annotator": annotator_of(project, user).pk}
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, of | {"n": answered})
        cursor.execute(_GOLD, of | {"gold": GOLD})
        cursor.execute("VACUUM ANALYZE")
    return project, keys[0]


def work(client: APIClient, slug: str, calls: int, statements: Statements) -> dict[str, list[float]]:
    """Takes and answers so many texts; the seconds of each call, and of the statements in it."""
    times: dict[str, list[float]] = {
        "next": [],
        "answer": [],
        "next, statements": [],
        "answer, statements": [],
    }

    def post(name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        begun, before = time.perf_counter(), statements.seconds
        response = client.post(f"/api/v1/{path}", body)
        times[name].append(time.perf_counter() - begun)
        times[f"{name}, statements"].append(statements.seconds - before)
        assert response.status_code in (200, 201), response.content
        return dict(response.json())

    for _ in range(calls):
        held = post("next", f"projects/{slug}/next/", {"count": 1})["assignments"][0]
        post("answer", f"assignments/{held['id']}/answer/", {"key": str(uuid.uuid4()), "label": "good"})
    return times


def rows_read() -> tuple[int, int]:
    """Rows of the large tables read without and with an index so far, by everybody."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_READ)
        through, looked_up = cursor.fetchone()
    return through, looked_up


def suggest(project: Project) -> None:
    """A suggestion for every text, shown."""
    made = Round.objects.get(project=project)
    with connection.cursor() as cursor:
        cursor.execute(_SUGGEST, {"project": project.pk, "round": made.pk})
        cursor.execute("VACUUM ANALYZE annotation_suggestion")


def measure(client: APIClient, slug: str, statements: Statements) -> int:
    """Prints what the calls take; the rows that were read without an index."""
    work(client, slug, WARM_UP, statements)
    through, looked_up = rows_read()
    before = processor_seconds()
    times = work(client, slug, CALLS, statements)
    after = processor_seconds()
    through, looked_up = (now - then for now, then in zip(rows_read(), (through, looked_up), strict=True))
    for name, taken in sorted(times.items(), reverse=True):
        print(f"  {name}: p50 {percentile(taken, 0.5):.1f} ms, p95 {percentile(taken, 0.95):.1f} ms")
    used = {part: 1000 * (after[part] - before[part]) / CALLS for part in ("client", "database")}
    print(
        f"  processor time for a next and its answer: {used['client']:.1f} ms, database {used['database']:.1f} ms"
    )
    print(f"  rows of the large tables looked up for a next and its answer: {looked_up / CALLS:.0f}")
    return through


def main(texts: int, answered: int) -> None:
    """Prints the median and the 95th percentile of both calls and of their statements."""
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        project, key = prepare(texts, answered)
        client, statements = APIClient(SERVER_NAME="localhost"), Statements()
        client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
        print(f"labelling at scale, {texts:,} texts, {answered:,} answered by the same annotator")
        through = measure(client, project.slug, statements)
        print("the same with suggestions shown")
        suggest(project)
        through += measure(client, project.slug, statements)
    finally:
        connection.close()
        teardown_databases(databases, verbosity=0)
    if through:
        raise SystemExit(f"{through:,} rows were read without an index")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3])) if len(sys.argv) > 2 else main(TEXTS, ANSWERED)
