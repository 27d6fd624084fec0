"""Suggestions on the labelling screen, by keyboard, by mouse, in every shape."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation, Assignment, Item, Label, Project, Round, User
from annotation.services import rounds
from annotation.services.suggestions import add_suggestions
from tests.browser.conftest import violations
from tests.browser.labelling_pages import MIXED, SignIn, add_labels, all_saved, begin, put_in_round

pytestmark = pytest.mark.django_db(transaction=True)


def suggest(project: Project, user: User, how: str, value: Callable[[Item], dict[str, Any]]) -> None:
    """Suggestions of tfidf for every text, switched on."""
    project.refresh_from_db()
    rows = [{"id": item.pk, "score": 0.75, **value(item)} for item in Item.objects.order_by("pk")]
    add_suggestions(project, user, "tfidf", rows)
    made = Round.objects.get(project=project)
    rounds.change_round(made, user, {"suggestions": how, "suggestion_source": "tfidf"})


def places(page: Page) -> list[Any]:
    """Where the controls are that somebody presses without looking."""
    boxes: list[Any] = page.eval_on_selector_all(
        ".lab, [data-act=skip]",
        "all => all.map((one) => { const { x, y } = one.getBoundingClientRect(); return [x, y]; })",
    )
    return boxes


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, False), (False, True)])
def test_a_hidden_suggestion_is_asked_for_and_nothing_moves(
    sign_in: SignIn, project: Project, ann: User, lea: User, dark: bool, phone: bool
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(6)])
    suggest(project, lea, "hidden", lambda item: {"label": "bad"})
    page = sign_in(ann, dark=dark, phone=phone)
    begin(page, project)
    row, before = page.locator("#suggested"), places(page)
    expect(row).to_contain_text("hidden")
    assert "tfidf" not in page.content()
    assert violations(page) == []
    page.locator("#suggested button").tap() if phone else page.keyboard.press("h")
    expect(row).to_contain_text("bad by tfidf, score 0.75")
    expect(page.locator("#said")).to_have_text("Suggested: bad")
    expect(page.locator(".lab", has=page.locator(".sug"))).to_contain_text("bad")
    assert places(page) == before
    assert violations(page) == []
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
    page.reload()
    expect(row).to_contain_text("bad by tfidf")  # it is known by now
    page.keyboard.press("2")
    expect(page.locator("#text")).to_have_text("Text 1.")
    expect(row).to_contain_text("hidden")
    expect(page.locator(".sug")).to_have_count(0)
    page.keyboard.press("1")
    expect(page.locator("#text")).to_have_text("Text 2.")
    all_saved(page)
    given = Annotation.objects.order_by("id").values_list("suggested", "followed")
    assert list(given) == [("asked", True), ("hidden", False)]


def test_a_shown_suggestion_is_read_out_with_the_text_and_chooses_nothing(
    sign_in: SignIn, project: Project, ann: User, lea: User
) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    put_in_round(project, [f"Text {n}." for n in range(6)])
    suggest(project, lea, "shown", lambda item: {"labels": ["good", "neither"]})
    page = sign_in(ann)
    begin(page, project)
    expect(page.locator("#suggested")).to_contain_text("good, neither by tfidf, score 0.75")
    expect(page.locator(".sug")).to_have_count(2)
    expect(page.locator("[name=labels]:checked")).to_have_count(0)
    assert violations(page) == []
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Text 1. Suggested: good, neither.")
    page.keyboard.press("z")  # one's own answer: what was suggested stays readable beside it
    expect(page.locator("#suggested")).to_contain_text("good, neither by tfidf")
    all_saved(page)
    assert list(Annotation.objects.values_list("suggested", "followed")) == [("shown", False)]


def test_a_long_list_names_the_suggested_label(
    sign_in: SignIn, project: Project, ann: User, lea: User
) -> None:
    add_labels(project, 30)
    put_in_round(project, [f"Text {n}." for n in range(6)])
    suggest(project, lea, "shown", lambda item: {"label": "Topic 21"})
    page = sign_in(ann, dark=True)
    begin(page, project)
    expect(page.locator(".lab", has=page.locator(".sug"))).to_contain_text("Topic 21")
    assert violations(page) == []


def test_suggested_spans_are_taken_over_and_changed(
    sign_in: SignIn, project: Project, ann: User, lea: User
) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    put_in_round(project, [MIXED] * 3)
    offered = [(MIXED.index("paid"), "paid", "good"), (MIXED.index("🇩🇪"), "🇩🇪", "bad")]
    spans = [{"start": at, "end": at + len(words), "label": label} for at, words, label in offered]
    suggest(project, lea, "hidden", lambda item: {"spans": spans})
    page = sign_in(ann)
    begin(page, project)
    page.keyboard.press("h")
    expect(page.locator("#suggested")).to_contain_text("good “paid”; bad “🇩🇪” by tfidf")
    expect(page.locator("#text .tok.sug").first).to_have_text("paid")
    expect(page.locator("#rows tr")).to_have_count(0)
    assert violations(page) == []
    page.keyboard.press("h")
    expect(page.locator("#rows tr")).to_have_count(2)
    page.locator("#rows tr").nth(1).get_by_role("button", name="Remove").click()
    page.keyboard.press("h")  # again: the one that is missing
    expect(page.locator("#rows tr")).to_have_count(2)
    assert violations(page) == []
    page.keyboard.press("Enter")
    all_saved(page)
    names = dict(Label.objects.values_list("pk", "name"))
    given = Annotation.objects.get()
    assert [(start, end, names[pk]) for start, end, pk in given.spans or []] == [
        (span["start"], span["end"], span["label"]) for span in spans
    ]
    assert (given.suggested, given.followed) == ("asked", True)


def test_without_a_connection_the_text_can_still_be_answered(
    sign_in: SignIn, project: Project, ann: User, lea: User
) -> None:
    put_in_round(project, [f"Text {n}." for n in range(6)])
    suggest(project, lea, "hidden", lambda item: {"label": "bad"})
    page = sign_in(ann)
    begin(page, project)
    page.context.set_offline(True)
    page.keyboard.press("h")
    expect(page.locator("#toast")).to_contain_text("cannot be had just now")
    page.keyboard.press("1")
    expect(page.locator("#text")).to_have_text("Text 1.")
    page.context.set_offline(False)
    all_saved(page)
    assert Annotation.objects.get().suggested == "hidden"
    assert not Assignment.objects.filter(suggested="asked").exists()


def test_a_lead_switches_suggestions_on_and_reads_what_they_reach(
    sign_in: SignIn, project: Project, lea: User
) -> None:
    items = put_in_round(project, [f"Text {n}." for n in range(6)])
    add_suggestions(project, lea, "tfidf", [{"id": item.pk, "label": "bad"} for item in items[:4]])
    page = sign_in(lea)
    page.goto(f"/projects/{project.slug}/rounds/")
    page.get_by_role("link", name="Change main").click()
    page.select_option("#change_suggestions", "shown")
    page.select_option("#change_suggestion_source", "tfidf")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="suggestions shown").click()
    expect(page.get_by_role("heading", name="main")).to_be_visible()
    expect(page.locator("main")).to_contain_text(
        "4 of 6 texts and 0 of 0 gold texts in use have a suggestion"
    )
    expect(page.locator("main")).to_contain_text("no answer while it was shown")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
    assert violations(page) == []
