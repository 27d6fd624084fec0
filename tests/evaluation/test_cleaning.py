"""The clean-up page and its report: copies, unusable texts, distributions; near-duplicates of an import."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.algorithms.histograms import every_period, in_bins, next_period, period_for, round_edges
from annotation.models import AuditEntry, Import, Item, Job, Project, User
from evaluation.models import CleaningReport, LeakagePair, LeakageReport
from evaluation.services import cleaning as services
from evaluation.views.cleaning_rows import _binned
from tests.api.importing import Send, sender

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]
URL, REST = "/projects/weather/cleaning/", "/api/v1/projects/weather/cleaning/"
FIRST = "text,channel,received,csat,label\n" + "".join(
    f"{text},{channel},2026-{month:02}-05,{csat},{label}\n"
    for text, channel, month, csat, label in [
        (
            "I was charged two times for the tram this morning and want the same sum back",
            "chat",
            1,
            1,
            "good",
        ),
        ("The parcel that you sent to my old address has not come back to you yet", "chat", 1, 4, "good"),
        ("The parcel that you sent to my old address has not come back to you yet", "mail", 2, 4, "good"),
        ("My password is refused by the page since you changed the way to sign in", "mail", 4, 2.5, "bad"),
        ("12345678 ????? 99", "mail", 4, "n/a", ""),
        ("Es ist mir nicht klar warum das Paket noch immer nicht angekommen ist", "phone", 4, 5, ""),
    ]
)
SECOND = (
    "text,channel\n"
    "I was charged two times for the tram this morning and want the same amount back,chat\n"
    "Nothing like this was ever said before by anybody,web\n"
    "Nothing like this was ever said before by anybody at all,web\n"
)


@pytest.fixture
def send(api: Api, lea: User, work: Work) -> Send:
    return sender(api(lea), work)


@pytest.fixture
def imported(project: Project, send: Send) -> Project:
    Project.objects.filter(pk=project.pk).update(fewest_letters=0)
    send(FIRST, name="first.csv", mapping={"text": "text", "label": "label"})
    send(SECOND, name="second.csv")
    Project.objects.filter(pk=project.pk).update(fewest_letters=0.2)
    return project


@pytest.fixture
def looked(imported: Project, api: Api, lea: User, work: Work) -> dict[str, Any]:
    started = api(lea).post(REST, {"threshold": 0.6})
    assert started.status_code == 202
    [job] = work()
    assert job.state == "done", job.error
    return dict(api(lea).get(job.result_url).data)


def test_the_report_says_what_is_in_the_pool(looked: dict[str, Any], imported: Project) -> None:
    second = Import.objects.latest("id")
    assert looked["texts"] == 8 and looked["newer"] == 0 and looked["threshold"] == 0.6
    near, exact = looked["near"], looked["exact"]
    assert near["pairs"] == 2
    assert near["imports"] == {str(second.pk): {"before": 1, "inside": 1}}
    assert [(row["file"], row["duplicates"]) for row in exact["imports"]] == [
        ("second.csv", 0),
        ("first.csv", 1),
    ]
    [unusable] = looked["unusable"]
    item = Item.objects.get(text__startswith="12345678")
    assert (unusable["reason"], unusable["texts"], unusable["items"]) == ("mostly not letters", 1, [item.pk])
    assert looked["labels"]["imported"] == [{"label": "good", "texts": 2}, {"label": "bad", "texts": 1}]
    assert sum(row["texts"] for row in looked["length"]["rows"]) == 8
    assert looked["length"]["shortest"] == len("12345678 ????? 99")
    languages = {row["language"]: row["texts"] for row in looked["languages"]["rows"]}
    assert languages["de"] == 1 and languages["en"] >= 5


def test_every_field_is_counted_by_its_type(looked: dict[str, Any]) -> None:
    fields = {field["field"]: field for field in looked["fields"]}
    channel, csat, received = fields["channel"], fields["csat"], fields["received"]
    assert channel["rows"][0] == {"value": "chat", "texts": 3} and channel["missing"] == 0
    assert (csat["values"], csat["missing"], csat["median"]) == (4, 4, 2.5)
    assert sum(row["texts"] for row in csat["rows"]) == 4
    assert (received["period"], received["values"], received["missing"]) == ("week", 5, 3) or (
        received["period"] == "month"
    )
    assert sum(row["texts"] for row in received["rows"]) == 5


def test_every_count_leads_to_its_texts(looked: dict[str, Any], page: Page, lea: User) -> None:
    client = page(lea)
    html = client.get(URL).content.decode()
    assert "2 pairs at 0.6 or more" in html and "first.csv" in html and "style=" not in html
    ways = set(re.findall(r'href="(/projects/weather/items/\?[^"]+)"', html))
    found = 0
    for way in ways:
        shown = client.get(way.replace("&amp;", "&"))
        assert shown.status_code == 200
        found += bool(shown.context["rows"])
    assert found == len(ways) >= 8


def test_a_near_duplicate_is_dropped_from_the_import_and_taken_back(
    looked: dict[str, Any], page: Page, lea: User
) -> None:
    client, second = page(lea), Import.objects.latest("id")
    address = f"/projects/weather/imports/{second.pk}/"
    html = client.get(address).content.decode()
    assert "1 text came in that is nearly one from before" in html and "<ins>amount</ins>" in html
    assert client.post(f"/projects/weather/cleaning/drop/{second.pk}/")["Location"] == address
    new = Item.objects.get(text__contains="same amount back")
    assert new.excluded is not None and new.excluded_because == "near-duplicate of another text"
    html = client.get(address).content.decode()
    assert "It was taken out" in html
    at = re.search(r'name="at" value="([^"]+)"', html)
    assert at is not None
    client.post(
        "/projects/weather/items/change/",
        {"at": at[1].replace("&#x2B;", "+"), "action": "include", "next": address},
    )
    assert Item.objects.get(pk=new.pk).excluded is None
    one = {"item": new.pk, "because": "near-duplicate of text 1", "action": "exclude", "next": URL}
    assert client.post("/projects/weather/items/change/", one)["Location"] == URL
    assert "1 text was excluded" in client.get(URL).content.decode()
    assert AuditEntry.objects.filter(project__slug="weather", action__contains="exclude").exists()


def test_pairs_of_an_import_and_of_all_are_listed(looked: dict[str, Any], page: Page, lea: User) -> None:
    client, second = page(lea), Import.objects.latest("id")
    assert len(client.get(f"{URL}pairs/").context["pairs"]) == 2
    [row] = client.get(f"{URL}pairs/?import={second.pk}").context["pairs"]
    assert row["pair"].b.source_id == second.pk != row["pair"].a.source_id
    assert client.get(f"{URL}pairs/?import=999999").status_code == 404
    assert client.get(f"{URL}pairs/?after=x&import=y").status_code == 200


def test_what_came_since_is_said_and_an_import_is_not_judged_by_an_older_report(
    looked: dict[str, Any], page: Page, lea: User, send: Send
) -> None:
    send("text\nOne more text that nobody has compared yet\n")
    client = page(lea)
    assert "computed before 1 newer text" in client.get(URL).content.decode()
    third = Import.objects.latest("id")
    html = client.get(f"/projects/weather/imports/{third.pk}/").content.decode()
    assert "The texts are compared when one is back" in html and "Drop all of them" not in html


def test_what_an_older_look_found_is_forgotten_unless_it_was_asked_for(
    looked: dict[str, Any], project: Project, api: Api, lea: User, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PAIRS_AT_ONCE", 1)
    older = looked["near"]["report"]
    asked = api(lea).post("/api/v1/projects/weather/leakage/", {"threshold": 0.7})
    api(lea).post(REST, {"threshold": 0.8})
    assert [job.state for job in work()] == ["done", "done"]
    newer = CleaningReport.objects.get().copies_id
    assert older != newer
    kept = set(LeakageReport.objects.values_list("pk", flat=True))
    assert kept == {newer, int(asked.json()["result_url"].rstrip("/").split("/")[-1])}
    assert not LeakagePair.objects.filter(report=older).exists()


def test_a_similarity_that_makes_no_sense_is_refused(
    project: Project, page: Page, api: Api, lea: User
) -> None:
    assert page(lea).post(URL, {"threshold": "0.2"}).status_code == 400
    assert api(lea).post(REST, {"threshold": 2}).status_code == 400
    assert api(lea).get(REST).status_code == 404
    assert not Job.objects.exists()


def test_an_empty_pool_has_a_report_too(project: Project, page: Page, lea: User, work: Work) -> None:
    client = page(lea)
    assert "Nobody has looked at these texts yet" in client.get(URL).content.decode()
    client.post(URL, {"threshold": "0.995"})
    [job] = work()
    assert job.state == "done", job.error
    assert "There is no text to look at" in client.get(URL).content.decode()


def test_the_page_asks_no_more_with_more_texts(
    looked: dict[str, Any], project: Project, page: Page, lea: User
) -> None:
    client = page(lea)

    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(URL)
        return len(asked)

    before = statements()
    report = CleaningReport.objects.get()
    report.result["unusable"] *= 3
    report.result["fields"] *= 3
    report.save()
    for n in range(8):
        Item.objects.create(project=project, text=f"more {n}", digest=uuid4(), meta={"channel": "fax"})
    assert statements() == before


NUMBERS = st.floats(-1e9, 1e9).map(lambda value: round(value, 3))


@given(NUMBERS, NUMBERS, st.integers(2, 40), st.booleans())
def test_edges_are_few_equal_and_hold_both_ends(a: float, b: float, most: int, whole: bool) -> None:
    low, high = sorted((round(a), round(b)) if whole else (a, b))
    edges = round_edges(low, high, most, whole)
    assert 1 <= len(edges) - 1 <= most
    assert edges[0] <= low + 1e-9 * abs(low) and high < edges[-1] + 1e-9 * abs(high)
    assert in_bins([(low, 1), (high, 2)], edges)[0] >= 1
    if whole:
        assert all(edge.is_integer() for edge in edges)


MOMENTS = st.integers(-30_000_000_000, 30_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))


@given(MOMENTS, MOMENTS)
def test_few_periods_follow_each_other_without_a_gap(a: datetime, b: datetime) -> None:
    first, last = sorted((a, b))
    period = period_for(first, last)
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if period not in {"day", "week"}:
        start = start.replace(day=1)
    if period not in {"day", "week", "month"}:
        start = start.replace(month=1)
    rows = [(start, next_period(start, period), 0)]
    while rows[-1][1] <= last:
        rows.append((rows[-1][1], next_period(rows[-1][1], period), 0))
    assert len(rows) <= 62
    known = {start: 0, rows[-1][0]: 0}
    assert every_period(known, period) == rows


def test_a_bin_of_large_numbers_leads_to_all_of_its_texts() -> None:
    row = _binned({"from": 1_700_500_000.0, "below": 1_701_000_000.0, "texts": 3}, "at", "/items/")
    assert row["url"] == "/items/?meta.at%3Afrom=1700500000&meta.at%3Abelow=1701000000"
