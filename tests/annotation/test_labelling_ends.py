"""The pages in place of a text: limits, pause, quota, and a guideline to read first; and several labels as a form."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotation.models import Annotation, Annotator, GuidelineRead, Membership, Project, Round, User
from annotation.services.gold import set_gold
from annotation.services.guidelines import publish_guideline
from tests.annotation.labelling_steps import fill
from tests.annotation.test_labelling_page import PATH, fields

pytestmark = pytest.mark.django_db
Page = Callable[[User | None], Client]


def shown(browser: Client) -> str:
    return browser.get(PATH).content.decode()


def answer(browser: Client, **sent: object) -> str:
    """What the page says after the form was sent."""
    return browser.post(PATH, fields(shown(browser)) | sent, follow=True).content.decode()


def test_several_labels_are_a_form_without_a_script(project: Project, ann: User, page: Page) -> None:
    Project.objects.update(task="multilabel")
    fill(project, 4)
    browser = page(ann)
    assert 'type="checkbox" name="labels" value="good"' in shown(browser)
    answer(browser, labels=["neither", "good"])
    assert sorted(Annotation.objects.get().labels or []) == sorted(
        project.labels.filter(name__in=["good", "neither"]).values_list("pk", flat=True)
    )
    assert "Choose the labels that fit" in answer(browser)
    assert "Choose the labels that fit" in answer(browser, none="on", labels=["bad"])
    assert Annotation.objects.count() == 1
    answer(browser, none="on")
    newest = Annotation.objects.latest("id")
    assert newest.labels == []
    again = browser.get(f"{PATH}?answer={newest.pk}").content.decode()
    assert re.search(r'name="none" value="on" checked', again)
    browser.post(PATH, fields(again) | {"labels": ["bad"]})
    newest.refresh_from_db()
    assert newest.labels == [project.labels.get(name="bad").pk]


def test_more_than_twelve_labels_are_a_list_that_is_a_form_too(
    project: Project, ann: User, page: Page
) -> None:
    project.labels.bulk_create(
        type(project.labels.get(name="good"))(project=project, name=f"topic {n}", position=9 + n)
        for n in range(12)
    )
    fill(project, 2)
    browser = page(ann)
    assert "15 labels" in shown(browser)
    answer(browser, label="topic 7")
    assert Annotation.objects.get().label_name == "topic 7"


def test_confidence_is_asked_and_kept_where_the_project_wants_it(
    project: Project, ann: User, page: Page
) -> None:
    fill(project, 2)
    browser = page(ann)
    assert 'name="confidence"' not in shown(browser)
    Project.objects.update(asks_confidence=True, asks_difficulty=False)
    assert 'name="confidence"' in shown(browser)
    assert 'name="difficulty"' not in shown(browser)
    answer(browser, label="good", confidence="2")
    assert Annotation.objects.get().confidence == 2


def test_spans_without_a_script_are_refused_and_nothing_is_stored(
    project: Project, ann: User, page: Page
) -> None:
    Project.objects.update(task="spans")
    fill(project, 2)
    browser = page(ann)
    assert "needs JavaScript" in answer(browser)
    assert not Annotation.objects.exists()


def test_a_reached_limit_says_when_to_come_back(project: Project, ann: User, page: Page) -> None:
    fill(project, 9)
    browser = page(ann)
    answer(browser, label="good")
    Project.objects.update(sitting_minutes=45, break_minutes=10)
    now = timezone.now()
    Annotator.objects.filter(user=ann).update(
        active=now, sitting_seconds=2700, day=now.date(), day_seconds=2700, total_seconds=2700
    )
    at_limit = shown(browser)
    assert "45 minutes. Time for a break." in at_limit
    until = re.search(r'id="go-on" data-from="([^"]+)"', at_limit)
    assert until
    assert until[1].startswith((now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M"))
    Project.objects.update(sitting_minutes=None, day_minutes=45)
    assert "That is all for today." in shown(browser)
    Project.objects.update(day_minutes=None, total_minutes=45)
    at_end = shown(browser)
    assert "all the time that was asked of you" in at_end
    assert "go-on" not in at_end
    Project.objects.update(total_minutes=46)
    assert 'id="text"' in shown(browser)


def test_a_pause_gives_its_reason(project: Project, ann: User, lea: User, page: Page) -> None:
    fill(project, 2)
    browser = page(ann)
    answer(browser, label="good")
    Membership.objects.filter(user=ann).update(
        state="paused",
        paused=timezone.now(),
        paused_by=lea,
        paused_because="Talk to me about <sarcasm> first.",
    )
    paused = shown(browser)
    assert "You are paused for now" in paused
    assert "Talk to me about &lt;sarcasm&gt; first." in paused
    assert "by Lea" in paused
    assert "All your answers are kept" in paused


def test_a_quota_that_is_reached_is_the_end(project: Project, ann: User, page: Page) -> None:
    fill(project, 9)
    Membership.objects.filter(user=ann).update(quota=2)
    browser = page(ann)
    assert "0 of 2" in shown(browser)
    answer(browser, label="good")
    assert "You have answered the 2 texts asked of you" in answer(browser, label="good")


def test_a_changed_guideline_is_read_before_the_next_text(
    project: Project, ann: User, olga: User, page: Page
) -> None:
    fill(project, 9)
    browser = page(ann)
    answer(browser, label="good")
    publish_guideline(project, olga, "# Weather\n\nIs it very good?", "Only very good counts.")
    publish_guideline(
        project, olga, "# Weather\n\nIs it very good? <b>Drizzle</b> is bad.", "Drizzle is bad."
    )
    changed = shown(browser)
    assert "The guideline has changed" in changed
    assert "You have read v1, and v3 is out" in changed
    assert "Only very good counts." in changed
    assert "<ins>very</ins>" in changed
    assert "&lt;b&gt;Drizzle&lt;/b&gt;" in changed
    assert 'id="text"' not in changed
    address = f"{PATH}read/"
    assert browser.post(address, {"version": "99"}).status_code == 404
    assert browser.post(address, {"version": "x"}).status_code == 404
    assert browser.get(address).status_code == 405
    after = browser.post(address, {"version": "3"}, follow=True).content.decode()
    assert 'id="text"' in after
    assert GuidelineRead.objects.get().guideline.version == 3
    answer(browser, label="bad")
    newest = Annotation.objects.latest("id").guideline
    assert newest is not None
    assert newest.version == 3


def test_a_known_answer_is_told_without_a_script_too(
    project: Project, ann: User, olga: User, page: Page
) -> None:
    item = fill(project, 4).round_items.order_by("position")[0].item
    set_gold(project, olga, item, label="bad")
    Round.objects.update(gold_rate=1, repeat_rate=0)
    browser = page(ann)
    Project.objects.update(gold_feedback="hint")
    assert "Something else was agreed for this text. bad: fits." in answer(browser, label="good")
