"""Rows that need no second look come out as the rows that get one; lines are decoded in blocks as one by one."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotation.services import cleaning, reading
from annotation.services.chunks import Chunk, Limits, Rules
from annotation.services.cleaning import Cleaner
from annotation.services.mapping import Mapping
from annotation.services.reading import Unreadable, delimited
from annotation.services.reading.opening import as_text
from annotation.services.reading.rows import Layout, Table

COLUMNS = ("id", "text", "label", "source", "meta")
ODD = [
    "",
    " ",
    "a",
    "ok text",
    "two\nlines",
    "tab\there",
    "back\\slash",
    "\\N",
    "\\u0000",
    "\x00",
    "don\x92t",
]
ODD += [
    "\ufffd",
    "ﬁne  Ｔext",
    "\udc81 broken",
    "é",
    "good",
    " good",
    "bad day",
    "no label",
    "5 5 5 5",
    "x" * 300,
]
ODD += ["{}", '{"a": 1}', "' quoted'", "\x85"]
TEXTS = st.one_of(st.sampled_from(ODD), st.text(max_size=12))
VALUES = st.one_of(TEXTS, st.none(), st.integers(), st.booleans(), st.floats(), st.lists(TEXTS, max_size=2))


def cleaners(format: str, limits: Limits) -> tuple[Cleaner, Cleaner]:
    """One that looks twice only where it must, and one that always does."""
    named = Mapping(kind="items", id="id", text="text", label="label")
    rules = Rules(named, limits, labels={"good": 1, "bad day": 2, "é": 3}, rest="1\t2\tnow")
    made = [Cleaner(rules, Layout(format, columns=COLUMNS)) for _ in range(2)]
    made[1].quick = False
    return made[0], made[1]


def seen(chunk: Chunk) -> list[Any]:
    """All that a chunk says."""
    kept = (chunk.numbers, chunk.external_ids, chunk.digests, chunk.lines, chunk.originals)
    return [chunk.rows, *zip(*kept, strict=True), chunk.left_out]


LIMITS = st.sampled_from(
    [Limits(), Limits(shortest=4, longest=30, fewest_letters=0.5), Limits(fewest_letters=0.0)]
)


@settings(max_examples=50)
@given(rows=st.lists(st.lists(TEXTS, min_size=5, max_size=5), max_size=8), limits=LIMITS)
def test_cells_that_need_no_second_look_become_what_a_second_look_makes_of_them(
    rows: list[list[str]], limits: Limits
) -> None:
    quick, slow = cleaners("csv", limits)
    table = Table(7, rows, {1: "more cells than columns: 9 for 5"} if len(rows) > 1 else {})
    if rows:
        assert seen(quick.chunk_of_table(table)) == seen(slow.chunk_of_table(table))


@settings(max_examples=50)
@given(
    rows=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, VALUES)), max_size=8),
    limits=LIMITS,
)
def test_objects_that_need_no_second_look_become_what_a_second_look_makes_of_them(
    rows: list[dict[str, Any]], limits: Limits
) -> None:
    quick, slow = cleaners("jsonl", limits)
    numbered = [reading.Row(at, values, "") for at, values in enumerate(rows, start=1)]
    assert seen(quick.chunk(numbered)) == seen(slow.chunk(numbered))


@settings(max_examples=50)
@given(
    rows=st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=4), max_size=8),
    at_once=st.integers(1, 4),
)
@example(rows=[["'=1", "a"], ["b", "c", "d"], ["", ""]], at_once=1)
def test_tables_of_any_size_hold_the_rows_of_the_file(rows: list[list[str]], at_once: int) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("one", "two"), *rows])
    content = buffer.getvalue().encode("utf-8", "surrogatepass")
    file = io.BytesIO(content)
    layout = Layout("csv", delimiter=",", columns=("one", "two"))
    parts = list(delimited.tables(file, layout, at_once))
    assert all(len(part.rows) <= at_once for part in parts)
    found = [
        (part.first + at, cells, at in part.wrong) for part in parts for at, cells in enumerate(part.rows)
    ]
    assert [number for number, _, _ in found] == list(range(1, len(rows) + 1))
    assert [wrong for _, _, wrong in found] == [len(cells) > 2 for cells in rows]
    for (_, cells, _), row in zip(found, rows, strict=True):
        assert len(cells) == 2
        if len(row) == 2 and not any(cell.startswith("'") for cell in row):
            assert cells == row


@settings(max_examples=50)
@given(content=st.binary(max_size=40), block=st.integers(1, 5), legacy=st.booleans())
@example(content=b"\xef\xbb\xbf\x92a", block=1, legacy=False)
@example(content=b"\xef\xbb\xbf\xffa\x81", block=5, legacy=True)
def test_bytes_that_are_no_utf_8_are_read_alike_wherever_a_block_ends(
    content: bytes, block: int, legacy: bool
) -> None:
    layout = Layout("jsonl", legacy=legacy)
    text: Any = as_text(io.BufferedReader(io.BytesIO(content)), layout, "\n")
    text._CHUNK_SIZE = block
    decoded = content.decode("utf-8-sig", "surrogateescape")
    first_kept = 0xDCFF if legacy else 0xDCA0
    expected = "".join(windows_1252(mark) if 0xDC80 <= ord(mark) < first_kept else mark for mark in decoded)
    assert text.read() == expected


def windows_1252(mark: str) -> str:
    """The character that an escaped byte is, itself where Windows-1252 has none."""
    return bytes([ord(mark) - 0xDC00]).decode("cp1252", "ignore") or mark


@pytest.mark.parametrize("content", ['a,b\n1,"2', 'a,b\n1,2\n3,"4\n5,6\n', 'a,b\n1,"2\n'])
def test_a_quotation_mark_that_is_never_closed_is_found(content: str) -> None:
    file = io.BytesIO(content.encode())
    with pytest.raises(Unreadable, match="never closed"):
        list(delimited.tables(file, Layout("csv", delimiter=",", columns=("a", "b"))))


def test_a_file_whose_last_line_does_not_end_is_whole() -> None:
    file = io.BytesIO(b'a,b\n1,2\n3,"4"')
    (table,) = delimited.tables(file, Layout("csv", delimiter=",", columns=("a", "b")))
    assert table.rows == [["1", "2"], ["3", "4"]]


def test_a_chunk_of_large_rows_is_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "CHARACTERS_AT_ONCE", 1000)
    rows = "".join(json.dumps({"text": "word " * 100}) + "\n" for _ in range(6))
    table = "id,text,label,source,meta\n" + "".join(f"{n},{'word ' * 100},,,\n" for n in range(6))
    for format, content in (("jsonl", rows), ("csv", table)):
        layout = Layout(format, delimiter=",", columns=COLUMNS, shape="lines")
        cleaner = Cleaner(Rules(Mapping(kind="items", id="id", text="text")), layout)
        assert [chunk.rows for chunk in cleaner.chunks(io.BytesIO(content.encode()), layout)] == [2, 2, 2]
