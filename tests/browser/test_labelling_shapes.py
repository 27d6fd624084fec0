"""Many labels, several labels and marked spans, by keyboard and by mouse."""

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation, Label, Project, User
from tests.browser.conftest import violations
from tests.browser.labelling_pages import MIXED, SignIn, add_labels, all_saved, begin, put_in_round

pytestmark = pytest.mark.django_db(transaction=True)


def labels_of(answer: Annotation) -> list[str]:
    return list(Label.objects.filter(pk__in=answer.labels or []).values_list("name", flat=True))


def marked(answer: Annotation) -> list[tuple[str, str]]:
    """(words, label) of an answer's spans, cut out of the text as Python counts."""
    names = dict(Label.objects.values_list("pk", "name"))
    return [(answer.item.text[start:end], names[label]) for start, end, label in answer.spans or []]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def spans_project(project: Project, *, overlapping: bool = False) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans", overlapping_spans=overlapping)


def test_one_of_many_labels_is_found_by_typing_walked_to_and_found_again_under_its_key(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    add_labels(project, 30)
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann, dark=True)
    begin(page, project)
    press(page, "/")
    page.keyboard.type("topic 2")
    expect(page.locator("#defined")).to_have_text("Topic 20")
    press(page, "ArrowDown")
    expect(page.locator("#definition")).to_contain_text("All that is about topic 21.")
    assert violations(page) == []
    press(page, "Enter")
    expect(page.locator("#text")).to_have_text("Text 1.")
    press(page, "ArrowDown", "Enter")  # lately used, then the first of all
    expect(page.locator("#text")).to_have_text("Text 2.")
    press(page, "1")
    expect(page.locator("#text")).to_have_text("Text 3.")
    all_saved(page)
    given = Annotation.objects.order_by("id")
    assert [answer.label_name for answer in given] == ["Topic 21", "good", "Topic 21"]


def test_several_labels_are_switched_rated_sent_and_revised(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann)
    begin(page, project)
    press(page, "Enter")  # nothing is chosen: nothing is sent
    expect(page.locator("#text")).to_have_text("Text 0.")
    press(page, "1", "2", "3", "2", "Shift+Digit4")
    expect(page.locator("#chosen")).to_have_text("2 chosen")
    assert violations(page) == []
    press(page, "Enter")
    expect(page.locator("#text")).to_have_text("Text 1.")
    press(page, "2", "0")
    expect(page.locator("#chosen")).to_have_text("None of these")
    press(page, "Enter")
    expect(page.locator("#text")).to_have_text("Text 2.")
    press(page, "1", "Backspace")
    expect(page.locator("#chosen")).to_have_text("Choose at least one")
    press(page, "z", "z")
    expect(page.locator("#text")).to_have_text("Text 0.")
    expect(page.locator("#chosen")).to_have_text("2 chosen")
    press(page, "3", "Enter")
    expect(page.locator("#text")).to_have_text("Text 2.")
    all_saved(page)
    first, second = Annotation.objects.order_by("id")
    assert (labels_of(first), first.difficulty) == (["good"], 4)
    assert first.versions.count() == 1
    assert second.labels == []


@pytest.mark.parametrize("phone", [False, True])
def test_nothing_moves_when_labels_are_switched_by_mouse_or_finger(
    sign_in: SignIn, project: Project, ann: User, phone: bool
) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel", asks_confidence=True)
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann, phone=phone)
    begin(page, project)
    page.wait_for_load_state("networkidle")

    def places() -> list[object]:
        everything = page.locator(".lab, .rate, [data-send], .tools > *").all()
        return [one.bounding_box() for one in everything]

    before = places()
    for n, chosen in [(0, "1 chosen"), (1, "2 chosen"), (3, "None of these")]:
        label = page.locator(".lab").nth(n)
        label.tap() if phone else label.click()
        expect(page.locator("#chosen")).to_have_text(chosen)
        assert places() == before


def test_several_of_many_labels_are_switched_in_the_list(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    add_labels(project, 30)
    put_in_round(project, [f"Text {n}." for n in range(9)])
    page = sign_in(ann, phone=True)
    begin(page, project)
    press(page, "/")
    page.keyboard.type("c 07")
    press(page, "Enter", "ArrowDown", "Space")
    expect(page.locator("#chosen")).to_have_text("2 chosen")
    assert violations(page) == []
    press(page, "Enter")
    expect(page.locator("#text")).to_have_text("Text 1.")
    all_saved(page)
    assert labels_of(Annotation.objects.get()) == ["bad", "Topic 07"]


def test_spans_are_marked_by_keyboard_in_a_text_of_many_scripts(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    spans_project(project)
    put_in_round(project, [MIXED, "مكتبة النور في القاهرة", "Nothing here."])
    page = sign_in(ann)
    begin(page, project)
    # Put in as one piece: each child of a text that finds its direction by itself costs a look through the whole text
    expect(page.locator("#text > *")).to_have_count(1)
    press(page, "1")  # the word under the cursor: Zoë
    press(page, "ArrowRight", "2")  # a family of five code points
    press(page, "ArrowRight", "ArrowRight", "Shift+ArrowRight", "3")  # éclair and a flag
    press(page, "ArrowRight", "ArrowRight", "Shift+ArrowRight", "1")  # two Arabic words
    expect(page.locator("#count")).to_have_text("4 marked")
    press(page, "Shift+ArrowRight", "2")  # refused: it would overlap
    expect(page.locator("#toast")).to_contain_text("may not overlap")
    assert violations(page) == []
    press(page, "Enter")
    expect(page.locator("#text")).to_contain_text("القاهرة")
    press(page, "ArrowLeft", "2", "Alt+ArrowLeft")  # onwards is to the left here
    press(page, "Enter")
    expect(page.locator("#text")).to_contain_text("Nothing")
    press(page, "1", "Backspace", "Enter")
    all_saved(page)
    first, second, third = Annotation.objects.order_by("id")
    assert marked(first) == [
        ("Zoë", "good"),
        ("👩‍👩‍👧", "bad"),
        ("e\u0301clair 🇩🇪", "neither"),
        ("مكتبة النور", "good"),
    ]
    assert marked(second) == [("النور في", "bad")]
    assert third.spans == []


def test_spans_are_marked_by_mouse_in_whole_characters_and_changed_in_the_list(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    spans_project(project)
    put_in_round(project, [MIXED, "Nothing here."])
    page = sign_in(ann)
    begin(page, project)
    box = page.locator("#text").evaluate(
        """(box) => {
            const text = box.textContent, at = text.indexOf("paid");
            const place = (unit) => {
              const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
              let node;
              while ((node = walker.nextNode()) && unit >= node.length) unit -= node.length;
              const range = document.createRange();
              range.setStart(node, unit);
              range.setEnd(node, unit + 1);
              return range.getBoundingClientRect();
            };
            const from = place(at), to = place(at + 3);
            return { x0: from.left + 1, x1: to.right - 1, y: from.top + from.height / 2 };
        }"""
    )
    page.mouse.move(box["x0"], box["y"])
    page.mouse.down()
    page.mouse.move(box["x1"], box["y"], steps=4)
    page.mouse.up()
    expect(page.locator("#text .sel")).to_have_text(["paid"])
    page.locator(".palette .chip", has_text="bad").click()
    expect(page.locator("#count")).to_have_text("1 marked")
    # a selection that begins within the letter é and ends within the flag takes both whole
    page.locator("#text").evaluate(
        """(box) => {
            const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT), text = box.textContent;
            const range = document.createRange();
            const set = (name, unit) => {
              walker.currentNode = box;
              let node;
              while ((node = walker.nextNode()) && unit > node.length) unit -= node.length;
              range[name](node, unit);
            };
            set("setStart", text.indexOf("clair") - 1);
            set("setEnd", text.indexOf("clair") + "clair ".length + 2);
            getSelection().removeAllRanges();
            getSelection().addRange(range);
            box.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
        }"""
    )
    expect(page.locator("#text .sel").first).to_be_visible()
    page.locator(".palette .chip", has_text="good").click()
    expect(page.locator("#count")).to_have_text("2 marked")
    page.get_by_label("Label of “paid”").select_option("neither")
    press(page, "Escape")
    page.locator("[data-send]").click()
    expect(page.locator("#text")).to_contain_text("Nothing")
    all_saved(page)
    answer = Annotation.objects.get()
    assert marked(answer) == [("paid", "neither"), ("e\u0301clair 🇩🇪", "good")]
    page.locator("#recent a").first.click()
    page.get_by_role("button", name="Remove neither “paid”").click()
    press(page, "Enter")
    expect(page.locator("#text")).to_contain_text("Nothing")
    all_saved(page)
    answer.refresh_from_db()
    assert marked(answer) == [("e\u0301clair 🇩🇪", "good")]


def test_spans_are_marked_with_one_of_many_labels_found_by_typing(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    spans_project(project)
    add_labels(project, 20)
    put_in_round(project, ["One two three.", "Four five."])
    page = sign_in(ann)
    begin(page, project)
    press(page, "ArrowRight", "/")
    page.keyboard.type("ic 13")
    expect(page.locator(".palette .chip:visible")).to_have_text(["Topic 13"])
    press(page, "Enter")
    expect(page.locator("#count")).to_have_text("1 marked")
    expect(page.locator(".palette .chip:visible")).to_have_count(23)
    assert violations(page) == []
    press(page, "Enter")
    expect(page.locator("#text")).to_contain_text("Four")
    all_saved(page)
    assert marked(Annotation.objects.get()) == [("two", "Topic 13")]
    expect(page.locator(".palette .chip").first).to_have_text("Topic 13")


def test_spans_are_marked_on_a_phone_by_tapping_words(sign_in: SignIn, project: Project, ann: User) -> None:
    spans_project(project)
    put_in_round(project, ["Zoë paid for éclair 🇩🇪 today.", "Nothing here."])
    page = sign_in(ann, phone=True)
    begin(page, project)

    def tap(word: str) -> None:
        page.locator("#text .tok", has_text=word).tap()

    def label(name: str) -> None:
        page.locator(".palette .chip", has_text=name).tap()

    tap("paid")
    tap("éclair")
    expect(page.locator("#text .sel")).to_have_text(["paid", " ", "for", " ", "éclair"])
    tap("for")  # within: from here anew
    expect(page.locator("#text .sel")).to_have_text(["for"])
    tap("éclair")
    label("good")
    tap("Zoë")
    label("bad")
    tap("today")
    tap("today")
    expect(page.locator("#text .sel")).to_have_count(0)
    expect(page.locator("#count")).to_have_text("2 marked")
    assert violations(page, "target-size", "color-contrast") == []
    page.locator("[data-send]").tap()
    expect(page.locator("#text")).to_contain_text("Nothing")
    all_saved(page)
    assert marked(Annotation.objects.get()) == [("Zoë", "bad"), ("for éclair", "good")]


def test_spans_lie_in_lanes_where_they_may_overlap(sign_in: SignIn, project: Project, ann: User) -> None:
    spans_project(project, overlapping=True)
    put_in_round(project, ["I paid 89.90 to Velo Nord in Oslo.", "Nothing here."])
    page = sign_in(ann, dark=True)
    begin(page, project)
    press(page, "ArrowRight", "ArrowRight", "1")  # 89.90
    press(page, "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "2")  # paid … Velo
    expect(page.locator("#text .l2").first).to_be_visible()
    press(page, "Alt+ArrowRight")  # … Nord
    press(page, "Shift+ArrowRight", "3")  # Nord in, across the last one
    expect(page.locator("#count")).to_have_text("3 marked, 2 of them cross")
    assert violations(page) == []
    press(page, "ArrowLeft", "Tab")
    expect(page.locator("#rows [aria-selected=true] select")).to_have_value("neither")
    press(page, "Tab")
    expect(page.locator("#rows [aria-selected=true] select")).to_have_value("bad")
    press(page, "Backspace", "Enter")
    expect(page.locator("#text")).to_contain_text("Nothing")
    all_saved(page)
    assert marked(Annotation.objects.get()) == [("89.90", "good"), ("Nord in", "neither")]


def test_beside_a_long_text_labels_and_spans_stay_in_sight_and_the_next_one_begins_at_its_top(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    spans_project(project)
    put_in_round(project, [f"{n} " + "the long way home " * 400 for n in range(3)])
    page = sign_in(ann)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 1500)")
    expect(page.locator(".palette")).to_be_in_viewport()
    expect(page.locator("[data-send]")).to_be_in_viewport()
    assert violations(page) == []
    for _ in range(120):
        page.keyboard.press("ArrowRight")
    bottom = page.evaluate("document.querySelector('.palette').getBoundingClientRect().bottom")
    at = page.locator("#text .tok.cur").bounding_box()
    assert at is not None
    assert bottom <= at["y"] < 900 - 60  # the cursor is neither under the labels nor under the last texts
    page.locator("[data-send]").click()
    expect(page.locator("#text")).to_contain_text("1 the long")
    assert page.evaluate("scrollY") == 0
