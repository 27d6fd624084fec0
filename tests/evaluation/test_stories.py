"""One text's page: what every room knows of it, in a number of queries that does not grow."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import Annotation, AnnotationVersion, Annotator, Flag, Item, Project, User
from annotation.queries.people import annotator_of
from evaluation.models import Prediction, Run
from evaluation.services.freezing import freeze_split_set
from qc.models import Case, Decision
from tests.evaluation.conftest import BuildSplits

Page = Callable[[User | None], Client]


@pytest.fixture
def text(pool: list[Item], build: BuildSplits, lea: User, ada: User, ann: User) -> Item:
    """A text that was answered, revised, set aside, flagged, decided, frozen into a split and predicted."""
    item = pool[0]
    project = item.project
    made, label = project.rounds.get(), project.labels.order_by("pk")[0]
    other = project.labels.order_by("pk")[1]
    author = annotator_of(project, ann)
    Annotation.objects.filter(item=item).delete()
    answer = Annotation.objects.create(
        round=made, item=item, annotator=author, label=label, comment="<i>sure</i>"
    )
    AnnotationVersion.objects.create(annotation=answer, label=other)
    removed = Annotator.objects.create(project=project, name="removed person")
    Annotation.objects.create(round=made, item=item, annotator=removed, label=other, set_aside=timezone.now())
    Flag.objects.create(item=item, user=ann, kind="ambiguous", note="two ways to read it")
    case = Case.objects.create(project=project, item=item, state=Case.State.DECIDED)
    Decision.objects.create(
        case=case, item=item, outcome="label", label=label, decided_by=ada, rationale="rule 3 says so"
    )
    split_set = build()
    freeze_split_set(split_set, lea)
    split = split_set.split_items.get(item=item).split
    run = Run.objects.create(
        project=project, split_set=split_set, split=split, name="bert-9", created_by=lea, labels=[label.pk]
    )
    Prediction.objects.create(run=run, item=item, label=label, probabilities=[0.875])
    return item


def test_the_page_tells_the_whole_story(text: Item, page: Page, lea: User) -> None:
    shown = page(lea).get(f"/projects/{text.project.slug}/items/{text.pk}/").content.decode()
    for words in (
        "&lt;i&gt;sure&lt;/i&gt;",
        "Set aside by a lead",
        "removed person",
        "Answer revised",
        "two ways to read it",
        "rule 3 says so",
        "bert-9",
        "0.88",
        ", frozen",
        "Frozen into",
        "Case opened",
    ):
        assert words in shown, words


def test_copies_are_shown_side_by_side(text: Item, page: Page, lea: User) -> None:
    copy = Item.objects.create(project=text.project, text=f"{text.text}  ", digest=text.digest)
    address = f"/projects/{text.project.slug}/items/{text.pk}/"
    assert "equal" in page(lea).get(address).content.decode()
    assert f"Text {copy.pk:,}" in page(lea).get(f"{address}?pair={copy.pk}").content.decode()
    assert page(lea).get(f"{address}?pair=x").status_code == 200


def test_more_answers_need_no_more_queries(text: Item, project: Project, page: Page, lea: User) -> None:
    client, address = page(lea), f"/projects/{text.project.slug}/items/{text.pk}/"
    made, label = text.project.rounds.get(), text.project.labels.first()

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    client.get(address)
    few = queries()
    for n in range(10):
        person = Annotator.objects.create(project=text.project, name=f"person {n}")
        answer = Annotation.objects.create(round=made, item=text, annotator=person, label=label)
        AnnotationVersion.objects.create(annotation=answer, label=label)
    assert queries() == few
