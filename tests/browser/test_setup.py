"""Setting up a project in a browser: labels whose keys collide are marked, a list is pasted, a round is planned, and
somebody comes in by the link of an invitation. (Files are imported in `test_lead`.)"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Invitation, Membership, Project, Round, User
from tests.browser.conftest import PHONE, violations

SignIn = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_project_is_set_up_from_its_labels_to_its_first_annotator(
    sign_in: SignIn, otto: User, ann: User
) -> None:
    page = sign_in(otto)
    page.goto("/projects/new/")
    page.fill("#id_name", "Colours")
    for at, name in enumerate(["red", "green", "blue", "white"]):
        page.fill(f"#id_labels-{at}-name", name)
    page.get_by_role("button", name="Label", exact=True).click()
    expect(page.locator("#id_labels-4-name")).to_be_focused()
    page.keyboard.type("grey")
    expect(page.locator("#id_labels-4-hotkey")).to_have_value("5")
    page.fill("#id_labels-4-hotkey", "1")
    expect(page.get_by_text("Key 1 is taken by “red”")).to_be_visible()
    assert page.locator("#id_labels-4-hotkey").get_attribute("aria-invalid") == "true"
    page.fill("#id_labels-4-hotkey", "s")
    expect(page.get_by_text("The screen uses “s” itself")).to_be_visible()
    page.fill("#id_labels-4-hotkey", "2")
    page.get_by_role("button", name="Remove label 2").click()
    expect(page.get_by_text("Every label has a key of its own")).to_be_visible()
    page.get_by_text("Paste a list").click()
    page.fill("#pasted", "black\tNo light\npink: Light red")
    page.get_by_role("button", name="Put them in").click()
    expect(page.locator("#id_labels-5-description")).to_have_value("Light red")
    page.fill("#id_labels-4-hotkey", "8")
    page.fill("#id_labels-5-hotkey", "9")
    page.get_by_label("Several labels").check()
    assert violations(page) == []
    page.get_by_role("button", name="Create project").last.click()
    page.wait_for_url("**/projects/colours/")
    made = Project.objects.get()
    assert made.task == "multilabel"
    assert [label.name for label in made.labels.all()] == ["red", "blue", "white", "grey", "black", "pink"]

    page.goto("/projects/colours/rounds/")
    page.fill("#id_name", "pilot")
    page.select_option("#id_kind", "pilot")
    page.get_by_role("button", name="Open round").click()
    expect(page.get_by_text("pilot is open")).to_be_visible()
    assert Round.objects.get(name="pilot").kind == "pilot"
    page.goto("/projects/colours/team/")
    page.fill("#em", "ann@example.org")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.get_by_label("Link for ann@example.org").input_value()
    invited = sign_in(ann, phone=True)
    invited.goto(link)
    assert violations(invited, "target-size") == []
    invited.locator("main form button.pri").click()
    invited.wait_for_url("**/annotate/")
    expect(invited.get_by_role("heading", name="There is nothing to label yet")).to_be_visible()
    assert Invitation.objects.get().accepted_by == ann
    assert Membership.objects.get(user=ann).role == "annotator"


@pytest.mark.parametrize("phone", [False, True])
def test_the_link_of_an_invitation_is_copied_and_withdrawn_where_it_stands(
    sign_in: SignIn, project: Project, lea: User, phone: bool
) -> None:
    page = sign_in(lea, phone=phone)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/projects/{project.slug}/team/")
    page.fill("#em", "somebody.whose.address.is.rather.long@university.example")
    page.get_by_role("button", name="Invite").click()
    expect(page.locator("#toast")).to_have_text("1 link is ready: copy it and send it.")
    links = page.get_by_role("region", name="Invitations")
    assert links.evaluate("(table) => table.scrollWidth <= table.clientWidth")
    link = links.get_by_role("textbox").input_value()
    links.get_by_role("button", name="Copy").click()
    expect(page.locator("#toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert violations(page) == []
    links.get_by_role("button", name="Withdraw").click()
    expect(links).to_have_count(0)


def test_tab_leads_from_password_to_password(sign_in: SignIn, ann: User) -> None:
    page = sign_in(ann)
    page.goto("/account/password/change/")
    page.locator("#id_oldpassword").focus()
    for field in ("#id_password1", "#id_password2"):
        page.keyboard.press("Tab")
        expect(page.locator(field)).to_be_focused()
    assert violations(page) == []


def test_a_label_of_a_long_name_keeps_its_actions_on_the_page(
    sign_in: SignIn, project: Project, lea: User
) -> None:
    project.labels.filter(name="bad").update(name="W" * 100)
    page = sign_in(lea)
    page.goto(f"/projects/{project.slug}/settings/")
    table = page.get_by_role("region", name="Labels")
    assert table.evaluate("(table) => table.scrollWidth <= table.clientWidth")


def test_on_a_phone_the_button_of_a_rule_leaves_its_words_the_width(
    sign_in: SignIn, project: Project, lea: User
) -> None:
    page = sign_in(lea, phone=True)
    page.goto(f"/projects/{project.slug}/gold/")
    rule = page.locator(".recipe > li").first
    words, button = rule.locator("> div").bounding_box(), rule.locator("> .btn").bounding_box()
    assert words is not None
    assert button is not None
    assert words["width"] > PHONE["width"] * 0.7
    assert button["y"] >= words["y"] + words["height"]


def test_a_choice_among_long_names_is_as_wide_as_a_phone(
    sign_in: SignIn, project: Project, lea: User
) -> None:
    Project.objects.filter(pk=project.pk).update(name="A project of many words " * 5)
    page = sign_in(lea, phone=True)
    page.goto("/projects/new/")
    expect(page.locator("#from option")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
