"""Imports against an oracle, in another process, and when something breaks in the middle."""

import csv
import io
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.models import Import, ImportRow, Item, Job, Project, RoundItem, User
from annotation.services import cleaning, entering, imports
from tests.api.importing import accounted, post, sender

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "b", "c"]),
        st.sampled_from(["One text", "one  TEXT", "Another", "A third", ""]),
        st.sampled_from(["", "good", "odd"]),
    ),
    max_size=12,
)
Row = tuple[str, str, str]


def table(rows: list[Row]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("id", "text", "label"), *rows])
    return buffer.getvalue().encode()


def expected(files: list[list[Row]], keep: bool) -> list[str]:
    """What becomes of each row of the last file, one row after another, by the definition."""
    ids: dict[str, str] = {}
    texts: set[str] = set()
    outcomes: list[str] = []
    for rows in files:
        outcomes = []
        for name, written, label in rows:
            text = " ".join(written.lower().split())
            if not text or label == "odd":
                outcomes.append("rejected")
            elif name in ids:
                outcomes.append("duplicate" if ids[name] == text else "rejected")
            elif text in texts and not keep:
                outcomes.append("duplicate")
            else:
                outcomes.append("imported")
                texts.add(text)
                if name:
                    ids[name] = text
    return outcomes


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ROWS, second=ROWS, keep=st.booleans(), at_once=st.integers(1, 5))
def test_every_row_becomes_what_the_definition_says(
    api: Callable[[User | None], APIClient],
    lea: User,
    project: Project,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
    first: list[Row],
    second: list[Row],
    keep: bool,
    at_once: int,
) -> None:
    monkeypatch.setattr(cleaning, "ROWS_AT_ONCE", at_once)
    Item.objects.all().delete()
    send = sender(api(lea), work)
    duplicates = "keep" if keep else "drop"
    for files in ([first], [first, second]):
        result = send(table(files[-1]), duplicates=duplicates)
        left_out = dict(ImportRow.objects.filter(source=result["id"]).values_list("number", "outcome"))
        found = [left_out.get(number, "imported") for number in range(1, result["rows"] + 1)]
        assert found == expected(files, keep)
        accounted(result)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is read by another process."""
    monkeypatch.setattr(imports, "READ_HERE", 0)


CONTENT = "id,text,label\n1,Sun “today”,good\n2,,good\n3,sun “TODAY”,bad\n4,Two\\nlines,odd\n5,Rain,\n"


def stored() -> list[Any]:
    return [
        *Item.objects.order_by("row").values_list("external_id", "text", "digest", "meta", "imported_label"),
        *ImportRow.objects.order_by("number").values_list("number", "outcome", "reason", "values"),
    ]


def test_another_process_makes_the_same(
    api: Callable[[User | None], APIClient],
    lea: User,
    project: Project,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send = sender(api(lea), work)
    here = send(CONTENT)
    found = stored()
    api(lea).post(f"/api/v1/imports/{here['id']}/undo/")
    ImportRow.objects.all().delete()
    monkeypatch.setattr(imports, "READ_HERE", 0)
    there = send(CONTENT)
    assert accounted(there) == accounted(here) == (2, 1, 2)
    assert stored() == found


def broken_import(client: APIClient, work: Callable[[], list[Job]]) -> tuple[Job, Import]:
    """Uploads the file and runs the job, that something breaks; nothing must have come in."""
    assert post(client, "weather", CONTENT.encode()).status_code == 202
    job = work()[-1]
    assert not Item.objects.exists() and not ImportRow.objects.exists() and not RoundItem.objects.exists()
    return job, Import.objects.get()


def test_a_reading_process_that_dies_leaves_nothing(
    api: Callable[[User | None], APIClient],
    lea: User,
    project: Project,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
    large: None,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    job, source = broken_import(api(lea), work)
    assert (job.state, source.state) == ("failed", "uploaded")
    assert "process that reads the file" in job.error


@pytest.mark.parametrize("by_copy", [False, True])
@pytest.mark.parametrize(
    ("cause", "state", "said"),
    [
        (psycopg.errors.DiskFull("no space left"), "failed", "disk is full"),
        (psycopg.OperationalError("server closed the connection"), "uploaded", "on our side"),
    ],
)
def test_trouble_of_the_database_rolls_back_and_is_said(
    api: Callable[[User | None], APIClient],
    lea: User,
    project: Project,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
    cause: Exception,
    state: str,
    said: str,
    by_copy: bool,
) -> None:
    def fail(*_: Any) -> None:
        if by_copy:  # through which the driver's errors come as they are
            raise cause
        raise OperationalError(str(cause)) from cause

    monkeypatch.setattr(entering, "add_to_round", fail)  # the items of the chunk are in already
    job, source = broken_import(api(lea), work)
    assert (job.state, source.state) == ("failed", state)
    assert said in job.error
    monkeypatch.undo()
    Job.objects.update(state="queued")
    Import.objects.update(state="waiting")
    assert work()[-1].state == "done"
    assert Item.objects.count() == 2
