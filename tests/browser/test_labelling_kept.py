"""Nothing that was pressed is lost: without a connection, with a closed tab, with two tabs, and when it is refused."""

import pytest
from playwright.sync_api import expect

from annotation.models import Annotation, Membership, Project, Round, User
from tests.browser.conftest import violations
from tests.browser.labelling_pages import SignIn, all_saved, begin, put_in_round

pytestmark = pytest.mark.django_db(transaction=True)


def test_answers_of_a_closed_tab_are_sent_from_the_next_page_in_their_order(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    expect(page.locator("#text")).to_have_text("Text 0.")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    for key, after in [("1", "Text 1."), ("2", "Text 2.")]:
        page.keyboard.press(key)
        expect(page.locator("#text")).to_have_text(after)
    expect(page.locator("#saved")).to_contain_text("Waiting for connection")
    another = page.context.new_page()
    page.close()
    assert not Annotation.objects.exists()
    another.context.set_offline(False)
    another.goto(f"/projects/{project.slug}/")
    expect(another.locator("h1")).to_be_visible()
    begin(another, project)
    expect(another.locator("#text")).to_have_text("Text 2.")
    all_saved(another)
    given = Annotation.objects.order_by("id").values_list("item__text", "label__name")
    assert list(given) == [("Text 0.", "good"), ("Text 1.", "bad")]


def test_a_refused_answer_is_shown_until_its_author_puts_it_aside(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    page.context.set_offline(True)
    page.keyboard.press("2")
    expect(page.locator("#text")).to_have_text("Text 1.")
    Round.objects.update(state="closed")
    page.context.set_offline(False)
    alarm = page.locator("#trouble")
    expect(alarm).to_contain_text("is closed")
    expect(alarm).to_contain_text("“Text 0.”")
    expect(alarm).to_contain_text("You had answered “bad”")
    page.goto(f"/projects/{project.slug}/annotate/")
    expect(page.locator("#trouble")).to_contain_text("“Text 0.”")
    assert violations(page) == []
    Round.objects.update(state="open")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#text")).to_have_text("Text 1.")
    assert Annotation.objects.get().label_name == "bad"


def test_two_tabs_do_not_ask_the_same_text_twice(sign_in: SignIn, project: Project, ann: User) -> None:
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    other = page.context.new_page()
    begin(other, project)
    expect(other.locator("#text")).to_have_text("Text 0.")
    page.keyboard.press("1")
    expect(other.locator("#text")).to_have_text("Text 1.")
    other.keyboard.press("2")
    expect(page.locator("#text")).to_have_text("Text 2.")
    all_saved(page)
    all_saved(other)
    given = Annotation.objects.order_by("id").values_list("item__text", "label__name")
    assert list(given) == [("Text 0.", "good"), ("Text 1.", "bad")]
    expect(page.locator("#trouble")).to_be_hidden()


def test_what_is_begun_outlives_a_reload(sign_in: SignIn, project: Project, ann: User) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    put_in_round(project, ["One two three.", "Four five six."])
    page = sign_in(ann)
    begin(page, project)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    page.keyboard.press("c")
    page.keyboard.type("not sure")
    page.reload()
    expect(page.locator("#count")).to_have_text("1 marked")
    expect(page.locator("#cm")).to_have_value("not sure")
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_contain_text("Four")
    expect(page.locator("#cm")).to_have_value("")
    all_saved(page)
    answer = Annotation.objects.get()
    assert answer.comment == "not sure"
    assert [answer.item.text[start:end] for start, end, _ in answer.spans or []] == ["two"]


def test_who_is_signed_out_is_told_and_loses_nothing_when_they_sign_in_again_elsewhere(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    page.context.clear_cookies()
    for key, after in [("1", "Text 1."), ("2", "Text 2.")]:
        page.keyboard.press(key)
        expect(page.locator("#text")).to_have_text(after)
    alarm = page.locator("#trouble")
    expect(alarm).to_contain_text("You are signed out. What is not saved yet is kept in this browser")
    expect(page.locator("#saved")).to_contain_text("Not saved")
    assert violations(page) == []
    assert not Annotation.objects.exists()
    other = page.context.new_page()
    other.goto(alarm.get_by_role("link", name="Sign in").get_attribute("href") or "")
    other.fill("input[name=login]", ann.username)
    other.fill("input[name=password]", "correct horse")
    other.press("input[name=password]", "Enter")
    expect(other.locator("#text")).to_have_text("Text 2.")
    all_saved(other)
    all_saved(page)
    expect(alarm).to_be_hidden()
    page.keyboard.press("3")  # the token of this page is over
    expect(page.locator("#text")).to_have_text("Text 3.")
    all_saved(page)
    given = Annotation.objects.order_by("id").values_list("item__text", "label__name")
    assert list(given) == [("Text 0.", "good"), ("Text 1.", "bad"), ("Text 2.", "neither")]


def test_who_is_no_member_any_more_is_told_what_was_not_stored(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    Membership.objects.filter(user=ann).update(state="removed")
    page.keyboard.press("2")
    alarm = page.locator("#trouble")
    expect(alarm).to_contain_text("not a member")
    expect(alarm).to_contain_text("You had answered “bad”")
    assert not Annotation.objects.exists()
    Membership.objects.filter(user=ann).update(state="active")
    alarm.get_by_role("button", name="Try again").click()
    all_saved(page)
    expect(alarm).to_be_hidden()
    assert Annotation.objects.get().label_name == "bad"


def test_what_was_refused_stays_told_when_nothing_more_can_be_fetched(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, ["Text 0."])
    page = sign_in(ann)
    begin(page, project)
    page.evaluate(
        """() => {
            const job = { id: "1", words: "bad", about: "Another text.", detail: "You are not a member of it." };
            localStorage.setItem(`${Outbox.name("ann", "elsewhere")}!:1`, JSON.stringify(job));
            const notices = annotateNotices("elsewhere", "ann");
            notices.outbox("", {});
            notices.halt("There is no such project.", 404);
        }"""
    )
    alarm = page.locator("#trouble")
    expect(alarm).to_contain_text("You had answered “bad”")
    expect(alarm.get_by_role("button", name="Try again")).to_be_visible()
    page.evaluate("""() => annotateNotices("elsewhere", "ann").halt("", 401)""")
    expect(alarm.get_by_role("link", name="Sign in")).to_be_visible()


def test_every_keyboard_has_the_keys(sign_in: SignIn, project: Project, ann: User) -> None:
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    press = "([key, code]) => document.body.dispatchEvent(new KeyboardEvent('keydown', {key, code, bubbles: true}))"
    page.evaluate(press, ["é", "Digit2"])  # French: digits need Shift there
    expect(page.locator("#text")).to_have_text("Text 1.")
    all_saved(page)
    assert Annotation.objects.get().label_name == "bad"
    page.evaluate(press, ["я", "KeyZ"])  # Russian
    expect(page.locator("#text")).to_have_text("Text 0.")
    page.evaluate(press, ["ل", "KeyG"])  # Arabic
    expect(page.locator("#guide")).to_be_visible()
