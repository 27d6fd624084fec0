"""Nothing that an annotator can see tells a gold text or a repeat from any other: not its id, not what is answered,
neither what moves afterwards nor how much is asked of the database for it."""

import re
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.jobs import start_import
from annotation.models import Annotation, Annotator, Assignment, GoldItem, Item, Project, Round, User
from annotation.services import gold, imports, items, labelling, rounds
from annotation.services.labelling import Refused
from annotation.services.suggestions import add_suggestions
from tests.annotation.labelling_steps import answer, at_hand, check_slots, expire, fill, take

pytestmark = pytest.mark.django_db

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]

CHANGING = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "key"),
    (r'(csrfmiddlewaretoken" value=|nonce=|X-CSRFToken": )"\w+"', "secret"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z?", "time"),
    (r"\d+(\.\d+)?", "0"),
]
# Where somebody who labels reads how far the work is
PROGRESS = [
    "/",
    "/api/v1/projects/",
    "/api/v1/projects/weather/",
    "/api/v1/projects/weather/rounds/",
    "/api/v1/projects/weather/rounds/{round}/",
]


def shape(answered: Any) -> str:
    """An answer of the server without what differs from one text to the next: status, names of headers, body."""
    body = answered.content.decode()
    for pattern, word in CHANGING:
        body = re.sub(pattern, word, body)
    return f"{answered.status_code} {sorted(answered.headers)}\n{body}"


@pytest.fixture
def mixed(project: Project, olga: User) -> Round:
    """A round with normal texts, gold and repeats, which are all equally long."""
    made = fill(project, 120, gold_rate=0.3, repeat_rate=0.3)
    Project.objects.filter(pk=project.pk).update(repeat_distance=3, gold_minimum=1000)
    for k in range(60):
        item = Item.objects.create(project=project, text=f"text {k}", digest=uuid.uuid4(), meta={"k": k})
        gold.set_gold(project, olga, item, label="good")
    return made


@pytest.mark.parametrize("suggestions", ["off", "hidden", "shown"])
def test_answers_pages_and_cost_are_the_same_for_every_kind(
    mixed: Round, ann: User, olga: User, api: Api, page: Page, suggestions: str
) -> None:
    ids = Item.objects.filter(project=mixed.project_id).values_list("pk", flat=True)
    rows = [{"id": pk, "label": "good", "score": round(0.5 + k / 1000, 3)} for k, pk in enumerate(ids)]
    add_suggestions(mixed.project, olga, "tfidf", rows)
    rounds.change_round(mixed, olga, {"suggestions": suggestions, "suggestion_source": "tfidf"})
    rest, browser = api(ann), page(ann)
    shapes: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for n in range(32):
        with CaptureQueriesContext(connection) as asked:
            handed = rest.post("/api/v1/projects/weather/next/")
        lease = handed.json()["assignments"][0]
        screen = browser.get("/projects/weather/annotate/")
        with CaptureQueriesContext(connection) as told:
            asked_for = rest.post(f"/api/v1/assignments/{lease['id']}/suggestion/")
        after_asking = rest.post("/api/v1/projects/weather/next/")
        sent = {"key": str(uuid.uuid4()), "label": "good", "comment": "", "seconds": 3}
        with CaptureQueriesContext(connection) as stored:
            given = rest.post(f"/api/v1/assignments/{lease['id']}/answer/", sent, format="json")
        again = rest.post(f"/api/v1/assignments/{lease['id']}/answer/", sent, format="json")
        opened = browser.get(f"/projects/weather/annotate/?answer={given.json()['id']}")
        changed = rest.patch(f"/api/v1/annotations/{given.json()['id']}/", {"label": "bad"}, format="json")
        own = browser.get("/projects/weather/mine/")
        kind = Assignment.objects.get(pk=lease["id"]).kind
        if n < 8:  # until the recent ones are full
            continue
        late = rest.post(f"/api/v1/assignments/{lease['id']}/suggestion/")
        seen = {"next": handed, "page": screen, "answer": given, "again": again, "own": own}
        seen |= {"asked": asked_for, "next after asking": after_asking, "asked too late": late}
        for name, answered in (seen | {"opened": opened, "revised": changed}).items():
            shapes[name][kind].add(shape(answered))
        shapes["statements of next"][kind].add(str(len(asked)))
        shapes["statements of answer"][kind].add(str(len(stored)))
        shapes["statements of asking"][kind].add(str(len(told)))
    for name, kinds in shapes.items():
        assert set(kinds) == {"normal", "gold", "repeat"}
        assert kinds["gold"] <= kinds["normal"], name
        assert kinds["repeat"] <= kinds["normal"], name


def test_no_counter_moves_with_each_normal_text(
    mixed: Round, ann: User, lea: User, api: Api, page: Page
) -> None:
    Round.objects.filter(pk=mixed.pk).update(overlap=1)
    mixed.round_items.update(overlap=1, open_slots=1)
    rest, browser = api(ann), page(ann)

    def read() -> list[str]:
        asked = [address.format(round=mixed.pk) for address in PROGRESS]
        return [(rest if "/api/" in one else browser).get(one).content.decode() for one in asked]

    before, moved, stood = read()[1:], 0, 0
    for _ in range(24):
        lease = rest.post("/api/v1/projects/weather/next/").json()["assignments"][0]
        sent = {"key": str(uuid.uuid4()), "label": "good"}
        rest.post(f"/api/v1/assignments/{lease['id']}/answer/", sent, format="json")
        now = read()[1:]
        if Assignment.objects.get(pk=lease["id"]).kind == "normal":
            moved, stood = moved + (now != before), stood + (now == before)
        else:
            assert now == before
        before = now
    assert stood >= 4 * moved > 0
    mixed.refresh_from_db()
    led = api(lea).get("/api/v1/projects/weather/").json()["counts"]
    assert led["items_done"] == led["annotations"] == mixed.items_done
    told = api(ann).get("/api/v1/projects/weather/").json()["counts"]
    assert told == {
        "items": 120,
        "items_done": mixed.items_done // 5 * 5,
        "annotations": mixed.items_done // 5 * 5,
    }


def test_gold_texts_of_a_file_have_ids_among_the_others(
    project: Project, lea: User, work: Callable[[], Any]
) -> None:
    def load(name: str, kind: str, n: int) -> None:
        lines = "".join(f"{name} {k},good\n" for k in range(n))
        file = ContentFile(f"text,label\n{lines}".encode(), name=f"{name}.csv")
        source = imports.store_upload(project, lea, file, kind=kind)
        imports.choose_mapping(source, {"text": "text", "label": "label"})
        start_import(source, lea)
        assert [job.error for job in work()] == [""]

    load("first", "items", 300)
    load("known", "gold", 30)
    load("second", "items", 100)
    every = list(Item.objects.order_by("id").values_list("text", flat=True))
    normal = [text for text in every if not text.startswith("known")]
    assert normal == [*(f"first {k}" for k in range(300)), *(f"second {k}" for k in range(100))]
    places = [at for at, text in enumerate(every) if text.startswith("known")]
    assert GoldItem.objects.count() == len(places) == 30
    assert places[0] > 0 and places[-1] < 330
    assert all(later - earlier > 1 for earlier, later in pairwise(places))
    ids = Item.objects.filter(text__startswith="known").order_by("id").values_list("text", flat=True)
    assert list(ids) != sorted(ids, key=lambda text: int(text.split()[1]))  # nor in the order of the file


@pytest.mark.parametrize("how", ["ran out", "closed"])
def test_what_was_in_hand_goes_back_whatever_it_was(
    mixed: Round, project: Project, ann: User, olga: User, how: str
) -> None:
    held = take(project, ann, 20)
    assert {"normal", "gold"} <= {lease.kind for lease in held}
    if how == "closed":
        rounds.close_round(mixed, olga)
        rounds.open_round(mixed, olga)
    else:
        expire(*held)
        assert labelling.return_expired_leases() == 20
    assert set(Assignment.objects.values_list("state", flat=True)) == {"expired"}
    check_slots()
    again = {lease.pk for lease in take(project, ann, 20)} | {lease.pk for lease in take(project, ann, 20)}
    assert len(again) == 20
    check_slots()


@pytest.mark.parametrize("out", ["delete_items", "exclude_items"])
def test_a_late_answer_to_a_text_that_is_out_is_refused_whatever_it_was(
    mixed: Round, project: Project, ann: User, lea: User, out: str
) -> None:
    held = take(project, ann, 20)
    every = Item.objects.filter(project=project)
    said = ["private data"] if out == "exclude_items" else []
    getattr(items, out)(project, lea, every, *said)
    refusals = set()
    for lease in held:
        with pytest.raises(Refused) as refused:
            answer(at_hand(ann, lease))
        refusals.add(str(refused.value))
    assert len(refusals) == 1
    assert not Annotation.objects.exists()
    assert Annotator.objects.get(user=ann).gold_answers == 0


def test_gold_that_ran_out_is_handed_out_again_to_the_same_person(
    project: Project, ann: User, olga: User
) -> None:
    fill(project, 3, gold_rate=1.0)
    item = Item.objects.create(project=project, text="known", digest=uuid.uuid4())
    gold.set_gold(project, olga, item, label="good")
    (first,) = take(project, ann)
    assert first.kind == "gold"
    expire(first)
    Assignment.objects.filter(pk=first.pk).update(expires=timezone.now() - timedelta(hours=1))
    labelling.return_expired_leases()
    (second,) = take(project, ann)
    assert second.pk == first.pk
    assert answer(at_hand(ann, second)).correct is True
