"""What might be sent to Loupe and should not: JSON, forms, questions in an address, headers and files.

All of it comes from fixed lists, and from the fields that the published schema and the pages name, so that every run
sends the same.
"""

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Any

from tests.contract import published

DEEP = "[" * 1000 + "]" * 1000
# As JSON has them, since some cannot be made from Python's values
VALUES = [
    "null",
    "true",
    "-1",
    "1e400",
    "1" + "0" * 30,
    "1" + "0" * 400,
    r'"a\u0000b"',
    r'"\ud800"',
    '"' + "long " * 5_000 + '"',
    "[]",
    "[null]",
    r'{"\u0000": [{}]}',
    "[" * 150 + "]" * 150,
    DEEP,
]
BODIES = [
    b"",
    b"null",
    b"1",
    b"NaN",
    b'"x"',
    b"[1, null, [], {}]",
    b'{"',
    b"\xff\xfe{}",
    DEEP.encode(),
    b'{"a":' * 100_000,
]
MEDIA = [
    ("application/json; charset=utf-16", b"{}"),
    ("application/json; charset=nonsense", b"{}"),
    ("nonsense", b"{}"),
    ("application/x-www-form-urlencoded", b"%00=%ff&a=%ud800&b=1&b=1"),
    ("multipart/form-data", b"--x\r\n"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end'),
]
# Values of forms and of questions in an address, percent-escaped
SENT = [
    "",
    "a%00b",
    "a%00b",
    "a%00b",
    "%ff",
    "-1",
    "nan",
    "9" * 30,
    "9" * 5000,
    "%C2%B2",  # a superscript, which str.isdigit takes for a digit
    "9999-99-99",
    "x" * 10_000,
]
CURSORS = ["////", "cD0lMDA%3D", "cD1uYW4%3D", "bz0tMQ%3D%3D", "cj0xJnA9OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"]
IN_PATHS = ["%00", "%ff", "x" * 3000, "9" * 30, "9223372036854775808"]


class Written(str):
    """JSON as it will be sent."""


def written(value: Any) -> str:
    """JSON of a value with parts in it that are written already."""
    if isinstance(value, Written):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


def likely(schema: dict[str, Any], known: dict[str, Any], name: str = "") -> Any:
    """A value that may well pass: what is known by this name, else what the schema says."""
    if name in known:
        return known[name]
    schema = _resolved(schema)
    if schema.get("enum"):
        return next(value for value in schema["enum"] if value not in ("", None))
    if schema.get("default") is not None:
        return schema["default"]
    kinds = schema.get("type", "object")
    kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        parts = schema.get("properties", {}).items()
        return {key: likely(part, known, key) for key, part in parts if not _resolved(part).get("readOnly")}
    if kind == "array":
        return [likely(schema.get("items", {}), known)]
    return {"integer": schema.get("minimum", 1), "number": 0.5, "boolean": True, "string": "x"}.get(kind)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _resolved(published()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for key in ("allOf", "oneOf", "anyOf"):
        if schema.get(key):
            return {
                **_resolved(schema[key][0]),
                **{name: part for name, part in schema.items() if name != key},
            }
    return schema


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value where another could stand."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    """The value with another part in one place."""
    if not path:
        return part
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value[path[0]], path[1:], part)}
    return [*value[: path[0]], replaced(value[path[0]], path[1:], part), *value[path[0] + 1 :]]


class Forms(HTMLParser):
    """The forms of a page that are sent by POST: [(address, {name: value})]."""

    def __init__(self, page: str, address: str) -> None:
        super().__init__()
        self.here = address
        self.found: list[tuple[str, dict[str, str]]] = []
        self.fields: dict[str, str] = {}
        self.by_id: dict[str, dict[str, str]] = {}
        self.elsewhere: list[tuple[str, str, str]] = []
        self.select = ""
        self.feed(page)
        for form, name, value in self.elsewhere:
            self.by_id.get(form, {}).setdefault(name, value)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a form, and what it would send."""
        given = {key: value or "" for key, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.fields = self.by_id[given.get("id", "")] = {}
            if given.get("method", "").lower() == "post":
                self.found.append((given.get("action") or self.here, self.fields))
        elif tag == "option" and self.select and ("selected" in given or not self.fields[self.select]):
            self.fields[self.select] = value
        elif name and tag in {"input", "select", "textarea", "button"}:
            if "form" in given:
                self.elsewhere.append((given["form"], name, value))
            elif name != "csrfmiddlewaretoken":
                self.fields.setdefault(name, value)
                self.select = name if tag == "select" else ""


def zipped(members: dict[str, bytes]) -> bytes:
    """A ZIP of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def archive(people: bytes = b"", **changes: Any) -> bytes:
    """A small archive of a project, with something changed in its manifest, and people in it."""
    told = {"format": "loupe-archive", "version": 1, "project": {"name": "n", "slug": "s"}, "tables": []}
    files = {"manifest.json": json.dumps({**told, **changes}).encode()}
    return zipped({**files, "annotation.membership.jsonl": people} if people else files)


ROWS = b"text,id,label\nsome good words,a,good\n"
FILES = {
    "empty": b"",
    "NUL characters": b"\x00" * 100,
    "UTF-32": ROWS.decode().encode("utf-32"),
    "NUL in cells": b"text,id,label\nsome\x00 words,\x00,good\n",
    "NUL in the header": b"text,i\x00d,label\nsome words,a,good\n",
    "cut gzip": gzip.compress(ROWS * 100)[:-20],
    "gzip with a tail": gzip.compress(ROWS) + b"tail",
    "gzip twice": gzip.compress(gzip.compress(ROWS)),
    "gzip bomb": gzip.compress(b"a" * 1_000_000),
    "a cell of 10 MB": b"text,id,label\n" + b"x" * 10_000_000 + b",a,good\n",
    "a header of 300 KB": b"x" * 300_000 + b",id,label\nsome words,a,good\n",
    "a column twice": b"text,text,id,label\na good text,b,a,good\n",
    "20,000 columns": b"c," * 20_000 + b"\n",
    "an open quotation mark": b'text,id,label\n"some words,a,good\n',
    "10,000 levels": b"[" * 10_000 + b"]" * 10_000,
    "a deep label": b'[{"id": "e1", "label": ' + DEEP.encode() + b"}]",
    "a deep line": b'{"id": "e1", "text": "some words", "label": ' + DEEP.encode() + b"}\n",
    "numbers beyond bounds": b'[{"id": 1' + b"0" * 400 + b', "text": NaN, "label": 1e400}]',
    "half a surrogate pair": rb'[{"id": "\ud800", "text": "a \ud800 word", "label": "\ud800"}]',
    "NUL in JSON": rb'[{"id": "\u0000", "text": "a \u0000 word", "label": "\u0000", "\u0000": 1}]',
    "values that are no rows": b'[1, null, "x", [], true]',
    "wrong types": b'[{"id": {}, "text": [], "label": {}, "probabilities": [], "spans": {}}]',
    "a ZIP with a path that leads out": zipped({"../../../etc/passwd": b"x"}),
    "a cut ZIP": archive()[:-30],
    "a ZIP bomb": zipped({"manifest.json": b"{}", "annotation.item.jsonl": b"0" * 2_000_000}),
    "a deep manifest": zipped({"manifest.json": b"[" * 100_000}),
    "a manifest in no encoding": zipped({"manifest.json": b"\xff"}),
    "NUL in a project's name": archive(project={"name": "a\x00b", "slug": "\x00"}),
    "half a pair in a project's name": archive(project={"name": "a\ud800b", "slug": "\ud800"}),
    "half a pair in a table's name": archive(tables=[{"table": "\ud800", "rows": 0, "ids": 0}]),
    "tables that are none": archive(tables=[1, None]),
    "people that are none": archive(b"[]\n"),
    "NUL in a person's name": archive(rb'{"user_id": "a\u0000b", "role": "lead"}'),
    "half a pair in a person's name": archive(rb'{"user_id": "\ud800", "role": "lead"}'),
    "a Parquet file without a middle": b"PAR1PAR1",
}
PEOPLE = ["{", "[]", "null", '{"a": 1}', r'{"a": "\u0000"}', r'{"a": "\ud800"}', r'{"\u0000": "ann"}', DEEP]
MAPPINGS = [
    "{",
    "[]",
    '{"text": []}',
    r'{"text": "\u0000"}',
    r'{"\ud800": "x"}',
    '{"leave_out": [1, {}]}',
    DEEP,
]
# What is taken, so that each of its parts can be replaced
RECIPE = {
    "splits": {"train": 0.5, "test": 0.5},
    "stratify": ["label"],
    "group": ["duplicates"],
    "hold_out": [{"field": "channel", "values": ["a"], "name": "ood"}],
    "minimum_agreement": 0.5,
}
PARTS = [{"kind": "random", "size": 2}, {"kind": "metadata", "size": 1, "field": "channel", "values": ["a"]}]


def some(values: Sequence[Any], place: object, n: int) -> list[Any]:
    """So many of the values, which ones depends on the place alone."""
    first = zlib.crc32(str(place).encode())
    return [values[(first + at * 5) % len(values)] for at in range(min(n, len(values)))]
