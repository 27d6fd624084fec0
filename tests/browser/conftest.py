"""A browser on a running Loupe, with a worker. Needs Debian's Chromium or CHROMIUM; required where CI is set."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from celery import current_app
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from annotation.models import Job, User

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PHONE = {"width": 390, "height": 844}
PATIENCE = 30_000  # milliseconds for what a page is waited for: a loaded machine is slow, and not wrong

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session."""
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium here. Install Debian's package chromium, or set CHROMIUM.")
        pytest.skip("There is no Chromium here. Install Debian's package chromium, or set CHROMIUM.")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in the test's own thread
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    """Takes up queued jobs in a thread, as a worker would."""
    over = threading.Event()
    current_app.loader.import_default_modules()

    def run() -> None:
        while not over.wait(0.1):
            for job in Job.objects.filter(state=Job.State.QUEUED).order_by("created"):
                current_app.tasks[f"loupe.{job.kind}"](str(job.pk))
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def seen_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages find a worker alive."""
    monkeypatch.setattr("annotation.queries.jobs.worker_alive", lambda: True)


class Gate:
    """Lets requests of the running server through, or holds them while the database is emptied between two tests.

    Pages send a last word when they close (a lease given back). Such a request in the midst of TRUNCATE is a deadlock.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = True
        self._inside = 0
        request_started.connect(self._enter)
        request_finished.connect(self._leave)

    def _enter(self, sender: type | None, **_: object) -> None:
        if not _served(sender):
            return
        with self._changed:
            self._changed.wait_for(lambda: self._open, timeout=120)
            self._inside += 1

    def _leave(self, sender: type | None, **_: object) -> None:
        if not _served(sender):
            return
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Hold new requests, and wait until those inside have been answered."""
        with self._changed:
            self._open = False
            assert self._changed.wait_for(lambda: self._inside <= 0, timeout=120), (
                "a request was not answered in 120 s"
            )

    def open(self) -> None:
        """Let requests through again."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


def _served(sender: type | None) -> bool:
    """Whether a request came to the running server, and not by a test's own client."""
    return sender is not None and issubclass(sender, WSGIHandler)


GATE = Gate()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Requests are let through again when the database has been emptied, and all else of a test been put away."""
    try:
        yield
    finally:
        GATE.open()


@pytest.fixture
def sign_in(browser: Browser, live_server: LiveServer, client: object) -> Iterator[Callable[..., Page]]:
    """`sign_in(user, dark=False, phone=False)` is a page of a browser in which the user is signed in."""
    contexts: list[BrowserContext] = []

    def opened(user: User, dark: bool = False, phone: bool = False) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="dark" if dark else "light",
            viewport=PHONE if phone else {"width": 1360, "height": 900},  # type: ignore[arg-type]
            has_touch=phone,
            accept_downloads=True,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        visitor = Client()
        visitor.force_login(user)
        session = visitor.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    GATE.close()


WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

# A colour that is still on its way to another has a contrast that nobody is meant to read. What runs for
# ever (a bar of progress) has no end to go to, and stays as it is.
AT_REST = """() => document.getAnimations()
    .filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime))
    .forEach((one) => one.finish())"""


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong with the page, one line each; by all rules of WCAG 2.2 AA, or by these alone."""
    page.evaluate(AT_REST)
    only = {"type": "rule", "values": rules} if rules else WCAG
    found = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:150]}"
        for violation in found.response["violations"]
        for node in violation["nodes"][:3]
    ]
