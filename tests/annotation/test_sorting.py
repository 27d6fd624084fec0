"""Lists of texts in every order: all pages lead through it and back, under every filter, by page and over REST."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.http import urlencode
from rest_framework.test import APIClient

from annotation.models import Annotation, Item, Project, RoundItem, User
from annotation.queries import sorting
from annotation.queries.finding import listing
from annotation.queries.items import items
from tests.annotation.test_finding import FILTERS, pool, small_blocks

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]
__all__ = ["pool", "small_blocks"]


@pytest.fixture
def shuffled(pool: Project) -> Project:
    """The pool with ids of their own for most texts, and answers at times that many share."""
    draw = random.Random(9)
    for item in pool.items.all():
        if draw.random() < 0.8:
            Item.objects.filter(pk=item.pk).update(external_id=f"{draw.choice('aBé-_')}{item.pk}")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for answer in Annotation.objects.all():
        created = start + timedelta(seconds=draw.randrange(6))
        gone = start if draw.random() < 0.1 else None
        Annotation.objects.filter(pk=answer.pk).update(created=created, set_aside=gone)
    return pool


def in_order(project: Project, filters: dict[str, str], order: str) -> list[int]:
    """By definition."""
    found = items(project, filters)
    if order in sorting.WHOLE:
        ids = list(found.order_by("pk").values_list("pk", flat=True))
        return ids if order == "item" else ids[::-1]
    if order == "queue":
        slots = RoundItem.objects.filter(round__name=filters["round"], open_slots__gt=0)
        waiting = slots.filter(item__in=list(found.values_list("pk", flat=True)))
        return [
            slot.item_id for slot in sorted(waiting, key=lambda s: (s.open_slots == s.overlap, s.position))
        ]
    if order != "answered":
        return list(found.filter(external_id__isnull=False).order_by(order).values_list("pk", flat=True))
    answers = Annotation.objects.counted().filter(item__in=list(found.values_list("pk", flat=True)))
    if (name := filters.get("round")) and name != "none":
        answers = answers.filter(round__name=name)
    if name == "none":
        return []
    seen: dict[int, None] = {}
    for pk in answers.order_by("-created", "-pk").values_list("item", flat=True):
        seen.setdefault(pk)
    return list(seen)


@pytest.mark.parametrize("order", list(sorting.ORDERS))
def test_pages_lead_through_all_of_an_order_and_back(
    shuffled: Project, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []
    for few, bound in ((2000, 10_000), (-1, 10_000), (-1, 17)):
        monkeypatch.setattr(sorting, "FEW", few)
        monkeypatch.setattr(sorting, "FIRST_LOOK", 11)
        monkeypatch.setattr(sorting, "MOST_LOOKED_AT", bound)
        for filters in FILTERS:
            if order not in sorting.orders_under(filters):
                continue
            wanted, texts = in_order(shuffled, filters, order), listing(shuffled, filters)
            seen: list[int] = []
            after: object = None
            while True:
                page = sorting.page_in_order(shuffled, filters, texts, order, 13, after=_said(after))
                seen += [text.pk for text in page.texts]
                if page.after is None:
                    break
                after = page.after
            assert seen == wanted, (few, bound, filters)
            lengths.append(len(seen))
            if len(wanted) < 14 or order in sorting.WHOLE:
                continue
            place = sorting.place_of(shuffled, filters, order, Item.objects.get(pk=wanted[-1]))
            back: list[int] = [wanted[-1]]
            while place is not None:
                page = sorting.page_in_order(shuffled, filters, texts, order, 13, before=_said(place))
                back = [text.pk for text in page.texts] + back
                place = _said(page.before)
            assert back == wanted, (few, bound, filters)
    assert max(lengths) > (20 if order != "queue" else 13)


def _said(place: object) -> str | None:
    return None if place is None else str(place)


def test_page_rest_and_neighbours_follow_the_order(
    shuffled: Project, page: Page, api: Api, lea: User
) -> None:
    for order, head in (("external_id", "Number"), ("-external_id", "Number"), ("answered", "Answers")):
        wanted = in_order(shuffled, {}, order)
        shown = page(lea).get(f"/projects/weather/items/?sort={order}")
        assert [row["item"].pk for row in shown.context["rows"]] == wanted[: len(shown.context["rows"])]
        way = "descending" if order != "external_id" else "ascending"
        words = shown.content.decode()
        assert f'aria-sort="{way}">{head}</th>' in words and words.count("aria-sort") == 1
        assert "Select all" not in words
        url, found = f"/api/v1/projects/weather/items/?{urlencode({'order': order, 'limit': '9'})}", []
        while url:
            answer = api(lea).get(url).json()
            found += [row["id"] for row in answer["results"]]
            url = answer["next"]
        assert found == wanted
        story = page(lea).get(f"/projects/weather/items/{wanted[3]}/?sort={order}")
        assert (story.context["previous"], story.context["next"]) == (wanted[2], wanted[4])


def test_another_order_is_refused_and_a_place_that_is_none_is_the_beginning(
    shuffled: Project, page: Page, api: Api, lea: User
) -> None:
    waits = api(lea).get("/api/v1/projects/weather/items/?order=queue&round=main").data["results"]
    assert [row["id"] for row in waits] == in_order(shuffled, {"round": "main"}, "queue")
    for address in ("/projects/weather/items/?sort=queue", "/api/v1/projects/weather/items/?order=queue"):
        answer = (api(lea) if "api" in address else page(lea)).get(address)
        assert answer.status_code == 400 and "Choose one as a filter" in answer.content.decode()
    for address in ("/projects/weather/items/?sort=length", "/api/v1/projects/weather/items/?order=length"):
        answer = (api(lea) if "api" in address else page(lea)).get(address)
        assert answer.status_code == 400 and "is no order" in answer.content.decode()
    for place in ("x", "2026-01-01_3", "2026-01-01T00:00:00+00:00_x", "%00"):
        shown = page(lea).get(f"/projects/weather/items/?sort=answered&after={place}")
        assert shown.status_code == 200 and shown.context["rows"]
    assert page(lea).get("/projects/weather/items/?sort=external_id&after=%00").status_code == 200
