"""Who has done how much, read from counters."""

from collections.abc import Callable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Project, User
from annotation.queries.people import members_with_answers
from tests.annotation.labelling_steps import answer, fill, take


def answers_of_members(project: Project) -> dict[str, int]:
    return {member.user.username: member.answers for member in members_with_answers(project)}  # type: ignore[attr-defined]


def test_everybodys_answers_are_told_without_reading_the_answers(
    project: Project, ann: User, lea: User, page: Callable[[User | None], Client]
) -> None:
    fill(project, 3)
    for assignment in take(project, ann, 2):
        answer(assignment)
    with CaptureQueriesContext(connection) as queries:
        told = answers_of_members(project)
    assert told == {"ada": 0, "ann": 2, "ben": 0, "lea": 0, "olga": 0}
    assert not any('"annotation_annotation"' in query["sql"] for query in queries)
    assert "Last seen" in page(lea).get(f"/projects/{project.slug}/team/").content.decode()
