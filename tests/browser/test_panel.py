"""A panel of three at work in the browser: a tie, a decision, a case reopened and sent back to the guideline."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation, Annotator, Guideline, Item, Membership, Project, Role, User
from qc.models import Case, Decision
from qc.services.cases import open_cases
from qc.services.review import change_review_settings
from tests.browser.conftest import violations
from tests.conftest import make_user

SignIn = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)
GUIDELINE = "# Weather\n\n## *Good*\n\nWhat people go out for is **good**.\n\n## Bad\n\nRain is bad."


@pytest.fixture
def cases(project: Project, lea: User) -> list[Case]:
    """Two open cases for three votes each, in a project where a lead ends ties and annotators are told."""
    Guideline.objects.filter(project=project).update(body=GUIDELINE)
    change_review_settings(project, lea, {"tie_rule": "lead", "tells_annotators": True})
    labels = {label.name: label for label in project.labels.all()}
    items = []
    for text in ("Warm rain all day", "A little drizzle"):
        item = Item.objects.create(project=project, text=text, digest=uuid4())
        for name, label in (("Annegret", "good"), ("Benedikt", "bad")):
            author, _ = Annotator.objects.get_or_create(project=project, name=name)
            Annotation.objects.create(
                round=project.rounds.get(), item=item, annotator=author, label=labels[label]
            )
        items.append(item.pk)
    return open_cases(project, lea, items, Case.Source.DISAGREEMENT, 3)


@pytest.fixture
def judges(project: Project) -> list[User]:
    """Three adjudicators."""
    made = [make_user(name) for name in ("eve", "fay", "gus")]
    for user in made:
        Membership.objects.create(project=project, user=user, role=Role.ADJUDICATOR)
    return made


def at_case(page: Page, case: Case) -> None:
    """Opens the case, whose keys work once the scripts are there."""
    page.goto(f"/projects/{case.project.slug}/adjudicate/{case.pk}/")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def cast(page: Page, *keys: str, reason: str = "") -> None:
    """Chooses by these keys, writes the reason and leaves it, and casts."""
    press(page, *keys)
    if reason:
        press(page, "r")
        expect(page.locator("#rationale")).to_be_focused()
        page.keyboard.type(reason)
        press(page, "Escape")
        expect(page.locator("#rationale")).not_to_be_focused()
    with page.expect_navigation():
        press(page, "Enter")


@pytest.mark.parametrize("phone", [False, True])
def test_long_words_stay_in_their_column_and_texts_run_in_their_direction(
    sign_in: SignIn, project: Project, judges: list[User], cases: list[Case], phone: bool
) -> None:
    project.labels.filter(name="good").update(name="W" * 100)
    Guideline.objects.filter(project=project).update(body="# Weather\n\n" + "x" * 300)
    Item.objects.filter(pk=cases[0].item_id).update(text="هل يمكنكم مساعدتي؟")
    judge = sign_in(judges[0], phone=phone)
    at_case(judge, cases[0])
    for part in (".answers li > span", ".prose", ".lab.box"):
        for one in judge.locator(part).all():
            assert one.evaluate("(part) => part.scrollWidth <= Math.max(part.clientWidth, part.offsetWidth)")
    for text in (".casetext", ".queue [aria-current] .clip2"):
        assert judge.locator(text).evaluate("(text) => getComputedStyle(text).direction") == "rtl"
    assert judge.locator(".queue .clip2").last.evaluate("(text) => getComputedStyle(text).direction") == "ltr"


def test_what_was_decided_fits_the_queue_with_its_tally(
    sign_in: SignIn, project: Project, judges: list[User], cases: list[Case]
) -> None:
    name = "Change or cancel an order now"
    project.labels.filter(name="good").update(name=name)
    Case.objects.filter(project=project).update(quorum=1)
    judge = sign_in(judges[0])
    at_case(judge, cases[0])
    cast(judge, "l", "1")
    judge.goto(f"/projects/{project.slug}/adjudicate/?state=decided")
    line = judge.locator(".queue li small")
    expect(line).to_contain_text("1 of 1")
    assert line.evaluate("(line) => line.scrollWidth <= line.clientWidth")
    inside = "(line) => line.getBoundingClientRect().right <= line.closest('.queue').getBoundingClientRect().right - 12"
    assert line.locator("span").last.evaluate(inside)


def test_three_adjudicators_settle_a_tie_and_send_a_reopened_case_to_the_guideline_by_keyboard(
    sign_in: SignIn, project: Project, lea: User, judges: list[User], cases: list[Case]
) -> None:
    first, second = cases
    eve, fay, gus = [sign_in(judge) for judge in judges]
    eve.goto(f"/projects/{project.slug}/adjudicate/")
    expect(eve.locator(".casetext")).to_have_text("Warm rain all day")
    expect(eve.get_by_role("link", name="Adjudicate 2 wait for you")).to_be_visible()
    expect(eve.locator(".panel-b.prose")).to_contain_text("Rain is bad.")
    assert "*" not in eve.locator(".panel-b.prose").inner_text()
    assert "Annegret" not in eve.content()
    for key, text in (("j", "A little drizzle"), ("k", "Warm rain all day")):
        with eve.expect_navigation():
            press(eve, key)
        expect(eve.locator(".casetext")).to_have_text(text)
    cast(eve, "2", reason="Rain is rain.")
    expect(eve.locator(".casetext")).to_have_text("A little drizzle")  # the next one

    at_case(fay, first)
    assert "Rain is rain." not in fay.content()
    cast(fay, "l", "1")
    at_case(fay, first)
    expect(fay.locator("main")).to_contain_text("Rain is rain.")

    at_case(gus, first)
    press(gus, "h")
    expect(gus.get_by_text("Labels you would accept")).to_be_visible()
    cast(gus)
    at_case(gus, first)
    expect(gus.locator("main")).to_contain_text("Tie, 1 : 1 : 1")
    expect(gus.locator("main")).to_contain_text("a lead decides")
    assert gus.locator("form[data-case]").count() == 0

    lead = sign_in(lea)
    at_case(lead, first)
    cast(lead, "x", "a")  # a lead votes first, as everybody
    at_case(lead, first)
    cast(lead, "l", "2")
    at_case(lead, first)
    expect(lead.locator(".reading")).to_contain_text("bad, decided by Lea after a tie.")
    expect(lead.locator("main")).to_contain_text("Annegret")
    assert violations(lead) == []

    at_case(eve, first)
    eve.fill("#because", "The guideline says nothing of warm rain.")
    eve.get_by_role("button", name="Reopen case").click()
    expect(eve.locator("main")).to_contain_text("Reopened by Eve")
    assert "decided by Lea" not in eve.content()
    eve.locator("#clause").select_option("2 Bad")
    eve.get_by_text("Propose a change of the guideline").click()
    eve.fill("#proposal", "Warm rain too.")
    eve.locator("main h1").click()
    cast(eve, "b", reason="Is warm rain bad?")
    for page in (fay, gus):
        at_case(page, first)
        cast(page, "b", reason="It should say so.")
    at_case(gus, first)
    expect(gus.locator(".reading")).to_contain_text("Back to the guideline, decided by 3 of 3 votes.")
    expect(gus.locator(".reading")).to_contain_text("Clause “2 Bad”")
    history = gus.locator("section", has=gus.get_by_role("heading", name="History")).locator("li b")
    expect(history.first).to_have_text("Decided by the votes: Back to the guideline")
    expect(history.filter(has_text="Decided by Lea: bad")).to_have_count(1)

    at_case(lead, first)
    lead.get_by_role("button", name="Keep in the draft").click()
    expect(lead.locator("main")).to_contain_text("In the draft")
    draft = Guideline.objects.get(project=project, published__isnull=True)
    assert draft.body.endswith("Rain is bad.\n\nWarm rain too.")
    lead.goto(f"/projects/{project.slug}/adjudicate/?state=decided&outcome=guideline&by=votes")
    expect(lead.locator(".casetext")).to_have_text("Warm rain all day")
    assert Decision.objects.filter(case=first).count() == 2
    second.refresh_from_db()
    assert second.state == "open"
