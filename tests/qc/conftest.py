"""Answers without the way through the annotation page, for speed."""

import csv
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from annotation.models import Annotation, Annotator, Item, Label, Project, Round, User
from annotation.queries.people import annotator_of
from annotation.services.projects import create_project

ANSWERS = "COPY annotation_annotation (round_id, item_id, annotator_id, label_id, kind, comment, created) FROM STDIN"
Answer = Callable[..., Item]


@pytest.fixture
def answer(project: Project) -> Answer:
    """`answer("text", ann="good", ben="bad")` makes an item with these answers of placeholder annotators."""

    def make(text: str, *, into: Round | None = None, item: Item | None = None, **given: str) -> Item:
        chosen = item or Item.objects.create(
            project=project, text=text, digest=uuid.uuid4(), external_id=text
        )
        round_ = into or project.rounds.get(name="main")
        labels = {label.name: label for label in project.labels.all()}
        for name, label in given.items():
            author, _ = Annotator.objects.get_or_create(project=project, user=None, name=name)
            Annotation.objects.create(round=round_, item=chosen, annotator=author, label=labels[label])
        return chosen

    return make


@pytest.fixture
def weather(shared_data: Path, olga: User, lea: User, ann: User, ada: User) -> Project:
    """The project of 1,000 tweets with 20 answers each, written straight into the tables."""
    folder = shared_data / "weather_sentiment"
    with (folder / "annotations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "items.csv").open(newline="") as file:
        texts = list(csv.DictReader(file))
    names = sorted({row["label"] for row in rows})
    project = create_project(
        olga, slug="tweets", name="Tweets", overlap=20, labels=[{"name": name} for name in names]
    )
    for user, role in [(lea, "lead"), (ann, "annotator"), (ada, "adjudicator")]:
        project.memberships.create(user=user, role=role)
    labels = {label.name: label for label in Label.objects.filter(project=project)}
    round_ = project.rounds.get()
    items = Item.objects.bulk_create(
        Item(project=project, external_id=text["id"], text=text["text"], digest=uuid.uuid4())
        for text in texts
    )
    found = {item.external_id: item for item in items}
    people = Annotator.objects.bulk_create(
        Annotator(project=project, name=name) for name in sorted({row["annotator_id"] for row in rows})
    )
    authors = {author.name: author for author in people}
    now = timezone.now()
    chosen = {name: label.pk for name, label in labels.items()}
    with connection.cursor() as cursor, cursor.copy(ANSWERS) as copy:
        for row in rows:
            item, author = found[row["item_id"]].pk, authors[row["annotator_id"]].pk
            copy.write_row((round_.pk, item, author, chosen[row["label"]], "normal", "", now))
    return project


@pytest.fixture
def answer_as(project: Project) -> Callable[[User, Item, str], Annotation]:
    """`answer_as(ann, item, "good")` is a member's answer."""

    def make(user: User, item: Item, label: str) -> Annotation:
        return Annotation.objects.create(
            round=project.rounds.get(name="main"),
            item=item,
            annotator=annotator_of(project, user),
            label=project.labels.get(name=label),
        )

    return make
