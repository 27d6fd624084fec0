"""Several annotators at one round, doing whatever they may in any order: what must hold after every step.

Time passes only where a rule lets it. The state is checked by counting rows in Python, not by the counters' SQL.
"""

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from annotation.algorithms.gold_policy import must_pause
from annotation.models import (
    Annotation,
    Annotator,
    Assignment,
    GoldItem,
    Item,
    Membership,
    Participation,
    Project,
    ReturnedItem,
    Role,
    Round,
    RoundItem,
    User,
)
from annotation.queries import labelling as reads
from annotation.services import answers, gold, labelling, pausing, requeueing
from annotation.services.labelling import Refused
from annotation.services.projects import create_project
from tests.annotation.labelling_steps import fill

PEOPLE = 4
ITEMS = 5
OVERLAP = 2
MOST = 3  # the maximum overlap
QUOTA = 4  # of the first annotator
person = st.integers(0, PEOPLE - 1)
label = st.sampled_from(["good", "bad"])


class Labelling(RuleBasedStateMachine):
    """One open round with gold, repeats, growing overlap and one quota, and what was acknowledged so far."""

    most = MOST  # overlap of a text

    def __init__(self) -> None:
        super().__init__()
        self.scope = transaction.atomic()
        self.scope.__enter__()
        self.owner = User.objects.create(username=f"owner-{uuid.uuid4()}")
        self.project: Project = create_project(
            self.owner,
            name="Machine",
            labels=[{"name": "good"}, {"name": "bad"}],
            repeat_distance=1,
            gold_minimum=2,
            gold_threshold=0.8,
            maximum_overlap=MOST,
        )
        fill(self.project, ITEMS, overlap=OVERLAP, gold_rate=0.3, repeat_rate=0.4)
        for k in range(3):
            item = Item.objects.create(project=self.project, text=f"gold {k}", digest=uuid.uuid4())
            gold.set_gold(self.project, self.owner, item, label="good")
        self.people = [User.objects.create(username=f"person-{uuid.uuid4()}") for _ in range(PEOPLE)]
        for k, user in enumerate(self.people):
            Membership.objects.create(
                project=self.project, user=user, role=Role.ANNOTATOR, quota=QUOTA if k == 0 else None
            )
        self.acknowledged: dict[uuid.UUID, int] = {}
        self.sent: dict[int, uuid.UUID] = {}  # assignment → the key that was acknowledged
        self.taken_back = self.gold_changed = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.scope.__exit__(None, None, None)

    def annotator(self, who: int) -> Annotator | None:
        return Annotator.objects.filter(project=self.project, user=self.people[who]).first()

    def submit(
        self, who: int, assignment: int, key: uuid.UUID, chosen: str
    ) -> tuple[Annotation, bool] | None:
        """As the REST call does it; None where it is refused."""
        held = reads.held_by(self.people[who], assignment, [chosen])
        try:
            labelling.check_active(held.membership.state if held.membership else None)
            with transaction.atomic():
                return answers.answer_item(held.assignment, key=key, label=chosen, known=held.known)
        except (Refused, PermissionDenied):
            return None

    def handed(self, who: int, **which: Any) -> list[Assignment]:
        of = Assignment.objects.filter(annotator__user=self.people[who], **which)
        return list(of.order_by("id"))

    @rule(who=person, count=st.integers(1, 3))
    def take(self, who: int, count: int) -> None:
        given = labelling.next_items(self.project, self.people[who], count)
        state = Membership.objects.get(project=self.project, user=self.people[who]).state
        made = Round.objects.get(project=self.project)
        if state == "paused":
            assert (given.leases, given.reason) == ([], "paused")
        elif made.state == "closed":
            assert given.leases == []
        assert len(given.leases) <= count
        assert bool(given.leases) != bool(given.reason)

    @rule(who=person, chosen=label, at=st.integers(0, 5))
    def answer(self, who: int, chosen: str, at: int) -> None:
        self._answer(who, chosen, self.handed(who, state="leased"), at)

    @rule(who=person, chosen=label, at=st.integers(0, 20))
    def answer_whatever_was_handed_out(self, who: int, chosen: str, at: int) -> None:
        self._answer(who, chosen, self.handed(who), at)

    def _answer(self, who: int, chosen: str, handed: list[Assignment], at: int) -> None:
        if not handed:
            return
        assignment = handed[at % len(handed)]
        key = uuid.uuid4()
        before = Annotation.objects.count()
        stored = self.submit(who, assignment.pk, key, chosen)
        if stored is None:
            assert Annotation.objects.count() == before
            return
        made, new = stored
        assert new
        assert assignment.pk not in self.sent
        self.acknowledged[key] = made.pk
        self.sent[assignment.pk] = key

    @precondition(lambda self: self.sent)
    @rule(at=st.integers(0, 50), chosen=label)
    def send_again(self, at: int, chosen: str) -> None:
        assignment, key = sorted(self.sent.items())[at % len(self.sent)]
        who = self.people.index(Assignment.objects.get(pk=assignment).annotator.user)  # type: ignore[arg-type]
        again = self.submit(who, assignment, key, chosen)
        if again is not None:
            assert (again[0].pk, again[1]) == (self.acknowledged[key], False)

    @rule(who=person, at=st.integers(0, 20))
    def skip(self, who: int, at: int) -> None:
        if handed := self.handed(who):
            held = reads.held_by(self.people[who], handed[at % len(handed)].pk)
            try:
                with transaction.atomic():
                    labelling.skip_item(held.assignment, "odd")
            except Refused:
                pass

    @rule(who=person, swept=st.booleans())
    def let_leases_run_out(self, who: int, swept: bool) -> None:
        past = timezone.now() - timedelta(seconds=1)
        Assignment.objects.filter(annotator__user=self.people[who]).update(expires=past)
        if swept:
            labelling.return_expired_leases()

    @rule(who=person)
    def pause(self, who: int) -> None:
        pausing.pause(
            Membership.objects.get(project=self.project, user=self.people[who]), self.owner, "Talk to me."
        )

    @rule(who=person)
    def reinstate(self, who: int) -> None:
        pausing.reinstate(Membership.objects.get(project=self.project, user=self.people[who]), self.owner)

    @rule(who=person, chosen=label, at=st.integers(0, 20))
    def revise(self, who: int, chosen: str, at: int) -> None:
        mine = list(reads.answers_of(self.people[who]).order_by("id"))
        if mine:
            try:
                with transaction.atomic():
                    answers.revise_answer(mine[at % len(mine)], {"label": chosen})
            except Refused:
                pass

    @rule(who=person)
    def set_aside(self, who: int) -> None:
        if (annotator := self.annotator(who)) is not None:
            requeueing.set_aside_answers(annotator, self.owner)
            assert not Annotation.objects.filter(annotator=annotator, set_aside__isnull=True).exists()

    @rule(who=person)
    def take_back(self, who: int) -> None:
        if (annotator := self.annotator(who)) is not None:
            _, left = requeueing.take_back_answers(annotator, self.owner)
            assert left == Annotation.objects.filter(annotator=annotator, set_aside__isnull=False).count()
            self.taken_back = True

    @rule()
    def close_or_reopen(self) -> None:
        made = Round.objects.get(project=self.project)
        Round.objects.filter(pk=made.pk).update(state="closed" if made.state == "open" else "open")

    @rule(at=st.integers(0, 2), chosen=label)
    def change_gold(self, at: int, chosen: str) -> None:
        made = GoldItem.objects.filter(project=self.project).order_by("id")[at]
        gold.change_gold(made, self.owner, label=chosen)
        self.gold_changed = True

    @invariant()
    def slots_add_up(self) -> None:
        rows = list(Annotation.objects.filter(round__project=self.project))
        counted = Counter(row.item_id for row in rows if row.kind == "normal" and row.set_aside is None)
        leases = Assignment.objects.filter(round__project=self.project, state="leased", kind="normal")
        live = Counter(leases.values_list("item_id", flat=True))
        places = list(RoundItem.objects.filter(round__project=self.project).select_related("item"))
        assert len(places) == ITEMS
        living = [place for place in places if place.item.deleted is None and place.item.excluded is None]
        for place in places:
            assert place.answers == counted[place.item_id] <= place.overlap <= self.most
            if place in living:
                assert place.open_slots == place.overlap - place.answers - live[place.item_id] >= 0
            else:
                assert (place.open_slots, live[place.item_id]) == (0, 0)
        made = Round.objects.get(project=self.project)
        assert made.answers_total == sum(counted.values())
        assert made.items_total == len(living)
        assert made.items_done == sum(place.answers >= place.overlap for place in living)
        returned = set(ReturnedItem.objects.filter(round=made).values_list("round_item_id", flat=True))
        assert all(place.open_slots for place in places if place.pk in returned)

    @invariant()
    def nobody_has_a_text_twice(self) -> None:
        handed = list(Assignment.objects.filter(round__project=self.project))
        once = Counter((row.annotator_id, row.item_id) for row in handed if row.kind != "repeat")
        assert max(once.values(), default=1) == 1
        again = Counter((row.annotator_id, row.item_id) for row in handed if row.kind == "repeat")
        assert max(again.values(), default=1) == 1
        assert again.keys() <= once.keys()

    @invariant()
    def what_was_acknowledged_is_stored_once(self) -> None:
        rows = Annotation.objects.filter(round__project=self.project)
        stored = dict(rows.values_list("key", "id"))
        assert len(stored) == rows.count()
        assert stored == self.acknowledged

    @invariant()
    def people_are_counted(self) -> None:
        for who, user in enumerate(self.people):
            annotator = self.annotator(who)
            if annotator is None:
                continue
            rows = [
                row
                for row in Annotation.objects.filter(annotator=annotator).order_by("-id")
                if not row.set_aside
            ]
            parts = Participation.objects.filter(annotator=annotator).values_list("answers", flat=True)
            assert annotator.answers == sum(parts) == len(rows)
            judged = [row.correct for row in rows if row.kind == "gold"][: annotator.gold_answers]
            if not self.taken_back:
                assert annotator.gold_correct == sum(bool(correct) for correct in judged)
                assert who > 0 or annotator.answers <= QUOTA
            assert annotator.gold_correct <= annotator.gold_answers
            if not self.taken_back and not self.gold_changed:
                bad = must_pause(annotator.gold_correct, annotator.gold_answers, 0.8, 2)
                assert not bad or Membership.objects.get(project=self.project, user=user).state == "paused"


@pytest.mark.django_db
def test_whatever_annotators_do_in_any_order_the_slots_add_up_and_nothing_is_lost_or_doubled() -> None:
    run_state_machine_as_test(
        Labelling,
        settings=settings(max_examples=12, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
