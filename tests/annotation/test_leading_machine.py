"""Annotators at one round while leads change it: what must hold after every step, counted in Python."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from annotation.models import (
    Assignment,
    Item,
    Membership,
    Role,
    Round,
    RoundItem,
)
from annotation.services import items, members, rounds
from tests.annotation.test_labelling_machine import ITEMS, QUOTA, Labelling, person

GREATEST = 4  # overlap that a lead asks for
text = st.integers(0, ITEMS - 1)


class Leading(Labelling):
    """The same round, in which leads take texts out and back in, change its overlap, end it, and let people go."""

    most = GREATEST

    def made(self) -> Round:
        return Round.objects.select_related("project").get(project=self.project)

    def chosen(self, at: int) -> int:
        return list(RoundItem.objects.filter(round=self.made()).order_by("id"))[at].item_id

    @rule(at=text)
    def exclude(self, at: int) -> None:
        items.exclude_items(self.project, self.owner, Item.objects.filter(pk=self.chosen(at)), "spam")

    @rule(at=text)
    def include(self, at: int) -> None:
        items.include_items(self.project, self.owner, Item.objects.filter(pk=self.chosen(at)))

    @rule(at=text)
    def delete(self, at: int) -> None:
        items.delete_items(self.project, self.owner, Item.objects.filter(pk=self.chosen(at)))

    @rule(at=text)
    def restore(self, at: int) -> None:
        items.restore_items(self.project, self.owner, Item.objects.filter(pk=self.chosen(at)))

    @rule(overlap=st.integers(1, GREATEST))
    def resize(self, overlap: int) -> None:
        made = self.made()
        before = made.overlap
        rounds.change_round(made, self.owner, {"overlap": overlap})
        rounds.resize_round(made, before)

    @rule()
    def close_and_open_again(self) -> None:
        rounds.open_round(self.made(), self.owner)
        rounds.close_round(self.made(), self.owner)
        assert not Assignment.objects.filter(round=self.made(), state="leased").exists()
        rounds.open_round(self.made(), self.owner)

    @rule(who=person)
    def let_go_and_take_back(self, who: int) -> None:
        user = self.people[who]
        membership = Membership.objects.select_related("project", "user").get(project=self.project, user=user)
        members.change_member(membership, self.owner, state=Membership.State.REMOVED)
        quota = QUOTA if who == 0 else None
        members.add_member(self.project, self.owner, user.username, Role.ANNOTATOR, quota=quota)


@pytest.mark.django_db
def test_whatever_leads_change_meanwhile_the_slots_add_up_and_nothing_is_lost_or_doubled() -> None:
    run_state_machine_as_test(
        Leading,
        settings=settings(max_examples=12, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
