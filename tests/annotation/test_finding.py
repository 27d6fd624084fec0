"""Texts are found the same by every way that leads to them, in order, and no page looks at more than it says."""

import random
import re
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.algorithms.words import UNSPACED, needed, search_words, terms_of
from annotation.models import Annotation, Annotator, Flag, Item, Project, Round, RoundItem, TextBlock, User
from annotation.queries import exports, finding
from annotation.queries.finding import coverage, find, listing
from annotation.queries.items import describe, items
from annotation.services import blocks

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]
MARKS = [*"aAbBéÉİßςΣσ'-_.,;!? \t\n1ぁ東京都ไทยहि—", "\U00020001", "e\u0301"]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four texts, made twelve at a time."""
    monkeypatch.setattr(blocks, "TEXTS", 4)
    monkeypatch.setattr(blocks, "BATCH", 12)


def make(project: Project, texts: list[str], **fields: object) -> list[Item]:
    return Item.objects.bulk_create(
        Item(project=project, text=text, digest=digest(text), **fields) for text in texts
    )


def cover(project: Project) -> None:
    assert not blocks.keep_blocks()
    last = TextBlock.objects.filter(project=project).latest("first").last
    assert last == Item.objects.filter(project=project).latest("pk").pk


def has_word(text: str, word: str) -> bool:
    """By definition: the word is there, after something that is no letter, or where letters need no space."""

    def small(string: str) -> str:
        return "".join("i" if mark == "İ" else mark.lower() for mark in string).replace("ς", "σ")

    text, word = small(text), small(word)
    for at in range(len(text)):
        if not text.startswith(word, at):
            continue
        begins = at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "\u0301\u093f")
        lone = re.compile(f"[{UNSPACED}]")
        if begins or lone.match(text[at]) or lone.match(text[at - 1]) or not (text[at].isalnum()):
            return True
    return False


def test_no_word_is_missed_by_its_block_in_any_script(project: Project, small_blocks: None) -> None:
    draw = random.Random(3)
    texts = ["".join(draw.choices(MARKS, k=draw.randint(1, 12))) for _ in range(150)]
    made = make(project, texts)
    searches = ["".join(draw.choices(MARKS, k=draw.randint(1, 3))).strip() for _ in range(60)]
    searches = [search for search in searches if search and not search.isdigit()]
    before = {search: find(project, {"q": search}, 1000).ids for search in searches}
    cover(project)
    for search in searches:
        assert find(project, {"q": search}, 1000).ids == before[search], search
        wanted = [item.pk for item in made if all(has_word(item.text, word) for word in search_words(search))]
        assert before[search] == wanted, search
    assert any(before.values())


def test_words_are_found_at_their_beginning(project: Project, small_blocks: None) -> None:
    make(project, ["A top-up failed", "Soup of the day", "東京都に行く", "Ein Überschuß"])
    cover(project)
    found = {
        search: len(find(project, {"q": search}, 10).ids)
        for search in ("up", "TOP fail", "oup", "top-u", "京都", "京東", "über", "!", "q")
    }
    assert found == {
        "up": 1,
        "TOP fail": 1,
        "oup": 0,
        "top-u": 1,
        "京都": 1,
        "京東": 0,
        "über": 1,
        "!": 0,
        "q": 0,
    }
    assert needed(search_words("top-u")) and not needed(["!"])
    assert terms_of("x" * 100) == {"x" * 40, "x" * 20}


@pytest.fixture
def pool(project: Project, ann: User, small_blocks: None) -> Iterator[Project]:
    """Sixty texts with everything that a filter can ask for, forty of them in blocks."""
    draw = random.Random(5)
    labels = list(project.labels.all())
    other = Round.objects.create(project=project, name="second", overlap=2)
    main = project.rounds.get(name="main")
    people = [Annotator.objects.create(project=project, name=name) for name in "xy"]

    def some(n: int) -> None:
        for item in make(project, [draw.choice(["red sky", "blue sea", "red sea"]) for _ in range(n)]):
            item.meta = {"n": draw.randrange(3), "of": draw.choice(["a", "b", True])}
            item.imported_label = draw.choice([None, *labels])
            item.save()
            for made in draw.sample([main, other], draw.randrange(3)):
                given = draw.randrange(3)
                RoundItem.objects.create(
                    round=made, item=item, position=item.pk, overlap=2, answers=given, open_slots=2 - given
                )
                for person in people[:given]:
                    Annotation.objects.create(
                        round=made, item=item, annotator=person, label=draw.choice(labels)
                    )
                Round.objects.filter(pk=made.pk).update(items_total=100)
            if draw.random() < 0.2:
                Flag.objects.create(item=item, user=ann, kind=draw.choice(["noisy", "ambiguous"]))
            if draw.random() < 0.1:
                Item.objects.filter(pk=item.pk).update(excluded=item.created)
            if draw.random() < 0.1:
                Item.objects.filter(pk=item.pk).update(deleted=item.created)

    some(40)
    cover(project)
    some(20)
    yield project


FILTERS = [
    {},
    {"round": "main"},
    {"round": "none"},
    {"label": "good"},
    {"q": "red"},
    {"q": "sea bl"},
    {"flagged": "true"},
    {"flagged": "noisy"},
    {"flagged": "false"},
    {"meta.n": "1"},
    {"meta.of": "true"},
    {"meta.of": "b"},
    *({"state": state} for state in ("pool", "open", "complete", "disputed", "excluded", "deleted")),
    {"round": "second", "label": "bad"},
    {"round": "second", "state": "disputed"},
    {"q": "red", "meta.n": "2", "label": "neither"},
    {"state": "complete", "flagged": "true"},
    {"state": "open", "q": "sky"},
]


def test_the_label_that_is_asked_for_is_the_one_that_the_list_shows(pool: Project) -> None:
    shown = describe(pool, list(items(pool).order_by("pk")))
    for name in pool.labels.values_list("name", flat=True):
        wanted = [row["item"].pk for row in shown if row["label"] == name]
        assert len(wanted) > 3 and find(pool, {"label": name}, 1000).ids == wanted
    assert any(row["votes"] and row["label"] is None for row in shown)


def test_every_way_finds_what_the_filters_mean(pool: Project) -> None:
    sizes = []
    for filters in FILTERS:
        wanted = list(items(pool, filters).order_by("pk").values_list("pk", flat=True))
        assert find(pool, filters, 1000).ids == wanted, filters
        assert find(pool, filters, 1000, descending=True).ids == wanted[::-1], filters
        for way in [finding.shortest_way(pool, filters), *finding._ways(pool, filters)]:
            statement, values = way.walk(0, finding.ALL, "ASC", 1000)
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                assert set(wanted) <= {pk for (pk,) in cursor.fetchall()}, filters
        sizes.append(len(wanted))
    assert sum(size > 0 for size in sizes) > 15


def test_pages_lead_through_all_of_it_and_back(pool: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in (10_000, 17):
        monkeypatch.setattr(finding, "MOST_LOOKED_AT", bound)
        for filters in FILTERS:
            wanted = list(items(pool, filters).order_by("pk").values_list("pk", flat=True))
            for descending in (False, True):
                seen: list[int] = []
                after: int | None = None
                while True:
                    page = listing(pool, filters).page(13, after=after, descending=descending)
                    seen += [text.pk for text in page.texts]
                    if page.after is None:
                        break
                    after = page.after
                assert seen == (wanted[::-1] if descending else wanted), (bound, filters)
                back: list[int] = []
                before: int | None = 0 if descending else finding.ALL
                while before is not None:
                    page = listing(pool, filters).page(13, before=before, descending=descending)
                    back = [text.pk for text in page.texts] + back
                    before = page.before
                assert back == seen, (bound, filters)


def test_a_list_that_is_cut_off_says_so_and_goes_on(
    project: Project, page: Page, api: Api, lea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(project, [f"text {n}" for n in range(30)])
    last = make(project, ["a needle"])[0]
    monkeypatch.setattr(finding, "MOST_LOOKED_AT", 20)
    shown = page(lea).get("/projects/weather/items/?q=needle")
    words = shown.content.decode()
    assert "Nothing yet" in words and "Look further" in words and shown.context["after"]
    shown = page(lea).get(f"/projects/weather/items/?q=needle&after={shown.context['after']}")
    assert [row["item"].pk for row in shown.context["rows"]] == [last.pk]
    url, found = "/api/v1/projects/weather/items/?label=good&limit=5", []
    Item.objects.filter(pk__lt=last.pk - 25).update(imported_label=project.labels.get(name="good"))
    while url:
        answer = api(lea).get(url).json()
        found += [row["id"] for row in answer["results"]]
        url = answer["next"]
    assert len(found) == 5 and found == sorted(found, reverse=True)
    assert api(lea).get("/api/v1/projects/weather/items/?cursor=cD1hYmM=").status_code == 404


def test_blocks_wait_for_an_import_and_cover_what_it_brought(project: Project, small_blocks: None) -> None:
    make(project, [f"old {n}" for n in range(6)])
    cover(project)
    assert coverage(project) == finding.Coverage(6, 0)
    make(project, [f"new {n}" for n in range(30)])
    assert coverage(project).waiting == 30
    cover(project)
    assert coverage(project) == finding.Coverage(36, 0)
    sizes = list(TextBlock.objects.order_by("first").values_list("texts", flat=True))
    assert sizes == [4] * 9


def test_a_merged_labels_texts_are_found_by_the_label_that_took_over(
    project: Project, small_blocks: None
) -> None:
    old, new = project.labels.get(name="neither"), project.labels.get(name="bad")
    made = make(project, ["one", "two", "three", "four", "five"], imported_label=old)
    cover(project)
    Item.objects.filter(project=project).update(imported_label=new)
    old.merged_into = new
    old.save()
    assert find(project, {"label": "bad"}, 10).ids == [item.pk for item in made]


def test_more_texts_take_no_more_queries(
    project: Project, page: Page, lea: User, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    client = page(lea)
    for n in (30, 300):
        make(project, [f"text {n} {k}" for k in range(n)])
        for query in ("q=text", "label=good", "state=disputed", "round=none"):
            with django_assert_max_num_queries(40):  # type: ignore[attr-defined]
                client.get(f"/projects/weather/items/?{query}")


def test_an_export_has_the_texts_of_the_list_however_many(
    pool: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most in (10_000, 1):
        monkeypatch.setattr(exports, "MOST_FOUND_FIRST", most)
        for filters in FILTERS:
            rows = exports.item_rows(pool, filters)
            with connection.cursor() as cursor:
                cursor.execute(rows.statement, rows.parameters)
                seen = [row[0] for row in cursor.fetchall()]
            living = items(pool, filters).filter(deleted__isnull=True).order_by("pk")
            assert seen == list(living.values_list("pk", flat=True)), (most, filters)
