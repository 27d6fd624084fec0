"""Twenty annotators at once against the running server, and one in several windows."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from django.db import connection
from django.db.models import Count, F, Max, Sum
from rest_framework.authtoken.models import Token

from annotation.models import (
    Annotation,
    Annotator,
    Assignment,
    Membership,
    Participation,
    Project,
    Role,
    Round,
    RoundItem,
    User,
)
from annotation.queries.labelling import assignment_of
from annotation.services.answers import answer_item
from annotation.services.labelling import Refused, next_items
from tests.annotation.labelling_steps import check_slots, fill
from tests.annotation.serving import Client, serving, work_together
from tests.conftest import make_user

ANNOTATORS = 20
ITEMS = 200
OVERLAP = 3
WINDOWS = 6


@pytest.mark.django_db(transaction=True)
def test_twenty_annotators_drain_two_hundred_items_with_no_answer_lost_or_doubled(project: Project) -> None:
    made = fill(project, ITEMS, overlap=OVERLAP)
    keys = []
    for n in range(ANNOTATORS):
        user = make_user(f"annotator{n}")
        Membership.objects.create(project=project, user=user, role=Role.ANNOTATOR)
        keys.append(Token.objects.create(user=user).key)
    with serving() as port:
        clients = [Client(port, project.slug, key, seconds=300) for key in keys]
        work_together(clients)
    assert [client.failures for client in clients] == [[]] * ANNOTATORS

    assert Annotation.objects.count() == ITEMS * OVERLAP
    assert sum(len(client.answering) for client in clients) == ITEMS * OVERLAP
    per_item = Annotation.objects.values("item").annotate(n=Count("id"))
    assert {row["n"] for row in per_item} == {OVERLAP}
    twice = Annotation.objects.values("item", "annotator").annotate(n=Count("id")).aggregate(most=Max("n"))
    assert twice["most"] == 1
    assert not RoundItem.objects.exclude(open_slots=0, answers=F("overlap")).exists()
    assert not Assignment.objects.exclude(state=Assignment.State.ANSWERED).exists()
    counted = Round.objects.get(pk=made.pk)
    assert (counted.answers_total, counted.items_done) == (ITEMS * OVERLAP, ITEMS)
    assert sum(Participation.objects.values_list("answers", flat=True)) == ITEMS * OVERLAP


@pytest.mark.django_db(transaction=True)
def test_what_one_annotator_does_in_several_windows_at_once_adds_up(project: Project, ann: User) -> None:
    fill(project, 400, overlap=1)

    def window(number: int) -> None:
        draw = random.Random(number)
        with closing(connection):
            for _ in range(40):
                lease = draw.choice(next_items(project, ann, draw.randrange(1, 20)).leases)
                with suppress(Refused):  # another window was quicker
                    answer_item(assignment_of(ann, lease.id)[0], key=uuid.uuid4(), label="good")

    with ThreadPoolExecutor(WINDOWS) as windows:
        list(windows.map(window, range(WINDOWS)))

    annotator, part = Annotator.objects.get(user=ann), Participation.objects.get()
    answers = Annotation.objects.aggregate(
        n=Count("id"), items=Count("item", distinct=True), seconds=Sum("seconds")
    )
    assert 40 <= answers["n"] == answers["items"] == annotator.answers == part.answers
    assert annotator.sitting_seconds == pytest.approx(answers["seconds"])
    assert annotator.day_seconds == pytest.approx(answers["seconds"])
    assert part.handed == Assignment.objects.count() == Assignment.objects.values("item").distinct().count()
    check_slots()
