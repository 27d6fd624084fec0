"""Who has done how much and how well, and what leads can do about it."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import (
    Annotation,
    Annotator,
    AnswerTally,
    AuditEntry,
    Invitation,
    Item,
    Job,
    Label,
    Membership,
    Project,
    Role,
    Round,
    User,
)
from annotation.queries.people import annotator_of, members_with_answers
from annotation.queries.team import work_of
from annotation.services import members, requeueing
from annotation.services.tallies import tally_answers
from tests.annotation.labelling_steps import answer, fill, take

Api = Callable[[User | None], APIClient]
Pages = Callable[[User | None], Client]


def membership(project: Project, user: User) -> Membership:
    return Membership.objects.select_related("project", "user").get(project=project, user=user)


def answers_of_members(project: Project) -> dict[str, int]:
    return {member.user.username: member.answers for member in members_with_answers(project)}  # type: ignore[attr-defined]


def test_everybodys_answers_are_told_without_reading_the_answers(
    project: Project, ann: User, lea: User, page: Pages
) -> None:
    fill(project, 3)
    for assignment in take(project, ann, 2):
        answer(assignment)
    with CaptureQueriesContext(connection) as queries:
        told = answers_of_members(project)
    assert told == {"ada": 0, "ann": 2, "ben": 0, "lea": 0, "olga": 0}
    assert not any('"annotation_annotation"' in query["sql"] for query in queries)
    assert "Last seen" in page(lea).get(f"/projects/{project.slug}/team/").content.decode()


def test_repeats_days_and_seconds_are_those_of_the_person(project: Project, ann: User, ben: User) -> None:
    made = fill(project, 4)
    good, bad, _ = Label.objects.filter(project=project).order_by("position")
    author, other = annotator_of(project, ann), annotator_of(project, ben)
    items = list(Item.objects.order_by("id"))
    yesterday = timezone.now() - timedelta(days=1)
    for k, item in enumerate(items):
        Annotation.objects.create(
            round=made, item=item, annotator=author, label=good, seconds=10 * k, created=yesterday
        )
    for item, again in [(items[0], good), (items[1], bad)]:
        Annotation.objects.create(
            round=made, item=item, annotator=author, label=again, kind="repeat", seconds=5
        )
    Annotation.objects.create(round=made, item=items[0], annotator=other, label=bad, seconds=99)
    for _ in range(3):
        tally_answers()
    work = {row.membership.user.username: row for row in work_of(project)}
    mine = work["ann"]
    assert mine.days[-2:] == [4, 2]
    assert (mine.consistency.value, mine.consistency.n) == (0.5, 2)
    assert mine.median_seconds == 7.5  # of 0, 5, 5, 10, 20, 30
    assert mine.a_day == 3
    assert work["ben"].days[-1] == 1
    assert work["ben"].consistency.value is None
    assert work["lea"].median_seconds is None


def test_tallies_add_up_to_the_answers_however_often_they_are_made(project: Project, ann: User) -> None:
    fill(project, 6)
    for n in range(3):
        for assignment in take(project, ann, 2):
            answer(assignment)
        for _ in range(n):
            tally_answers()
    for _ in range(2):
        tally_answers()
    assert sum(AnswerTally.objects.values_list("answers", flat=True)) == 6


def test_gold_accuracy_has_its_interval_and_is_undefined_without_gold(project: Project, ann: User) -> None:
    Annotator.objects.filter(pk=annotator_of(project, ann).pk).update(gold_answers=100, gold_correct=71)
    work = {row.membership.user.username: row for row in work_of(project)}
    gold = work["ann"].gold
    assert gold.value == 0.71
    assert gold.low is not None
    assert gold.high is not None
    assert (round(gold.low, 3), round(gold.high, 3)) == (0.615, 0.790)  # Wilson, by hand
    assert work["ben"].gold.value is None
    assert work["ben"].gold.reason


def test_a_lead_pauses_with_a_reason_that_is_kept_and_reinstates(
    project: Project, lea: User, ann: User, page: Pages
) -> None:
    Annotator.objects.filter(pk=annotator_of(project, ann).pk).update(gold_answers=9, gold_correct=1)
    address = f"/projects/{project.slug}/team/members/ann/"
    page(lea).post(address, {"state": "paused", "reason": "Please read clause 2 again."})
    paused = membership(project, ann)
    assert (paused.state, paused.paused_by, paused.paused_because) == (
        "paused",
        lea,
        "Please read clause 2 again.",
    )
    assert paused.paused is not None
    said = page(lea).get(f"/projects/{project.slug}/team/").content.decode()
    assert "Ann, paused by Lea" in said
    assert "Please read clause 2 again." in said
    assert take(project, ann) == []
    page(lea).post(address, {"state": "active"})
    back = membership(project, ann)
    assert (back.state, back.paused, back.paused_because) == ("active", None, "")
    assert annotator_of(project, ann).gold_answers == 0


def test_removing_with_requeue_sets_the_answers_aside_and_opens_the_slots(
    project: Project, lea: User, ann: User, ben: User, api: Api
) -> None:
    made = fill(project, 2, overlap=1)
    for assignment in take(project, ann, 2):
        answer(assignment)
    assert take(project, ben) == []
    address = f"/api/v1/projects/{project.slug}/members/ann/"
    sent = api(lea).patch(address, {"state": "removed", "requeue": True, "reason": "left"}, format="json")
    assert (sent.status_code, sent.data["state"]) == (200, "removed")
    assert Annotation.objects.counted().count() == 0
    assert Annotation.objects.count() == 2
    assert Round.objects.get(pk=made.pk).items_done == 0
    assert len(take(project, ben, 2)) == 2
    actions = set(AuditEntry.objects.filter(project=project).values_list("action", flat=True))
    assert {"remove member", "set answers aside"} <= actions


def test_many_answers_are_set_aside_and_taken_back_by_a_job(
    project: Project,
    lea: User,
    ann: User,
    api: Api,
    page: Pages,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requeueing, "INLINE", 1)
    fill(project, 3)
    for assignment in take(project, ann, 3):
        answer(assignment)
    address = f"/api/v1/projects/{project.slug}/members/ann/"
    asked = [api(lea).patch(address, {"requeue": True}, format="json").data["job"] for _ in "ab"]
    assert asked[0] == asked[1] != None  # noqa: E711 – the second one joined the first
    assert Annotation.objects.counted().count() == 3
    assert (
        "Answers of ann to be set aside" in page(lea).get(f"/projects/{project.slug}/team/").content.decode()
    )
    assert [(job.state, job.kind) for job in work()] == [("done", "set_aside_answers")]
    assert Annotation.objects.counted().count() == 0
    shown = page(lea).get(f"/projects/{project.slug}/team/?member=ann").content.decode()
    assert "Count them again" in shown
    said = page(lea).post(f"/projects/{project.slug}/team/members/ann/", {"take_back": "on"}, follow=True)
    assert "A job sees to their answers" in said.content.decode()
    assert [(job.state, job.kind) for job in work()] == [("done", "take_back_answers")]
    assert Annotation.objects.counted().count() == 3
    assert (
        "Count them again" not in page(lea).get(f"/projects/{project.slug}/team/?member=ann").content.decode()
    )
    both = api(lea).patch(address, {"requeue": True, "take_back": True}, format="json")
    assert (both.status_code, both.json()["errors"][0]["field"]) == (400, "take_back")
    log = AuditEntry.objects.filter(action__in=["set answers aside", "take answers back"]).order_by("id")
    assert [(entry.user, entry.after["answers"]) for entry in log] == [(lea, 3), (lea, 3)]  # type: ignore[index]


def test_a_quota_is_set_taken_away_and_set_for_everyone(
    project: Project, lea: User, ann: User, ben: User, api: Api, page: Pages
) -> None:
    address = f"/api/v1/projects/{project.slug}/members/ann/"
    assert api(lea).patch(address, {"quota": 40}, format="json").data["quota"] == 40
    assert api(lea).patch(address, {"role": "annotator"}, format="json").data["quota"] == 40
    assert api(lea).patch(address, {"quota": None}, format="json").data["quota"] is None
    page(lea).post(f"/projects/{project.slug}/team/quota/", {"quota": "300"})
    assert {membership(project, user).quota for user in (ann, ben)} == {300}
    assert membership(project, lea).quota is None
    page(lea).post(f"/projects/{project.slug}/team/quota/", {"quota": "many"})
    assert membership(project, ann).quota == 300


@pytest.mark.parametrize(
    "body",
    [
        {"quota": -1},
        {"quota": 2**31},
        {"state": "asleep"},
        {"role": "boss"},
        {"reason": "x" * 2001},
        {"quota": "x"},
    ],
)
def test_a_bad_change_of_a_member_is_refused(
    project: Project, lea: User, api: Api, body: dict[str, Any]
) -> None:
    sent = api(lea).patch(f"/api/v1/projects/{project.slug}/members/ann/", body, format="json")
    assert sent.status_code == 400
    assert not AuditEntry.objects.filter(project=project, action="change member").exists()


def test_leads_do_not_touch_leads_and_the_last_owner_stays(
    project: Project, olga: User, lea: User, api: Api, page: Pages
) -> None:
    base = f"/api/v1/projects/{project.slug}/members/"
    assert api(lea).patch(f"{base}olga/", {"state": "paused"}, format="json").status_code == 403
    assert api(lea).patch(f"{base}ann/", {"role": "lead"}, format="json").status_code == 403
    assert api(olga).patch(f"{base}olga/", {"state": "removed"}, format="json").status_code == 400
    assert api(olga).patch(f"{base}olga/", {"role": "lead"}, format="json").status_code == 400
    assert membership(project, olga).state == "active"
    assert (
        "Only an owner changes leads"
        in page(lea).get(f"/projects/{project.slug}/team/?member=olga").content.decode()
    )


def test_several_people_are_invited_at_once_or_none(
    project: Project, lea: User, otto: User, page: Pages
) -> None:
    address = f"/projects/{project.slug}/team/invite/"
    page(lea).post(address, {"people": "otto\nnot an address@\nnobody", "role": "annotator"})
    assert not Invitation.objects.exists()
    assert not Membership.objects.filter(user=otto).exists()
    page(lea).post(
        address, {"people": "otto\nx@example.org, y@example.org\n", "role": "annotator", "quota": "25"}
    )
    assert membership(project, otto).quota == 25
    links = list(Invitation.objects.order_by("id").values_list("email", "quota"))
    assert links == [("x@example.org", 25), ("y@example.org", 25)]


def test_a_link_gives_its_quota_once_and_not_after_it_was_withdrawn(
    project: Project, lea: User, otto: User, ben: User, page: Pages
) -> None:
    _, (first, second) = members.invite_people(
        project, lea, ["a@example.org", "b@example.org"], role=Role.ANNOTATOR, quota=7
    )
    members.accept_invitation(first, otto)
    assert membership(project, otto).quota == 7
    page(lea).post(f"/projects/{project.slug}/team/invitations/{second.pk}/")
    with pytest.raises(ValidationError, match="run out"):
        members.accept_invitation(second, ben)


def test_imported_names_are_listed_and_cannot_be_changed(project: Project, lea: User, page: Pages) -> None:
    Annotator.objects.create(project=project, name="rater_3")
    said = page(lea).get(f"/projects/{project.slug}/team/?member=rater_3").content.decode()
    assert "rater_3" in said
    assert "Imported, cannot sign in" in said
    assert 'id="member"' not in said


def test_the_table_comes_as_csv_without_formulas(project: Project, lea: User, ann: User, page: Pages) -> None:
    User.objects.filter(pk=ann.pk).update(username="=ann()")
    told = page(lea).get(f"/projects/{project.slug}/team.csv").content.decode()
    rows = {row["username"]: row for row in csv.DictReader(io.StringIO(told))}
    assert set(rows) == {"olga", "lea", "ada", "ben", "'=ann()"}
    assert rows["ben"]["gold_accuracy"] == ""


def grow(project: Project, people: int) -> None:
    """So many more annotators, each with two weeks of work."""
    users = User.objects.bulk_create(User(username=f"p{uuid.uuid4().hex[:8]}") for _ in range(people))
    Membership.objects.bulk_create(Membership(project=project, user=user, role="annotator") for user in users)
    authors = Annotator.objects.bulk_create(
        Annotator(project=project, user=user, name=user.username, gold_answers=20, gold_correct=17)
        for user in users
    )
    made = Round.objects.filter(project=project).earliest("id")
    item = Item.objects.filter(project=project).earliest("id")
    label = Label.objects.filter(project=project).earliest("id")
    today = timezone.now().date()
    AnswerTally.objects.bulk_create(
        AnswerTally(
            round=made,
            annotator=author,
            day=today - timedelta(days=k),
            answers=9,
            normal=8,
            repeats=1,
            repeats_same=1,
        )
        for author in authors
        for k in range(14)
    )
    Annotation.objects.bulk_create(
        Annotation(round=made, item=item, annotator=author, label=label, seconds=4) for author in authors
    )


def test_the_page_costs_the_same_with_a_larger_team(project: Project, lea: User, page: Pages) -> None:
    fill(project, 1)
    client = page(lea)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/projects/{project.slug}/team/").status_code == 200
        return len(queries)

    grow(project, 10)
    few = cost()
    grow(project, 190)
    assert cost() == few


def test_own_work_shows_quality_only_where_the_project_does(project: Project, ann: User, page: Pages) -> None:
    fill(project, 2)
    answer(take(project, ann)[0])
    address = f"/projects/{project.slug}/mine/"
    said = page(ann).get(address).content.decode()
    assert "My work" in said
    assert "How well it goes" not in said
    Project.objects.filter(pk=project.pk).update(shows_quality=True)
    assert "How well it goes" in page(ann).get(address).content.decode()
