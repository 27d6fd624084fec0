"""Gold on its page and over REST: set, changed, retired, and promoted from what people or the panel agreed on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import AuditEntry, GoldItem, Item, Job, Label, Project, User
from qc.models import Case, Decision
from tests.annotation.labelling_steps import answer, fill, take

pytestmark = pytest.mark.django_db

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
GOLD, REST = "/projects/weather/gold/", "/api/v1/projects/weather/gold/"


@pytest.fixture
def item(project: Project) -> Item:
    fill(project, 3)
    return Item.objects.earliest("id")


def test_a_text_is_made_gold_changed_retired_and_brought_back_on_the_page(
    project: Project, item: Item, lea: User, page: Page
) -> None:
    browser = page(lea)
    assert "No gold yet" in browser.get(GOLD).content.decode()
    asked = browser.get(f"/projects/weather/items/{item.pk}/").content.decode()
    assert f"{GOLD}?item={item.pk}#set" in asked
    address = f"{GOLD}?item={item.pk}"
    assert "Make this text gold" in browser.get(address).content.decode()
    refused = browser.post(address, {"label": "", "why": "so"})
    assert refused.status_code == 400 and "asks for" in refused.content.decode()
    browser.post(address, {"label": "good", "why": "it says so"})
    known = GoldItem.objects.get()
    assert (known.item_id, known.label, known.explanation) == (
        item.pk,
        Label.objects.get(name="good"),
        "it says so",
    )
    shown = browser.get(address).content.decode()
    assert "now: good" in shown and "it says so" in shown
    browser.post(address, {"label": "bad", "why": "it says so"})
    known.refresh_from_db()
    assert known.label == Label.objects.get(name="bad")
    assert "Retired" in browser.post(f"{GOLD}{known.pk}/", follow=True).content.decode()
    browser.post(f"{GOLD}{known.pk}/", {"back": "1"})
    known.refresh_from_db()
    assert known.retired is None
    log = AuditEntry.objects.filter(action__contains="gold").order_by("id").values_list("action", flat=True)
    assert list(log) == ["set gold", "change gold", "retire gold", "bring back gold"]


def test_gold_over_rest(project: Project, item: Item, lea: User, ann: User, api: Api) -> None:
    lead = api(lea)
    made = lead.post(REST, {"item": item.pk, "label": "good", "explanation": "why"}, format="json")
    assert (made.status_code, made.json()["label"], made.json()["origin"]) == (201, "good", "set")
    assert lead.post(REST, {"item": item.pk, "label": "good"}, format="json").status_code == 400
    assert lead.post(REST, {"item": item.pk + 99, "label": "good"}, format="json").status_code == 404
    assert lead.post(REST, {"item": item.pk + 1, "label": "ugly"}, format="json").json()["errors"][0] == {
        "field": "label",
        "message": "This project has no label “ugly”.",
    }
    address = f"/api/v1/gold/{made.json()['id']}/"
    assert api(ann).patch(address, {"label": "bad"}, format="json").status_code == 403
    changed = lead.patch(address, {"label": "bad", "retired": True}, format="json").json()
    assert (changed["label"], changed["explanation"], changed["retired"] is not None) == ("bad", "why", True)
    assert lead.patch(address, {"retired": False}, format="json").json()["retired"] is None
    assert [row["item_id"] for row in lead.get(REST).json()["results"]] == [item.pk]


def test_unanimous_texts_are_promoted_by_a_job_and_decided_ones_at_once(
    project: Project,
    item: Item,
    lea: User,
    ann: User,
    ben: User,
    ada: User,
    api: Api,
    page: Page,
    work: Callable[[], list[Job]],
) -> None:
    for user in (ann, ben, ada):
        for lease, label in zip(
            take(project, user, 2), ("good", "bad" if user == ann else "good"), strict=True
        ):
            answer(lease, label)
    asked: list[Any] = [
        api(lea).post(f"{REST}promote/", {"source": "unanimous"}, format="json") for _ in "ab"
    ]
    assert [one.status_code for one in asked] == [202, 202]
    assert asked[0].json()["id"] == asked[1].json()["id"]
    assert "Gold from texts with 3 equal answers" in page(lea).get(GOLD).content.decode()
    assert [job.state for job in work()] == ["done"]
    assert GoldItem.objects.get().item_id == item.pk
    other = Item.objects.get(text="text 1")
    case = Case.objects.create(project=project, item=other)
    good = Label.objects.get(name="good")
    Decision.objects.create(case=case, item=other, outcome="label", label=good, decided_by=lea)
    assert "1 text with a final label" in page(lea).get(GOLD).content.decode()
    told = page(lea).post(f"{GOLD}promote/", {"source": "decided"}, follow=True).content.decode()
    assert "1 text that the panel decided is gold" in told
    assert set(GoldItem.objects.values_list("origin", flat=True)) == {"unanimous", "adjudicated"}
    assert api(lea).post(f"{REST}promote/", {"source": "decided"}, format="json").json() == {"promoted": 0}
    for wrong in ({"source": "guess"}, {"source": "unanimous", "at_least": 1}):
        assert api(lea).post(f"{REST}promote/", wrong, format="json").status_code == 400
    assert (
        "Ensure this value"
        in page(lea)
        .post(f"{GOLD}promote/", {"source": "unanimous", "at_least": "1"}, follow=True)
        .content.decode()
    )
