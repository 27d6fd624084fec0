"""Bad input gets an answer in words, never a 500, and a refused call changes nothing: at every address there is.

Which fields an address has is asked of what it publishes: the schema of REST, the forms of the pages, and the names
that a view looks for in a request. Each place is given some of the hostile values, always the same ones.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import pytest_django
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.http import QueryDict, StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import get_resolver

from annotation.api.parsers import MOST_DIGITS, MOST_LEVELS, read_json
from annotation.api.throttling import UserThrottle
from annotation.models import Item, Project
from qc.forms.cases import read_spans
from qc.models import QualitySettings
from tests import hostile
from tests.conftest import make_project, make_user
from tests.contract import operation
from tests.test_permissions import ADJ, ANN, OWN, ROUTES, World, address, make_world

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
READS = [name for name, methods in ROUTES.items() if "get" in methods]
WRITES = [(name, method) for name, methods in ROUTES.items() for method in methods if method != "get"]
REST = [(name, method) for name, method in WRITES if name.startswith("api-")]
PAGES = [name for name, _ in WRITES if not name.startswith("api-")]
FILTERS = ["q", "round", "label", "ids", "meta.channel", "meta.channel:from"]
INSIDE = [
    "Traceback",
    "object at 0x",
    "psycopg",
    "DataError",
    "NoneType",
    "invalid literal",
    "<class",
    "Errno",
]


@dataclass
class Attacker:
    """Somebody who sends what should not be sent, and looks what it does. What was accepted is rolled back."""

    world: World
    project: Project
    clients: dict[str, Client]
    broken: list[str]
    before: dict[str, str]

    def who(self, name: str, method: str) -> Client:
        """The one who may: the owner, or who labels and votes."""
        return self.clients[{ANN: "ann", ADJ: "ada", OWN: "ann"}.get(ROUTES[name][method], "olga")]

    def send(
        self, client: Client, method: str, url: str, body: Any = None, kind: str = "", **more: Any
    ) -> Any:
        """The answer. Fails for a 5xx, and for a refusal that says nothing or speaks of our insides."""
        said = f"{method} {url[:120]} {str(body)[:200]}"
        place = transaction.savepoint()
        self.broken.clear()
        answer: Any
        if kind:
            answer = client.generic(method.upper(), url, body, kind, **more)
        else:
            answer = getattr(client, method)(url, body, **more)
        if answer.streaming:
            b"".join(answer.streaming_content)
        assert answer.status_code < 500, f"{said}: {answer.status_code} {self.broken}"
        if answer.status_code < 400:
            transaction.savepoint_rollback(place)
            return answer
        assert not connection.needs_rollback, f"{said}: {answer.status_code} leaves a broken transaction"
        transaction.savepoint_commit(place)
        text = answer.content.decode()
        assert text.strip(), said
        assert not [word for word in INSIDE if word in text], f"{said}: {text[:400]}"
        if answer["Content-Type"] == "application/problem+json":
            told = json.loads(text)
            assert set(told) == {"type", "title", "status", "detail", "errors"}, said
            assert told["detail"] and all(error["message"] for error in told["errors"]), said
            assert len(text) < 50_000, f"{said}: {len(text):,} characters"
        return answer


@pytest.fixture(scope="module")
def attacker(
    django_db_setup: None,
    django_db_blocker: pytest_django.DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Attacker]:
    """One of everything, and everybody signed in, for all tests of this file."""
    broken: list[str] = []

    def note(sender: object, **given: Any) -> None:
        broken.append(repr(sys.exc_info()[1]))

    files = override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("files"))
    with files, django_db_blocker.unblock(), transaction.atomic():
        people = {name: make_user(name) for name in ("olga", "lea", "ada", "ann", "ben", "otto")}
        project = make_project(*(people[name] for name in ("olga", "lea", "ada", "ann", "ben")))
        world = make_world(project, people["lea"], people["ann"])
        clients = {name: Client(raise_request_exception=False) for name in people}
        for name, client in clients.items():
            client.force_login(people[name])
        got_request_exception.connect(note)
        yield Attacker(world, project, clients, broken, contents())
        got_request_exception.disconnect(note)
        transaction.set_rollback(True)


def contents() -> dict[str, str]:
    """A fingerprint of each table."""
    tables = [name for name in connection.introspection.table_names() if name != "django_session"]
    each = "SELECT '{0}', md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM \"{0}\" t"
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each.format(name) for name in tables))
        return dict(cursor.fetchall())


@pytest.fixture(autouse=True)
def nothing_changes(db: None, attacker: Attacker, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever was refused has left the database as it was. Nobody is held back for sending much."""
    monkeypatch.setattr(UserThrottle, "allow_request", lambda *_: True)
    yield
    after = contents()
    assert [name for name, told in attacker.before.items() if after[name] != told] == []


def bodies(attacker: Attacker, name: str, schema: dict[str, Any]) -> list[Any]:
    """What could well be sent: all fields that the schema has, and of several shapes of an answer one each."""
    item = Item.objects.filter(project=attacker.project).latest("id").pk
    known: dict[str, Any] = {
        "recipe": hostile.RECIPE, "parts": hostile.PARTS,
        "label": "good", "items": [item], "item": item, "round": "main", "username": "otto", "id": "e1",
        "split_set": attacker.world["split_set_id"][""], "split": "test",
        "key": "b6f0d9a3-8d2f-4b34-9f5c-0b8f3d2f7a11", "slug": "other", "filters": {"label": "good"},
        "params": {"rate": 0.5, "note": "n"}, "kinds": ["mislabeled"], "type": "category", "people": ["ann"],
        "url": "http://a.example/", "parent": attacker.world["run_id"][""], "embedding_threshold": None,
        "source": {"api-cases": "manual", "api-promote-gold": "unanimous"}.get(name, "tfidf"),
        "labels": [{"name": "yes", "hotkey": "y"}] if name == "api-projects" else ["good"],
        "spans": [{"start": 0, "end": 3, "label": "good"}], "acceptable": ["bad"],
        "into": attacker.world["pk"]["api-label"], "languages": ["en"], "hotkey": "x",
    }  # fmt: skip
    whole = hostile.likely(schema, known)
    if not isinstance(whole, dict) or "label" not in whole:
        return [whole]
    shapes = [name for name in ("label", "labels", "spans") if name in whole]
    return [{key: part for key, part in whole.items() if key == own or key not in shapes} for own in shapes]


def without_refused(attacker: Attacker, client: Client, method: str, url: str, body: Any) -> Any:
    """The body without fields that are refused though they are of the right form, so that the others are reached."""
    for _ in range(4):
        answer = attacker.send(client, method, url, json.dumps(body), JSON)
        if answer.status_code != 400 or not isinstance(body, dict):
            break
        wrong = {error["field"].partition(".")[0].partition("[")[0] for error in answer.json()["errors"]}
        if not wrong & body.keys():
            break
        body = {key: part for key, part in body.items() if key not in wrong}
    return body


@pytest.mark.parametrize(("name", "method"), REST, ids=lambda one: one)
def test_rest_takes_no_harm_from_any_body(attacker: Attacker, name: str, method: str) -> None:
    url, client = address(name, attacker.world), attacker.who(name, method)
    for body in hostile.some(hostile.BODIES, url, 2):
        attacker.send(client, method, url, body, JSON)
    for kind, body in hostile.some(hostile.MEDIA, url, 1):
        attacker.send(client, method, url, body, kind)
    content = (operation(url, method) or {}).get("requestBody", {}).get("content", {})
    if JSON not in content:
        return
    for whole in bodies(attacker, name, content[JSON]["schema"]):
        base = without_refused(attacker, client, method, url, whole)
        for place in hostile.places(base):
            for value in hostile.some(hostile.VALUES, (url, place), 1):
                body = hostile.written(hostile.replaced(base, place, hostile.Written(value)))
                attacker.send(client, method, url, body, JSON)


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that views look for in a question or a form, as they look."""
    names: set[str] = set()
    for way in ("__getitem__", "get", "getlist", "__contains__"):
        inner = getattr(QueryDict, way)

        def asked(self: QueryDict, key: Any, *more: Any, inner: Any = inner, **named: Any) -> Any:
            if isinstance(key, str):
                names.add(key)
            return inner(self, key, *more, **named)

        monkeypatch.setattr(QueryDict, way, asked, raising=False)
    return names


@pytest.mark.parametrize("name", READS)
def test_questions_are_answered_or_refused(attacker: Attacker, looked_for: set[str], name: str) -> None:
    url, client = address(name, attacker.world), attacker.who(name, "get")
    attacker.send(client, "get", url)
    told = (operation(url, "get") or {}).get("parameters", [])
    asked = {one["name"] for one in told if one["in"] == "query"} | looked_for
    asked |= set(FILTERS) if name in {"items", "api-items", "api-item-export", "item"} else set()
    for parameter in sorted(asked):
        values = (
            hostile.CURSORS
            if parameter == "cursor"
            else ["a%00b", *hostile.some(hostile.SENT, (url, parameter), 1)]
        )
        for value in values:
            attacker.send(client, "get", f"{url}?{quote(parameter)}={value}")
    attacker.send(client, "get", f"{url}?%00=%ff")


def test_no_part_of_an_address_does_harm(attacker: Attacker) -> None:
    for name, methods in ROUTES.items():
        url, method = address(name, attacker.world), next(iter(methods))
        for argument in get_resolver().reverse_dict.getlist(name)[0][0][0][1]:
            if argument == "slug":
                continue
            own = attacker.world[argument].get(name, attacker.world[argument].get(""))
            before, _, after = url.rpartition(str(own))
            for part in hostile.IN_PATHS:
                attacker.send(attacker.who(name, method), method, f"{before}{part}{after}", "{}", JSON)


@pytest.fixture(scope="module")
def forms(attacker: Attacker) -> dict[str, list[dict[str, str]]]:
    """Of each address the forms that pages have for it."""
    found: dict[str, list[dict[str, str]]] = {}
    for name in READS:
        url = address(name, attacker.world)
        place = transaction.savepoint()
        answer: Any = attacker.who(name, "get").get(url, follow=True)
        transaction.savepoint_rollback(place)
        if isinstance(answer, StreamingHttpResponse) or "html" not in answer.headers.get("Content-Type", ""):
            continue
        for target, fields in hostile.Forms(answer.content.decode(), url).found:
            known = found.setdefault(target.partition("?")[0], [])
            if fields.keys() not in [other.keys() for other in known]:
                known.append(fields)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_forms_are_taken_or_refused(
    attacker: Attacker, looked_for: set[str], forms: dict[str, list[dict[str, str]]], name: str
) -> None:
    url, client = address(name, attacker.world), attacker.who(name, "post")
    for kind, body in hostile.some(hostile.MEDIA, url, 1):
        attacker.send(client, "post", url, body, kind)
    done: set[str] = {"csrfmiddlewaretoken"}
    for base in [*forms.get(url, []), {}]:
        looked_for.clear()
        attacker.send(client, "post", url, base)
        for field in sorted((looked_for | base.keys()) - done):
            done.add(field)
            rest = "".join(f"&{quote(key)}={quote(part)}" for key, part in base.items() if key != field)
            for value in hostile.some(hostile.SENT, (url, field), 1):
                attacker.send(client, "post", url, f"{quote(field)}={value}{rest}", FORM)


UPLOADS: list[tuple[str, dict[str, str]]] = [
    ("api-imports", {}),
    ("api-imports", {"kind": "gold", "format": "jsonl"}),
    ("import", {}),
    ("api-predictions", {}),
    ("api-restore-archive", {}),
    ("restore-archive", {}),
]


@pytest.mark.parametrize(("name", "more"), UPLOADS, ids=str)
def test_files_are_read_or_refused(attacker: Attacker, name: str, more: dict[str, str]) -> None:
    url, kept = address(name, attacker.world), "archive" in name
    for what, content in hostile.FILES.items():
        file = SimpleUploadedFile("../a.csv", content)
        answer = attacker.send(attacker.clients["olga"], "post", url, {"file": file, **more})
        if kept and answer.status_code < 400:
            continue
        assert kept is False or answer.status_code in {400, 413}, what


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [("api-restore-archive", "people", value) for value in hostile.PEOPLE]
    + [("api-imports", "mapping", value) for value in hostile.MAPPINGS],
)
def test_json_beside_a_file_is_read_or_refused(attacker: Attacker, name: str, field: str, value: str) -> None:
    content = hostile.archive() if "archive" in name else hostile.ROWS
    sent = {"file": SimpleUploadedFile("a", content), field: value}
    answer = attacker.send(attacker.clients["olga"], "post", address(name, attacker.world), sent)
    assert answer.status_code == 400
    assert field in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize("name", ["api-next", "api-answer", "api-labels", "api-projects", "api-predictions"])
@pytest.mark.parametrize("value", [hostile.DEEP, "[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1)])
def test_what_is_nested_deeply_is_refused_in_words(attacker: Attacker, name: str, value: str) -> None:
    url, body = address(name, attacker.world), '{"count": 1, "label": %s}' % value  # noqa: UP031
    answer = attacker.send(attacker.who(name, "post"), "post", url, body, JSON)
    assert answer.status_code == 400
    assert "levels deep" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("split_set", "1e400"),
        ("split_set", "1" + "0" * MOST_DIGITS),
        ("parent", "1e400"),
        ("params", r'{"a": ["\u0000"]}'),
        ("params", r'{"\ud800": 1}'),
        ("params", '{"rate": 1e400}'),
    ],
)
def test_a_run_refuses_what_cannot_be_kept(attacker: Attacker, field: str, value: str) -> None:
    good = {"name": "second", "split_set": attacker.world["split_set_id"][""], "split": "test", "params": {}}
    url, client = address("api-runs", attacker.world), attacker.clients["olga"]
    assert attacker.send(client, "post", url, json.dumps(good), JSON).status_code == 201
    body = hostile.written({**good, field: hostile.Written(value)})
    assert attacker.send(client, "post", url, body, JSON).status_code == 400


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("decide-pair", "action=ignore&reason=a%00b"),
        ("decide-pair", "action=ignore&kind=a%00b"),
        ("change-items", "action=exclude&because=a%00b&item="),
        ("change-items", "action=round&round=a%00b&item="),
    ],
)
def test_a_nul_in_a_form_is_no_word_of_it(attacker: Attacker, name: str, sent: str) -> None:
    item = Item.objects.filter(project=attacker.project).latest("id").pk
    url = address(name, attacker.world)
    answer = attacker.send(attacker.clients["olga"], "post", url, f"{sent}{item}", FORM)
    assert answer.status_code == 302


@pytest.mark.parametrize(
    "chosen", [hostile.DEEP, '[{"start": 1e400, "end": 2, "label": "good"}]', "[1]", "3"]
)
def test_spans_that_were_chosen_of_no_answer_are_refused_in_words(chosen: str) -> None:
    with pytest.raises(ValueError, match="Choose one of the answers"):
        read_spans(chosen, "")


@pytest.mark.parametrize("field", ["method", "scale", "set_distance"])
def test_a_setting_of_quality_that_does_not_exist_is_refused(attacker: Attacker, field: str) -> None:
    url, client = address("quality-settings", attacker.world), attacker.clients["olga"]
    for value in ("nan", "x" * 10_000, "a\x00b"):
        attacker.send(client, "post", url, {field: value})
        assert not QualitySettings.objects.filter(
            project=attacker.project, **{field: value.replace("\x00", "")}
        )


@pytest.mark.parametrize("name", ["change-items", "make-gold"])
@pytest.mark.parametrize("following", ["nan", "a\x00b", "//evil.example/", "https://evil.example/"])
def test_a_way_back_that_is_no_address_of_ours_leads_to_the_list(
    attacker: Attacker, name: str, following: str
) -> None:
    url = address(name, attacker.world)
    answer = attacker.send(attacker.clients["olga"], "post", url, {"next": following})
    assert answer["Location"] == "/projects/weather/items/"


def test_long_refusals_keep_their_beginning_and_their_end(attacker: Attacker) -> None:
    body = json.dumps({"kind": "x" * 100_000})
    answer = attacker.send(attacker.clients["ann"], "post", address("api-flags", attacker.world), body, JSON)
    said = answer.json()["errors"][0]["message"]
    assert said.startswith('"xxx') and said.endswith("is not a valid choice.") and len(said) < 1100


def test_the_columns_of_a_file_that_is_gone_are_asked_for_no_more(attacker: Attacker) -> None:
    with override_settings(MEDIA_ROOT="/nowhere"):
        answer = attacker.send(attacker.clients["olga"], "get", address("import-map", attacker.world))
    assert "not there any more" in answer.content.decode()


def test_an_answer_that_is_not_ones_own_takes_no_text_in_hand(attacker: Attacker) -> None:
    url = address("annotate", attacker.world)
    assert attacker.send(attacker.clients["ben"], "get", f"{url}?answer=99999999").status_code == 404


@pytest.mark.parametrize(
    ("written", "says"),
    [("[" * 101 + "]" * 101, "levels"), ("1" * 301, "digits"), ("NaN", "NaN"), ("{", "Expecting")],
)
def test_json_that_is_refused_says_why(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_json(written)
    assert read_json("[" * 100 + "]" * 100) is not None
    assert read_json("1" * 300) == int("1" * 300)
