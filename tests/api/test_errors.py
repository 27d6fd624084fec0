"""What goes wrong before or behind the views of REST is told as everything else there: as problem+json."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from annotation.api.projects import ProjectList
from annotation.models import User

Browser = Callable[[User | None], Client]


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/v1/jobs/no-id/", "/api/nothing"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_an_unknown_address_is_a_problem(page: Browser, lea: User, path: str, signed_in: bool) -> None:
    answer = page(lea if signed_in else None).post(path, {}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    said = answer.json()
    assert set(said) == {"type", "title", "status", "detail", "errors"}
    assert (said["status"], said["title"], said["errors"]) == (404, "Not found", [])
    assert "/api/v1/docs/" in said["detail"]


def test_a_forgotten_slash_is_put_right(page: Browser, lea: User) -> None:
    assert page(lea).get("/api/v1/projects")["Location"] == "/api/v1/projects/"


def test_a_failure_of_ours_is_a_problem(page: Browser, lea: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **named: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ProjectList, "get", fail)
    browser = page(lea)
    browser.raise_request_exception = False
    answer = browser.get("/api/v1/projects/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "a bug" not in answer.content.decode()
    assert answer["X-Request-ID"]


def test_pages_keep_their_own(page: Browser, lea: User) -> None:
    assert page(lea).get("/nothing/")["Content-Type"].startswith("text/html")
