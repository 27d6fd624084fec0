"""An archive is restored on pages: the file, who is who, the job; and what is damaged is refused whole."""

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import Annotation, Annotator, Flag, Item, Job, Membership, Project, User
from annotation.services.watching import unwatched
from evaluation.services import archives
from evaluation.services.archives import MANIFEST, write_archive

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]
Work = Callable[[], list[Job]]


@pytest.fixture
def archive(project: Project, ann: User) -> bytes:
    """A project with an excluded text that ann answered and flagged, as a file."""
    item = Item.objects.create(project=project, text="a cloud", digest=digest("a cloud"), external_id="c")
    Item.objects.filter(pk=item.pk).update(excluded=item.created, excluded_because="dull")
    person = Annotator.objects.create(project=project, user=ann, name="ann")
    Annotation.objects.create(
        round=project.rounds.get(), item=item, annotator=person, label=project.labels.first()
    )
    Flag.objects.create(item=item, user=ann, kind="noisy")
    sink = io.BytesIO()
    write_archive(project, sink, unwatched)
    return sink.getvalue()


def upload(client: Client, content: bytes) -> str:
    answer = client.post("/archives/", {"file": SimpleUploadedFile("weather.zip", content)})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def test_people_become_who_they_are_said_to_be(
    project: Project, archive: bytes, otto: User, ann: User, page: Page, work: Work
) -> None:
    client = page(otto)
    names = upload(client, archive)
    shown = client.get(names).content.decode()
    for words in ("Weather", "ann", "adjudicator", f"Archived {timezone.now():%-d %b %Y}"):
        assert words in shown
    told = dict(re.findall(r"<dt>([\w -]+)</dt><dd>(\d+)</dd>", shown))
    assert {"Texts": "1", "Answers": "1", "Flags": "1", "Labels": "3", "Rounds": "1"}.items() <= told.items()
    people = ["olga", "lea", "ada", "ann", "ben"]
    assert all(f'value="{name}"' in shown for name in people)
    sent = {"name": "Weather again", "slug": "again", "person-3": "otto", "person-4": "", "person-0": "olga"}
    answer = client.post(names, sent)
    assert answer["Location"] == "/archives/"
    assert client.get(names).status_code == 404
    (job,) = work()
    assert job.state == "done", job.error
    assert "Restoration of Weather again" in client.get("/archives/").content.decode()
    again = Project.objects.get(slug="again")
    roles = dict(Membership.objects.filter(project=again).values_list("user__username", "role"))
    assert roles == {"olga": "owner", "otto": "owner"}
    item = again.items.get()
    assert item.excluded_because == "dull"
    assert Annotation.objects.get(item=item).annotator.user == otto
    assert Flag.objects.get(item=item).user == otto
    assert not Flag.objects.filter(item=item, user=ann).exists()


def test_somebody_who_only_has_the_same_name_is_left_out(
    project: Project, archive: bytes, otto: User, ann: User, page: Page, work: Work
) -> None:
    client = page(otto)
    names = upload(client, archive)
    client.post(names, {"name": "Other", "slug": "other"})
    (job,) = work()
    assert job.state == "done", job.error
    flag = Flag.objects.get(item__project__slug="other")
    assert flag.user != ann and flag.user.username == "ann (archive)" and not flag.user.is_active
    assert list(Membership.objects.filter(project__slug="other").values_list("user", flat=True)) == [otto.pk]


def test_names_that_make_no_sense_are_refused(
    project: Project, archive: bytes, otto: User, page: Page
) -> None:
    client = page(otto)
    names = upload(client, archive)
    good = {"name": "Other", "slug": "other"}
    refused: list[tuple[dict[str, str], str]] = [
        ({"person-0": "nobody-here"}, "Nobody here has the user name"),
        ({"person-0": "ann", "person-1": "ann"}, "somebody else of this archive already"),
        ({"slug": "weather"}, "already"),
        ({"slug": "new"}, "already"),
        ({"name": ""}, "required"),
    ]
    for wrong, words in refused:
        answer = client.post(names, good | wrong)
        assert answer.status_code == 400 and words in answer.content.decode(), wrong
    assert Project.objects.count() == 1


def test_what_is_no_archive_is_refused_at_once(project: Project, otto: User, page: Page) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as made:
        made.writestr("x", "y")
    for content in (b"", b"PK\x03\x04 no", other.getvalue()):
        answer = page(otto).post("/archives/", {"file": SimpleUploadedFile("a.zip", content)})
        assert answer.status_code == 400


def test_a_damaged_archive_says_so_and_leaves_its_name_free(
    project: Project, archive: bytes, otto: User, page: Page, work: Work
) -> None:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"a cloud", b"a crowd"))
    client = page(otto)
    for content in (changed.getvalue(), changed.getvalue()):
        client.post(upload(client, content), {"name": "Damaged", "slug": "damaged"})
        (job,) = work()
        assert job.state == "failed" and "is not what its manifest says" in job.error
    assert "is not what its manifest says" in client.get("/archives/").content.decode()
    assert not Project.objects.filter(slug="damaged").exists()
    assert not Item.objects.filter(text="a crowd").exists()


def test_an_archive_with_a_broken_part_is_refused_wherever_the_part_is(
    archive: bytes, otto: User, page: Page
) -> None:
    where = zipfile.ZipFile(io.BytesIO(archive)).getinfo("annotation.membership.jsonl")
    # Of the name, and of what follows it
    lengths = archive[where.header_offset + 26 : where.header_offset + 30]
    start = where.header_offset + 30 + sum(struct.unpack("<HH", lengths))
    for offset in (start, start + where.compress_size // 2):
        broken = archive[:offset] + b"\xff\xff\xff\xff" + archive[offset + 4 :]
        answer = page(otto).post("/archives/", {"file": SimpleUploadedFile("weather.zip", broken)})
        assert answer.status_code == 400
        assert "The archive is damaged" in answer.content.decode()


def test_another_person_cannot_open_an_upload(
    project: Project, archive: bytes, otto: User, ben: User, page: Page
) -> None:
    names = upload(page(otto), archive)
    assert page(ben).get(names).status_code == 404


def test_rest_says_who_is_who(project: Project, archive: bytes, otto: User, api: Api, work: Work) -> None:
    def send(people: object) -> object:
        file = SimpleUploadedFile("weather.zip", archive)
        sent = {"file": file, "slug": "rest", "people": json.dumps(people)}
        return api(otto).post("/api/v1/archives/", sent, format="multipart").status_code

    several: list[object] = [[], {"ann": 1}, {"ann": "nobody-here"}, {"ann": "otto", "ben": "otto"}]
    for wrong in several:
        assert send(wrong) == 400, wrong
    assert send({"ann": "otto"}) == 202
    (job,) = work()
    assert job.state == "done", job.error
    assert Flag.objects.get(item__project__slug="rest").user == otto
    assert MANIFEST in zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_an_archive_above_the_limit_is_too_large_by_both_ways(
    archive: bytes, otto: User, page: Page, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "LARGEST_UPLOAD_MB", 0)
    shown = page(otto).post("/archives/", {"file": SimpleUploadedFile("weather.zip", archive)})
    assert shown.status_code == 413 and "raise LARGEST_UPLOAD_MB" in shown.content.decode()
    sent = {"file": SimpleUploadedFile("weather.zip", archive), "slug": "again"}
    answer = api(otto).post("/api/v1/archives/", sent, format="multipart")
    assert answer.status_code == 413 and "raise LARGEST_UPLOAD_MB" in answer.json()["detail"]
    assert not Project.objects.filter(slug="again").exists()


def test_an_archive_that_nobody_restores_is_deleted_after_a_day(
    archive: bytes, otto: User, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = page(otto)
    abandoned, waiting = upload(client, archive), upload(client, archive)
    restored = client.post(waiting, {"name": "Weather again", "slug": "again"})
    assert restored["Location"] == "/archives/"
    named = {way: archives.uploaded_as(way.split("/")[2]) for way in (abandoned, waiting)}
    archives.forget_abandoned()
    assert client.get(abandoned).status_code == 200

    def a_day_ago(name: str) -> datetime:
        return timezone.now() - timedelta(hours=25)

    monkeypatch.setattr(default_storage, "get_modified_time", a_day_ago, raising=False)
    archives.forget_abandoned()
    assert client.get(abandoned).status_code == 404
    assert not default_storage.exists(named[abandoned]) and default_storage.exists(named[waiting])
