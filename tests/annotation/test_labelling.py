"""Taking, answering, revising: what each does to an item's slots, and what it refuses."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    Assignment,
    Item,
    Label,
    Membership,
    Participation,
    Project,
    Round,
    RoundItem,
    User,
)
from annotation.queries import labelling as reads
from annotation.queries.people import annotator_of
from annotation.services import answers, labelling
from annotation.services.guidelines import publish_guideline
from annotation.services.labelling import Refused
from annotation.services.rounds import create_round
from tests.annotation.labelling_steps import answer, at_hand, check_slots, fill, take, texts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def slots_add_up(db: None) -> Iterator[None]:
    """After every test the slots of every item add up."""
    yield
    check_slots()


class TestTaking:
    def test_items_come_in_the_order_of_the_round(self, project: Project, ann: User) -> None:
        fill(project, 5)
        assert texts(take(project, ann, 3)) == ["text 0", "text 1", "text 2"]

    def test_asking_again_brings_the_same_items(self, project: Project, ann: User) -> None:
        fill(project, 5)
        first = take(project, ann)
        assert take(project, ann) == first
        assert texts(take(project, ann, 2)) == ["text 0", "text 1"]
        assert take(project, ann) == first

    def test_what_is_started_is_finished_first(
        self, project: Project, ann: User, ben: User, ada: User
    ) -> None:
        fill(project, 5)
        for assignment in take(project, ann, 2):
            answer(assignment)
        assert texts(take(project, ben)) == ["text 0"]
        assert texts(take(project, ada, 3)) == ["text 0", "text 1", "text 2"]

    def test_nobody_gets_an_item_twice_and_no_item_more_than_its_overlap(
        self, project: Project, olga: User, lea: User, ann: User, ben: User, ada: User
    ) -> None:
        made = fill(project, 4, overlap=2)
        working = [olga, lea, ann, ben, ada]
        while sum(len([answer(assignment) for assignment in take(project, user)]) for user in working):
            check_slots()
        assert Annotation.objects.count() == 8
        assert Annotation.objects.values("item", "annotator").distinct().count() == 8
        made.refresh_from_db()
        assert (made.answers_total, made.items_done) == (8, 4)

    def test_an_answer_that_was_imported_under_ones_name_counts(self, project: Project, ann: User) -> None:
        made = fill(project, 2)
        author = annotator_of(project, ann)
        first = RoundItem.objects.get(position=0)
        Annotation.objects.create(
            round=made, item_id=first.item_id, annotator=author, label=Label.objects.get(name="good")
        )
        RoundItem.objects.filter(pk=first.pk).update(answers=1, open_slots=2)
        assert texts(take(project, ann, 2)) == ["text 1"]

    def test_deleted_items_are_not_handed_out(self, project: Project, ann: User) -> None:
        fill(project, 2)
        Item.objects.filter(text="text 0").update(deleted=timezone.now())
        assert texts(take(project, ann, 2)) == ["text 1"]

    def test_rounds_are_worked_off_in_the_order_of_their_ids(
        self, project: Project, ann: User, olga: User
    ) -> None:
        fill(project, 1)
        create_round(project, olga, name="second")
        fill(project, 2, name="second")
        taken = take(project, ann, 3)
        assert [a.round.name for a in taken] == ["main", "second", "second"]

    def test_closed_and_draft_rounds_give_nothing(self, project: Project, ann: User) -> None:
        made = fill(project, 2)
        for state in ("closed", "draft"):
            Round.objects.filter(pk=made.pk).update(state=state)
            handout = labelling.next_items(project, ann)
            assert (handout.leases, handout.reason) == ([], "done")

    def test_a_paused_member_gets_a_reason(self, project: Project, ann: User) -> None:
        fill(project, 2)
        Membership.objects.filter(user=ann).update(state="paused")
        handout = labelling.next_items(project, ann)
        assert (handout.leases, handout.reason) == ([], "paused")
        with pytest.raises(PermissionDenied, match="paused"):
            labelling.check_active("paused")

    @pytest.mark.parametrize("count", [0, -1, 21])
    def test_too_many_or_too_few_are_refused(self, project: Project, ann: User, count: int) -> None:
        with pytest.raises(ValidationError):
            labelling.next_items(project, ann, count)

    def test_progress_is_counted(self, project: Project, ann: User, ben: User) -> None:
        fill(project, 3, overlap=1)
        answer(take(project, ann)[0])
        answer(take(project, ben)[0])
        handout = labelling.next_items(project, ann)
        assert handout.mine == 1
        assert handout.round is not None
        assert (handout.round.items_done, handout.round.items_total) == (2, 3)


class TestBehindThePositions:
    """What an annotator's remembered positions have passed is still found when it opens again."""

    def test_items_imported_behind_are_found_before_saying_done(self, project: Project, ann: User) -> None:
        made = fill(project, 3)
        for assignment in take(project, ann, 3):
            answer(assignment)
        take(project, ann)
        late = Item.objects.create(project=project, text="late", digest=uuid.uuid4())
        RoundItem.objects.create(round=made, item=late, position=0, overlap=3, open_slots=3)
        assert texts(take(project, ann)) == ["late"]

    def test_a_returned_item_goes_out_before_untouched_ones(
        self, project: Project, ann: User, ben: User
    ) -> None:
        fill(project, 30, overlap=1)
        held = take(project, ben)
        for _ in range(5):
            answer(take(project, ann)[0])
        labelling.skip_item(held[0], "too long")
        assert texts(take(project, ann)) == ["text 0"]

    def test_the_cost_stays_flat_when_one_has_answered_all_that_is_open(
        self, project: Project, ann: User
    ) -> None:
        fill(project, 300)
        for _ in range(250):
            answer(take(project, ann)[0])
        part = Participation.objects.get()
        assert part.started_after >= 245
        assert part.untouched_after >= 245


class TestAnswering:
    def test_the_answer_is_stored_with_its_circumstances(
        self, project: Project, ann: User, olga: User
    ) -> None:
        fill(project, 1)
        assignment = take(project, ann)[0]
        publish_guideline(project, olga, "# changed after the text was shown")
        started = timezone.now() - timedelta(seconds=12)
        Assignment.objects.filter(pk=assignment.pk).update(created=started)
        assignment.refresh_from_db()
        made, new = answers.answer_item(
            assignment, key=uuid.uuid4(), label="bad", seconds=7.5, comment="hm", difficulty=4
        )
        stored = Annotation.objects.get()
        assert new
        assert stored == made
        assert (stored.label_name, stored.comment, stored.difficulty) == ("bad", "hm", 4)
        assert stored.client_seconds == 7.5
        assert stored.seconds is not None
        assert 0 <= stored.seconds < 12
        assert stored.guideline is not None
        assert stored.guideline.version == 1
        assert stored.kind == "normal"

    def test_active_time_ends_at_two_minutes(self, project: Project, ann: User) -> None:
        fill(project, 1)
        assignment = take(project, ann)[0]
        long_ago = timezone.now() - timedelta(hours=1)
        assignment.created = long_ago
        Annotator.objects.update(active=long_ago)
        assert answer(assignment).seconds == 120

    def test_the_same_key_again_changes_nothing(self, project: Project, ann: User) -> None:
        made = fill(project, 1)
        assignment = take(project, ann)[0]
        key = uuid.uuid4()
        first = answer(assignment, "good", key)
        stale = at_hand(ann, assignment)
        again, new = answers.answer_item(stale, key=key, label="bad")
        assert (again, new, again.label_name) == (first, False, "good")
        made.refresh_from_db()
        assert made.answers_total == 1

    def test_the_same_key_is_answered_after_the_round_closed_or_the_label_went(
        self, project: Project, ann: User
    ) -> None:
        made = fill(project, 1)
        assignment = take(project, ann)[0]
        key = uuid.uuid4()
        first = answer(assignment, "good", key)
        Round.objects.filter(pk=made.pk).update(state="closed")
        Label.objects.update(retired=timezone.now())
        stale = at_hand(ann, assignment)
        assert answers.answer_item(stale, key=key, label="good") == (first, False)

    def test_another_key_is_refused(self, project: Project, ann: User) -> None:
        fill(project, 1)
        assignment = take(project, ann)[0]
        answer(assignment)
        with pytest.raises(Refused, match="already"):
            answer(at_hand(ann, assignment))

    def test_a_key_stores_one_answer_only(self, project: Project, ann: User) -> None:
        fill(project, 2)
        first, second = take(project, ann, 2)
        key = uuid.uuid4()
        answer(first, key=key)
        with pytest.raises(Refused, match="key"):
            answer(second, key=key)
        assert take(project, ann) == [second]

    @pytest.mark.parametrize("label", ["great", "Good", "", "good "])
    def test_an_unknown_label_is_refused(self, project: Project, ann: User, label: str) -> None:
        fill(project, 1)
        with pytest.raises(ValidationError, match="no label"):
            answer(take(project, ann)[0], label)

    def test_a_closed_round_takes_no_answer(self, project: Project, ann: User) -> None:
        made = fill(project, 1)
        assignment = take(project, ann)[0]
        Round.objects.filter(pk=made.pk).update(state="closed")
        with pytest.raises(Refused, match="closed"):
            answer(at_hand(ann, assignment))


class TestRevising:
    def test_the_old_version_is_kept(self, project: Project, ann: User) -> None:
        fill(project, 1)
        made = answer(take(project, ann)[0], "good")
        answers.revise_answer(made, {"label": "bad", "comment": "on second thought"})
        stored = Annotation.objects.get()
        assert (stored.label_name, stored.comment) == ("bad", "on second thought")
        assert stored.revised is not None
        version = AnnotationVersion.objects.get()
        assert (version.label_name, version.comment) == ("good", "")

    def test_the_same_again_is_no_new_version(self, project: Project, ann: User) -> None:
        fill(project, 1)
        made = answer(take(project, ann)[0], "good")
        answers.revise_answer(made, {"label": "good"})
        assert not AnnotationVersion.objects.exists()

    def test_a_closed_round_stays_as_it_is(self, project: Project, ann: User) -> None:
        fill(project, 1)
        made = answer(take(project, ann)[0], "good")
        made.round.state = "closed"
        with pytest.raises(Refused, match="closed"):
            answers.revise_answer(made, {"label": "bad"})


class TestCost:
    def test_taking_and_answering_cost_the_same_number_of_statements_however_many_items_there_are(
        self, project: Project, ann: User
    ) -> None:
        counted = []
        for n in (3, 3, 60):  # the first to plan, which a connection does once
            fill(project, n)
            answer(take(project, ann)[0])
            with CaptureQueriesContext(connection) as taking:
                handout = labelling.next_items(project, ann)
            with CaptureQueriesContext(connection) as answering:  # as over REST
                held = reads.held_by(ann, handout.leases[0].id, ["good"])
                answers.answer_item(held.assignment, key=uuid.uuid4(), label="good", known=held.known)
            counted.append((len(taking), len(answering)))
        assert counted[1] == counted[2]
        assert counted[1][0] <= 6
        assert counted[1][1] <= 5
