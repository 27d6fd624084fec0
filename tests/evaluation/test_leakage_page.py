"""The leakage page: empty, with pairs side by side, and deciding on them."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Job, User
from evaluation.models import LeakagePair, LeakageReport, PairDecision
from tests.evaluation.conftest import AddTexts, BuildSplits

Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]
URL = "/projects/weather/leakage/"


@pytest.fixture
def found(add_texts: AddTexts, page: Page, lea: User, work: Work) -> LeakageReport:
    """Twenty near pairs, computed from the page."""
    add_texts(
        [
            (f"case {n} has <b>{word}</b> words in it", "good", {})
            for n in range(20)
            for word in ("some", "more")
        ]
    )
    answer = page(lea).post(URL, {"split_set": "", "threshold": "0.5", "ngram": "1"})
    assert answer.status_code == 302
    work()
    return LeakageReport.objects.get()


def test_before_the_first_report_the_page_offers_the_search(page: Page, lea: User, project: object) -> None:
    answer = page(lea).get(URL)
    assert answer.status_code == 200
    assert "Look for copies" in answer.content.decode()


def test_bad_settings_come_back_with_a_message(page: Page, lea: User, project: object) -> None:
    answer = page(lea).post(URL, {"split_set": "77", "threshold": "0.2", "ngram": "3"})
    assert answer.status_code == 200
    assert "greater than or equal to 0.5" in answer.content.decode()


def test_while_a_job_waits_the_page_says_so(page: Page, lea: User, project: object) -> None:
    page(lea).post(URL, {"split_set": "", "threshold": "0.9", "ngram": "3"})
    assert "Copies in the pool" in page(lea).get(URL).content.decode()


def test_the_difference_is_marked_and_escaped(found: LeakageReport, page: Page, lea: User) -> None:
    html = page(lea).get(URL).content.decode()
    assert "<del>&lt;b&gt;some&lt;/b&gt;</del>" in html
    assert "<ins>&lt;b&gt;more&lt;/b&gt;</ins>" in html
    assert "style=" not in html


def test_pages_follow_each_other_without_gaps(found: LeakageReport, page: Page, lea: User) -> None:
    expected = list(
        LeakagePair.objects.filter(report=found).order_by("-similarity", "id").values_list("id", flat=True)
    )
    seen: list[int] = []
    after = ""
    while True:
        answer = page(lea).get(URL, {"report": str(found.pk), "after": after})
        seen += [row["pair"].pk for row in answer.context["rows"]]
        if answer.context["next_after"] is None:
            break
        after = str(answer.context["next_after"])
    assert seen == expected


@pytest.mark.parametrize(
    "query",
    [
        "report=x",
        "report=999",
        "pair=x",
        "pair=99999999999999999999",
        "after=²",
        "kind=odd",
        "a=1",
        "a=1&b=2",
        "open=1",
    ],
)
def test_odd_addresses_are_no_error(query: str, found: LeakageReport, page: Page, lea: User) -> None:
    assert page(lea).get(f"{URL}?{query}").status_code == 200


def test_deciding_goes_on_to_the_next_pair(found: LeakageReport, page: Page, lea: User) -> None:
    first, second = LeakagePair.objects.filter(report=found).order_by("-similarity", "id")[:2]
    answer = page(lea).post(f"{URL}pairs/{first.pk}/", {"action": "together", "open": "1"})
    assert answer["Location"] == f"{URL}?open=1&report={found.pk}&pair={second.pk}#pair"
    assert PairDecision.objects.get().action == "together"
    back = page(lea).post(f"{URL}pairs/{first.pk}/", {"action": ""})
    assert f"pair={first.pk}" in back["Location"]
    assert not PairDecision.objects.exists()
    assert page(lea).post(f"{URL}pairs/{first.pk}/", {"action": "burn"}).status_code == 302
    page(lea).post(f"{URL}{found.pk}/together/")
    assert (
        PairDecision.objects.filter(action="together").count()
        == LeakagePair.objects.filter(report=found).count()
    )


def test_between_splits_the_page_says_which_test_texts_leak(
    add_texts: AddTexts, build: BuildSplits, page: Page, lea: User, work: Work
) -> None:
    add_texts(
        [
            (text, label, {"part": part})
            for part, label in (("x", "good"), ("y", "bad"))
            for text in ("a b c", "d e f")
        ]
    )
    made = build(
        {
            "splits": {"train": 1},
            "group": [],
            "hold_out": [{"field": "part", "values": ["y"], "name": "test"}],
        }
    )
    page(lea).post(URL, {"split_set": made.pk, "threshold": "0.7", "ngram": "3"})
    work()
    html = page(lea).get(URL).content.decode()
    assert "2 of 2 test texts also appear in train" in html
    assert "Labels differ" in html


def test_only_leads_come_in(found: LeakageReport, page: Page, ann: User, otto: User) -> None:
    pair = LeakagePair.objects.filter(report=found)[0]
    for user, status in ((ann, 403), (otto, 404)):
        assert page(user).get(URL).status_code == status
        assert page(user).post(URL, {}).status_code == status
        assert page(user).post(f"{URL}pairs/{pair.pk}/", {"action": "drop"}).status_code == status
        assert page(user).post(f"{URL}{found.pk}/together/").status_code == status
    assert not PairDecision.objects.exists()


def test_the_page_costs_the_same_for_more_pairs(
    found: LeakageReport, page: Page, lea: User, add_texts: AddTexts, work: Work
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            page(lea).get(URL)
        return len(seen)

    queries()
    before = queries()
    add_texts([(f"case {n} has <b>other</b> words in it", "good", {}) for n in range(20)])
    page(lea).post(URL, {"split_set": "", "threshold": "0.5", "ngram": "1"})
    work()
    assert queries() == before
