"""The splits page: building by the form, reading a version, freezing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Item, Job, User
from evaluation.models import SplitSet
from tests.evaluation.conftest import BuildSplits

Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]
URL = "/projects/weather/splits/"
FORM: dict[str, Any] = {
    "name": "weather",
    "seed": "4",
    "train": "70",
    "validation": "10",
    "test": "20",
    "duplicates": "on",
    "stratify": "on",
    "labels": "majority",
    "exclude": ["noisy"],
}


def test_the_first_set_is_built_from_the_form(pool: list[Item], page: Page, lea: User, work: Work) -> None:
    client = page(lea)
    assert "No split set yet" in client.get(URL).content.decode()
    answer = client.post(
        URL, FORM | {"group": "author", "hold_out_field": "source", "hold_out_values": "mail, fax"}
    )
    made = SplitSet.objects.get()
    assert answer["Location"] == f"{URL}{made.pk}/"
    assert made.recipe == {
        "splits": {"train": 0.7, "validation": 0.1, "test": 0.2},
        "stratify": ["label"],
        "group": ["duplicates", "author"],
        "hold_out": [{"field": "source", "values": ["mail", "fax"], "name": "held-out"}],
        "labels": "majority",
        "exclude": ["noisy"],
        "minimum_agreement": None,
    }
    assert "Split set weather v1" in client.get(answer["Location"]).content.decode()
    work()
    html = client.get(answer["Location"]).content.decode()
    assert "weather v1 is built" in html
    assert "held-out" in html
    assert "style=" not in html


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train": "60"}, "add up to 0.9"),
        ({"train": "much"}, "Enter a number"),
        ({"name": ""}, "This field is required"),
        ({"seed": "-1"}, "greater than or equal to 0"),
        ({"hold_out_field": "source"}, "at least one entry"),
        (
            {"hold_out_field": "source", "hold_out_values": "mail", "hold_out_name": "test"},
            "Two splits are called",
        ),
        ({"group": "colour"}, "Select a valid choice"),
    ],
)
def test_a_wrong_recipe_comes_back_with_a_message(
    change: dict[str, str], said: str, pool: list[Item], page: Page, lea: User
) -> None:
    answer = page(lea).post(URL, FORM | change)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not SplitSet.objects.exists()


def test_a_set_is_frozen_once_from_its_page(
    pool: list[Item], build: BuildSplits, page: Page, lea: User
) -> None:
    made, client = build(), page(lea)
    url = f"{URL}{made.pk}/"
    assert "Freeze v1?" in client.get(url).content.decode()
    html = client.post(f"{url}freeze/", follow=True).content.decode()
    assert "weather v1 is frozen" in html
    assert "Freeze v1?" not in html
    for action in ("freeze", "delete"):
        assert "It never changes" in client.post(f"{url}{action}/", follow=True).content.decode()
    assert SplitSet.objects.get().state == "frozen"


def test_a_failed_set_says_why_and_can_be_deleted(project: object, page: Page, lea: User, work: Work) -> None:
    client = page(lea)
    client.post(URL, FORM)
    work()
    assert "There are no texts to divide" in client.get(URL).content.decode()
    made = SplitSet.objects.get()
    client.post(f"{URL}{made.pk}/delete/")
    assert "No split set yet" in client.get(URL).content.decode()
    assert client.get(f"{URL}{made.pk}/").status_code == 404


def test_a_set_whose_job_was_cancelled_is_not_waited_for(pool: list[Item], page: Page, lea: User) -> None:
    page(lea).post(URL, FORM)
    Job.objects.update(state="cancelled")
    assert "could not be built" in page(lea).get(URL).content.decode()


def test_only_leads_come_in(pool: list[Item], build: BuildSplits, page: Page, ann: User, otto: User) -> None:
    made = build()
    for user, status in ((ann, 403), (otto, 404)):
        client = page(user)
        assert client.get(URL).status_code == client.post(URL, FORM).status_code == status
        assert client.get(f"{URL}{made.pk}/").status_code == status
        assert client.post(f"{URL}{made.pk}/freeze/").status_code == status
        assert client.post(f"{URL}{made.pk}/delete/").status_code == status


def test_the_page_costs_the_same_for_more_sets_and_texts(
    pool: list[Item], build: BuildSplits, page: Page, lea: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            page(lea).get(URL)
        return len(seen)

    build()
    queries()
    before = queries()
    build(seed=1)
    build(seed=2)
    assert queries() == before
