"""What a page of the list of texts costs, in the browser and over REST, under each filter and the usual pairs.

    python -m benchmarks.items_page [--items 100000] [--keep] [--explain] [--only WORD] [--task multilabel|spans]

A million texts: --items 1000000. Texts have about 400 characters of a vocabulary as uneven as that of a language,
three fields of metadata (one clustered, as the batches of an import are), ten labels, of which one is rare, flags, two
rounds, and three answers on every fifth text. Requests go through the whole application, in this process. With --keep
the database stays for the next run with --keep.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import numpy as np  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import (  # noqa: E402
    CaptureQueriesContext,
    setup_databases,
    setup_test_environment,
    teardown_databases,
)
from rest_framework.authtoken.models import Token  # noqa: E402

from annotation.models import Annotator, LabelBlock, Project, Round, User  # noqa: E402
from annotation.services.blocks import add_blocks  # noqa: E402
from annotation.services.label_blocks import sort_in_answers  # noqa: E402
from annotation.services.projects import create_project  # noqa: E402

VOCABULARY = 50_000
WORDS = 66  # in a text
LABELS = 10
TARGET = 0.1  # seconds
REPEATS = 3

_ROUNDS = """
INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)
SELECT CASE WHEN n <= %(pilot)s THEN %(first)s ELSE %(second)s END, id,
       hashint8(id) & 2147483647, 3, CASE WHEN n %% 5 = 0 THEN 0 ELSE 3 END, CASE WHEN n %% 5 = 0 THEN 3 ELSE 0 END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM annotation_item WHERE project_id = %(project)s) text
WHERE n <= %(in_rounds)s
"""

# Where several labels can be said, or spans: the one, and the one after it
_SAID = {
    "classification": ("label_id", "said"),
    "multilabel": ("labels", "ARRAY[said, 1 + said]"),
    "spans": ("spans", "jsonb_build_array(jsonb_build_array(0, 2, said), jsonb_build_array(3, 9, said + 1))"),
}

# Three people; one in seven texts is disputed. The last label is one that few have
_ANSWERS = """
INSERT INTO annotation_annotation (round_id, item_id, annotator_id, COLUMN, kind, seconds, comment, created)
SELECT round_id, item_id, (%(people)s::bigint[])[1 + (item_id * 7 + k * 13) %% 40], VALUE, 'normal', 3.5, '', now()
FROM annotation_rounditem, generate_series(1, 3) k, LATERAL (
    SELECT (%(labels)s::bigint[])[CASE WHEN item_id %% 20000 < 5 THEN 10 ELSE
        1 + (item_id / 5 + CASE WHEN k = 1 AND item_id %% 7 = 3 THEN 1 ELSE 0 END) %% 8 END] AS said
) label
WHERE answers = 3 AND round_id IN (%(first)s, %(second)s) ORDER BY hashint8(item_id), k
"""

_COUNT = """
UPDATE annotation_round made SET items_total = counted.n, items_done = counted.done, answers_total = 3 * counted.done
FROM (SELECT round_id, count(*) AS n, count(*) FILTER (WHERE answers = 3) AS done
      FROM annotation_rounditem GROUP BY 1) counted
WHERE made.id = counted.round_id
"""


def vocabulary(random: np.random.Generator) -> list[str]:
    """Different words of small letters, the common ones short."""
    letters = np.array(list("etaoinshrdlucmfwygpbvk"))
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        length = 2 + int(np.log1p(len(words)) / 1.6) + int(random.integers(0, 3))
        words["".join(random.choice(letters, length))] = None
    return list(words)


def lines(items: int, project: int, labels: list[int], task: str) -> Iterator[bytes]:
    """The texts as COPY takes them."""
    random = np.random.default_rng(0)
    words = np.array(vocabulary(random))
    for begun in range(0, items, 10_000):
        many = min(10_000, items - begun)
        # uneven as words are: the n-th is used as often as 1 / n says
        drawn = words[(VOCABULARY ** random.random((many, WORDS))).astype(int) - 1]
        for at, row in enumerate(drawn):
            n = begun + at
            rare = " zyzzyva" if n % (items // 5) == 77 else ""
            text = " ".join(row)[:400] + f" ticket {n}{rare}"
            meta = (
                f'{{"source": "batch {n * 20 // items}", "age": {n % 90}, '
                f'"date": "{np.datetime64("2024-01-01") + n % 700}"}}'
            )
            label = labels[9] if n % 20000 == 3 else labels[n % 8]
            said = {
                "classification": f"{label}",
                "multilabel": f"{{{label}}}",
                "spans": f"[[0, 4, {label}]]",
            }[task]
            yield (
                f"x{n}\t{text}\t{UUID(int=int(random.integers(0, 2**62)))}\t{meta}\treal\t{said}\t{project}\t"
                "2026-01-01T00:00:00Z"
            ).encode()


def fill(items: int, task: str) -> Project:
    """The project of the benchmark."""
    owner, _ = User.objects.get_or_create(username="owner")
    names = [{"name": f"label {n}"} for n in range(LABELS + 1)]
    project = create_project(owner, name="Benchmark", slug="texts", labels=names, overlap=3, task=task)
    second = Round.objects.create(project=project, name="second", overlap=3)
    labels = list(project.labels.values_list("pk", flat=True))
    people = [Annotator.objects.create(project=project, name=f"person {n}").pk for n in range(40)]
    column, value = _SAID[task]
    with connection.cursor() as cursor:
        with cursor.copy(
            f"COPY annotation_item (external_id, text, digest, meta, provenance, imported_{column}, project_id,"
            " created) FROM STDIN"
        ) as copy:
            for line in lines(items, project.pk, labels, task):
                copy.write(line + b"\n")
        of: dict[str, Any] = {
            "project": project.pk,
            "first": project.rounds.get(name="main").pk,
            "second": second.pk,
            "pilot": items // 500,
            "in_rounds": items * 9 // 10,
            "people": people,
            "labels": labels,
        }
        cursor.execute(_ROUNDS, of)
        cursor.execute(_ANSWERS.replace("COLUMN", column).replace("VALUE", value), of)
        cursor.execute(_COUNT, of)
        cursor.execute(
            "INSERT INTO annotation_flag (item_id, user_id, kind, note, created)"
            " SELECT id, %s, CASE WHEN id %% 5000 = 7 THEN 'noisy' ELSE 'ambiguous' END, '', now()"
            " FROM annotation_item WHERE project_id = %s AND id %% 100 = 7",
            [owner.pk, project.pk],
        )
        cursor.execute(
            "UPDATE annotation_item SET excluded = now(), excluded_because = 'noise' WHERE project_id = %s"
            " AND id %% 200 = 11",
            [project.pk],
        )
        cursor.execute("VACUUM ANALYZE")
    return project


def cover(project: Project) -> None:
    """Makes the blocks, and says what that costs."""
    begun, worked, own, texts = time.perf_counter(), processor(), time.process_time(), 0
    while n := add_blocks(project):
        texts += n
        if n < 2560:
            break
    took, worked, own = time.perf_counter() - begun, processor() - worked, time.process_time() - own
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE annotation_textblock")
        cursor.execute(
            "SELECT pg_total_relation_size('annotation_textblock'), pg_relation_size('block_by_term')"
        )
        table, index = cursor.fetchone()
    if texts:
        print(
            f"blocks of {texts:,} texts in {took:.1f} s (processor: own {own:.1f} s, database {worked - own:.1f} s);"
            f" {table / 1e6:.0f} MB,"
            f" of which {index / 1e6:.0f} MB are the index"
        )


def sort_in() -> None:
    """Brings the answers into the blocks of labels, and says what that costs."""
    begun, worked = time.perf_counter(), processor()
    sort_in_answers()
    while sort_in_answers(600):
        pass
    took, worked = time.perf_counter() - begun, processor() - worked
    print(f"blocks of labels in {took:.1f} s (processor {worked:.1f} s): {LabelBlock.objects.count():,}")


FILTERS = {
    "nothing": "",
    "round, small": "round=main",
    "round, large": "round=second",
    "no round": "round=none",
    "open": "state=open",
    "complete": "state=complete",
    "people disagree": "state=disputed",
    "excluded": "state=excluded",
    "deleted (none)": "state=deleted",
    "flagged": "flagged=true",
    "flagged as noisy": "flagged=noisy",
    "not flagged": "flagged=false",
    "label": "label=label+3",
    "label, rare": "label=label+9",
    "metadata, clustered": "meta.source=batch+17",
    "metadata, spread": "meta.age=33",
    "metadata, absent": "meta.source=nowhere",
    "word, common": "q=ticket",
    "word, rare": "q=zyzzyva",
    "word, absent": "q=qqqxyz",
    "words, two": "q=ticket+zyzz",
    "words, common beginning": "q=t",
    "id": "q=x4711",
    "round and label": "round=second&label=label+3",
    "round and rare label": "round=main&label=label+9",
    "round and complete": "round=second&state=complete",
    "round and disagree": "round=main&state=disputed",
    "round and flag": "round=main&flagged=noisy",
    "round and metadata": "round=second&meta.source=batch+17",
    "round and metadata, never": "round=main&meta.source=batch+17",
    "label and metadata": "label=label+3&meta.age=33",
    "flag and word": "flagged=true&q=ticket",
    "word and metadata": "q=ticket&meta.source=batch+17",
    "round, word and label": "round=second&q=zyzzyva&label=label+3",
    "no round and complete, never": "round=none&state=complete",
    "order: id it came with": "sort=external_id",
    "order: id, round": "sort=external_id&round=second",
    "order: id, label": "sort=-external_id&label=label+3",
    "order: id, word, rare": "sort=external_id&q=zyzzyva",
    "order: answered": "sort=answered",
    "order: answered, round, small": "sort=answered&round=main",
    "order: answered, label": "sort=answered&label=label+3",
    "order: answered, label, rare": "sort=answered&label=label+9",
    "order: queue": "sort=queue&round=second",
    "order: queue, label": "sort=queue&round=second&label=label+3",
    "order: answered, word": "sort=answered&q=ticket",
}


def processor() -> float:
    """Seconds of processor time so far, of this process and of its part of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        nanoseconds = Path(f"/proc/{cursor.fetchone()[0]}/schedstat").read_text().split()[0]
    return time.process_time() + int(nanoseconds) / 1e9


def timed(client: Client, path: str, headers: dict[str, str]) -> tuple[float, int, object]:
    """The median processor time of some requests, how many queries one takes, and the last answer.

    Processor time, since on a quiet machine it is the time that somebody waits, and on a busy one others' work is not.
    """
    taken = []
    for _ in range(REPEATS):
        begun = processor()
        answer = client.get(path, headers=headers)
        taken.append(processor() - begun)
        assert answer.status_code == 200, (path, answer.status_code, answer.content[:500])
    with CaptureQueriesContext(connection) as queries:
        client.get(path, headers=headers)
    return statistics.median(taken), len(queries), answer


def explain(client: Client, path: str) -> None:
    """Shows the plans of the statements that take longest."""
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    slow = sorted(queries.captured_queries, key=lambda query: -float(query["time"]))[:2]
    for query in slow:
        print(f"    {query['time']} s: {query['sql'][:3000]}")
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql']}")
            for (line,) in cursor.fetchall():
                print(f"      {line[:220]}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--keep", action="store_true")
    arguments.add_argument("--explain", action="store_true")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--task", default="classification", choices=list(_SAID))
    options = arguments.parse_args()
    setup_test_environment()  # shows what templates were given
    databases = setup_databases(verbosity=0, interactive=False, keepdb=options.keep)
    try:
        project = Project.objects.filter(slug="texts").first() or fill(options.items, options.task)
        cover(project)
        sort_in()
        owner = User.objects.get(username="owner")
        key = Token.objects.get_or_create(user=owner)[0].key
        client = Client()
        client.force_login(owner)
        client.get("/projects/texts/items/")  # what is loaded once
        ids = project.items.order_by("pk").values_list("pk", flat=True)
        deep = ids.filter(pk__gte=ids.first() + options.items * 6 // 10).first()
        worst, most_queries = 0.0, 0
        for name, query in FILTERS.items():
            if options.only not in name:
                continue
            shown = []
            for sort in ("",) if "sort=" in query else ("", "&sort=newest"):
                path = f"/projects/texts/items/?{query}{sort}"
                seconds, queries, answer = timed(client, path, {})
                context = answer.context  # type: ignore[attr-defined]
                shown.append(
                    (f"page{sort[-6:-3]}", seconds, queries, len(context["rows"]), context["cut_off"])
                )
                if after := context["after"]:
                    seconds, queries, answer = timed(client, f"{path}&after={after}", {})
                    context = answer.context  # type: ignore[attr-defined]
                    shown.append(("second", seconds, queries, len(context["rows"]), context["cut_off"]))
                place = f"x{options.items * 6 // 10}" if "external_id" in query else deep
                seconds, queries, answer = timed(client, f"{path}&after={place}", {})
                context = answer.context  # type: ignore[attr-defined]
                shown.append(("deep", seconds, queries, len(context["rows"]), context["cut_off"]))
            path = f"/api/v1/projects/texts/items/?{query.replace('sort=', 'order=')}"
            headers = {"Authorization": f"Token {key}"}
            seconds, queries, answer = timed(client, path, headers)
            told = answer.json()  # type: ignore[attr-defined]
            shown.append(("REST", seconds, queries, len(told["results"]), False))
            if told["next"]:
                seconds, queries, answer = timed(client, told["next"], headers)
                rows = len(answer.json()["results"])  # type: ignore[attr-defined]
                shown.append(("REST second", seconds, queries, rows, False))
            slow = max(seconds for _, seconds, *_ in shown)
            worst, most_queries = max(worst, slow), max(most_queries, *(row[2] for row in shown))
            parts = [
                f"{what} {seconds * 1000:.0f} ms ({n}{', cut off' if cut else ''})"
                for what, seconds, _, n, cut in shown
            ]
            print(f"{'   ' if slow <= TARGET else '!! '}{name:30} {'; '.join(parts)}", flush=True)
            if options.explain and slow > TARGET:
                explain(client, f"/projects/texts/items/?{query}")
        load = Path("/proc/loadavg").read_text().split()[0]
        print(f"slowest {worst * 1000:.0f} ms, most queries {most_queries}; load average {load}")
    finally:
        if not options.keep:
            teardown_databases(databases, verbosity=0)


if __name__ == "__main__":
    main()
