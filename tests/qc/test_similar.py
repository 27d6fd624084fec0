"""Decided cases that are like the one at hand: placed once, when they are decided."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client

from annotation.models import Project, User
from annotation.services.embeddings import embed_texts
from qc.models import Case, DecidedText
from qc.queries import similar
from qc.services.cases import open_cases, reopen_case
from qc.services.placing import place_decided
from qc.services.votes import decide_case
from tests.qc.conftest import Answer

Page = Callable[[User | None], Client]


@pytest.fixture
def decide(project: Project, answer: Answer, lea: User) -> Callable[..., Case]:
    """Decides a case on a text; `outcome` "label" and the label "good" unless said otherwise."""

    def make(text: str, **outcome: str) -> Case:
        [case] = open_cases(project, lea, [answer(text, ann="good", ben="bad").pk])
        decide_case(case, lea, **(outcome or {"outcome": "label", "label": "good"}))
        return case

    return make


def test_the_likest_come_first_and_only_the_text_at_hand_is_placed(
    project: Project,
    answer: Answer,
    lea: User,
    page: Page,
    decide: Callable[..., Case],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = decide("The referee showed two red cards in the second half.")
    near = decide("It rained all night and the street was flooded.")
    nearest = decide("It rained all day and the street was flooded.")
    decide("It rained all week.", outcome="exclude", meta_label="noisy")
    [case] = open_cases(project, lea, [answer("It rained all day and our street was flooded.").pk])
    placed: list[int] = []

    def counted(texts: Sequence[str]) -> Any:
        placed.append(len(texts))
        return embed_texts(texts)

    monkeypatch.setattr(similar, "embed_texts", counted)
    names = {label.pk: label.name for label in project.labels.all()}
    found = [line.case for line in similar.similar_decisions(case, names)]
    assert found[:2] == [nearest, near]
    assert far not in found
    assert placed == [1]
    shown = page(lea).get(f"/projects/weather/adjudicate/{case.pk}/").content.decode()
    assert "Similar cases, decided" in shown
    assert placed == [1, 1]


def test_a_text_is_placed_once_however_often_it_is_decided(
    project: Project, lea: User, decide: Callable[..., Case]
) -> None:
    case = decide("It rained.")
    kept = DecidedText.objects.get(item=case.item)
    reopen_case(case, lea, "a new clause")
    decide_case(case, lea, outcome="label", label="bad")
    assert DecidedText.objects.get(item=case.item) == kept
    assert DecidedText.objects.count() == 1


def test_texts_decided_elsewhere_are_placed_together(project: Project, decide: Callable[..., Case]) -> None:
    for at in range(3):
        decide(f"It rained {at} times.")
    DecidedText.objects.all().delete()
    assert place_decided(project) == 3
    assert place_decided(project) == 0
