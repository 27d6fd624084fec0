"""The texts pages and the list over REST: filters, labels as they stand, one text's story."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.models import Annotation, Annotator, Flag, Item, Project, RoundItem, User
from annotation.services.metadata_fields import detect_fields

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]


@pytest.fixture
def texts(project: Project, ann: User) -> list[Item]:
    """sun (good, good, bad), rain (a tie, flagged), snow (imported bad, in no round), fog (nothing)."""
    made, labels = project.rounds.get(), {label.name: label for label in project.labels.all()}
    names = ["sun", "rain", "snow", "fog"]
    items = [
        Item.objects.create(
            project=project,
            external_id=name,
            text=f"The {name} today",
            digest=digest(name),
            meta={"source": at % 2},
        )
        for at, name in enumerate(names)
    ]
    items[2].imported_label = labels["bad"]
    items[2].meta = {"source": "mail", "deep": {"a": 1}}
    items[2].save()
    people = [Annotator.objects.create(project=project, name=name) for name in ("x", "y", "z")]
    for item, answers in ((items[0], ("good", "good", "bad")), (items[1], ("good", "bad"))):
        RoundItem.objects.create(
            round=made, item=item, position=1, overlap=3, open_slots=3 - len(answers), answers=len(answers)
        )
        for person, label in zip(people, answers, strict=False):
            Annotation.objects.create(
                round=made, item=item, annotator=person, label=labels[label], comment="why <b>"
            )
    Flag.objects.create(item=items[1], user=ann, kind="noisy", note="half a text")
    return items


def rest(client: APIClient, query: str = "") -> list[dict[str, object]]:
    answer = client.get(f"/api/v1/projects/weather/items/{query}")
    assert answer.status_code == 200, answer.data
    return list(answer.data["results"])


def test_the_label_is_the_majority_then_the_imported_one(texts: list[Item], api: Api, lea: User) -> None:
    found = {row["external_id"]: row for row in rest(api(lea))}
    figures = {
        name: tuple(row[field] for field in ("label", "label_source", "confidence", "state", "round"))
        for name, row in found.items()
    }
    assert figures == {
        "sun": ("good", "majority", pytest.approx(2 / 3), "complete", "main"),
        "rain": (None, "majority", 0.5, "open", "main"),
        "snow": ("bad", "imported", None, "pool", None),
        "fog": (None, None, None, "pool", None),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?round=main", ["sun", "rain"]),
        ("?round=none", ["snow", "fog"]),
        ("?label=good", ["sun"]),
        ("?label=bad", ["snow"]),
        ("?q=RAIN", ["rain"]),
        ("?q=today%20the", ["sun", "rain", "snow", "fog"]),
        ("?q=snow", ["snow"]),
        ("?flagged=true", ["rain"]),
        ("?flagged=noisy", ["rain"]),
        ("?flagged=ambiguous", []),
        ("?meta.source=mail", ["snow"]),
        ("?meta.source=0", ["sun"]),
        ("?meta.source=1", ["rain", "fog"]),
        ("?state=complete", ["sun"]),
        ("?state=open", ["rain"]),
        ("?state=pool", ["snow", "fog"]),
        ("?state=disputed", ["sun", "rain"]),
        ("?round=main&label=good", ["sun"]),
    ],
)
def test_filters(texts: list[Item], api: Api, page: Page, lea: User, query: str, names: list[str]) -> None:
    assert {row["external_id"] for row in rest(api(lea), query)} == set(names)
    shown = page(lea).get(f"/projects/weather/items/{query}")
    assert [row["item"].external_id for row in shown.context["rows"]] == names


def test_ids_choose_items(texts: list[Item], api: Api, lea: User) -> None:
    wanted = [texts[0].pk, texts[3].pk]
    assert {row["id"] for row in rest(api(lea), f"?ids={wanted[0]},{wanted[1]}")} == set(wanted)


@pytest.mark.parametrize(
    "query",
    ["?round=x", "?label=x", "?flagged=x", "?state=x", "?ids=a", "?colour=red", "?q=%00", "?meta.a%00=1"],
)
def test_wrong_filters_are_named(texts: list[Item], api: Api, page: Page, lea: User, query: str) -> None:
    answer = api(lea).get(f"/api/v1/projects/weather/items/{query}")
    assert answer.status_code == 400 and answer.data["errors"]
    assert page(lea).get(f"/projects/weather/items/{query}").status_code == 400


@pytest.mark.parametrize(("who", "status"), [("ann", 403), ("ada", 403), ("otto", 404)])
def test_others_labels_are_for_leads(
    request: pytest.FixtureRequest, texts: list[Item], api: Api, page: Page, who: str, status: int
) -> None:
    user = request.getfixturevalue(who)
    for path in ("items/", "annotations.jsonl", "annotations.csv"):
        assert api(user).get(f"/api/v1/projects/weather/{path}").status_code == status
    assert page(user).get(f"/projects/weather/items/{texts[0].pk}/").status_code == status


def test_pages_lead_on_and_back(project: Project, page: Page, lea: User) -> None:
    Item.objects.bulk_create(
        Item(project=project, text=f"Text {n}", digest=digest(f"Text {n}")) for n in range(120)
    )
    client = page(lea)
    seen: list[int] = []
    query = ""
    while True:
        shown = client.get(f"/projects/weather/items/{query}")
        seen += [row["item"].pk for row in shown.context["rows"]]
        if shown.context["after"] is None:
            break
        query = f"?after={shown.context['after']}"
    assert seen == sorted(Item.objects.values_list("pk", flat=True))
    back = client.get(f"/projects/weather/items/?before={shown.context['before']}")
    assert [row["item"].pk for row in back.context["rows"]] == seen[50:100]


def test_a_longer_list_takes_no_more_queries(
    project: Project, page: Page, lea: User, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    Item.objects.bulk_create(
        Item(project=project, text=f"Text {n}", digest=digest(f"Text {n}")) for n in range(60)
    )
    client = page(lea)
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        client.get("/projects/weather/items/")


def test_one_text_tells_its_story(texts: list[Item], page: Page, lea: User) -> None:
    client = page(lea)
    shown = client.get(f"/projects/weather/items/{texts[1].pk}/").content.decode()
    for words in ("The rain today", "the answers are tied", "half a text", "why &lt;b&gt;", "2 of 3 answers"):
        assert words in shown
    assert "as imported" in client.get(f"/projects/weather/items/{texts[2].pk}/").content.decode()
    assert client.get("/projects/weather/items/999999999/").status_code == 404


def test_an_empty_project_says_what_fills_it(project: Project, page: Page, lea: User) -> None:
    assert "No texts yet" in page(lea).get("/projects/weather/items/").content.decode()


def test_each_field_is_asked_for_by_its_type(project: Project, page: Page, lea: User) -> None:
    for at, (source, day, price, note) in enumerate(
        [
            ("mail", "2026-03-01", "4.5", "a long walk"),
            ("chat", "2026-03-09", "12", "no walk at all"),
            ("mail", "2026-04-02", "7", "the sea"),
            ("mail", "2026-04-03", "8", "and the hills"),
        ]
    ):
        meta = {"source": source, "day": day, "price": price, "note": f"{note} {'x' * 120}"}
        Item.objects.create(project=project, text=f"text {at}", digest=digest(f"text {at}"), meta=meta)
    detect_fields(project)
    shown = page(lea).get("/projects/weather/items/")
    controls = {c.name: c.kind for facet in shown.context["facets"] for c in facet.controls}
    assert controls == {
        "meta.source": "choice",
        "meta.day:from": "date",
        "meta.day:to": "date",
        "meta.price:from": "text",
        "meta.price:to": "text",
        "meta.note:has": "text",
    }
    assert "<option>chat</option>" in shown.content.decode()
    sent = {
        "meta.source": "mail",
        "meta.day:from": "2026-03-01",
        "meta.day:to": "2026-04-02",
        "meta.price:to": "",
    }
    found = page(lea).get("/projects/weather/items/", sent)
    assert [row["item"].text for row in found.context["rows"]] == ["text 0", "text 2"]
    said = found.content.decode()
    assert "<option selected>mail</option>" in said and 'value="2026-04-02"' in said
    assert ("day from", "2026-03-01") in [(name, value) for name, value, _ in found.context["chips"]]
    refused = page(lea).get("/projects/weather/items/", {"meta.price:from": "cheap"})
    assert refused.status_code == 400 and "is no number" in refused.content.decode()
    words = page(lea).get(
        "/projects/weather/items/", {"meta.note:has": "WALK", "meta.source:any": "mail,chat"}
    )
    assert len(words.context["rows"]) == 2
    assert '<input type="hidden" name="meta.source:any" value="mail,chat">' in words.content.decode()


def test_pages_call_a_text_a_text(texts: list[Item], page: Page, lea: User) -> None:
    found = page(lea).get("/projects/weather/items/").content.decode()
    one = page(lea).get(f"/projects/weather/items/{texts[0].pk}/").content.decode()
    assert f"Select text {texts[0].pk:,}" in found
    assert f"<h1>Text {texts[0].pk:,}</h1>" in one
    for said in (found, one):
        assert ">Item" not in said
