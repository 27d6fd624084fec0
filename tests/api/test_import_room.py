"""Files that are too large, and disks that are full: said, and nothing is kept."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import Import, Project, User
from annotation.services import uploads
from tests.api.importing import post


@pytest.fixture
def lead(api: Callable[[User | None], APIClient], lea: User) -> APIClient:
    return api(lea)


def test_a_file_above_the_limit_is_refused_with_the_limit_and_its_setting(
    lead: APIClient,
    lea: User,
    page: Callable[[User | None], Client],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "MEGABYTE", 1)
    monkeypatch.setattr(settings, "LARGEST_UPLOAD_MB", 9)
    refused = post(lead, "weather", b"text\nSun\n.")
    assert (refused.status_code, refused.data["status"]) == (413, 413)
    assert "The file has 10 MB; at most 9 MB are taken." in refused.data["detail"]
    assert "LARGEST_UPLOAD_MB" in refused.data["detail"]
    shown = page(lea).post(
        "/projects/weather/imports/", {"file": SimpleUploadedFile("x.csv", b"text\nSun\n.")}
    )
    assert shown.status_code == 400 and "at most 9 MB are taken" in shown.content.decode()
    assert not Import.objects.exists()
    assert post(lead, "weather", b"text\nSun\n").status_code == 202


def test_a_disk_that_fills_up_while_a_file_is_kept_keeps_no_part_of_it(
    lead: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    storage = FileSystemStorage(tmp_path)
    monkeypatch.setattr(Import._meta.get_field("file"), "storage", storage)
    inner: Callable[..., str] = getattr(storage, "_save")  # noqa: B009

    def fill_up(name: str, content: Any) -> str:
        inner(name, content)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "_save", fill_up)
    refused = post(lead, "weather", b"text\nSun\n")
    assert (refused.status_code, refused.data["errors"][0]["field"]) == (400, "file")
    assert "no room left" in refused.data["detail"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not Import.objects.exists()


def test_a_disk_that_fills_up_while_a_file_is_sent_is_no_fault_of_ours(
    lead: APIClient,
    lea: User,
    page: Callable[[User | None], Client],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fill_up(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("MemoryFileUploadHandler", "TemporaryFileUploadHandler"):
        monkeypatch.setattr(f"django.core.files.uploadhandler.{place}.receive_data_chunk", fill_up)
    refused = post(lead, "weather", b"text\nSun\n")
    assert (refused.status_code, refused.data["title"]) == (507, "No room left")
    client = page(lea)
    client.raise_request_exception = False
    shown = client.post("/projects/weather/imports/", {"file": SimpleUploadedFile("x.csv", b"text\nSun\n")})
    assert shown.status_code == 507 and "no room left" in shown.content.decode()
