"""A script that runs wild is told to wait."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from annotation.api.throttling import UserThrottle
from annotation.models import User

Api = Callable[[User | None], APIClient]


def test_who_sends_too_much_gets_429_and_others_go_on(
    api: Api, otto: User, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UserThrottle, "rate", "3/min", raising=False)
    monkeypatch.setattr(UserThrottle, "counts", {})
    monkeypatch.setattr("annotation.api.throttling.time.time", lambda: 60_000.0)
    statuses = [api(otto).get("/api/v1/projects/").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    refused = api(otto).get("/api/v1/projects/")
    assert refused["Retry-After"] == "60"
    assert refused["Content-Type"] == "application/problem+json"
    assert api(ann).get("/api/v1/projects/").status_code == 200
