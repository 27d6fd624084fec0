"""The rounds page: what it says first, new rounds by its form, and what can be done to one."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import AnswerTally, Guideline, Project, Round, RoundItem, User
from annotation.queries.people import annotator_of
from annotation.queries.rounds import Pace
from annotation.services import guidelines
from annotation.services.metadata_fields import detect_fields
from qc.models import AgreementReport
from qc.views.rounds import read_rounds
from tests.annotation.labelling_steps import answer, fill, take

Pages = Callable[[User | None], Client]
TODAY = date(2026, 11, 20)


@pytest.fixture
def main(project: Project) -> Round:
    made = fill(project, 5)
    detect_fields(project)
    return made


def send(page: Pages, user: User, project: Project, **sent: Any) -> Any:
    plan = {
        "name": "again",
        "kind": "relaunch",
        "purpose": "training",
        "source": "all",
        "which": "any",
        "overlap": "2",
        "maximum_overlap": "4",
        "gold_rate": "2.5",
        "repeat_rate": "0",
        "audience": "everyone",
        "draft": "",
    }
    return page(user).post(f"/projects/{project.slug}/rounds/", plan | sent)


def text_of(page: Pages, user: User, project: Project, query: str = "") -> str:
    return str(page(user).get(f"/projects/{project.slug}/rounds/{query}").content.decode())


def test_the_form_makes_a_draft_with_its_texts_and_plan(
    project: Project, main: Round, lea: User, page: Pages
) -> None:
    assert send(page, lea, project, ends="2027-01-31", field="k", value="3").status_code == 302
    made = Round.objects.get(name="again")
    assert (made.state, made.kind, made.purpose, made.overlap, made.maximum_overlap) == (
        "draft",
        "relaunch",
        "training",
        2,
        4,
    )
    assert (made.gold_rate, made.repeat_rate, made.ends) == (0.025, 0, date(2027, 1, 31))
    assert [place.item.text for place in RoundItem.objects.filter(round=made)] == ["text 3"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "main"}, "is there already"),
        ({"value": "3"}, "Choose the metadata field"),
        ({"overlap": "0"}, "greater than or equal to 1"),
        ({"maximum_overlap": "1"}, "cannot be below"),
        ({"audience": "chosen"}, "Choose who is asked"),
        ({"source": "in:nowhere"}, "not one of the available choices"),
        ({"gold_rate": "200"}, "less than or equal to 100"),
    ],
)
def test_a_wrong_plan_is_told_keeps_what_was_entered_and_makes_nothing(
    project: Project, main: Round, lea: User, page: Pages, sent: dict[str, str], said: str
) -> None:
    told = send(page, lea, project, **sent)
    assert told.status_code == 400
    assert said in told.content.decode()
    assert '<option value="training" selected>' in told.content.decode()
    assert Round.objects.count() == 1


def test_chosen_people_alone_are_asked(
    project: Project, main: Round, lea: User, ann: User, page: Pages
) -> None:
    send(page, lea, project, audience="chosen", people=["ann"])
    assert list(Round.objects.get(name="again").people.all()) == [ann]


def test_a_round_is_closed_opened_changed_deleted_and_restored_from_the_page(
    project: Project, main: Round, lea: User, page: Pages
) -> None:
    base = f"/projects/{project.slug}/rounds/{main.pk}/"
    page(lea).post(f"{base}close/")
    assert "Open again" in text_of(page, lea, project)
    page(lea).post(f"{base}open/")
    page(lea).post(base, {"ends": "2027-02-01"})
    page(lea).post(base, {"overlap": "5", "gold_rate": "10"})
    main.refresh_from_db()
    assert (main.state, main.ends, main.overlap, main.gold_rate) == ("open", date(2027, 2, 1), 5, 0.1)
    assert set(RoundItem.objects.values_list("overlap", flat=True)) == {5}
    page(lea).post(base, {"overlap": "none"})
    assert f"Change {main.name}" in text_of(page, lea, project, f"?change={main.pk}")
    page(lea).post(f"{base}delete/")
    assert "1 deleted" in text_of(page, lea, project)
    page(lea).post(f"{base}restore/")
    main.refresh_from_db()
    assert (main.deleted, main.state, main.overlap) == (None, "closed", 5)


def test_agreement_of_a_round_stands_beside_it(project: Project, main: Round, lea: User, page: Pages) -> None:
    assert "no answers yet" in text_of(page, lea, project)
    alpha = {"value": 0.61, "low": 0.55, "high": 0.68, "n": 80, "reason": None}
    AgreementReport.objects.create(project=project, round=main, result={"alpha": alpha})
    assert "0.61, 95% interval 0.55 to 0.68" in text_of(page, lea, project)


def test_publishing_asks_the_chosen_texts_again_in_a_draft(
    project: Project, main: Round, lea: User, ann: User, ben: User, page: Pages
) -> None:
    for person, label in [(ann, "good"), (ben, "bad")]:
        answer(take(project, person)[0], label)
    sent = {"body": "# New", "summary": "New.", "again_disagreement": "on", "publish": ""}
    page(lea).post(f"/projects/{project.slug}/guideline/", sent)
    made = Round.objects.get(name="Relaunch v2")
    assert (made.state, made.kind, made.items_total) == ("draft", "relaunch", 1)
    guidelines.save_draft(project, lea, body="# Newer")
    page(lea).post(
        f"/projects/{project.slug}/guideline/",
        {"body": "# Newer", "again_labels": ["no such"], "publish": ""},
    )
    assert Guideline.objects.filter(project=project, published__isnull=False).count() == 2
    assert Round.objects.count() == 2


def reading(made: Round, *, answers: int = 0, ends: int | None = None, **counts: int) -> str:
    for name, value in counts.items():
        setattr(made, name, value)
    made.ends = None if ends is None else TODAY + timedelta(days=ends)
    left = made.items_total * made.overlap - made.answers_total
    told = read_rounds([made], {made.pk: Pace(made, 7, answers, 2 if answers else 0, left, TODAY)})
    return f"{told.tone or 'plain'}: {told.lead} {told.why} [{told.action}]"


def test_the_first_line_says_where_the_rounds_stand(project: Project, main: Round) -> None:
    half = {"items_total": 100, "items_done": 50, "answers_total": 160, "overlap": 3}
    assert reading(main, answers=140, ends=5, **half) == (
        "warn: main is at 50% and will end on 27 November, 2 days late."
        " 50 texts are left: about 140 answers at 20 a day."
        " 2 people would need 14 a day each; they manage 10. [move]"
    )
    assert reading(main, answers=140, ends=9, **half).startswith(
        "good: main is at 50% and will end on 27 November, 2 days before its planned end."
    )
    assert reading(main, answers=140, **half).startswith("plain: main is at 50% and will end on 27 November")
    assert "nobody answers" in reading(main, **half)
    assert reading(main, items_total=100, items_done=100, answers_total=300).startswith("good: main is done.")
    assert "has no texts" in reading(main, items_total=0, items_done=0, answers_total=0)
    main.state = Round.State.CLOSED
    assert "nobody can label" in read_rounds([main], {}).lead


def test_the_page_costs_the_same_with_more_rounds_and_answers(
    project: Project, main: Round, lea: User, ann: User, page: Pages
) -> None:
    client = page(lea)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/projects/{project.slug}/rounds/").status_code == 200
        return len(queries)

    send(page, lea, project)
    few = cost()
    author = annotator_of(project, ann)
    for n in range(6):
        made = Round.objects.create(project=project, name=f"r{n}", items_total=9, answers_total=3)
        for k in range(3):
            AnswerTally.objects.create(
                round=made,
                annotator=author,
                day=timezone.now().date() - timedelta(days=k),
                answers=1,
                normal=1,
            )
    assert cost() == few
