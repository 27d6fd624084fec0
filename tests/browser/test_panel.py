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


@pytest.fixture
def cases(project: Project, lea: User) -> list[Case]:
    """Two open cases for three votes each, in a project where a lead ends ties and annotators are told."""
    Guideline.objects.filter(project=project).update(
        body="# Weather\n\n## Good\n\nWhat people go out for is good.\n\n## Bad\n\nRain is bad."
    )
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


def test_three_adjudicators_settle_a_tie_and_send_a_reopened_case_to_the_guideline(
    sign_in: SignIn, project: Project, lea: User, judges: list[User], cases: list[Case]
) -> None:
    first, second = cases
    case_page = f"/projects/{project.slug}/adjudicate/{first.pk}/"

    eve = sign_in(judges[0])
    eve.goto(f"/projects/{project.slug}/adjudicate/")
    expect(eve.locator(".casetext")).to_have_text("Warm rain all day")
    expect(eve.get_by_role("link", name="Adjudicate 2 open")).to_be_visible()
    expect(eve.locator(".prose")).to_contain_text("Rain is bad.")
    assert "Annegret" not in eve.content()
    eve.keyboard.press("j")
    expect(eve.locator(".casetext")).to_have_text("A little drizzle")
    eve.keyboard.press("k")
    expect(eve.locator(".casetext")).to_have_text("Warm rain all day")
    eve.keyboard.press("2")  # bad
    eve.keyboard.press("r")
    eve.keyboard.type("Rain is rain.")
    eve.locator("main h1").click()
    eve.keyboard.press("Enter")
    expect(eve.locator(".casetext")).to_have_text("A little drizzle")

    fay = sign_in(judges[1])
    fay.goto(case_page)
    assert "Rain is rain." not in fay.content()
    fay.keyboard.press("l")
    fay.keyboard.press("1")  # good
    fay.get_by_role("button", name="Cast vote").click()
    fay.goto(case_page)
    expect(fay.locator("main")).to_contain_text("Rain is rain.")

    gus = sign_in(judges[2])
    gus.goto(case_page)
    gus.keyboard.press("h")
    expect(gus.get_by_text("Labels you would accept")).to_be_visible()
    gus.get_by_role("button", name="Cast vote").click()
    gus.goto(case_page)
    expect(gus.locator("main")).to_contain_text("Tie")
    expect(gus.locator("main")).to_contain_text("a lead decides")
    assert gus.locator("form[data-case]").count() == 0

    lead = sign_in(lea)
    lead.goto(case_page)
    lead.keyboard.press("x")
    lead.keyboard.press("a")
    lead.get_by_role("button", name="Cast vote").click()  # a lead votes first, as everybody
    lead.goto(case_page)
    lead.keyboard.press("l")
    lead.keyboard.press("2")
    lead.get_by_role("button", name="Decide").click()
    lead.goto(case_page)
    expect(lead.locator(".reading")).to_contain_text("bad, decided by Lea after a tie.")
    expect(lead.locator("main")).to_contain_text("Annegret")
    assert violations(lead) == []

    eve.goto(case_page)
    eve.fill("#because", "The guideline says nothing of warm rain.")
    eve.get_by_role("button", name="Reopen case").click()
    expect(eve.locator("main")).to_contain_text("Reopened by Eve")
    for page in (eve, fay):
        page.goto(case_page)
        page.keyboard.press("b")
        page.locator("#clause").select_option("2 Bad")
        page.fill("#rationale", "Is warm rain bad?")
        if page is eve:
            page.get_by_text("Propose a change of the guideline").click()
            page.fill("#proposal", "Warm rain too.")
        page.get_by_role("button", name="Cast vote").click()
    gus.goto(case_page)
    gus.keyboard.press("b")
    gus.fill("#rationale", "It should say so.")
    gus.get_by_role("button", name="Cast vote").click()
    gus.goto(case_page)
    expect(gus.locator(".reading")).to_contain_text("Back to the guideline, decided by 3 of 3 votes.")

    lead.goto(case_page)
    lead.get_by_role("button", name="Keep in the draft").click()
    expect(lead.locator("main")).to_contain_text("In the draft")
    draft = Guideline.objects.get(project=project, published__isnull=True)
    assert draft.body.endswith("Rain is bad.\n\nWarm rain too.")
    lead.goto(f"/projects/{project.slug}/adjudicate/?state=decided&outcome=guideline&by=votes")
    expect(lead.locator(".casetext")).to_have_text("Warm rain all day")
    assert Decision.objects.filter(case=first).count() == 2
    second.refresh_from_db()
    assert second.state == "open"
