"""Importing in the browser: upload, columns, result, undo; without JavaScript."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.models import Annotation, Annotator, Flag, Import, Item, Job, Label, Project, RoundItem, User

Page = Callable[[User | None], Client]
CSV = (
    b"id,message,intent,channel\n1,Sun today,good,mail\n2,Rain,odd,mail\n3,,bad,chat\n4,sun  TODAY,bad,chat\n"
)


def upload(client: Client, content: bytes, name: str = "weather.csv") -> Import:
    answer = client.post("/projects/weather/imports/", {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content
    source = Import.objects.order_by("-pk")[0]
    assert answer["Location"] == f"/projects/weather/imports/{source.pk}/columns/"
    return source


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


CHOICES = {
    "kind": "items",
    "duplicates": "drop",
    "provenance": "real",
    "annotator": "",
    "column-0": "id",
    "column-1": "text",
    "column-2": "label",
    "column-3": "",
}


def test_upload_columns_import_and_undo(
    page: Page, lea: User, project: Project, work: Callable[[], list[Job]]
) -> None:
    client = page(lea)
    source = upload(client, CSV)
    columns = f"/projects/weather/imports/{source.pk}/columns/"
    first = client.get(columns).content.decode()
    assert "No column is given for the text" in first
    shown = client.post(columns, CHOICES | {"round": project.rounds.get().pk, "show": "1"}).content.decode()
    assert (
        "Rejected: unknown label: odd" in shown
        and "Rejected: empty" in shown
        and "same text as row 1" in shown
    )
    figures = dict(re.findall(r"<dt>(\w+)</dt><dd class=\"n\">(?:<b>)?(\d+)", shown))
    assert figures == {"Texts": "1", "Duplicates": "1", "Rejected": "2", "Rows": "4"}
    assert "<b>Unknown label.</b> 1 row will be rejected, first: odd." in shown
    assert not Item.objects.exists() and not Job.objects.exists()
    answer = client.post(columns, CHOICES | {"round": project.rounds.get().pk, "import": "1"})
    result = f"/projects/weather/imports/{source.pk}/"
    assert answer["Location"] == result
    assert (
        "waits for a worker" in client.get(result).content.decode()
        or "No worker" in client.get(result).content.decode()
    )
    assert work()[0].state == "done"
    done = client.get(result).content.decode()
    assert "1 text is in. 3 of 4 rows were left out" in done
    assert "Undo import" in done and "nothing in “message”" in done and ">odd<" in done
    assert RoundItem.objects.count() == 1
    rejected = body(client.get(f"{result}rejected.csv"))
    assert rejected.splitlines() == [
        "row,reason,id,message,intent,channel",
        "2,unknown label: odd,2,Rain,odd,mail",
        "3,empty,3,,bad,chat",
    ]
    assert "same text as row 1" in body(client.get(f"{result}duplicates.csv"))
    client.post(f"{result}undo/")
    assert not Item.objects.exists()
    assert "This import was undone" in client.get(result).content.decode()
    assert client.get("/projects/weather/imports/").status_code == 200


def test_answers_by_people_are_previewed_without_being_stored(
    page: Page, lea: User, project: Project
) -> None:
    client = page(lea)
    source = upload(client, b"id,text,annotator,label\n1,Sun,zoe,lovely\n")
    columns = f"/projects/weather/imports/{source.pk}/columns/"
    choices = CHOICES | {"kind": "annotations", "column-2": "annotator", "column-3": "label"}
    shown = client.post(columns, choices | {"round": project.rounds.get().pk})
    assert "1 new label:" in shown.content.decode()
    assert not Label.objects.filter(name="lovely").exists() and not Annotator.objects.exists()
    assert "Answers belong to a round" in client.post(columns, choices | {"import": "1"}).content.decode()
    assert not Job.objects.exists()


def test_a_column_for_two_things_is_refused(page: Page, lea: User, project: Project) -> None:
    client = page(lea)
    source = upload(client, CSV)
    answer = client.post(
        f"/projects/weather/imports/{source.pk}/columns/", CHOICES | {"column-3": "text", "import": "1"}
    )
    assert answer.status_code == 400
    assert "cannot both become" in answer.content.decode()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b'text\n"open\n'])
def test_unreadable_files_are_refused_with_a_reason(
    page: Page, lea: User, project: Project, content: bytes
) -> None:
    answer = page(lea).post("/projects/weather/imports/", {"file": SimpleUploadedFile("x.csv", content)})
    assert answer.status_code == 400
    assert b'id="file-error"' in answer.content
    assert not Import.objects.exists()


def test_a_failed_import_says_why_and_can_be_changed(
    page: Page, lea: User, project: Project, work: Callable[[], list[Job]]
) -> None:
    client = page(lea)
    source = upload(client, CSV)
    columns = f"/projects/weather/imports/{source.pk}/columns/"
    client.post(columns, CHOICES | {"import": "1"})
    source.refresh_from_db()
    source.file.delete(save=False)
    assert work()[0].state == "failed"
    assert "Upload it again" in client.get(f"/projects/weather/imports/{source.pk}/").content.decode()


@pytest.mark.parametrize(("who", "status"), [("ann", 403), ("ada", 403), ("otto", 404), ("lea", 200)])
def test_import_and_texts_are_for_leads(
    request: pytest.FixtureRequest, page: Page, project: Project, who: str, status: int
) -> None:
    client = page(request.getfixturevalue(who))
    assert client.get("/projects/weather/imports/").status_code == status
    assert client.get("/projects/weather/items/").status_code == status


def test_flags_block_undo(
    page: Page, lea: User, ann: User, project: Project, work: Callable[[], list[Job]]
) -> None:
    client = page(lea)
    source = upload(client, CSV)
    client.post(f"/projects/weather/imports/{source.pk}/columns/", CHOICES | {"import": "1"})
    work()
    Flag.objects.create(item=Item.objects.get(), user=ann, kind="noisy")
    client.post(f"/projects/weather/imports/{source.pk}/undo/")
    assert Item.objects.count() == 1
    assert not Annotation.objects.exists()
