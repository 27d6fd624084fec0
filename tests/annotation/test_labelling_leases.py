"""Leases that run out, and items that are skipped."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Annotation, Assignment, Participation, Project, User
from annotation.services import labelling
from annotation.services.labelling import Refused
from tests.annotation.labelling_steps import answer, at_hand, check_slots, expire, fill, take, texts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def slots_add_up(db: None) -> Iterator[None]:
    """After every test the slots of every item add up."""
    yield
    check_slots()


class TestExpiry:
    def test_a_lease_that_ran_out_goes_to_others(self, project: Project, ann: User, ben: User) -> None:
        fill(project, 1, overlap=1)
        expire(*take(project, ann))
        assert labelling.return_expired_leases() == 1
        assert labelling.return_expired_leases() == 0
        assert texts(take(project, ben)) == ["text 0"]

    def test_others_get_it_even_when_nobody_sweeps(self, project: Project, ann: User, ben: User) -> None:
        fill(project, 1, overlap=1)
        expire(*take(project, ann))
        assert texts(take(project, ben)) == ["text 0"]

    def test_its_holder_gets_it_again(self, project: Project, ann: User) -> None:
        fill(project, 1, overlap=1)
        first = take(project, ann)
        expire(*first)
        labelling.return_expired_leases()
        check_slots()
        assert take(project, ann) == first

    def test_activity_makes_a_lease_longer(self, project: Project, ann: User) -> None:
        fill(project, 1)
        held = take(project, ann)
        expire(*held)
        again = take(project, ann)[0]
        assert again == held[0]
        assert again.expires > timezone.now() + timedelta(minutes=29)

    def test_a_late_answer_is_taken_while_there_is_room(self, project: Project, ann: User) -> None:
        fill(project, 1)
        held = take(project, ann)[0]
        expire(held)
        labelling.return_expired_leases()
        answer(at_hand(ann, held))
        assert Annotation.objects.count() == 1

    def test_a_late_answer_is_refused_when_others_filled_the_item(
        self, project: Project, ann: User, ben: User
    ) -> None:
        fill(project, 1, overlap=1)
        held = take(project, ann)[0]
        expire(held)
        labelling.return_expired_leases()
        answer(take(project, ben)[0])
        with pytest.raises(Refused, match="ran out"):
            answer(at_hand(ann, held))
        assert Annotation.objects.count() == 1

    def test_two_leases_on_one_item_run_out_together(self, project: Project, ann: User, ben: User) -> None:
        fill(project, 1, overlap=2)
        expire(*take(project, ann), *take(project, ben))
        assert labelling.return_expired_leases() == 2


class TestSkipping:
    def test_a_skipped_item_goes_to_others_and_never_comes_back(
        self, project: Project, ann: User, ben: User
    ) -> None:
        fill(project, 2)
        assignment = take(project, ann)[0]
        labelling.skip_item(assignment, "cannot read it")
        labelling.skip_item(assignment, "again")
        check_slots()
        stored = Assignment.objects.get(pk=assignment.pk)
        assert (stored.state, stored.reason) == ("skipped", "cannot read it")
        assert texts(take(project, ann, 5)) == ["text 1"]
        assert "text 0" in texts(take(project, ben, 5))

    def test_an_answered_item_cannot_be_skipped(self, project: Project, ann: User) -> None:
        fill(project, 1)
        assignment = take(project, ann)[0]
        answer(assignment)
        with pytest.raises(Refused, match="already"):
            labelling.skip_item(assignment)

    def test_a_lease_that_ran_out_can_be_skipped(self, project: Project, ann: User) -> None:
        fill(project, 1)
        assignment = take(project, ann)[0]
        expire(assignment)
        labelling.return_expired_leases()
        labelling.skip_item(assignment)
        assert take(project, ann) == []

    def test_a_skip_can_be_taken_back_by_answering(self, project: Project, ann: User) -> None:
        fill(project, 1)
        assignment = take(project, ann)[0]
        labelling.skip_item(assignment)
        answer(at_hand(ann, assignment))
        assert Annotation.objects.count() == 1
        assert Participation.objects.get().skipped == 0
