"""An annotator at work, by keyboard alone."""

import pytest
from playwright.sync_api import expect

from annotation.models import Annotation, Flag, Item, Project, Round, RoundItem, User
from tests.browser.conftest import violations
from tests.browser.labelling_pages import SignIn, all_saved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def texts(project: Project) -> list[Item]:
    """Thirty texts in the open round."""
    made = Round.objects.get(project=project)
    items = Item.objects.bulk_create(
        Item(project=project, text=f"Text number {n} about the weather of today.", digest=f"{n:032x}")
        for n in range(30)
    )
    RoundItem.objects.bulk_create(
        RoundItem(round=made, item=item, position=at, overlap=3, open_slots=3)
        for at, item in enumerate(items)
    )
    Round.objects.filter(pk=made.pk).update(items_total=30)
    return items


def test_from_signing_in_twenty_texts_are_labelled_by_keyboard_only(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User, otto: User
) -> None:
    page = sign_in(otto)
    page.context.clear_cookies()
    page.goto(f"/projects/{project.slug}/annotate/")
    expect(page.locator("input[name=login]")).to_be_focused()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not violations(page)
    page.keyboard.type(ann.username)
    page.keyboard.press("Tab")
    expect(page.locator("input[name=password]")).to_be_focused()
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url("**/annotate/")  # until its script has run
    seen = []
    for n in range(20):
        text = page.locator("#text")
        expect(text).to_contain_text("Text number")
        seen.append(text.inner_text())
        page.keyboard.press("123"[n % 3])
        expect(text).not_to_have_text(seen[-1])
    all_saved(page)
    given = Annotation.objects.filter(annotator__user=ann).select_related("item", "label").order_by("id")
    assert [answer.item.text for answer in given] == seen
    assert [answer.label_name for answer in given] == [["good", "bad", "neither"][n % 3] for n in range(20)]
    assert not violations(page)


def test_a_text_that_comes_a_second_time_has_no_answer_beside_it(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User
) -> None:
    Project.objects.filter(pk=project.pk).update(repeat_distance=2)
    Round.objects.filter(project=project).update(gold_rate=0, repeat_rate=1)
    page = sign_in(ann)
    page.goto(f"/projects/{project.slug}/annotate/")
    text, seen = page.locator("#text"), list[str]()
    while len(seen) == len(set(seen)):
        expect(text).to_contain_text("Text number")
        seen.append(text.inner_text())
        if len(seen) == len(set(seen)):
            page.keyboard.press("123"[len(seen) % 3])
            expect(text).not_to_have_text(seen[-1])
    walked = []
    for _ in seen:  # back through what was answered
        page.keyboard.press("ArrowLeft")
        walked.append(text.inner_text())
    assert len(set(walked)) == len(seen) - 2
    assert seen[-1] not in walked


def test_the_last_answer_is_taken_back_and_given_anew(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User
) -> None:
    page = sign_in(ann)
    page.goto(f"/projects/{project.slug}/annotate/")
    first = page.locator("#text").inner_text()
    page.keyboard.press("1")
    expect(page.locator("#text")).not_to_have_text(first)
    page.keyboard.press("z")
    expect(page.locator("#text")).to_have_text(first)
    page.keyboard.press("2")
    expect(page.locator("#text")).not_to_have_text(first)
    all_saved(page)
    answer = Annotation.objects.get(annotator__user=ann)
    assert answer.label_name == "bad"
    assert [version.label_name for version in answer.versions.all()] == ["good"]


def test_a_text_is_flagged_by_keyboard(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User
) -> None:
    page = sign_in(ann)
    page.goto(f"/projects/{project.slug}/annotate/")
    text = page.locator("#text").inner_text()
    page.keyboard.press("f")
    page.keyboard.press("u")
    page.keyboard.press("2")  # an answer now would leave the flag behind
    expect(page.locator("#said")).to_contain_text("Enter flags the text")
    expect(page.locator("#text")).to_have_text(text)
    page.keyboard.press("Enter")
    expect(page.locator("#flag")).not_to_have_attribute("open", "")
    page.keyboard.press("2")
    expect(page.locator("#text")).not_to_have_text(text)
    all_saved(page)
    flag = Flag.objects.get()
    assert (flag.kind, flag.item.text, flag.user) == ("unsolvable", text, ann)
    assert Annotation.objects.get().item == flag.item


def test_answers_given_without_a_connection_are_sent_when_it_is_back(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User
) -> None:
    page = sign_in(ann)
    page.goto(f"/projects/{project.slug}/annotate/")
    first = page.locator("#text").inner_text()
    page.context.set_offline(True)
    page.keyboard.press("1")
    expect(page.locator("#text")).not_to_have_text(first)
    expect(page.locator("#saved")).not_to_have_text("Saved")
    assert not Annotation.objects.exists()
    page.context.set_offline(False)
    all_saved(page)
    assert Annotation.objects.get().item.text == first


def test_a_reload_brings_the_same_text_back(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User
) -> None:
    page = sign_in(ann)
    page.goto(f"/projects/{project.slug}/annotate/")
    text = page.locator("#text").inner_text()
    page.reload()
    expect(page.locator("#text")).to_have_text(text)


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, False), (False, True)])
def test_axe_finds_nothing_wrong_with_the_annotation_screen(
    sign_in: SignIn, project: Project, texts: list[Item], ann: User, dark: bool, phone: bool
) -> None:
    page = sign_in(ann, dark=dark, phone=phone)
    page.goto(f"/projects/{project.slug}/annotate/")
    assert violations(page) == []
    page.keyboard.press("f")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    assert violations(page) == []
