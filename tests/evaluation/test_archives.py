"""A project goes out as one file and comes back equal; what is damaged or forged changes nothing."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    Flag,
    GoldItem,
    Item,
    Job,
    Membership,
    Project,
    Role,
    User,
)
from annotation.queries.people import annotator_of
from annotation.services.projects import create_project
from annotation.services.watching import unwatched
from evaluation.demo.project import Size, make_demo
from evaluation.services.archives import MANIFEST, TABLES, read_archive, start_project, write_archive
from qc.models import Case, Decision, Vote

TWO = [{"name": "x"}, {"name": "y"}]
Api = Callable[[User | None], APIClient]


def archive(project: Project) -> tuple[bytes, dict[str, Any]]:
    sink = io.BytesIO()
    manifest = write_archive(project, sink, unwatched)
    return sink.getvalue(), manifest


def restore(content: bytes, user: User, slug: str) -> Project:
    file = io.BytesIO(content)
    with zipfile.ZipFile(file) as made:
        manifest = json.loads(made.read(MANIFEST))
    project = start_project(user, manifest, slug=slug)
    read_archive(project, user, file, unwatched)
    project.refresh_from_db()
    return project


def sums(manifest: dict[str, Any]) -> dict[str, tuple[int, str]]:
    return {entry["table"]: (entry["rows"], entry["sha256"]) for entry in manifest["tables"]}


def changed(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one file changed and its manifest as it was, or made to fit."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(sink, "w") as new:
        for info in old.infolist():
            kept = old.read(info.filename)
            new.writestr(info.filename, change(kept) if info.filename == name else kept)
    return sink.getvalue()


@pytest.fixture
def rich(project: Project, olga: User, lea: User, ada: User, ann: User) -> Project:
    """A project of spans with something in every corner: other projects' rows lie between its own."""
    create_project(olga, slug="before", name="Before", labels=TWO)
    project.task, project.gold_threshold = Project.Task.SPANS, 0.8125
    project.save()
    first, second, third = project.labels.order_by("pk")
    made = project.rounds.get()
    made.people.set([ann, lea])
    texts = []
    for n in range(5):
        text = f"Text {n}\nwith “quotes” \\ and 😀\t"
        texts.append(
            Item.objects.create(
                project=project,
                text=text,
                digest=digest(text),
                external_id=f"x{n}",
                meta={"n": n, "share": 0.1 + n, "deep": {"a": [None, True, "ü"]}},
                imported_spans=[[0, 4, third.pk]],
            )
        )
        Item.objects.create(
            project=create_project(olga, slug=f"p{n}", name="P", labels=TWO), text="x", digest=digest("x")
        )
    author = annotator_of(project, ann)
    zoe = Annotator.objects.create(project=project, name="zoe")
    answer = Annotation.objects.create(
        round=made, item=texts[0], annotator=author, spans=[[0, 2, second.pk], [3, 4, first.pk]], seconds=0.1
    )
    AnnotationVersion.objects.create(annotation=answer, spans=[], comment="nothing, I thought")
    Annotation.objects.create(
        round=made, item=texts[1], annotator=zoe, spans=[], set_aside=timezone.now(), comment="=1+1"
    )
    GoldItem.objects.create(project=project, item=texts[2], spans=[[1, 2, second.pk]], created_by=lea)
    Flag.objects.create(item=texts[0], user=ann, kind="other", note="see\nhere")
    case = Case.objects.create(project=project, item=texts[0], created_by=lea)
    Vote.objects.create(case=case, user=ada, outcome="label", spans=[[0, 2, third.pk]], rationale="so")
    Decision.objects.create(
        case=case, item=texts[0], outcome="exclude", decided_by=ada, acceptable=[first.pk]
    )
    first.merged_into = second
    first.retired = timezone.now()
    first.save()
    Item.objects.filter(pk=texts[3].pk).update(excluded=timezone.now(), excluded_because="spam")
    Item.objects.filter(pk=texts[4].pk).update(deleted=timezone.now())
    return project


def test_a_restored_project_gives_the_same_archive(rich: Project, olga: User) -> None:
    content, before = archive(rich)
    copy = restore(content, olga, "copy")
    _, after = archive(copy)
    assert sums(after) == sums(before)
    assert {name for name, (rows, _) in sums(before).items() if rows} >= {
        "annotation.label",
        "annotation.round_people",
        "annotation.annotationversion",
        "annotation.golditem",
        "annotation.flag",
        "annotation.auditentry",
        "qc.vote",
        "qc.decision",
    }
    told, kept = before["project"], after["project"]
    assert told | {"slug": "copy"} == kept
    assert copy.gold_threshold == 0.8125


def test_a_restored_project_means_the_same(rich: Project, olga: User) -> None:
    """Read through the tables' relations, not through the code that wrote them."""
    copy = restore(archive(rich)[0], olga, "copy")
    answer = Annotation.objects.get(item__project=copy, annotator__user__username="ann")
    assert answer.item.external_id == "x0" and answer.round.project == copy
    names = {label.pk: label.name for label in copy.labels.all()}
    assert [(start, end, names[pk]) for start, end, pk in answer.spans or []] == [
        (0, 2, "bad"),
        (3, 4, "good"),
    ]
    assert copy.labels.get(name="good").merged_into == copy.labels.get(name="bad")
    assert [names[pk] for _, _, pk in Vote.objects.get(case__project=copy).spans or []] == ["neither"]
    decision = Decision.objects.get(case__project=copy)
    assert [names[pk] for pk in decision.acceptable] == ["good"]
    assert decision.decided_by.username == "ada"
    assert set(copy.rounds.get().people.values_list("username", flat=True)) == {"ann", "lea"}
    assert copy.items.get(external_id="x3").excluded_because == "spam"
    assert copy.items.filter(deleted__isnull=False).count() == 1
    assert Item.objects.filter(project=rich).count() == 5


def test_people_who_are_not_known_keep_their_names_and_nothing_else(rich: Project, otto: User) -> None:
    content, _ = archive(rich)
    for name in ("ann", "ada"):
        User.objects.filter(username=name).update(username=f"{name}-of-another-team")
    copy = restore(content, otto, "copy")
    author = Annotator.objects.get(project=copy, name="ann")
    assert author.user is None
    assert not Membership.objects.filter(project=copy, user__username__in=["ann", "ada"]).exists()
    assert Membership.objects.get(project=copy, user=otto).role == Role.OWNER
    ada = Decision.objects.get(case__project=copy).decided_by
    assert (ada.username, ada.is_active, ada.has_usable_password()) == ("ada", False, False)
    assert not Client().login(username="ada", password="!")


def test_the_demo_comes_back_equal(db: None, otto: User) -> None:
    demo = make_demo(lambda said: None, Size(texts=120, pilot=20, answers=120, gold=4))
    content, before = archive(demo.project)
    owner = demo.users["hanna"]
    copy = restore(content, owner, "copy")
    assert sums(archive(copy)[1]) == sums(before)
    assert sums(before)["annotation.item"][0] == 124
    assert sums(before)["annotation.golditem"][0] == 4
    assert sums(before)["annotation.annotation"][0] > 120


def forged(content: bytes, table: str, **values: Any) -> bytes:
    """The archive with other values in the first row of a table, and a manifest that fits."""
    name = f"{table}.jsonl"
    lines: list[bytes] = []

    def rows(kept: bytes) -> bytes:
        first, *rest = kept.split(b"\n")
        lines[:] = [json.dumps(json.loads(first) | values).encode(), *rest]
        return b"\n".join(lines)

    def manifest(kept: bytes) -> bytes:
        told = json.loads(kept)
        for entry in told["tables"]:
            if entry["table"] == table:
                entry["sha256"] = hashlib.sha256(b"\n".join(lines)).hexdigest()
        return json.dumps(told).encode()

    return changed(changed(content, name, rows), MANIFEST, manifest)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("annotation.item", {"imported_label_id": 999}),
        ("annotation.item", {"imported_spans": [[0, 1, 0]]}),
        ("annotation.item", {"source_id": -5}),
        ("annotation.rounditem", {"round_id": 10**12}),
        ("annotation.annotation", {"spans": [[0, 1, "x"]]}),
        ("annotation.annotation", {"id": None}),
        ("annotation.annotation", {"round_id": None}),
        ("annotation.annotation", {"kind": "much too long to be a kind"}),
        ("annotation.label", {"merged_into_id": 10**30}),
        ("annotation.flag", {"user_id": None}),
    ],
)
def test_a_forged_archive_changes_nothing(
    rich: Project, otto: User, table: str, values: dict[str, Any]
) -> None:
    if table == "annotation.rounditem":
        text = Item.objects.filter(project=rich).earliest("pk")
        rich.rounds.get().round_items.create(item=text, position=0, overlap=3, open_slots=3)
    content = forged(archive(rich)[0], table, **values)
    counts = [table.model._default_manager.count() for table in TABLES]
    with pytest.raises(ValidationError, match="damaged"):
        restore(content, otto, "copy")
    made = Membership.objects.filter(project__slug="copy").count()
    assert sum(table.model._default_manager.count() for table in TABLES) == sum(counts) + made


def test_a_damaged_archive_is_refused(rich: Project, otto: User) -> None:
    content, _ = archive(rich)
    other = changed(content, "annotation.flag.jsonl", lambda kept: kept.replace(b"here", b"hare"))
    with pytest.raises(ValidationError, match="not what its manifest says"):
        restore(other, otto, "copy")


def test_an_archive_is_made_fetched_and_restored_over_rest(
    rich: Project, lea: User, otto: User, api: Api, work: Callable[[], list[Job]]
) -> None:
    client = api(lea)
    job = client.post("/api/v1/projects/weather/archive/").data
    assert client.get(f"/api/v1/projects/weather/archive/{job['id']}/file").status_code == 404
    (done,) = work()
    assert done.state == "done", done.error
    url = client.get(f"/api/v1/jobs/{job['id']}/").data["result_url"]
    content = b"".join(client.get(url).streaming_content)  # type: ignore[attr-defined]
    file = SimpleUploadedFile("weather.zip", content)
    answered = api(otto).post("/api/v1/archives/", {"file": file, "slug": "elsewhere"}, format="multipart")
    assert answered.status_code == 202, answered.data
    (done,) = work()
    assert done.state == "done", done.error
    assert api(otto).get("/api/v1/projects/elsewhere/").data["name"] == "Weather"
    again = SimpleUploadedFile("weather.zip", content)
    same = api(otto).post("/api/v1/archives/", {"file": again, "slug": "elsewhere"}, format="multipart")
    assert same.status_code == 400


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"no zip at all", "other", "manifest", "table", "bomb"],
)
def test_what_is_no_archive_is_refused(db: None, otto: User, api: Api, content: bytes | str) -> None:
    if isinstance(content, str):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
            told: Any = {"format": "loupe-archive", "version": 1, "project": {"name": "x"}, "tables": []}
            if content == "other":
                made.writestr("a.txt", "hello")
            if content == "manifest":
                made.writestr(MANIFEST, "[1]")
            if content == "table":
                told["tables"] = [{"table": "auth.group", "rows": 1, "ids": 1, "sha256": ""}]
                made.writestr(MANIFEST, json.dumps(told))
            if content == "bomb":
                made.writestr(MANIFEST, json.dumps(told))
                made.writestr("annotation.item.jsonl", bytes(200_000_000))
        content = sink.getvalue()
    file = SimpleUploadedFile("a.zip", content)
    answered = api(otto).post("/api/v1/archives/", {"file": file}, format="multipart")
    assert answered.status_code == 400
    assert not Project.objects.exists()
