"""What a project's home says that somebody must do, where people, rounds and the guideline are concerned."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import AnswerTally, Membership, Project, Round, User
from annotation.queries.people import annotator_of
from annotation.queries.projects import answers_per_day
from annotation.services import guidelines, pausing
from annotation.services.tallies import tally_answers
from evaluation.queries import overview
from tests.annotation.labelling_steps import answer, fill, take


def said(project: Project) -> list[tuple[str, str]]:
    return [(todo.tone, todo.title) for todo in overview.todos(overview.standing(project))]


def test_people_whom_the_rule_paused_come_before_the_rest(
    project: Project, lea: User, ann: User, ben: User
) -> None:
    fill(project, 3)
    pausing.pause(Membership.objects.get(project=project, user=ann), lea, "Rest a little.")
    assert ("warn", "Ann is paused and waits for you") in said(project)
    pausing.pause(Membership.objects.get(project=project, user=ben), None, "2 of 9 were right.")
    assert said(project)[0] == ("bad", "Ben and 1 more are paused and wait for you")


def test_a_draft_a_done_round_and_a_late_one_are_told(project: Project, lea: User, ann: User) -> None:
    made = fill(project, 100)
    assert not [title for _, title in said(project) if "round" in title or "guideline" in title]
    guidelines.save_draft(project, lea, body="new")
    assert ("info", "Version 2 of the guideline is a draft") in said(project)
    today = timezone.now().date()
    Round.objects.filter(pk=made.pk).update(ends=today + timedelta(days=3))
    yesterday = today - timedelta(days=1)
    AnswerTally.objects.create(round=made, annotator=annotator_of(project, ann), day=yesterday, normal=30)
    assert [
        title for tone, title in said(project) if "The round main will end on" in title and tone == "warn"
    ]
    Round.objects.filter(pk=made.pk).update(items_done=100, answers_total=300)
    assert ("info", "The round main is done") in said(project)


def test_answers_of_a_day_are_those_given_here(project: Project, ann: User) -> None:
    fill(project, 3)
    for assignment in take(project, ann, 2):
        answer(assignment)
    for _ in range(2):
        tally_answers()
    with CaptureQueriesContext(connection) as queries:
        days = answers_per_day(project)
    assert [day["answers"] for day in days] == [0] * 13 + [2]
    assert not any('"annotation_annotation"' in query["sql"] for query in queries)
