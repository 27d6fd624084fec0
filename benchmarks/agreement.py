"""What agreement with its interval costs, beside the `krippendorff` package with a bootstrap that resamples rows.

    python -m benchmarks.agreement [--items 100000] [--answers 3] [--replicates 3]

Loupe's time is the whole job: reading the answers, 1,000 replicates of every figure, storing the report. The package
computes alpha alone; its bootstrap is timed for a few replicates and extrapolated to 1,000.
"""

import argparse
import os
import time
from collections.abc import Iterator

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import krippendorff  # noqa: E402
from django.db import connection  # noqa: E402

from annotation.models import Annotator, Project, User  # noqa: E402
from annotation.services.projects import create_project  # noqa: E402
from qc.queries.answers import read_answers  # noqa: E402
from qc.queries.resolved import resolved_labels  # noqa: E402
from qc.services.agreement import compute_agreement  # noqa: E402

LABELS = 8
PEOPLE = 20
SKILL = 0.7  # share of answers that are the text's own label


def simulate(
    items: int, each: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Codes of items, annotators and labels: each item answered by `each` different people."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(LABELS, size=items)
    people = rng.permuted(np.tile(np.arange(PEOPLE), (items, 1)), axis=1)[:, :each]
    known = rng.random((items, each)) < SKILL
    labels = np.where(known, truth[:, None], rng.integers(LABELS, size=(items, each)))
    return np.repeat(np.arange(items), each), people.ravel(), labels.ravel()


def fill(project: Project, items: int, answers: tuple[NDArray[np.int64], ...]) -> None:
    """Puts the texts and answers into the tables."""
    labels = list(project.labels.values_list("pk", flat=True))
    people = Annotator.objects.bulk_create(Annotator(project=project, name=f"p{at}") for at in range(PEOPLE))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotation_item (project_id, external_id, text, digest, meta, provenance, created)"
            " SELECT %s, 't' || n, 'text ' || n || repeat(' word', 20), gen_random_uuid(), '{}', 'real', now()"
            " FROM generate_series(0, %s) n RETURNING id",
            [project.pk, items - 1],
        )
        ids = [row[0] for row in cursor.fetchall()]
        round_id = project.rounds.get().pk

        def lines() -> Iterator[str]:
            for item, person, label in zip(*(codes.tolist() for codes in answers), strict=True):
                yield f"{round_id}\t{ids[item]}\t{people[person].pk}\t{labels[label]}\tnormal\t{item % 50}\t\tnow\n"

        columns = "round_id, item_id, annotator_id, label_id, kind, seconds, comment, created"
        with cursor.copy(f"COPY annotation_annotation ({columns}) FROM STDIN") as copy:
            copy.write("".join(lines()))


def seconds_of_package(
    items: int, answers: tuple[NDArray[np.int64], ...], replicates: int
) -> tuple[float, float, float]:
    """Alpha, seconds for it, and seconds for one replicate that resamples items as rows."""
    table = np.full((PEOPLE, items), np.nan)
    table[answers[1], answers[0]] = answers[2]
    began = time.perf_counter()
    alpha = float(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"))
    once = time.perf_counter() - began
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(replicates):
        drawn = rng.integers(items, size=items)
        krippendorff.alpha(reliability_data=table[:, drawn], level_of_measurement="nominal")
    return alpha, once, (time.perf_counter() - began) / replicates


def say_nothing(share: float, message: str) -> None:
    """Progress that nobody looks at."""


def main() -> None:
    """Prints the seconds of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=3)
    parser.add_argument("--replicates", type=int, default=3)
    asked = parser.parse_args()
    user, _ = User.objects.get_or_create(username="benchmark")
    project = create_project(
        user, name="Benchmark agreement", labels=[{"name": f"l{at}"} for at in range(LABELS)]
    )
    answers = simulate(asked.items, asked.answers)
    try:
        fill(project, asked.items, answers)
        print(f"{len(answers[0]):,} answers of {PEOPLE} people to {asked.items:,} texts, {LABELS} labels")
        began = time.perf_counter()
        read_answers(project)
        print(f"  of which reading the answers  {time.perf_counter() - began:8.2f} s")
        began = time.perf_counter()
        report = compute_agreement(project, None, say_nothing)
        ours = time.perf_counter() - began
        alpha = report.result["alpha"]
        print(
            f"Loupe, the whole job            {ours:8.2f} s   alpha {alpha['value']:.6f} "
            f"[{alpha['low']:.4f}, {alpha['high']:.4f}]"
        )
        value, once, each = seconds_of_package(asked.items, answers, asked.replicates)
        print(f"krippendorff, alpha alone       {once:8.2f} s   alpha {value:.6f}")
        print(
            f"krippendorff, 1,000 replicates  {1000 * each:8.0f} s   (extrapolated from {asked.replicates})"
        )
        began = time.perf_counter()
        rows = len(resolved_labels(project))
        print(f"Loupe, resolved labels          {time.perf_counter() - began:8.2f} s   {rows:,} items")
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
