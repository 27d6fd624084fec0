"""The pages of quality control, as a browser without JavaScript sees them."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import Annotation, Annotator, Flag, GoldItem, Item, Job, Project, User
from annotation.services.rounds import create_round
from qc.models import Case
from qc.queries.agreement import disputed_texts, latest_report
from qc.services.cases import open_cases
from qc.services.review import change_review_settings
from qc.views import agreement
from tests.qc.conftest import Answer

AnswerAs = Callable[[User, Item, str], Annotation]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]


def compute(client: Client, work: Work) -> None:
    assert client.post("/projects/weather/agreement/compute/").status_code == 302
    assert [job.state for job in work()] == ["done"]


def shown(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_agreement_is_computed_from_its_empty_page(
    project: Project, lea: User, page: Page, work: Work, answer: Answer
) -> None:
    answer("warm rain", ann="good", ben="bad")
    answer("sun", ann="good", ben="good")
    empty = shown(page(lea), "/projects/weather/agreement/")
    assert "Not computed yet" in empty
    page(lea).post("/projects/weather/agreement/compute/")
    waiting = shown(page(lea), "/projects/weather/agreement/")
    assert "Not computed yet" not in waiting
    work()
    full = shown(page(lea), "/projects/weather/agreement/")
    assert "Agreement is low" in full
    assert "warm rain" in full
    assert "newer answer" not in full
    answer("snow", ann="bad")
    assert "Computed before 1 newer answer." in shown(page(lea), "/projects/weather/agreement/")


def test_agreement_says_why_there_is_no_number(
    project: Project, lea: User, page: Page, work: Work, answer: Answer
) -> None:
    answer("sun", ann="good")
    compute(page(lea), work)
    assert "no text has two answers" in shown(page(lea), "/projects/weather/agreement/")


def test_labels_without_a_figure_come_after_those_that_have_one(
    project: Project, lea: User, page: Page, work: Work, answer: Answer
) -> None:
    for text, said in (("sun", "good"), ("hail", "bad"), ("fog", "good")):
        answer(text, ann=said, ben=said)
    compute(page(lea), work)
    table = shown(page(lea), "/projects/weather/agreement/").split('aria-label="Agreement per label"')[1]
    names = re.findall(r"\?label=\w+\">(\w+)</a>", table.split("</table>")[0])
    assert names[-1] == "neither"
    assert set(names) == {"good", "bad", "neither"}


@pytest.mark.parametrize(("right", "axis"), [(5, (".5", ".75", "1")), (1, ("0", ".5", "1"))])
def test_the_axis_of_gold_accuracy_holds_everybody(
    project: Project,
    lea: User,
    page: Page,
    work: Work,
    answer: Answer,
    right: int,
    axis: tuple[str, str, str],
) -> None:
    """A point beside the axis would be drawn at its edge, and read as a half."""
    good, bad = project.labels.order_by("position")[:2]
    for at in range(6):
        item = answer(f"text {at}", ann="good", ben="good")
        known = GoldItem.objects.create(project=project, item=item, label=good)
        given = known.label if at < right else bad
        author = Annotator.objects.get(project=project, name="ann")
        Annotation.objects.create(
            round=project.rounds.get(), item=item, annotator=author, label=given, kind="gold"
        )
    compute(page(lea), work)
    head = shown(page(lea), "/projects/weather/agreement/").split("Gold accuracy, 95% interval")[1]
    assert tuple(re.findall(r">([\d.]+)</text>", head.split("</th>")[0])) == axis


def test_each_round_has_its_own_figures(
    project: Project, lea: User, page: Page, work: Work, answer: Answer
) -> None:
    pilot = create_round(project, lea, name="pilot", kind="pilot")
    answer("in the pilot", into=pilot, ann="good", ben="bad")
    page(lea).post("/projects/weather/agreement/compute/", {"round": pilot.pk})
    work()
    assert "in the pilot" in shown(page(lea), f"/projects/weather/agreement/?round={pilot.pk}")
    assert "Not computed yet" in shown(page(lea), "/projects/weather/agreement/")
    for wrong in ("999999", "x", "9" * 40):
        assert page(lea).get(f"/projects/weather/agreement/?round={wrong}").status_code == 404


def test_pairs_lead_to_the_texts_on_which_they_differ_unless_one_must_be_blind_there(
    project: Project, lea: User, ann: User, page: Page, work: Work, answer: Answer, answer_as: AnswerAs
) -> None:
    """One of the two has the name of the other, as when a member's older answers came with a file."""
    apart, blind, alike = (answer(text, ann="good") for text in ("apart", "blind", "alike"))
    for item, said in ((apart, "bad"), (blind, "bad"), (alike, "good")):
        answer_as(ann, item, said)
    open_cases(project, lea, [blind.pk])
    compute(page(lea), work)
    found = shown(page(lea), "/projects/weather/agreement/")
    [table] = re.findall(r'<table class="heat.*?</table>', found, re.DOTALL)
    assert re.findall(r"\?ids=([\d,]*)", table) == [str(apart.pk), str(apart.pk)]
    assert "on 3 shared texts" in table


def test_with_many_people_the_worst_pairs_stand_in_a_table(
    project: Project,
    lea: User,
    page: Page,
    work: Work,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = {f"person{at}": "good" if at % 2 else "bad" for at in range(16)}
    for text in ("a", "b", "c"):
        answer(text, **people)
    answer("d", **dict.fromkeys(people, "good"))
    compute(page(lea), work)
    found = shown(page(lea), "/projects/weather/agreement/")
    assert "Shared texts" in found
    assert "95% interval" in re.findall(r"Annotator pairs</h2>.*?</table>", found, re.DOTALL)[0]
    assert 'class="heat' not in found
    monkeypatch.setattr(agreement, "MOST_PEOPLE", 10)
    parts = [shown(page(lea), f"/projects/weather/agreement/?people={at}") for at in (1, 2)]
    assert "1 to 10 of 16" in parts[0]
    people_on = [set(re.findall(r"/annotators/(\d+)/", part)) for part in parts]
    assert [len(ids) for ids in people_on] == [10, 6]
    assert not people_on[0] & people_on[1]


def test_disputed_texts_become_cases(
    project: Project, lea: User, ada: User, page: Page, work: Work, answer: Answer
) -> None:
    answer("warm rain", ann="good", ben="bad")
    answer("three ways", ann="good", ben="bad", cia="neither")
    answer("sun", ann="good", ben="good")
    compute(page(lea), work)
    page(lea).post("/projects/weather/adjudicate/open/", {"what": "disputed", "most": 1})
    assert [case.item.text for case in Case.objects.all()] == ["three ways"]
    page(lea).post("/projects/weather/adjudicate/open/", {"what": "confused", "a": "good", "b": "bad"})
    assert [case.item.text for case in Case.objects.all()] == ["three ways", "warm rain"]
    nothing = page(lea).post(
        "/projects/weather/adjudicate/open/", {"what": "disputed", "most": 5}, follow=True
    )
    assert b"No new case" in nothing.content
    assert page(ada).post("/projects/weather/adjudicate/open/", {"what": "flags"}).status_code == 403


def test_disputed_texts_show_everybodys_newest_answer_and_no_excluded_text(
    project: Project, lea: User, page: Page, work: Work, answer: Answer
) -> None:
    item = answer("asked twice", ann="good", ben="good", cia="good")
    answer("", item=item, into=create_round(project, lea, name="again"), ann="bad", ben="bad")
    out = answer("out by now", ann="good", ben="bad")
    compute(page(lea), work)
    report = latest_report(project)
    assert report is not None and len(report.result["disputed_items"]) == 2
    Item.objects.filter(pk=out.pk).update(excluded=timezone.now())
    [row] = disputed_texts(project, report.result["disputed_items"], None)
    assert row["item"] == item
    assert row["answers"] == [{"label": "bad", "n": 2}, {"label": "good", "n": 1}]
    page(lea).post("/projects/weather/adjudicate/open/", {"what": "disputed", "most": 5})
    assert [case.item for case in Case.objects.all()] == [item]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"what": "x"},
        {"what": "disputed"},
        {"what": "item", "item": "999999"},
        {"what": "item", "item": "9" * 30},
    ],
)
def test_what_cannot_be_opened_is_said(project: Project, lea: User, page: Page, sent: dict[str, str]) -> None:
    told = page(lea).post("/projects/weather/adjudicate/open/", sent, follow=True)
    assert told.status_code == 200
    assert not Case.objects.exists()


def test_flagged_texts_become_cases_and_are_decided_by_one_person(
    project: Project, lea: User, ada: User, ann: User, page: Page, answer: Answer
) -> None:
    item = answer("warm rain", ann="good", ben="bad")
    Flag.objects.create(item=item, user=ann, kind="ambiguous")
    assert "Make cases of 1 flagged text" in shown(page(lea), "/projects/weather/adjudicate/")
    assert "Make cases of" not in shown(page(ada), "/projects/weather/adjudicate/")
    page(lea).post("/projects/weather/adjudicate/open/", {"what": "flags"})
    case = Case.objects.get()
    open_page = shown(page(ada), "/projects/weather/adjudicate/")
    assert "warm rain" in open_page
    assert "Is it good?" in open_page  # the guideline
    assert "Annotator A" in open_page
    assert ">ann<" not in open_page
    sent = {"outcome": "label", "label": "bad", "meta_label": "", "rationale": "rain"}
    told = page(ada).post(f"/projects/weather/adjudicate/{case.pk}/vote/", sent, follow=True)
    assert f"Case {case.pk}: decided" in told.content.decode()
    case.refresh_from_db()
    assert case.state == "decided"
    decided = shown(page(lea), "/projects/weather/adjudicate/?state=decided")
    assert "bad, decided by Ada" in decided
    assert not Flag.objects.filter(resolved=None).exists()


def test_what_is_missing_is_said_and_nothing_typed_is_lost(
    project: Project, lea: User, ada: User, page: Page, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("warm rain", ann="good").pk])
    told = page(ada).post(
        f"/projects/weather/adjudicate/{case.pk}/vote/", {"outcome": "label", "rationale": "long thoughts"}
    )
    assert told.status_code == 400
    assert "Choose the final label." in told.content.decode()
    assert "long thoughts" in told.content.decode()


def test_a_panel_votes_blind_and_a_tie_is_decided(
    project: Project, lea: User, ada: User, page: Page, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("warm rain", ann="good", ben="bad").pk], quorum=2)
    page(ada).post(
        f"/projects/weather/adjudicate/{case.pk}/vote/",
        {"outcome": "label", "label": "bad", "rationale": "a secret"},
    )
    assert "a secret" not in shown(page(lea), f"/projects/weather/adjudicate/{case.pk}/")
    waits = shown(page(ada), f"/projects/weather/adjudicate/{case.pk}/")
    assert "Your vote is cast" in waits
    assert "Cast vote <kbd>" not in waits
    page(lea).post(f"/projects/weather/adjudicate/{case.pk}/vote/", {"outcome": "hard"})
    tied = shown(page(lea), f"/projects/weather/adjudicate/{case.pk}/")
    assert "a secret" in tied
    assert "the votes do not agree" in tied
    page(lea).post(f"/projects/weather/adjudicate/{case.pk}/decide/", {"outcome": "label", "label": "bad"})
    case.refresh_from_db()
    assert case.state == "decided"
    again = page(ada).post(
        f"/projects/weather/adjudicate/{case.pk}/decide/", {"outcome": "hard"}, follow=True
    )
    assert "This case is decided" in again.content.decode()


def test_a_reopened_case_keeps_its_history_and_is_voted_on_anew(
    project: Project, lea: User, ada: User, page: Page, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("warm rain", ann="good").pk])
    page(ada).post(f"/projects/weather/adjudicate/{case.pk}/vote/", {"outcome": "label", "label": "bad"})
    page(ada).post(f"/projects/weather/adjudicate/{case.pk}/reopen/", {"because": ""})
    case.refresh_from_db()
    assert case.state == "decided"
    page(ada).post(f"/projects/weather/adjudicate/{case.pk}/reopen/", {"because": "a new clause"})
    reopened = shown(page(ada), f"/projects/weather/adjudicate/{case.pk}/")
    assert "a new clause" in reopened
    page(ada).post(f"/projects/weather/adjudicate/{case.pk}/vote/", {"outcome": "label", "label": "good"})
    case.refresh_from_db()
    assert case.state == "decided"
    assert case.votes.count() == 2
    assert [d.label.name for d in case.decisions.all() if d.label and not d.withdrawn] == ["good"]


def test_who_was_overruled_finds_the_decision_and_its_reason_where_the_project_tells(
    project: Project,
    lea: User,
    ada: User,
    ann: User,
    page: Page,
    answer: Answer,
    answer_as: Callable[[User, Item, str], Annotation],
) -> None:
    item = answer("warm rain", ben="bad")
    for author in (ann, ada):
        answer_as(author, item, "good")
    [case] = open_cases(project, lea, [item.pk])
    sent = {"outcome": "label", "label": "bad", "rationale": "Rain is rain."}
    page(lea).post(f"/projects/weather/adjudicate/{case.pk}/vote/", sent)
    link = 'href="/projects/weather/decisions/"'
    assert link not in shown(page(ann), "/projects/weather/mine/")
    change_review_settings(project, lea, {"tells_annotators": True})
    for author in (ann, ada):
        assert link in shown(page(author), "/projects/weather/mine/")
        told = shown(page(author), "/projects/weather/decisions/")
        for words in ("warm rain", "other than yours", "Rain is rain."):
            assert words in told
        assert ">Lea" not in told
        assert "ben" not in told
    Item.objects.filter(pk=item.pk).update(deleted=case.created)
    assert "warm rain" not in shown(page(ann), "/projects/weather/decisions/")


def test_the_right_people_see_the_pages(
    project: Project, lea: User, ada: User, ann: User, otto: User, page: Page, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("warm rain", ann="good").pk])
    expected = {
        "/projects/weather/agreement/": {lea: 200, ada: 403, ann: 403, otto: 404},
        "/projects/weather/adjudicate/": {lea: 302, ada: 302, ann: 403, otto: 404},
        f"/projects/weather/adjudicate/{case.pk}/": {lea: 200, ada: 200, ann: 403, otto: 404},
    }
    for address, codes in expected.items():
        for user, code in codes.items():
            assert page(user).get(address).status_code == code, (address, user)


def test_pages_take_no_more_statements_with_more_cases(
    project: Project, lea: User, ada: User, page: Page, work: Work, answer: Answer
) -> None:
    def statements(client: Client, address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    def more(n: int) -> Case:
        texts: list[Item] = [answer(f"text {Item.objects.count()}", ann="good", ben="bad") for _ in range(n)]
        compute(page(lea), work)
        return open_cases(project, lea, [item.pk for item in texts])[0]

    first = more(3)
    few = (
        statements(page(ada), f"/projects/weather/adjudicate/{first.pk}/"),
        statements(page(lea), "/projects/weather/agreement/"),
    )
    more(6)
    assert (
        statements(page(ada), f"/projects/weather/adjudicate/{first.pk}/"),
        statements(page(lea), "/projects/weather/agreement/"),
    ) == few
