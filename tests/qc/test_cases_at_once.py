"""Several people at one case in the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connections

from annotation.models import Membership, Project, User
from qc.models import Case, Decision, Vote
from qc.services.cases import CaseConflict, open_cases
from qc.services.votes import cast_vote, decide_case
from tests.conftest import make_user
from tests.qc.conftest import Answer

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call returned or raised, all having started together on connections of their own."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        start.wait()
        try:
            return call()
        except CaseConflict as crossed:
            return crossed
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_two_decisions_at_once_one_stands(project: Project, lea: User, ada: User, answer: Answer) -> None:
    for at in range(10):
        [case] = open_cases(project, lea, [answer(f"text {at}", ann="good").pk])
        results = at_once(
            partial(decide_case, Case.objects.get(pk=case.pk), lea, outcome="label", label="good"),
            partial(decide_case, Case.objects.get(pk=case.pk), ada, outcome="label", label="bad"),
        )
        assert sum(isinstance(result, Decision) for result in results) == 1
        assert sum(isinstance(result, CaseConflict) for result in results) == 1
        assert Decision.objects.filter(case=case).count() == 1


def test_of_two_votes_of_one_person_at_once_one_counts(
    project: Project, lea: User, ada: User, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("text", ann="good").pk], quorum=3)
    results = at_once(
        *[lambda: cast_vote(Case.objects.get(pk=case.pk), ada, outcome="label", label="bad")] * 4
    )
    assert sum(isinstance(result, Vote) for result in results) == 1
    assert Vote.objects.count() == 1


def test_a_panel_that_votes_at_once_decides_once(project: Project, lea: User, answer: Answer) -> None:
    panel = [make_user(f"judge{at}") for at in range(5)]
    for user in panel:
        Membership.objects.create(project=project, user=user, role="adjudicator")
    [case] = open_cases(project, lea, [answer("text", ann="good").pk], quorum=5)
    at_once(
        *[
            partial(cast_vote, Case.objects.get(pk=case.pk), user, outcome="label", label="bad")
            for user in panel
        ]
    )
    assert Vote.objects.count() == 5
    assert [(d.label.name, d.by_votes) for d in Decision.objects.all() if d.label] == [("bad", True)]
    case.refresh_from_db()
    assert case.state == "decided"


def test_a_case_that_two_open_at_once_is_there_once(
    project: Project, lea: User, ada: User, answer: Answer
) -> None:
    items = [answer(f"text {at}", ann="good").pk for at in range(30)]
    results = at_once(
        lambda: open_cases(project, lea, items), lambda: open_cases(project, ada, list(reversed(items)))
    )
    assert sum(len(opened) for opened in results if isinstance(opened, list)) == 30
    assert Case.objects.count() == 30
