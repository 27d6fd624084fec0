"""A limit, a pause and a changed guideline reach somebody in the middle of the work."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from annotation.models import Annotation, Annotator, Label, Membership, Project, Round, User
from annotation.services.gold import set_gold
from annotation.services.guidelines import publish_guideline
from annotation.services.labels import add_label, change_label
from tests.browser.conftest import violations
from tests.browser.labelling_pages import SignIn, all_saved, begin, put_in_round

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_limit_comes_after_the_text_at_hand_and_ends_while_the_page_waits(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(20)])
    page = sign_in(ann, phone=True)
    begin(page, project)
    Project.objects.update(sitting_minutes=1, break_minutes=5)
    Annotator.objects.update(sitting_seconds=60)
    for key in "12":
        if not page.locator("#text").is_visible():
            break
        page.keyboard.press(key)
        page.wait_for_load_state("networkidle")
    expect(page.locator("h1")).to_have_text("1 minute. Time for a break.")
    go_on = page.locator("#main .acts .pri")
    expect(go_on).to_be_disabled()
    expect(page.locator("#wait")).to_contain_text("in 5 minutes")
    assert violations(page) == []
    assert 1 <= Annotation.objects.count() <= 2
    Annotator.objects.update(active=timezone.now() - timedelta(minutes=5) + timedelta(seconds=2))
    page.reload()
    expect(go_on).to_be_enabled()
    go_on.click()
    expect(page.locator("#text")).to_be_visible()


def test_a_pause_reaches_the_screen_with_its_reason(sign_in: SignIn, project: Project, ann: User) -> None:
    put_in_round(project, [f"Text {n}." for n in range(20)])
    page = sign_in(ann, dark=True)
    begin(page, project)
    page.keyboard.press("1")
    all_saved(page)
    Membership.objects.filter(user=ann).update(
        state="paused", paused=timezone.now(), paused_because="12 of 25 known answers were right."
    )
    page.keyboard.press("2")
    expect(page.locator("h1")).to_have_text("You are paused for now")
    expect(page.locator("main")).to_contain_text("12 of 25 known answers were right.")
    expect(page.locator("#trouble")).to_contain_text("kept in this browser")
    assert violations(page) == []
    page.keyboard.press("g")
    expect(page.locator("#guide")).to_be_visible()
    Membership.objects.filter(user=ann).update(state="active")
    page.reload()
    expect(page.locator("#text")).to_have_text("Text 2.")
    all_saved(page)
    assert Annotation.objects.count() == 2


@pytest.mark.parametrize("phone", [False, True])
def test_a_changed_guideline_is_read_and_then_the_work_goes_on(
    sign_in: SignIn, project: Project, ann: User, olga: User, phone: bool
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(20)])
    page = sign_in(ann, phone=phone)
    begin(page, project)
    publish_guideline(project, olga, "# Weather\n\nIs it good?\n\nFog is bad.", "Fog is bad from now on.")
    page.keyboard.press("1")
    all_saved(page)
    changed = page.get_by_role("heading", name="The guideline has changed")
    # It comes after the text at hand, and a key within a moment of the last one is no answer.
    for _ in range(6):
        page.wait_for_timeout(500)
        if changed.is_visible():
            break
        page.keyboard.press("2")
    expect(changed).to_be_visible()
    expect(page.locator("main")).to_contain_text("Fog is bad from now on.")
    expect(page.locator(".lines .add")).to_have_count(2)
    assert violations(page) == []
    page.get_by_role("button", name="I have read it, go on").click()
    expect(page.locator("#text")).to_be_visible()
    page.keyboard.press("3")
    all_saved(page)
    newest = Annotation.objects.latest("id").guideline
    assert newest is not None
    assert newest.version == 2


def test_known_answers_are_told_where_the_project_tells_and_nowhere_else(
    sign_in: SignIn, project: Project, ann: User, olga: User
) -> None:
    for item in put_in_round(project, [f"Text {n}." for n in range(6)])[:3]:
        set_gold(project, olga, item, label="bad", explanation="Rain was agreed to be bad.")
    Round.objects.update(gold_rate=1, repeat_rate=0)
    page = sign_in(ann, phone=True)
    begin(page, project)
    expect(page.locator("#feedback")).to_have_count(0)
    page.keyboard.press("1")
    all_saved(page)
    assert Annotation.objects.get().kind == "gold"
    assert "agreed" not in page.content()
    Project.objects.update(gold_feedback="explanation")
    begin(page, project)
    page.keyboard.press("1")
    told = page.locator("#feedback")
    expect(told).to_contain_text("Something else was agreed here.")
    expect(told).to_contain_text("Rain was agreed to be bad.")
    expect(told).to_contain_text("0 of 2 known answers were right; this project asks for 70%.")
    assert violations(page) == []
    told.get_by_role("button").click()
    expect(told).to_be_hidden()


def test_changed_labels_reach_the_screen_with_the_next_text(
    sign_in: SignIn, project: Project, ann: User, olga: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(20)])
    page = sign_in(ann)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    change_label(Label.objects.get(name="bad"), olga, {"name": "wet"})
    add_label(project, olga, name="foggy", hotkey="4")
    page.keyboard.press("2")  # as the screen has it: “bad”
    foggy, text = page.get_by_role("button", name="foggy"), page.locator("#text")
    for key in "13131313":  # the change comes after the text at hand; the next ones were there before
        if foggy.is_visible():
            break
        before = text.text_content() or ""
        page.keyboard.press(key)
        expect(text).not_to_have_text(before)
    expect(foggy).to_be_visible()
    expect(page.locator("#said")).to_contain_text("have changed")
    page.keyboard.press("4")
    all_saved(page)
    expect(page.locator("#trouble")).to_be_hidden()
    given = list(Annotation.objects.order_by("id").values_list("label__name", flat=True))
    assert (given[0], given[-1]) == ("wet", "foggy")
