"""Where things stand on the labelling screen, whatever the length of texts and names: in sight, and in their place."""

import pytest
from playwright.sync_api import Locator, Page, expect

from annotation.models import Annotation, Item, Label, Project, User
from tests.browser.conftest import PHONE, violations
from tests.browser.labelling_pages import SignIn, add_labels, begin, put_in_round

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "the long way home " * 400
WIDTH = "document.documentElement.scrollWidth"
PLACE = "(part) => part.getBoundingClientRect().top + scrollY"  # on the page, however far it is scrolled


def top(of: Locator) -> float:
    box = of.bounding_box()
    assert box is not None
    return box["y"]


def bottom(of: Locator) -> float:
    box = of.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def middle_of_a_long_text(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 1500)")
    expect(page.locator("#text")).to_be_in_viewport()


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize("more", [0, 30])
def test_labels_and_tools_stay_in_sight_beside_a_long_text(
    sign_in: SignIn, project: Project, ann: User, task: str, more: int, phone: bool
) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    add_labels(project, more)
    put_in_round(project, [LONG, "Short."])
    page = sign_in(ann, phone=phone)
    begin(page, project)
    middle_of_a_long_text(page)
    label = page.locator(".lab", has_text="good").first
    expect(label).to_be_in_viewport(ratio=1)
    if not more or phone:
        expect(page.locator("[data-act=skip]")).to_be_in_viewport(ratio=1)
    if task == "multilabel":
        expect(page.locator("[data-send]")).to_be_in_viewport(ratio=1)
    assert violations(page) == []
    label.tap() if phone else label.click()
    if task == "multilabel":
        page.locator("[data-send]").click()
    expect(page.locator("#text")).to_have_text("Short.")
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("phone", [False, True])
def test_many_labels_leave_most_of_the_screen_to_the_text_that_is_marked(
    sign_in: SignIn, project: Project, ann: User, phone: bool
) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    add_labels(project, 60)
    put_in_round(project, [LONG])
    page = sign_in(ann, phone=phone)
    begin(page, project)
    middle_of_a_long_text(page)
    height = page.viewport_size["height"] if page.viewport_size else 0
    assert bottom(page.locator(".palette")) < height * 0.4
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    cursor = page.locator("#text .tok.cur")
    assert bottom(page.locator(".palette")) <= top(cursor) < height - 60


@pytest.mark.parametrize("task", ["classification", "multilabel", "spans"])
def test_a_long_name_stays_within_its_button(sign_in: SignIn, project: Project, ann: User, task: str) -> None:
    Project.objects.filter(pk=project.pk).update(task=task, name="A project of many words " * 5)
    Label.objects.filter(project=project, name="bad").update(name="W" * 100)
    Label.objects.filter(project=project, name="neither").update(name="neither of the two " * 5)
    put_in_round(project, ["Short.", "Also short."])
    page = sign_in(ann, phone=True)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(WIDTH) == PHONE["width"]
    for button in page.locator(".palette .chip, .labs .lab").all():
        assert button.evaluate("(b) => b.scrollWidth <= b.clientWidth")


@pytest.mark.parametrize("phone", [False, True])
def test_long_metadata_and_names_move_nothing(
    sign_in: SignIn, project: Project, ann: User, phone: bool
) -> None:
    items = put_in_round(project, ["First.", "Second."])
    page = sign_in(ann, phone=phone)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollHeight") == page.viewport_size["height"]  # type: ignore[index]
    before = [page.locator(part).evaluate(PLACE) for part in (".item", "#answer")]
    Project.objects.filter(pk=project.pk).update(name="A project of many words " * 5)
    long = {"a": "forty characters of metadata, all of it.", "b": "w" * 40, "c": "x" * 40}
    Item.objects.filter(pk__in=[item.pk for item in items]).update(meta=long)
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#about")).to_contain_text("forty characters")
    assert [page.locator(part).evaluate(PLACE) for part in (".item", "#answer")] == before


@pytest.mark.parametrize("phone", [False, True])
def test_several_of_many_labels_are_sent_without_a_script(
    sign_in: SignIn, project: Project, ann: User, phone: bool
) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    add_labels(project, 30)
    put_in_round(project, ["Short.", "Also short."])
    page = sign_in(ann, phone=phone)
    page.route("**/*.js", lambda route: route.abort())
    begin(page, project)
    page.locator(".lab", has_text="Topic 07").click()
    page.locator("[data-send]").click()
    expect(page.locator(".toast")).to_have_text("Topic 07. Saved.")
    answer = Annotation.objects.get()
    assert list(Label.objects.filter(pk__in=answer.labels or []).values_list("name", flat=True)) == [
        "Topic 07"
    ]


@pytest.mark.parametrize("end", [False, True])
def test_what_stands_at_the_end_of_the_bar_is_there_on_a_phone(
    sign_in: SignIn, project: Project, ann: User, end: bool
) -> None:
    if not end:
        put_in_round(project, ["Short."])
    page = sign_in(ann, phone=True)
    page.goto(f"/projects/{project.slug}/annotate/")
    page.wait_for_load_state("networkidle")
    guideline = page.locator(".bar button.phone").bounding_box()
    assert guideline is not None
    assert guideline["x"] + guideline["width"] > PHONE["width"] - 16
    if not end:  # how much is done comes first, as in the bar under it
        mine, minutes = (page.locator(".gauge.phone > span").nth(at).bounding_box() for at in (1, 0))
        assert mine is not None
        assert minutes is not None
        assert mine["x"] < minutes["x"]


def test_without_a_connection_nothing_is_said_to_be_on_its_way(
    sign_in: SignIn, project: Project, ann: User
) -> None:
    put_in_round(project, ["Short."])
    page = sign_in(ann)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.keyboard.press("1")
    expect(page.locator("#waiting")).to_contain_text("There is no connection.")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="All done.")).to_be_visible()


def test_the_count_of_chosen_labels_stands_beside_send(sign_in: SignIn, project: Project, ann: User) -> None:
    Project.objects.filter(pk=project.pk).update(
        task="multilabel", asks_difficulty=True, asks_confidence=True
    )
    put_in_round(project, ["Short."])
    page = sign_in(ann)
    begin(page, project)
    page.wait_for_load_state("networkidle")
    send, chosen = page.locator("[data-send]").bounding_box(), page.locator("#chosen").bounding_box()
    assert send is not None
    assert chosen is not None
    assert chosen["x"] + chosen["width"] <= send["x"]
    assert send["y"] <= chosen["y"] + chosen["height"] / 2 <= send["y"] + send["height"]
    form = page.locator("#answer").bounding_box()
    assert form is not None
    assert send["x"] + send["width"] == pytest.approx(form["x"] + form["width"], abs=1)
