"""Deleted texts, rounds and projects: out of sight at once, in the counters, and back with everything in them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.models import Annotation, AuditEntry, Item, Project, Round, RoundItem, User
from annotation.services.items import delete_items, restore_items
from annotation.services.projects import delete_project
from annotation.services.rounds import delete_round

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]


@pytest.fixture
def main(project: Project) -> Round:
    """The project's round with three texts that one person is to answer."""
    made = project.rounds.get()
    for n in range(3):
        item = Item.objects.create(project=project, text=f"text {n}", digest=uuid4(), external_id=f"e{n}")
        RoundItem.objects.create(round=made, item=item, position=n, overlap=1, open_slots=1)
    Round.objects.filter(pk=made.pk).update(overlap=1, items_total=3, gold_rate=0, repeat_rate=0)
    made.refresh_from_db()
    return made


def delete(item: Item, user: User) -> None:
    delete_items(item.project, user, Item.objects.filter(pk=item.pk))


def take(client: APIClient, n: int = 1) -> list[dict[str, object]]:
    return list(client.post("/api/v1/projects/weather/next/", {"count": n}).json()["assignments"])


def answer(client: APIClient, lease: dict[str, object], label: str = "good") -> int:
    sent = {"key": str(uuid4()), "label": label}
    return int(client.post(f"/api/v1/assignments/{lease['id']}/answer/", sent).status_code)


def exported(client: APIClient) -> bytes:
    file: Any = client.get("/api/v1/projects/weather/annotations.jsonl")
    return b"".join(file.streaming_content)


def counters(made: Round) -> tuple[int, int]:
    made.refresh_from_db()
    return made.items_total, made.items_done


def test_a_deleted_text_leaves_the_round_and_comes_back_as_it_was(
    api: Api, main: Round, lea: User, ann: User
) -> None:
    lease = take(api(ann))[0]
    assert answer(api(ann), lease) == 201
    assert counters(main) == (3, 1)
    done = Annotation.objects.get().item_id
    url = f"/api/v1/items/{done}/"
    for _ in range(2):
        assert api(lea).delete(url).status_code == 204
        assert counters(main) == (2, 0)
    listed = api(lea).get("/api/v1/projects/weather/items/").json()["results"]
    assert done not in [item["id"] for item in listed]
    assert exported(api(lea)) == b""
    for _ in range(2):
        assert api(lea).post(f"{url}restore/").status_code == 204
        assert counters(main) == (3, 1)
    assert Annotation.objects.get().item_id == done
    said = (
        AuditEntry.objects.filter(action__endswith="texts")
        .order_by("id")
        .values_list("action", "user__username")
    )
    assert list(said) == [("delete texts", "lea"), ("restore texts", "lea")]


def test_a_deleted_text_is_handed_out_no_more_and_who_holds_it_gets_another(
    api: Api, main: Round, lea: User, ann: User, ben: User
) -> None:
    held = take(api(ann))[0]
    item = Item.objects.get(pk=held["item"]["id"])  # type: ignore[index]
    delete(item, lea)
    refused = api(ann).post(
        f"/api/v1/assignments/{held['id']}/answer/", {"key": str(uuid4()), "label": "good"}
    )
    assert refused.status_code == 409
    assert not Annotation.objects.exists()
    given = [lease["item"]["id"] for lease in take(api(ann), 5) + take(api(ben), 5)]  # type: ignore[index]
    assert len(given) == 2
    assert item.pk not in given
    assert counters(main) == (2, 0)


def test_a_restored_text_is_handed_out_again_to_whoever_had_passed_it(
    api: Api, main: Round, lea: User, ann: User
) -> None:
    first = take(api(ann))[0]
    item = Item.objects.get(pk=first["item"]["id"])  # type: ignore[index]
    delete(item, lea)
    for lease in take(api(ann), 5):
        assert answer(api(ann), lease) == 201
    assert take(api(ann)) == []
    restore_items(item.project, lea, Item.objects.filter(pk=item.pk))
    (lease,) = take(api(ann))
    assert lease["item"]["id"] == item.pk  # type: ignore[index]
    assert answer(api(ann), lease) == 201
    assert counters(main) == (3, 3)
    slots = RoundItem.objects.get(item=item)
    assert (slots.open_slots, slots.answers) == (0, 1)


def test_annotators_delete_nothing(api: Api, main: Round, ann: User, otto: User) -> None:
    item = Item.objects.earliest("id")
    assert api(ann).delete(f"/api/v1/items/{item.pk}/").status_code == 403
    assert api(otto).post(f"/api/v1/items/{item.pk}/restore/").status_code == 404


def test_settings_list_what_was_deleted_with_who_and_bring_it_back(
    page: Page, project: Project, main: Round, lea: User
) -> None:
    item = Item.objects.earliest("id")
    delete(item, lea)
    delete_round(main, lea)
    shown = page(lea).get("/projects/weather/settings/").content.decode()
    assert "Round “main”" in shown
    assert f"Text {item.pk:,}" in shown
    assert shown.count("Lea</td>") == 2
    page(lea).post(f"/projects/weather/rounds/{main.pk}/restore/")
    page(lea).post(f"/projects/weather/items/{item.pk}/restore/")
    item.refresh_from_db()
    main.refresh_from_db()
    assert (item.deleted, main.deleted) == (None, None)
    assert "Nothing was deleted" in page(lea).get("/projects/weather/settings/").content.decode()


def test_deleted_texts_are_listed_a_page_at_a_time(page: Page, project: Project, lea: User) -> None:
    for n in range(45):
        item = Item.objects.create(project=project, text=f"text {n}", digest=uuid4())
        delete(item, lea)
    seen: list[str] = []
    address = "/projects/weather/settings/"
    for _ in range(3):
        shown = page(lea).get(address).content.decode()
        seen += [part.split("<")[0] for part in shown.split('<th scope="row">Text ')[1:]]
        if 'href="?before=' not in shown:
            break
        address = "/projects/weather/settings/?before=" + shown.split('href="?before=')[1].split("#")[0]
    assert len(seen) == len(set(seen)) == 45


def test_a_deleted_project_is_found_and_restored_by_its_owner(
    page: Page, project: Project, olga: User, lea: User
) -> None:
    assert page(olga).post("/projects/weather/delete/").status_code == 302
    assert "Weather" not in page(lea).get("/").content.decode()
    assert page(lea).post("/projects/weather/restore/").status_code == 404
    listed = page(olga).get("/").content.decode()
    assert "can be restored" in listed
    assert "/projects/weather/restore/" in listed
    assert "was deleted" in page(olga).get("/projects/weather/settings/").content.decode()
    page(olga).post("/projects/weather/restore/")
    assert "Weather" in page(lea).get("/").content.decode()
    assert "can be restored" not in page(olga).get("/").content.decode()


def test_the_log_tells_who_did_what_and_is_filtered(
    page: Page, api: Api, project: Project, olga: User, lea: User
) -> None:
    api(lea).patch("/api/v1/projects/weather/", {"question": "Is it sunny?"})
    api(olga).patch("/api/v1/projects/weather/", {"repeat_distance": 30})
    AuditEntry.objects.create(project=project, user=None, action="pause member", subject="ann")
    log = "/projects/weather/settings/audit/"
    every = page(lea).get(log).content.decode()
    assert "Is it sunny?" in every
    assert "50 →" in every
    mine = page(lea).get(f"{log}?who=lea").content.decode()
    assert "Is it sunny?" in mine
    assert "50 →" not in mine
    assert "Is it sunny?" not in page(lea).get(f"{log}?who=loupe").content.decode()
    assert "Is it sunny?" not in page(lea).get(f"{log}?action=create+project").content.decode()
    assert "Is it sunny?" not in page(lea).get(f"{log}?day=2001-01-01").content.decode()
    entry = AuditEntry.objects.get(action="change project", user=lea)
    details = page(lea).get(f"{log}?open={entry.pk}").content.decode()
    assert "&quot;before&quot;" in details
    file: Any = page(lea).get("/projects/weather/settings/audit.csv?who=lea")
    assert b"".join(file.streaming_content).decode().count("change project") == 1


@pytest.mark.parametrize("day", ["yesterday", "2026-13-40", "0001-01-01", "9999-12-31", "\x00"])
def test_a_day_that_is_none_is_said(page: Page, project: Project, lea: User, day: str) -> None:
    for address in ("audit/", "audit.csv"):
        assert page(lea).get(f"/projects/weather/settings/{address}", {"day": day}).status_code == 400


def test_the_log_is_read_by_cursor_in_both_directions(page: Page, project: Project, lea: User) -> None:
    for n in range(120):
        AuditEntry.objects.create(project=project, user=lea, action="test log", subject=f"entry {n:03}")
    log = "/projects/weather/settings/audit/?action=test+log"
    first = page(lea).get(log).content.decode()
    assert "entry 119" in first
    assert "entry 069" not in first
    older = first.split("after=")[-1].split('"')[0]
    second = page(lea).get(f"{log}&after={older}").content.decode()
    assert "entry 069" in second
    assert "entry 119" not in second
    newer = second.split('rel="prev"')[1].split("before=")[1].split('"')[0]
    assert "entry 119" in page(lea).get(f"{log}&before={newer}").content.decode()


def test_settings_and_log_cost_the_same_however_much_there_is(
    page: Page, project: Project, lea: User
) -> None:
    client = page(lea)

    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    def more(n: int) -> None:
        for at in range(n):
            item = Item.objects.create(project=project, text=f"text {n} {at}", digest=uuid4())
            delete(item, lea)
            project.labels.create(name=f"label {n} {at}")

    addresses = ["/projects/weather/settings/", "/projects/weather/settings/audit/"]
    more(2)
    few = [cost(address) for address in addresses]
    more(6)
    assert [cost(address) for address in addresses] == few


def test_settings_are_changed_on_the_page_and_what_is_wrong_is_said_there(
    page: Page, project: Project, lea: User
) -> None:
    url = "/projects/weather/settings/"
    sent = {"name": "Weather now", "question": "Is it?", "overlap": "2", "gold_rate": "8%", "gold_wear": ""}
    assert page(lea).post(url, sent).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.question, project.overlap) == ("Weather now", "Is it?", 2)
    assert (project.gold_rate, project.gold_wear, project.repeat_rate) == (0.08, None, 0.05)
    refused = page(lea).post(url, sent | {"maximum_overlap": "1"})
    assert refused.status_code == 400
    assert "cannot be below the 2 answers" in refused.content.decode()


def test_a_deleted_project_stays_with_its_owner(project: Project, olga: User, page: Page) -> None:
    delete_project(project, olga)
    project.refresh_from_db()
    assert project.deleted_by == olga
    assert page(olga).get("/projects/weather/settings/").status_code == 200
