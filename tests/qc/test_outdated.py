"""Stored figures know what has changed of what counts since they were computed, without looking through it."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import ChangeCount, Item, Project, Round, User
from annotation.services import gold, items, labels, rounds
from annotation.services.requeueing import set_aside_answers, take_back_answers
from annotation.services.watching import unwatched
from qc.queries.agreement import latest_report
from qc.queries.known import stored_ceiling
from qc.queries.outdated import since_agreement, since_truth
from qc.queries.truth import stored_truth
from qc.services.agreement import change_quality_settings, compute_agreement
from qc.services.cases import open_cases, reopen_case
from qc.services.truth import compute_truth
from qc.services.votes import decide_case
from tests.qc.conftest import Answer

Page = Callable[[User | None], Client]


@pytest.fixture
def texts(project: Project, answer: Answer) -> list[Item]:
    """Three texts with two answers each, and one without any; agreement and truth computed."""
    made = [answer(f"text {at}", ann="good", ben="bad" if at else "good") for at in range(3)]
    made.append(answer("nobody answered"))
    project.rounds.update(items_total=4, answers_total=6)
    compute_agreement(project, None, unwatched)
    compute_truth(project, unwatched)
    return made


def agreement_changed(project: Project, round_: Round | None = None) -> dict[str, int]:
    report = latest_report(project, round_)
    assert report is not None
    return dict(since_agreement(report).changes)


def truth_changed(project: Project) -> dict[str, int]:
    report, ceiling = stored_truth(project), stored_ceiling(project)
    assert report is not None
    assert ceiling is not None
    assert since_truth(report) == since_truth(ceiling)
    return dict(since_truth(report).changes)


def test_texts_with_answers_that_go_or_come_back_make_figures_old(
    project: Project, texts: list[Item], lea: User
) -> None:
    every = Item.objects.filter(pk__in=[text.pk for text in texts])
    assert agreement_changed(project) == truth_changed(project) == {}
    items.exclude_items(project, lea, every.filter(pk=texts[3].pk), "noise")
    items.delete_items(project, lea, every.filter(pk=texts[3].pk))
    assert agreement_changed(project) == {}  # it has no answers
    items.exclude_items(project, lea, every.filter(pk__in=[texts[0].pk, texts[1].pk]), "noise")
    assert agreement_changed(project) == truth_changed(project) == {"texts": 2}
    items.delete_items(project, lea, every.filter(pk__in=[texts[0].pk, texts[2].pk]))
    assert agreement_changed(project) == {"texts": 3}  # one of both counted no more
    items.restore_items(project, lea, every)
    assert agreement_changed(project) == {"texts": 4}
    items.include_items(project, lea, every)
    assert agreement_changed(project) == {"texts": 6}
    compute_agreement(project, None, unwatched)
    assert agreement_changed(project) == {}


def test_what_is_undone_with_its_transaction_was_no_change(
    project: Project, texts: list[Item], lea: User
) -> None:
    with transaction.atomic():
        items.exclude_items(project, lea, Item.objects.filter(pk=texts[0].pk), "noise")
        transaction.set_rollback(True)
    assert agreement_changed(project) == {}


def test_answers_that_are_set_aside_or_taken_back_make_figures_old(
    project: Project, texts: list[Item], lea: User
) -> None:
    made, ann = project.rounds.get(), project.annotators.get(name="ann")
    project.annotators.update(answers=3)
    made.participations.create(annotator=ann, answers=3)
    for text in texts[:3]:
        made.round_items.create(item=text, position=text.pk, overlap=3, open_slots=1, answers=2)
    set_aside_answers(ann, lea)
    assert agreement_changed(project) == truth_changed(project) == {"answers": 3}
    take_back_answers(ann, lea)
    assert agreement_changed(project) == {"answers": 6}


def test_a_round_knows_of_its_own_texts_alone(
    project: Project, texts: list[Item], answer: Answer, lea: User
) -> None:
    pilot = Round.objects.create(project=project, name="pilot", answers_total=2)
    elsewhere = answer("in the pilot", into=pilot, ann="good", ben="bad")
    main = project.rounds.get(name="main")
    compute_agreement(project, main, unwatched)
    compute_agreement(project, pilot, unwatched)
    items.exclude_items(project, lea, Item.objects.filter(pk=elsewhere.pk), "noise")
    assert agreement_changed(project, pilot) == {"texts": 1}
    assert agreement_changed(project, main) == {}
    assert agreement_changed(project) == {"texts": 1}
    rounds.delete_round(pilot, lea)
    assert agreement_changed(project) == {"texts": 1, "rounds": 1}
    assert agreement_changed(project, main) == {}


def test_what_is_known_to_be_right_makes_old_what_was_compared_with_it(
    project: Project, texts: list[Item], lea: User
) -> None:
    [case] = open_cases(project, lea, [texts[1].pk])
    decide_case(case, lea, outcome="label", label="good")
    known = gold.set_gold(project, lea, texts[0], label="good")
    assert agreement_changed(project) == {}
    assert truth_changed(project) == {"gold": 1, "decisions": 1}
    gold.change_gold(known, lea, explanation="as in rule 3")
    assert agreement_changed(project) == {}
    gold.change_gold(known, lea, label="bad")
    reopen_case(case, lea, "a new clause")
    assert agreement_changed(project) == {"gold_changed": 1}
    assert truth_changed(project) == {"gold": 1, "gold_changed": 1, "decisions": 2}


def test_how_it_is_measured_and_names_of_labels_make_agreement_old(
    project: Project, texts: list[Item], lea: User
) -> None:
    change_quality_settings(project, lea, method="glad")
    assert agreement_changed(project) == {}
    change_quality_settings(project, lea, scale="ordinal")
    labels.change_label(project.labels.get(name="good"), lea, {"description": "fine"})
    labels.change_label(project.labels.get(name="good"), lea, {"name": "very good"})
    assert agreement_changed(project) == {"labels": 1, "measure": 1}
    assert truth_changed(project) == {"labels": 1}


def test_pages_and_rest_say_it_in_one_sentence(
    project: Project, texts: list[Item], answer: Answer, lea: User, page: Page
) -> None:
    items.exclude_items(project, lea, Item.objects.filter(pk=texts[0].pk), "noise")
    answer("text 2", item=texts[2], cy="good")
    said = "Computed before 1 newer answer and 1 text with answers taken out or brought back."
    ann = project.annotators.get(name="ann")
    for address in ("agreement/", f"annotators/{ann.pk}/", "truth/"):
        assert said in page(lea).get(f"/projects/{project.slug}/{address}").content.decode(), address
    home = page(lea).get(f"/projects/{project.slug}/").content.decode()
    assert "Agreement was computed before 1 text with answers taken out or brought back" in home
    for address in ("agreement/", f"annotators/{ann.pk}/", "truth/", "human-ceiling/"):
        told = page(lea).get(f"/api/v1/projects/{project.slug}/{address}").json()
        assert (told["newer"], told["changed"]) == (1, {"texts": 1}), address
    told = page(lea).get(f"/api/v1/items/{texts[1].pk}/truth/").json()
    assert told["changed"] == {"texts": 1}


def test_it_is_told_without_looking_through_what_changed(
    project: Project, texts: list[Item], answer: Answer, lea: User
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            agreement_changed(project)
        return len(captured)

    few = statements()
    for at in range(20):
        made = answer(f"more {at}", ann="good", ben="bad")
        items.exclude_items(project, lea, Item.objects.filter(pk=made.pk), "noise")
    assert statements() == few
    assert ChangeCount.objects.filter(project=project, kind="texts").count() == 2  # in all, and of the round
