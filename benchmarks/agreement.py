"""What agreement with its interval costs, beside the `krippendorff` package with a bootstrap that resamples texts.

    python -m benchmarks.agreement [--items 1000000] [--answers 3] [--people 200] [--replicates 3]

Loupe's time is the whole job in a process of its own, as in a worker: reading the answers, 1,000 replicates of every
figure, every pair and every person, storing the reports. The interval alone is timed beside the package, which computes
alpha from the same counts of answers; its bootstrap is timed for a few replicates and extrapolated to 1,000.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import krippendorff  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from annotation.models import Annotator, Project, User  # noqa: E402
from annotation.services.projects import create_project  # noqa: E402
from qc.algorithms.distances import Nominal  # noqa: E402
from qc.algorithms.label_counts import count_labels  # noqa: E402
from qc.algorithms.weighted_alpha import alpha_with_distance  # noqa: E402
from qc.queries.resolved import resolved_labels  # noqa: E402
from qc.services.agreement import compute_agreement  # noqa: E402

Integers = NDArray[np.int64]

LABELS = 8
SKILL = 0.7  # share of answers that are the text's own label
NEWEST = np.datetime64("2026-06-01T09:00:00", "s")


def simulate(items: int, each: int, people: int, seed: int = 0) -> tuple[Integers, Integers, Integers]:
    """Codes of items, annotators and labels: each item answered by `each` different people."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(LABELS, size=items)
    who = rng.integers(people, size=(items, each))
    while len(twice := np.flatnonzero((np.diff(np.sort(who, axis=1), axis=1) == 0).any(axis=1))):
        who[twice] = rng.integers(people, size=(len(twice), each))
    known = rng.random((items, each)) < SKILL
    labels = np.where(known, truth[:, None], rng.integers(LABELS, size=(items, each)))
    return np.repeat(np.arange(items), each), who.ravel(), labels.ravel()


def fill(project: Project, items: int, people: int, answers: tuple[Integers, ...]) -> None:
    """Puts the texts and answers into the tables, a thousand answers a person and day."""
    labels = list(project.labels.values_list("pk", flat=True))
    authors = Annotator.objects.bulk_create(Annotator(project=project, name=f"p{at}") for at in range(people))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotation_item (project_id, external_id, text, digest, meta, provenance, created)"
            " SELECT %s, 't' || n, 'text ' || n || repeat(' word', 20), gen_random_uuid(),"
            " jsonb_build_object('source', 'source ' || n %% 5), 'real', now()"
            " FROM generate_series(0, %s) n RETURNING id",
            [project.pk, items - 1],
        )
        ids = [row[0] for row in cursor.fetchall()]
        round_id = project.rounds.get().pk
        nth = np.arange(len(answers[0])) // people
        moments = NEWEST - (nth // 1000) * 86400 + (nth % 1000) * 20

        def lines() -> Iterator[str]:
            columns = (codes.tolist() for codes in answers)
            for item, person, label, moment in zip(*columns, np.datetime_as_string(moments), strict=True):
                yield (
                    f"{round_id}\t{ids[item]}\t{authors[person].pk}\t{labels[label]}\tnormal"
                    f"\t{5 + item % 50}\t\t{moment}\n"
                )

        columns = "round_id, item_id, annotator_id, label_id, kind, seconds, comment, created"
        with cursor.copy(f"COPY annotation_annotation ({columns}) FROM STDIN") as copy:
            part: list[str] = []
            for line in lines():
                part.append(line)
                if len(part) == 50_000:
                    copy.write("".join(part))
                    part.clear()
            copy.write("".join(part))
        cursor.execute("ANALYZE annotation_annotation")


def do_job(project_id: int) -> None:
    """The job, as a worker does it; prints what it took."""
    project = Project.objects.get(pk=project_id)
    steps: list[tuple[str, float]] = []
    began, cpu = time.perf_counter(), time.process_time()
    report = compute_agreement(
        project, None, lambda share, message="": steps.append((message, time.perf_counter() - began))
    )
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - began,
                "cpu": time.process_time() - cpu,
                "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "alpha": report.result["alpha"],
                "pairs": len(report.pairs),
                "people": len(report.result["annotator_reports"]),
                "steps": steps,
            }
        )
    )


def beside_the_package(items: int, answers: tuple[Integers, ...], replicates: int) -> None:
    """Prints what the interval alone costs here and there, in seconds of CPU."""
    counts = count_labels(answers[0], answers[2], LABELS, items)
    began = time.process_time()
    ours = alpha_with_distance(counts, Nominal())
    mine = time.process_time() - began
    table = counts.toarray()
    began = time.process_time()
    alpha = float(krippendorff.alpha(value_counts=table, level_of_measurement="nominal"))
    once = time.process_time() - began
    rng = np.random.default_rng(0)
    began = time.process_time()
    for _ in range(replicates):
        drawn = table[rng.integers(items, size=items)]
        krippendorff.alpha(value_counts=drawn, level_of_measurement="nominal")
    each = (time.process_time() - began) / replicates
    print(f"Loupe, alpha with its interval  {mine:8.2f} s of CPU   alpha {ours.value:.6f}")
    print(f"krippendorff, alpha alone       {once:8.2f} s of CPU   alpha {alpha:.6f}")
    print(f"krippendorff, 1,000 replicates  {1000 * each:8.0f} s of CPU   (extrapolated from {replicates})")
    print(f"  the interval is {1000 * each / mine:,.0f} times as fast here")


def time_page(address: str, user: User) -> tuple[float, float]:
    """Seconds of a page and of this process's CPU for it, the best of five."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    taken = []
    for _ in range(5):
        began, cpu = time.perf_counter(), time.process_time()
        answer = client.get(address)
        taken.append((time.perf_counter() - began, time.process_time() - cpu))
        assert answer.status_code == 200, answer.status_code
    return min(taken)


def time_pages(project: Project, user: User) -> None:
    """Prints what each page of people costs."""
    somebody = project.annotators.order_by("pk").first()
    assert somebody is not None
    pages = {"agreement": "agreement/", "one person": f"annotators/{somebody.pk}/", "the team": "team/"}
    for name, page in pages.items():
        seconds, cpu = time_page(f"/projects/{project.slug}/{page}", user)
        print(
            f"Loupe, the page of {name:<12} {1000 * seconds:8.0f} ms, {1000 * cpu:.0f} ms of CPU", flush=True
        )


def main() -> None:
    """Prints the seconds of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--answers", type=int, default=3)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        do_job(asked.job)
        return
    user, _ = User.objects.get_or_create(username="benchmark")
    project = create_project(
        user, name="Benchmark agreement", labels=[{"name": f"l{at}"} for at in range(LABELS)]
    )
    answers = simulate(asked.items, asked.answers, asked.people)
    try:
        fill(project, asked.items, asked.people, answers)
        print(
            f"{len(answers[0]):,} answers of {asked.people} people to {asked.items:,} texts, {LABELS} labels",
            flush=True,
        )
        command = [sys.executable, "-m", "benchmarks.agreement", "--job", str(project.pk)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took = json.loads(done.stdout.splitlines()[-1])
        alpha = took["alpha"]
        print(
            f"Loupe, the whole job            {took['seconds']:8.2f} s, {took['cpu']:.2f} s of CPU and"
            f" {took['megabytes']:,.0f} MB in the worker   {took['pairs']:,} pairs, {took['people']} people,"
            f" alpha {alpha['value']:.6f} [{alpha['low']:.4f}, {alpha['high']:.4f}]"
        )
        for message, seconds in took["steps"]:
            print(f"    {seconds:6.2f} s  {message}")
        time_pages(project, user)
        print(f"Load average                    {os.getloadavg()[0]:8.1f}", flush=True)
        beside_the_package(asked.items, answers, asked.replicates)
        for method in ("majority", "dawid-skene"):
            began, cpu = time.perf_counter(), time.process_time()
            rows = len(resolved_labels(project, method))
            print(
                f"Loupe, labels by {method:<14} {time.perf_counter() - began:8.2f} s,"
                f" {time.process_time() - cpu:.2f} s of CPU   {rows:,} items"
            )
    finally:
        clear(project)


def clear(project: Project) -> None:
    """Takes the benchmark's project away again."""
    with connection.cursor() as cursor:
        for statement in (
            "DELETE FROM annotation_annotation"
            " WHERE round_id IN (SELECT id FROM annotation_round WHERE project_id = %s)",
            "DELETE FROM annotation_item WHERE project_id = %s",
        ):
            cursor.execute(statement, [project.pk])
    project.delete()


if __name__ == "__main__":
    main()
