"""What surrounds every page: theme, keys, side bar, messages, sign-in, and the pages that say what went wrong."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import engines
from django.test import Client, RequestFactory
from django.urls import reverse

from annotation.models import Project, User
from annotation.views.errors import server_error

Browser = Callable[[User | None], Client]
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_the_theme_and_the_keys_of_the_profile_are_on_the_page(page: Browser, lea: User) -> None:
    assert '<html lang="en" data-keys="on">' in text_of(page(lea).get(reverse("projects")))
    User.objects.filter(pk=lea.pk).update(theme="dark", single_keys=False)
    assert '<html lang="en" data-theme="dark" data-keys="off">' in text_of(page(lea).get(reverse("projects")))


def test_the_theme_can_be_switched_without_a_script(page: Browser, lea: User) -> None:
    browser = page(lea)
    markup = text_of(browser.get(reverse("projects")))
    form = re.search(r'action="([^"]+)" data-theme-toggle.*?name="theme" value="(\w+)"', markup, re.DOTALL)
    assert form is not None
    browser.post(form[1], {"theme": form[2], "next": "/"})
    lea.refresh_from_db()
    assert lea.theme == form[2] == "dark"


def test_pages_carry_no_inline_script_or_style(page: Browser, lea: User, project: Project) -> None:
    for url in (
        reverse("projects"),
        reverse("team", args=[project.slug]),
        reverse("account"),
        "/nothing/",
    ):
        markup = text_of(page(lea).get(url))
        assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
        assert not re.search(r"\sstyle=|<style|\son\w+=", markup)


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda p: str(p.relative_to(TEMPLATES))
)
def test_every_template_names_icons_that_exist(path: Path) -> None:
    sprite = (TEMPLATES / "components" / "sprite.html").read_text()
    for name in re.findall(r'{% icon "([\w-]+)"', path.read_text()):
        assert name in {"good", "warn", "bad"} or f'id="i-{name}"' in sprite, f"{path.name} asks for {name}"


def test_what_opens_at_a_button_moves_nothing_on_the_page() -> None:
    """It floats over the page by its class, which is easily forgotten."""
    opens = re.compile(r'<details class="pop\b.*?</summary>\s*(<[^>]+>)', re.DOTALL)
    bodies = [
        (path.name, body) for path in TEMPLATES.rglob("*.html") for body in opens.findall(path.read_text())
    ]
    assert len(bodies) >= 9
    assert [found for found in bodies if 'class="pop-b' not in found[1]] == []


def test_successes_go_to_the_toast_and_errors_stand_in_the_page_escaped(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = User(username="lea")
    context = {"messages": [Message(constants.SUCCESS, "Saved."), Message(constants.ERROR, "<b> refused")]}
    markup = engines["django"].get_template("app.html").render(context, request)
    assert '<div class="toast" id="toast" role="status"><span>Saved.</span></div>' in markup
    assert re.search(r'class="alert bad" role="alert">.*&lt;b&gt; refused', markup)
    assert markup.count("Saved.") == 1


def test_a_wrong_password_is_said_at_the_fields_and_tells_what_to_do(page: Browser, lea: User) -> None:
    response = page(None).post(reverse("account_login"), {"login": "lea", "password": "wrong"})
    markup = text_of(response)
    assert 'id="wrong"' in markup
    assert markup.count('aria-describedby="wrong"') == 2
    assert 'value="lea"' in markup
    assert reverse("account_reset_password") in markup


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_visitors_see_pages_in_loupes_own_look(page: Browser, db: None, name: str) -> None:
    response = page(None).get(reverse(name))
    assert response.status_code == 200
    assert '<main class="solo' in text_of(response)


@pytest.mark.parametrize("name", ["account_change_password", "account_email"])
def test_account_pages_have_the_side_bar(page: Browser, lea: User, name: str) -> None:
    markup = text_of(page(lea).get(reverse(name)))
    assert '<aside class="side"' in markup
    assert 'class="field"' in markup


def test_an_unknown_address_is_a_page_with_a_number_to_quote(page: Browser, db: None) -> None:
    response = page(None).get("/nothing/here/", headers={"X-Request-ID": "abcdef123456"})
    assert response.status_code == 404
    assert "quote request" in text_of(response)
    assert "abcdef123456" in text_of(response)


def test_an_outsider_reads_nothing_about_a_project(page: Browser, otto: User, project: Project) -> None:
    response = page(otto).get(reverse("project", args=[project.slug]))
    assert response.status_code == 404
    assert project.name not in text_of(response)


def test_a_form_without_its_token_is_refused_in_words(lea: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(lea)
    response = browser.post(reverse("theme"), {"theme": "dark"})
    assert response.status_code == 403
    assert "The form was too old" in text_of(response)
    lea.refresh_from_db()
    assert lea.theme == ""


def test_the_page_for_a_failure_needs_no_database(rf: RequestFactory) -> None:
    response = server_error(rf.get("/"))  # this test may not touch the database: pytest-django would refuse
    assert response.status_code == 500
    assert "Loupe failed to make this page" in text_of(response)


@pytest.mark.parametrize("name", ["400", "403", "404", "403_csrf", "500", "error"])
def test_error_pages_need_neither_context_nor_database(name: str) -> None:
    markup = engines["django"].get_template(f"{name}.html").render({})
    assert '<main class="solo left"' in markup
    assert "quote request" not in markup


@pytest.mark.parametrize(
    ("path", "status"), [("/account/login/", 200), ("/api/v1/projects/", 401), ("/none", 404)]
)
def test_every_answer_carries_the_policy_of_the_settings(
    page: Browser, db: None, path: str, status: int
) -> None:
    response = page(None).get(path)
    assert response.status_code == status
    sent = [part.split() for part in response["Content-Security-Policy"].split(";")]
    assert {name: sources for name, *sources in sent} == settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
