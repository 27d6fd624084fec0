"""Limits on time, quotas, who a round is for, guidelines to read, and overlap that grows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from annotation.models import (
    Annotation,
    Annotator,
    Item,
    Membership,
    Participation,
    Project,
    Round,
    RoundItem,
    User,
)
from annotation.queries import labelling as reads
from annotation.services import answers, labelling, requeueing, timekeeping
from annotation.services.guidelines import acknowledge, publish_guideline
from annotation.services.labelling import Refused
from tests.annotation.labelling_steps import answer, at_hand, check_slots, expire, fill, take, texts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def slots_add_up(db: None) -> Iterator[None]:
    """After every test the slots of every item add up."""
    yield
    check_slots()


def limit(project: Project, **minutes: int) -> None:
    Project.objects.filter(pk=project.pk).update(**minutes)
    project.refresh_from_db()


def clock(user: User, **fields: object) -> None:
    Annotator.objects.filter(user=user).update(**fields)


class TestTime:
    def test_only_time_with_a_text_at_hand_counts_and_two_minutes_at_most(self, project: Project) -> None:
        start = datetime(2026, 3, 1, 12, tzinfo=UTC)
        annotator = Annotator(project=project)
        timekeeping.note_request(annotator, project, start, at_hand=False)
        later = start + timedelta(seconds=20)
        assert timekeeping.finish_item(annotator, project, start, later) == 20
        timekeeping.note_request(annotator, project, later + timedelta(seconds=600), at_hand=False)
        assert annotator.sitting_seconds == 20
        handed = later + timedelta(seconds=600)
        timekeeping.note_request(annotator, project, handed + timedelta(seconds=15), at_hand=True)
        assert timekeeping.finish_item(annotator, project, handed, handed + timedelta(seconds=40)) == 40
        assert timekeeping.finish_item(annotator, project, handed, handed + timedelta(seconds=640)) == 120
        assert (annotator.sitting_seconds, annotator.day_seconds, annotator.total_seconds) == (180, 180, 180)

    def test_asking_again_does_not_stop_the_clock(self, project: Project) -> None:
        start = datetime(2026, 3, 1, 12, tzinfo=UTC)
        annotator = Annotator(project=project)
        timekeeping.note_request(annotator, project, start, at_hand=False)
        for second in range(1, 60):
            timekeeping.note_request(annotator, project, start + timedelta(seconds=second), at_hand=True)
        assert timekeeping.finish_item(annotator, project, start, start + timedelta(seconds=60)) == 60

    def test_a_new_day_and_a_long_break_begin_anew(self, project: Project) -> None:
        late = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
        annotator = Annotator(
            project=project, active=late, sitting_seconds=900, day=late.date(), day_seconds=900
        )
        tomorrow = late + timedelta(minutes=20)
        timekeeping.note_request(annotator, project, tomorrow, at_hand=False)
        assert timekeeping.finish_item(annotator, project, tomorrow, tomorrow + timedelta(seconds=30)) == 30
        assert (annotator.sitting_seconds, annotator.day_seconds, annotator.total_seconds) == (30, 30, 30)
        assert annotator.day == tomorrow.date()

    def test_a_sitting_ends_after_the_text_at_hand_until_the_break_is_over(
        self, project: Project, ann: User
    ) -> None:
        limit(project, sitting_minutes=30, break_minutes=10)
        fill(project, 5)
        held = take(project, ann)[0]
        active = timezone.now() - timedelta(minutes=1)
        clock(ann, sitting_seconds=1800, active=active)
        stopped = labelling.next_items(project, ann)
        assert (stopped.leases, stopped.reason, stopped.until) == (
            [],
            "sitting_limit",
            active + timedelta(minutes=10),
        )
        answer(at_hand(ann, held))
        assert labelling.next_items(project, ann).reason == "sitting_limit"
        clock(ann, active=timezone.now() - timedelta(minutes=11))
        assert labelling.next_items(project, ann).leases
        assert Annotator.objects.get(user=ann).sitting_seconds == 0

    def test_asking_during_the_break_does_not_make_it_longer(self, project: Project, ann: User) -> None:
        limit(project, sitting_minutes=30)
        fill(project, 5)
        take(project, ann)
        clock(ann, sitting_seconds=1800)
        first = labelling.next_items(project, ann).until
        assert labelling.next_items(project, ann).until == first

    def test_a_day_ends_at_midnight(self, project: Project, ann: User) -> None:
        limit(project, day_minutes=60)
        fill(project, 5)
        answer(take(project, ann)[0])
        today = timezone.now().date()
        clock(ann, day_seconds=3600, day=today)
        stopped = labelling.next_items(project, ann)
        assert stopped.reason == "day_limit"
        assert stopped.until == datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
        clock(ann, day=today - timedelta(days=1))
        assert labelling.next_items(project, ann).leases

    def test_the_total_ends_for_good(self, project: Project, ann: User) -> None:
        limit(project, total_minutes=100)
        fill(project, 5)
        take(project, ann)
        clock(ann, total_seconds=6000)
        stopped = labelling.next_items(project, ann)
        assert (stopped.leases, stopped.reason, stopped.until) == ([], "total_limit", None)

    def test_time_counts_over_all_rounds_and_for_skips(self, project: Project, ann: User) -> None:
        fill(project, 2)
        first, second = take(project, ann, 2)
        clock(ann, item_seconds=10)
        answer(first)
        clock(ann, item_seconds=5)
        labelling.skip_item(at_hand(ann, second))
        assert 15 <= Annotator.objects.get(user=ann).total_seconds < 20  # 20, if one of them counted twice


class TestQuota:
    def test_no_more_than_the_quota_is_handed_out_or_answered(self, project: Project, ann: User) -> None:
        fill(project, 9)
        Membership.objects.filter(user=ann).update(quota=3)
        held = take(project, ann, 5)
        assert len(held) == 3
        for assignment in held:
            answer(at_hand(ann, assignment))
        stopped = labelling.next_items(project, ann)
        assert (stopped.leases, stopped.reason, stopped.quota) == ([], "done", 3)

    def test_a_quota_that_is_lowered_counts_for_what_is_held(self, project: Project, ann: User) -> None:
        fill(project, 5)
        held = take(project, ann, 3)
        answer(held[0])
        Membership.objects.filter(user=ann).update(quota=2)
        assert [lease.id for lease in labelling.next_items(project, ann, 3).leases] == [held[1].pk]
        answer(held[1])
        assert labelling.next_items(project, ann, 3).reason == "done"

    def test_a_late_answer_beyond_the_quota_is_refused(self, project: Project, ann: User) -> None:
        fill(project, 9)
        Membership.objects.filter(user=ann).update(quota=1)
        late = take(project, ann)[0]
        expire(late)
        labelling.return_expired_leases()
        labelling.skip_item(at_hand(ann, late))
        answer(take(project, ann)[0])
        with pytest.raises(Refused, match="quota"):
            answer(at_hand(ann, late))


class TestAudience:
    def test_a_round_for_chosen_people_is_theirs(self, project: Project, ann: User, ben: User) -> None:
        made = fill(project, 2)
        Round.objects.filter(pk=made.pk).update(audience="chosen")
        made.people.add(ben)
        assert (take(project, ann), labelling.next_items(project, ann).reason) == ([], "done")
        assert texts(take(project, ben)) == ["text 0"]

    def test_a_round_for_those_who_have_not_seen_the_texts(
        self, project: Project, ann: User, ben: User, olga: User
    ) -> None:
        made = fill(project, 3)
        answer(take(project, ann)[0])
        Round.objects.filter(pk=made.pk).update(state="closed")
        again = Round.objects.create(
            project=project, name="again", audience="unseen", gold_rate=0, repeat_rate=0
        )
        for k, item in enumerate(Item.objects.order_by("id")):
            RoundItem.objects.create(round=again, item=item, position=k, overlap=2, open_slots=2)
        assert texts(take(project, ann, 3)) == ["text 1", "text 2"]
        assert sorted(texts(take(project, ben, 3))) == ["text 0", "text 1", "text 2"]

    def test_a_deleted_round_gives_and_takes_nothing(self, project: Project, ann: User) -> None:
        made = fill(project, 2)
        held = take(project, ann)[0]
        Round.objects.filter(pk=made.pk).update(deleted=timezone.now())
        assert labelling.next_items(project, ann).reason == "done"
        with pytest.raises(Refused):
            answer(at_hand(ann, held))


class TestGuideline:
    def test_a_new_version_is_read_before_the_next_text(
        self, project: Project, ann: User, olga: User
    ) -> None:
        fill(project, 3)
        first = answer(take(project, ann)[0])
        newer = publish_guideline(project, olga, "# Weather, once more")
        stopped = labelling.next_items(project, ann)
        assert (stopped.leases, stopped.reason, stopped.guideline_version) == ([], "read_guideline", 2)
        acknowledge(newer, ann)
        second = answer(take(project, ann)[0])
        versions = [Annotation.objects.get(pk=made.pk).guideline for made in (first, second)]
        assert [version.version if version else None for version in versions] == [1, 2]


class TestGrowingOverlap:
    def disagree(self, project: Project, *answered: tuple[User, str]) -> RoundItem:
        for user, label in answered:
            answer(take(project, user)[0], label)
        return RoundItem.objects.get()

    def test_it_grows_by_one_where_answers_differ_and_ends_at_the_maximum(
        self, project: Project, ann: User, ben: User, ada: User, lea: User, olga: User
    ) -> None:
        limit(project, maximum_overlap=4)
        made = fill(project, 1, overlap=2)
        place = self.disagree(project, (ann, "good"), (ben, "bad"))
        assert (place.overlap, place.open_slots) == (3, 1)
        made.refresh_from_db()
        assert made.items_done == 0
        place = self.disagree(project, (ada, "good"), (lea, "good"))
        assert (place.overlap, place.open_slots, place.answers) == (4, 0, 4)
        assert take(project, olga) == []
        made.refresh_from_db()
        assert (made.items_done, made.answers_total) == (1, 4)

    def test_the_rounds_own_maximum_goes_first(self, project: Project, ann: User, ben: User) -> None:
        limit(project, maximum_overlap=9)
        made = fill(project, 1, overlap=2)
        Round.objects.filter(pk=made.pk).update(maximum_overlap=2)
        assert self.disagree(project, (ann, "good"), (ben, "bad")).overlap == 2

    def test_agreement_does_not_grow_and_a_revision_that_disagrees_does(
        self, project: Project, ann: User, ben: User
    ) -> None:
        limit(project, maximum_overlap=3)
        fill(project, 1, overlap=2)
        assert self.disagree(project, (ann, "good"), (ben, "good")).overlap == 2
        answers.revise_answer(Annotation.objects.get(annotator__user=ben), {"label": "bad"})
        assert RoundItem.objects.get().overlap == 3


class TestSettingAside:
    def test_the_texts_go_to_others_and_everything_is_counted_down(
        self, project: Project, ann: User, ben: User, lea: User
    ) -> None:
        made = fill(project, 3, overlap=1)
        for assignment in take(project, ann, 2):
            answer(assignment)
        annotator = Annotator.objects.get(user=ann)
        assert requeueing.set_aside_answers(annotator, lea) == 2
        made.refresh_from_db()
        annotator.refresh_from_db()
        assert (made.items_done, made.answers_total, annotator.answers) == (0, 0, 0)
        assert Participation.objects.get().answers == 0
        assert texts(take(project, ben, 3)) == ["text 0", "text 1", "text 2"]
        assert take(project, ann, 3) == []
        assert reads.recent_answers(annotator) == []
        own = Annotation.objects.filter(annotator=annotator)[0]
        with pytest.raises(Refused, match="aside"):
            answers.revise_answer(own, {"label": "bad"})

    def test_they_are_taken_back_where_others_have_not_answered(
        self, project: Project, ann: User, ben: User, lea: User
    ) -> None:
        made = fill(project, 2, overlap=1)
        for assignment in take(project, ann, 2):
            answer(assignment)
        annotator = Annotator.objects.get(user=ann)
        requeueing.set_aside_answers(annotator, lea)
        answer(take(project, ben)[0])
        assert requeueing.take_back_answers(annotator, lea) == (1, 1)
        made.refresh_from_db()
        annotator.refresh_from_db()
        assert (made.items_done, made.answers_total, annotator.answers) == (2, 2, 1)
        assert requeueing.take_back_answers(annotator, lea) == (0, 1)
