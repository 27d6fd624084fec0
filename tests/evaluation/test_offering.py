"""A run's predictions are offered to annotators as suggestions."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.models import Job, Project, Round, Suggestion, SuggestionSource, User
from annotation.services import labels
from annotation.services.suggestions import delete_source
from evaluation.models import Prediction, Run
from evaluation.services.offering import offer_run
from tests.evaluation.test_runs import make_split

pytestmark = pytest.mark.django_db

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]


@pytest.fixture
def run(project: Project, lea: User) -> Run:
    """Six predictions, each sure by 0.7."""
    split_set = make_split(project, lea, 6)
    ids = list(project.labels.order_by("pk").values_list("pk", flat=True))
    made = Run.objects.create(
        project=project, split_set=split_set, split="test", name="tfidf", created_by=lea, labels=ids
    )
    for at, placed in enumerate(split_set.split_items.order_by("item")):
        shares = [0.7 if place == at % 3 else 0.15 for place in range(3)]
        Prediction.objects.create(
            run=made, item_id=placed.item_id, label_id=ids[at % 3], probabilities=shares
        )
    Run.objects.filter(pk=made.pk).update(predictions_total=6)
    made.refresh_from_db()
    return made


def test_a_press_on_its_page_offers_it_and_rounds_can_show_it(
    run: Run, project: Project, lea: User, page: Page, work: Callable[[], list[Job]]
) -> None:
    browser, address = page(lea), f"/projects/weather/runs/{run.pk}/"
    assert "Offer as suggestions" in browser.get(address).content.decode()
    browser.post(f"{address}offer/")
    assert [(job.kind, job.error) for job in work()] == [("offer_run", "")]
    source = SuggestionSource.objects.get()
    assert (source.name, source.suggestions_total) == ("tfidf", 6)
    said = Suggestion.objects.select_related("label")
    predicted = dict(Prediction.objects.values_list("item", "label"))
    assert {one.item_id: one.label_id for one in said} == predicted
    assert {one.score for one in said} == {0.7}
    shown = browser.get(address).content.decode()
    assert "Offered to annotators" in shown and "suggestions again" in shown
    assert "tfidf" in browser.get("/projects/weather/rounds/").content.decode()


def test_offering_again_takes_over_what_changed_and_brings_a_deleted_source_back(
    run: Run, project: Project, lea: User
) -> None:
    source = offer_run(run.pk, lea)
    first = Prediction.objects.earliest("item")
    Prediction.objects.filter(pk=first.pk).update(probabilities=[0.9, 0.05, 0.05])
    delete_source(source, lea)
    again = offer_run(run.pk, lea)
    assert (again.pk, again.deleted, again.suggestions_total) == (source.pk, None, 6)
    assert Suggestion.objects.get(item=first.item_id, replaced__isnull=True).score == 0.9
    assert Suggestion.objects.filter(replaced__isnull=False).count() == 1


def test_labels_that_are_gone_are_not_suggested(run: Run, project: Project, lea: User) -> None:
    good, bad, neither = project.labels.order_by("pk")
    other = labels.add_label(project, lea, name="other")
    labels.merge_label(good, other, lea)
    labels.retire_label(bad, lea)
    offer_run(run.pk, lea)
    assert set(Suggestion.objects.values_list("label", flat=True)) == {other.pk, neither.pk}


def test_two_runs_of_one_name_are_two_sources(run: Run, project: Project, lea: User) -> None:
    offer_run(run.pk, lea)
    twin = Run.objects.create(
        project=project,
        split_set=run.split_set,
        split="test",
        name="tfidf",
        created_by=lea,
        predictions_total=1,
    )
    assert offer_run(twin.pk, lea).name == "tfidf (2)"


def test_offering_costs_as_many_statements_for_many_predictions(
    run: Run, project: Project, lea: User
) -> None:
    def statements() -> int:
        SuggestionSource.objects.all().delete()
        Run.objects.update(suggestion_source=None)
        with CaptureQueriesContext(connection) as asked:
            offer_run(run.pk, lea)
        return len(asked)

    six = statements()
    Prediction.objects.filter(pk__in=Prediction.objects.values("pk")[:4]).delete()
    assert statements() == six


def test_rounds_that_have_it_know_of_new_suggestions(
    run: Run, project: Project, lea: User, api: Api, work: Callable[[], list[Job]]
) -> None:
    made = Round.objects.get(project=project)
    source = offer_run(run.pk, lea)
    Round.objects.filter(pk=made.pk).update(suggestions="shown", suggestion_source=source)
    assert api(lea).post(f"/api/v1/runs/{run.pk}/suggestions/").status_code == 202
    assert [job.error for job in work()] == [""]
    made.refresh_from_db()
    assert made.suggestion_figures is not None and made.suggestion_figures["source"] == "tfidf"


@pytest.mark.parametrize(("changes", "why"), [({"task": "spans"}, "one label"), ({}, "no predictions")])
def test_what_cannot_be_suggested_is_said(
    run: Run, project: Project, lea: User, api: Api, changes: dict[str, str], why: str
) -> None:
    if changes:
        Project.objects.filter(pk=project.pk).update(**changes)
    else:
        Run.objects.filter(pk=run.pk).update(predictions_total=0)
    answered = api(lea).post(f"/api/v1/runs/{run.pk}/suggestions/")
    assert answered.status_code == 400
    assert why in answered.json()["detail"]
    with pytest.raises(ValidationError):
        offer_run(run.pk, lea)
