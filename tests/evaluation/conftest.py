"""Pools of texts with labels, and split sets made of them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.algorithms.text import digest
from annotation.models import Item, Job, Label, Project, User
from annotation.services.metadata_fields import detect_fields
from annotation.services.projects import create_project
from evaluation.jobs import start_split_set
from evaluation.models import SplitSet
from evaluation.services.splits import create_split_set

AddTexts = Callable[..., list[Item]]
BuildSplits = Callable[..., SplitSet]


@pytest.fixture
def add_texts(project: Project) -> AddTexts:
    """`add_texts([(text, label, meta), …])` puts texts into the pool; a label may be None."""

    def add(rows: list[tuple[str, str | None, dict[str, Any]]], **fields: Any) -> list[Item]:
        labels = {label.name: label for label in Label.objects.filter(project=project)}
        made = Item.objects.bulk_create(
            Item(
                project=project,
                text=text,
                digest=digest(text),
                meta=meta,
                imported_label=labels[label] if label else None,
                **fields,
            )
            for text, label, meta in rows
        )
        detect_fields(project)
        return made

    return add


@pytest.fixture
def pool(add_texts: AddTexts) -> list[Item]:
    """120 different texts, two thirds of them good, from four authors and two sources."""
    return add_texts(
        [
            (
                f"text {n} about matter {n * 7} and {n * 13}",
                "good" if n % 3 else "bad",
                {"author": f"a{n % 4}", "source": "web" if n % 5 else "mail", "words": n},
            )
            for n in range(120)
        ]
    )


@pytest.fixture
def build(project: Project, lea: User, work: Callable[[], list[Job]]) -> BuildSplits:
    """`build(recipe)` makes a split set as a worker would; fails where the job did."""

    def run(recipe: dict[str, Any] | None = None, seed: int = 0, **fields: Any) -> SplitSet:
        wanted = {"splits": {"train": 0.8, "test": 0.2}} | (recipe or {})
        made = create_split_set(project, lea, name="weather", seed=seed, recipe=wanted, **fields)
        job = start_split_set(made, lea)
        work()
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.error
        made.refresh_from_db()
        return made

    return run


@pytest.fixture
def banking(olga: User, shared_data: Path) -> Project:
    """BANKING77 with its labels, duplicates kept, `split` in the metadata, olga its owner."""
    with (shared_data / "banking77" / "items.csv").open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    names = sorted({row["label"] for row in rows})
    project = create_project(
        olga, slug="banking", name="Banking", labels=[{"name": name, "hotkey": None} for name in names]
    )
    labels = {label.name: label for label in Label.objects.filter(project=project)}
    Item.objects.bulk_create(
        [
            Item(
                project=project,
                external_id=row["id"],
                text=row["text"],
                digest=digest(row["text"]),
                meta={"split": row["split"]},
                imported_label=labels[row["label"]],
            )
            for row in rows
        ],
        batch_size=5000,
    )
    return project
