"""The annotate page as a plain form: what a browser without a script can do."""

import re
import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import (
    Annotation,
    AnnotationVersion,
    Assignment,
    Flag,
    Item,
    Label,
    Membership,
    Project,
    Round,
    RoundItem,
    User,
)
from annotation.services import labelling
from annotation.services.guidelines import publish_guideline
from annotation.services.items import delete_items, exclude_items
from annotation.views.annotate import AHEAD
from tests.annotation.labelling_steps import answer, expire, fill, take

pytestmark = pytest.mark.django_db
Page = Callable[[User | None], Client]
PATH = "/projects/weather/annotate/"


def fields(html: str) -> dict[str, str]:
    """The hidden fields of the page's forms."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))


def test_a_text_is_answered_and_the_next_one_comes(project: Project, ann: User, page: Page) -> None:
    fill(project, 2)
    browser = page(ann)
    shown = browser.get(PATH).content.decode()
    assert "text 0" in shown
    assert all(f'value="{name}"' in shown for name in ("good", "bad", "neither"))
    sent = fields(shown) | {"label": "bad", "comment": "rather so", "difficulty": "3"}
    after = browser.post(PATH, sent, follow=True).content.decode()
    stored = Annotation.objects.get()
    assert (stored.label_name, stored.comment, stored.difficulty) == ("bad", "rather so", 3)
    assert "text 1" in after
    browser.post(PATH, sent)
    assert Annotation.objects.count() == 1


def test_reloading_brings_the_same_text(project: Project, ann: User, page: Page) -> None:
    fill(project, 5)
    browser = page(ann)
    first, again = (fields(browser.get(PATH).content.decode()) for _ in range(2))
    assert first["assignment"] == again["assignment"]
    assert Assignment.objects.count() == AHEAD


def test_an_own_answer_is_opened_again_and_revised(
    project: Project, ann: User, ben: User, page: Page
) -> None:
    fill(project, 1)
    browser = page(ann)
    browser.post(PATH, fields(browser.get(PATH).content.decode()) | {"label": "good"})
    made = Annotation.objects.get()
    shown = browser.get(f"{PATH}?answer={made.pk}").content.decode()
    assert re.search(r'value="good"[^>]*aria-pressed="true"', shown)
    browser.post(PATH, fields(shown) | {"label": "neither"})
    made.refresh_from_db()
    assert made.label_name == "neither"
    assert AnnotationVersion.objects.get().label_name == "good"
    assert page(ben).get(f"{PATH}?answer={made.pk}").status_code == 404
    assert browser.get(f"{PATH}?answer=x").status_code == 404


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_going_back_and_answering_otherwise_never_says_saved(
    project: Project, ann: User, page: Page, task: str
) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    name = {"classification": "label", "multilabel": "labels"}[task]
    fill(project, 2)
    browser = page(ann)
    sent = fields(browser.get(PATH).content.decode())
    browser.post(PATH, sent | {name: "good"}, follow=True)
    again = browser.post(PATH, sent | {name: "good"}, follow=True).content.decode()
    assert "good. Saved." in again
    otherwise = browser.post(PATH, sent | {name: "bad"}, follow=True).content.decode()
    assert "“good” stays" in otherwise
    assert "bad. Saved." not in otherwise
    stored, good = Annotation.objects.get(), Label.objects.get(name="good").pk
    assert good == stored.label_id if task == "classification" else [good] == stored.labels


@pytest.mark.parametrize("gone", ["deleted", "excluded"])
def test_an_answer_to_a_text_that_was_taken_out_says_so(
    project: Project, ann: User, lea: User, page: Page, gone: str
) -> None:
    fill(project, 2)
    browser = page(ann)
    sent = fields(browser.get(PATH).content.decode()) | {"label": "good"}
    out = Item.objects.filter(pk=sent["item"])
    if gone == "deleted":
        delete_items(project, lea, out)
    else:
        exclude_items(project, lea, out, "spam")
    told = browser.post(PATH, sent, follow=True).content.decode()
    assert "taken this text out" in told
    assert "text 1" in told
    assert not Annotation.objects.exists()
    check_slots_of_living()


def check_slots_of_living() -> None:
    """Texts that are out have no open slots; the others keep the invariant."""
    for place in RoundItem.objects.select_related("item"):
        if place.item.deleted or place.item.excluded:
            assert place.open_slots == 0
        else:
            live = Assignment.objects.filter(item=place.item_id, state="leased").count()
            assert place.open_slots == place.overlap - place.answers - live


def test_absurd_ids_are_not_found(project: Project, ann: User, page: Page) -> None:
    fill(project, 1)
    browser = page(ann)
    for absurd in ("9" * 5000, "-1", "²", "1" * 19):
        assert browser.get(f"{PATH}?answer={absurd}").status_code == 404
        for act in ("skip", "suggestion"):
            assert browser.post(f"{PATH}{act}/", {"assignment": absurd}).status_code == 404


def test_skip_and_flag_are_forms(project: Project, ann: User, page: Page) -> None:
    fill(project, 2)
    browser = page(ann)
    sent = fields(browser.get(PATH).content.decode())
    browser.post(f"{PATH}flag/", {"item": sent["item"], "kind": "ambiguous", "note": "both fit"})
    assert Flag.objects.get().note == "both fit"
    after = browser.post(f"{PATH}skip/", {"assignment": sent["assignment"]}, follow=True).content.decode()
    assert "text 1" in after
    refused = browser.post(
        f"{PATH}flag/", {"item": sent["item"], "kind": "other"}, follow=True
    ).content.decode()
    assert "Say in a few words" in refused
    assert Flag.objects.count() == 1


def test_wrong_fields_are_told_on_the_page(project: Project, ann: User, page: Page) -> None:
    fill(project, 1)
    browser = page(ann)
    sent = fields(browser.get(PATH).content.decode())
    after = browser.post(PATH, sent | {"label": "no such"}, follow=True).content.decode()
    assert "no label" in after
    assert "Nothing was saved" in browser.post(PATH, sent | {"label": ""}, follow=True).content.decode()
    assert browser.post(PATH, {"assignment": "9999", "key": uuid.uuid4(), "label": "good"}).status_code == 404
    assert browser.post(f"{PATH}skip/", {"assignment": "x"}).status_code == 404
    assert not Annotation.objects.exists()


def test_a_long_comment_anothers_text_a_late_answer_and_a_closed_round_store_nothing(
    project: Project, ann: User, ben: User, page: Page
) -> None:
    made = fill(project, 1, overlap=1)
    browser = page(ann)
    sent = fields(browser.get(PATH).content.decode()) | {"label": "good"}
    assert page(ben).post(PATH, sent).status_code == 404
    long = browser.post(PATH, sent | {"comment": "x" * 10_000_000}, follow=True)
    assert "Nothing was saved" in long.content.decode()
    assert not Annotation.objects.exists()
    expire(Assignment.objects.get(annotator__user=ann))
    labelling.return_expired_leases()
    (others,) = take(project, ben)
    late = browser.post(PATH, sent, follow=True).content.decode()
    assert "Your time for this text ran out" in late
    answer(others)
    assert "Your time for this text ran out" in browser.post(PATH, sent, follow=True).content.decode()
    Round.objects.filter(pk=made.pk).update(state="closed")
    assert "is closed" in browser.post(PATH, sent, follow=True).content.decode()
    assert Annotation.objects.get().annotator.user == ben


def test_the_end_of_work_says_why(project: Project, ann: User, page: Page) -> None:
    browser = page(ann)
    assert "nothing to label yet" in browser.get(PATH).content.decode()
    fill(project, 1)
    browser.post(PATH, fields(browser.get(PATH).content.decode()) | {"label": "good"})
    assert "All done" in browser.get(PATH).content.decode()
    Round.objects.update(state="closed")
    assert "round is closed" in browser.get(PATH).content.decode()
    Membership.objects.filter(user=ann).update(state="paused")
    assert "You are paused" in browser.get(PATH).content.decode()


def test_guideline_and_texts_are_harmless(project: Project, ann: User, olga: User, page: Page) -> None:
    made = fill(project, 1)
    item = made.round_items.get().item
    item.text = "</script><script>alert(1)</script> & <b>bold</b>"
    item.meta = {"a": "<i>x</i>", "b": {"deep": 1}, "c": "y" * 100}
    item.save()
    publish_guideline(project, olga, "# Say **good**\n\n<script>alert(2)</script>")
    shown = page(ann).get(PATH).content.decode()
    assert "<script>alert" not in shown
    assert "<strong>good</strong>" in shown
    assert "&lt;i&gt;x&lt;/i&gt;" in shown
    assert "style=" not in shown


def test_outsiders_and_strangers_see_nothing(project: Project, otto: User, page: Page) -> None:
    assert page(otto).get(PATH).status_code == 404
    assert page(None).get(PATH).status_code == 302


def test_the_number_of_statements_does_not_grow(project: Project, ann: User, page: Page) -> None:
    counted = []
    browser = page(ann)
    for n in (8, 40):  # enough for the text at hand and those after it
        fill(project, n)
        for _ in range(2):
            browser.post(PATH, fields(browser.get(PATH).content.decode()) | {"label": "good"})
        with CaptureQueriesContext(connection) as asked:
            browser.get(PATH)
        counted.append(len(asked))
    assert counted[0] == counted[1]
