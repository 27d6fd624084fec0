"""Twenty annotators at once against the running server."""

import time

import pytest
from django.db.models import Count, F, Max
from rest_framework.authtoken.models import Token

from annotation.models import (
    Annotation,
    Assignment,
    Membership,
    Participation,
    Project,
    Role,
    Round,
    RoundItem,
)
from tests.annotation.labelling_steps import fill
from tests.annotation.serving import Client, serving, work_together
from tests.conftest import make_user

ANNOTATORS = 20
ITEMS = 200
OVERLAP = 3


@pytest.mark.django_db(transaction=True)
def test_twenty_annotators_drain_two_hundred_items_with_no_answer_lost_or_doubled(project: Project) -> None:
    made = fill(project, ITEMS, overlap=OVERLAP)
    keys = []
    for n in range(ANNOTATORS):
        user = make_user(f"annotator{n}")
        Membership.objects.create(project=project, user=user, role=Role.ANNOTATOR)
        keys.append(Token.objects.create(user=user).key)
    begun = time.monotonic()
    with serving() as port:
        clients = [Client(port, project.slug, key, seconds=60) for key in keys]
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
    assert time.monotonic() - begun < 120
