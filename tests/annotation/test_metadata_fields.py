"""Fields of metadata: their types are found out, corrected, and drive conditions and choices."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.algorithms.metadata import as_date, as_number
from annotation.models import AuditEntry, Item, Job, MetadataField, Project, User
from annotation.queries.items import items
from annotation.queries.metadata import cohort_fields, grouping_fields, in_range, one_of
from annotation.services import metadata_fields
from evaluation.queries.splits import field_choices
from tests.api.importing import Send, sender

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]
URL = "/api/v1/projects/weather/metadata-fields/"
ROWS = [
    # text, channel, agent, received, csat, note
    ("My card is lost", "chat", "03", "2026-11-16 08:14", "4", "x" * 120),
    ("Where is the parcel", "chat", "07", "2026-11-17", "5", "short one"),
    ("Cancel the order now", "mail", "03", "2026-11-17T23:30:00-02:00", "1", "it says that nobody came"),
    ("I want my money back", "mail", "11", "2026-12-01", "N/A", ""),
    ("The app does not start", "phone", "11", "2026-12-31", "2.50", "twice"),
]
CSV = "text,channel,agent,received,csat,note\n" + "".join(",".join(row) + "\n" for row in ROWS)


@pytest.fixture
def send(api: Api, lea: User, work: Work) -> Send:
    return sender(api(lea), work)


@pytest.fixture
def imported(project: Project, send: Send) -> dict[str, MetadataField]:
    send(CSV)
    return {field.name: field for field in project.metadata_fields.all()}


ZONE, SECONDS = "(Z|[-+][01][0-9](:?[03]0)?)?", r"(:[0-5][0-9](\.[0-9]{1,7})?)?"
WRITTEN = st.from_regex(r"\A *[-+]?[0-9]{0,3}(\.[0-9]{0,2})?([eE][-+]?[0-9]{1,3})?\n?\Z") | st.from_regex(
    rf"\A(20|00)[0-9]{{2}}-[01][0-9](-[0-3][0-9]([T ][0-2][0-9]:[0-6][0-9]{SECONDS}{ZONE})?)?\Z"
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        WRITTEN | st.text("0123456789-:TZ. a\u00a0", max_size=12) | st.integers() | st.booleans(), max_size=30
    )
)
def test_the_database_reads_numbers_and_dates_as_the_detection_does(db: None, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loupe_number(value), loupe_time(value)"
            " FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS given (value, place) ORDER BY place",
            [json.dumps(values)],
        )
        rows = cursor.fetchall()
    assert [None if number is None else float(number) for number, _ in rows] == [*map(as_number, values)]
    assert [time for _, time in rows] == [*map(as_date, values)]


def test_types_are_found_out_at_the_import(imported: dict[str, MetadataField]) -> None:
    assert {name: field.type for name, field in imported.items()} == {
        "channel": "category",
        "agent": "category",  # zeros in front make a name
        "received": "date",
        "csat": "number",
        "note": "text",
    }
    csat, received = imported["csat"], imported["received"]
    assert (csat.texts, csat.values, csat.distinct, csat.minimum, csat.maximum) == (5, 4, 4, 1, 5)
    assert received.minimum == "2026-11-16T08:14:00+00:00"
    assert imported["channel"].examples == ["chat", "mail", "phone"]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ({"meta.channel": "chat"}, [0, 1]),
        ({"meta.channel:any": 'chat, "phone"'}, [0, 1, 4]),
        ({"meta.csat": "4"}, [0]),
        ({"meta.csat:from": "4"}, [0, 1]),
        ({"meta.csat:from": "2.5", "meta.csat:below": "5"}, [0, 4]),
        ({"meta.csat:none": "true"}, [3]),
        ({"meta.received:from": "2026-11-17", "meta.received:to": "2026-11-17"}, [1]),
        ({"meta.received:from": "2026-11-18", "meta.received:to": "2026-11"}, [2]),
        ({"meta.received:to": "2026-11-18T01:30Z"}, [0, 1, 2]),
        ({"meta.received:to": "2026-12"}, [0, 1, 2, 3, 4]),
        ({"meta.note:has": "NOBODY"}, [2]),
        ({"meta.nothing:from": "3"}, []),
    ],
)
def test_conditions_go_by_type(
    project: Project, imported: dict[str, MetadataField], condition: dict[str, str], rows: list[int]
) -> None:
    found = items(project, condition).order_by("id").values_list("text", flat=True)
    assert list(found) == [ROWS[at][0] for at in rows]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({"meta.channel:from": "a"}, "has no order"),
        ({"meta.csat:to": "many"}, "is no number"),
        ({"meta.received:from": "17.11.2026"}, "is no date"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    api: Api, lea: User, imported: dict[str, MetadataField], condition: dict[str, str], says: str
) -> None:
    answer = api(lea).get("/api/v1/projects/weather/items/", condition)
    assert answer.status_code == 400
    assert says in answer.data["detail"] + str(answer.data["errors"])


def test_a_name_that_looks_like_a_condition_or_a_number_is_a_name(project: Project) -> None:
    for at, meta in enumerate([{"a:from": "x", "3": "5"}, {"a": "7", "3": "6"}]):
        Item.objects.create(project=project, text=f"t{at}", digest=uuid4(), meta=meta)
    metadata_fields.detect_fields(project)
    assert [item.text for item in items(project, {"meta.a:from": "x"})] == ["t0"]
    assert [item.text for item in items(project, {"meta.3:from": "6"})] == ["t1"]
    assert [item.text for item in Item.objects.filter(in_range("3", "number", "4", "5"))] == ["t0"]
    assert [item.text for item in Item.objects.filter(one_of("a", ["7", "8"]))] == ["t1"]


def test_choices_offer_the_fields_that_fit(project: Project, imported: dict[str, MetadataField]) -> None:
    assert sorted(cohort_fields(project)) == ["agent", "channel"]
    assert sorted(grouping_fields(project)) == ["agent", "channel", "csat", "note"]
    assert sorted(field_choices(project).hold_out) == ["agent", "channel"]


def test_a_type_is_corrected_over_rest_and_logged(
    project: Project, imported: dict[str, MetadataField], api: Api, lea: User, send: Send
) -> None:
    client, csat = api(lea), imported["csat"]
    changed = client.patch(f"{URL}{csat.pk}/", {"type": "category"}).data
    assert (changed["type"], changed["source"], changed["minimum"]) == ("category", "corrected", None)
    entry = AuditEntry.objects.get(action="correct metadata field")
    assert (entry.subject, entry.before, entry.after) == (
        "csat",
        {"type": "number", "source": "detected"},
        {"type": "category", "source": "corrected"},
    )
    send("text,csat\nOne more text,3\n")
    assert project.metadata_fields.get(name="csat").type == "category"
    assert client.patch(f"{URL}{csat.pk}/", {"type": "detected"}).data["type"] == "number"
    listed = client.get("/api/v1/projects/weather/").data["metadata_fields"]
    assert {"name": "channel", "type": "category"} in listed and len(listed) == 5
    assert [row["name"] for row in client.get(URL).data["results"]] == list(imported)


def test_a_type_that_values_are_not_of_is_refused_with_how_many_and_which(
    imported: dict[str, MetadataField], api: Api, page: Page, lea: User
) -> None:
    agent = imported["agent"]
    answer = api(lea).patch(f"{URL}{agent.pk}/", {"type": "number"})
    assert answer.status_code == 400
    [error] = answer.data["errors"]
    assert error["message"].startswith(
        "3 texts have values in “agent” that cannot be read as numbers, as “03”, “07”. A number"
    )
    shown = page(lea).post(f"/projects/weather/metadata/{agent.pk}/", {"type": "date"}, follow=True)
    assert "5 texts have values in “agent” that cannot be read as dates" in shown.content.decode()
    assert api(lea).patch(f"{URL}{agent.pk}/", {"type": "colour"}).status_code == 400
    agent.refresh_from_db()
    assert (agent.type, agent.source) == ("category", "detected")


def test_where_there_are_many_texts_a_job_looks_through_them(
    imported: dict[str, MetadataField], api: Api, lea: User, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_fields, "INLINE", 3)
    assert api(lea).patch(f"{URL}{imported['agent'].pk}/", {"type": "date"}).status_code == 202
    assert api(lea).patch(f"{URL}{imported['received'].pk}/", {"type": "category"}).status_code == 202
    refused, done = work()
    assert refused.state == "failed" and "cannot be read as dates" in refused.error
    assert done.state == "done"
    imported["received"].refresh_from_db()
    assert imported["received"].type == "category"


def test_values_that_come_later_and_are_not_of_a_corrected_type_are_counted(
    project: Project, imported: dict[str, MetadataField], send: Send, api: Api, lea: User
) -> None:
    api(lea).patch(f"{URL}{imported['csat'].pk}/", {"type": "number"})
    send("text,csat\nOne more text,three\n")
    csat = project.metadata_fields.get(name="csat")
    assert (csat.type, csat.values, csat.unreadable, csat.maximum) == ("number", 5, 1, 5)


def test_the_page_shows_every_field_and_looks_again(
    project: Project, imported: dict[str, MetadataField], page: Page, lea: User
) -> None:
    shown = page(lea).get("/projects/weather/metadata/").content.decode()
    assert "5 fields" in shown and "16 Nov 2026" in shown and "chat, mail, phone" in shown
    Item.objects.create(project=project, text="t", digest=uuid4(), meta={"new": "a"})
    page(lea).post("/projects/weather/metadata/look/")
    assert project.metadata_fields.filter(name="new", type="category").exists()
    assert datetime.fromisoformat(str(imported["received"].maximum)) == datetime(2026, 12, 31, tzinfo=UTC)


def test_the_page_asks_no_more_with_more_fields(
    project: Project, imported: dict[str, MetadataField], page: Page, lea: User
) -> None:
    client = page(lea)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/projects/weather/metadata/").status_code == 200
        return len(asked)

    before = statements()
    for n in range(10):
        MetadataField.objects.create(project=project, name=f"field {n}", type="number", minimum=1, maximum=n)
    assert statements() == before
