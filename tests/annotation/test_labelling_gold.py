"""Gold items and repeats: to whom they go, what they count, what they do not, and when somebody is paused."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import (
    Annotation,
    Annotator,
    Assignment,
    AuditEntry,
    GoldItem,
    Item,
    Membership,
    Project,
    Round,
    RoundItem,
    User,
)
from annotation.queries import labelling as reads
from annotation.queries.gold import feedback, gold_counts
from annotation.services import answers, gold, labelling, pausing
from annotation.services.values import AnswerValue
from tests.annotation.labelling_steps import answer, at_hand, check_slots, fill, take, texts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def slots_add_up(db: None) -> Iterator[None]:
    """After every test the slots of every item add up."""
    yield
    check_slots()


def make_gold(
    project: Project, n: int, label: str = "good", meta: dict[str, Any] | None = None
) -> list[GoldItem]:
    """So many gold items with texts of their own, outside the round."""
    owner = project.created_by
    made = []
    for k in range(n):
        item = Item.objects.create(project=project, text=f"gold {k}", digest=uuid.uuid4(), meta=meta or {})
        made.append(gold.set_gold(project, owner, item, label=label, explanation="since it says so"))
    return made


def work(project: Project, user: User, n: int, label: str = "good") -> list[Assignment]:
    """Takes and answers n items, one after the other."""
    done = []
    for _ in range(n):
        for assignment in take(project, user):
            answer(at_hand(user, assignment), label)
            done.append(assignment)
    return done


class TestHandingOutGold:
    def test_it_comes_at_its_rate_and_takes_no_slot(self, project: Project, ann: User) -> None:
        made = fill(project, 60, gold_rate=0.3)
        make_gold(project, 60)
        done = work(project, ann, 50)
        kinds = [assignment.kind for assignment in done]
        assert 5 <= kinds.count("gold") <= 26
        assert Annotation.objects.filter(kind="gold", correct=True).count() == kinds.count("gold")
        made.refresh_from_db()
        assert made.answers_total == kinds.count("normal")
        assert not RoundItem.objects.filter(item__text__startswith="gold").exists()
        annotator = Annotator.objects.get(user=ann)
        assert (annotator.answers, annotator.gold_answers) == (50, kinds.count("gold"))
        assert labelling.next_items(project, ann).mine == 50

    def test_the_same_gold_never_comes_twice_to_one_person_and_gold_alone_keeps_nobody_going(
        self, project: Project, ann: User
    ) -> None:
        fill(project, 5, gold_rate=1.0)
        make_gold(project, 3)
        done = work(project, ann, 10)
        assert sorted(texts(done)) == ["gold 0", "gold 1", "gold 2", *(f"text {k}" for k in range(5))]
        make_gold(project, 2)
        assert take(project, ann) == []
        assert labelling.next_items(project, ann).reason == "done"

    def test_the_least_shown_goes_first_and_the_worn_out_retires(
        self, project: Project, ann: User, ben: User, ada: User
    ) -> None:
        Project.objects.update(gold_wear=2)
        fill(project, 5, gold_rate=1.0)
        make_gold(project, 2)
        assert [texts(take(project, user)) for user in (ann, ben, ada)] == [
            ["gold 0"],
            ["gold 1"],
            ["gold 0"],
        ]
        worn, fresh = GoldItem.objects.order_by("id")
        assert (worn.exposures, worn.retired is not None) == (2, True)
        assert (fresh.exposures, fresh.retired) == (1, None)
        assert gold_counts(project) == {"active": 1, "retired": 1}

    def test_a_text_that_somebody_has_had_is_not_gold_for_them(
        self, project: Project, ann: User, olga: User
    ) -> None:
        made = fill(project, 3)
        seen = work(project, ann, 1)[0]
        gold.set_gold(project, olga, seen.item, label="good")
        Round.objects.filter(pk=made.pk).update(gold_rate=1.0)
        assert texts(take(project, ann, 3)) == ["text 1", "text 2"]

    def test_a_gold_text_of_the_round_is_handed_out_once(
        self, project: Project, ann: User, olga: User
    ) -> None:
        fill(project, 3, gold_rate=1.0)
        for item in Item.objects.all():
            gold.set_gold(project, olga, item, label="good")
        done = work(project, ann, 5)
        assert len(done) == len({assignment.item_id for assignment in done}) == 3

    def test_several_at_once_come_in_the_order_drawn_and_again_in_the_same_order(
        self, project: Project, ann: User
    ) -> None:
        fill(project, 30, gold_rate=0.4)
        make_gold(project, 30)
        first = take(project, ann, 20)
        assert {a.kind for a in first} == {"gold", "normal"}
        assert take(project, ann, 20) == first
        normal = [a.item.text for a in first if a.kind == "normal"]
        assert normal == [f"text {k}" for k in range(len(normal))]

    def test_skipped_and_deleted_gold_does_not_come_again(self, project: Project, ann: User) -> None:
        fill(project, 4, gold_rate=1.0)
        make_gold(project, 2)
        held = take(project, ann)[0]
        labelling.skip_item(held, "odd")
        Item.objects.filter(text="gold 1").update(deleted="2026-01-01T00:00Z")
        assert texts(take(project, ann)) == ["text 0"]
        answer(at_hand(ann, held))
        assert Annotation.objects.get().kind == "gold"

    def test_next_and_answer_cost_the_same_statements_whatever_the_kind(
        self, project: Project, ann: User
    ) -> None:
        made = fill(project, 90, gold_rate=1.0)
        project.repeat_distance = 5
        project.save()
        make_gold(project, 3)
        work(project, ann, 1)
        costs = {}
        for kind, rates in {"gold": (1.0, 0.0), "normal": (0.0, 0.0), "repeat": (0.0, 1.0)}.items():
            if kind == "repeat":
                work(project, ann, 10)
            Round.objects.filter(pk=made.pk).update(gold_rate=rates[0], repeat_rate=rates[1])
            with CaptureQueriesContext(connection) as taking:
                lease = labelling.next_items(project, ann).leases[0]
            held = reads.held_by(ann, lease.id, ["good"])
            with CaptureQueriesContext(connection) as answering:
                answers.answer_item(held.assignment, key=uuid.uuid4(), label="good", known=held.known)
            assert held.assignment.kind == kind
            costs[kind] = (len(taking), len(answering))
        assert len(set(costs.values())) == 1


class TestRepeats:
    def test_own_answers_come_back_after_the_distance_each_once(
        self, project: Project, ann: User, ben: User
    ) -> None:
        project.repeat_distance = 10
        project.save()
        made = fill(project, 40, repeat_rate=0.5)
        work(project, ben, 15)
        done = work(project, ann, 60)
        repeats = [n for n, assignment in enumerate(done) if assignment.kind == "repeat"]
        assert len(repeats) >= 5
        items = [assignment.item_id for assignment in done]
        for n in repeats:
            before = items.index(items[n])
            assert done[before].kind == "normal"
            assert n - before > 10
        again = [items[n] for n in repeats]
        assert len(again) == len(set(again))
        made.refresh_from_db()
        assert made.answers_total == Annotation.objects.filter(kind="normal").count()

    def test_the_earlier_answer_is_not_shown_with_it(self, project: Project, ann: User) -> None:
        project.repeat_distance = 1
        project.save()
        fill(project, 8, repeat_rate=0.6)
        for _ in range(8):
            held = take(project, ann)
            if not held:
                break
            shown = [own.item_id for own in reads.recent_answers(Annotator.objects.get(user=ann))]
            if held[0].kind == "repeat":
                assert held[0].item_id not in shown
            answer(at_hand(ann, held[0]))
        assert Annotation.objects.filter(kind="repeat").exists()

    def test_none_before_the_distance(self, project: Project, ann: User) -> None:
        fill(project, 40, repeat_rate=1.0)
        work(project, ann, 40)
        assert not Annotation.objects.filter(kind="repeat").exists()


class TestPausing:
    def bad(self, project: Project, ann: User) -> Membership:
        fill(project, 30, gold_rate=1.0)
        make_gold(project, 10, label="bad")
        work(project, ann, 4)
        assert Membership.objects.get(user=ann).state == "active"
        work(project, ann, 1)
        return Membership.objects.get(user=ann)

    def test_wrong_answers_pause_at_once_with_a_reason_and_an_entry(
        self, project: Project, ann: User
    ) -> None:
        member = self.bad(project, ann)
        assert (member.state, member.paused_by) == ("paused", None)
        assert member.paused is not None
        assert "0 of 5" in member.paused_because
        assert "70%" in member.paused_because
        entry = AuditEntry.objects.get(action="pause annotator")
        assert (entry.user, entry.subject) == (None, "ann")
        assert labelling.next_items(project, ann).reason == "paused"
        with pytest.raises(PermissionDenied):
            labelling.check_active(member.state)

    def test_reinstating_counts_from_the_start(self, project: Project, ann: User, lea: User) -> None:
        member = self.bad(project, ann)
        pausing.reinstate(member, lea)
        assert (member.state, member.paused, member.paused_because) == ("active", None, "")
        annotator = Annotator.objects.get(user=ann)
        assert (annotator.gold_answers, annotator.gold_correct) == (0, 0)
        work(project, ann, 4)
        assert Membership.objects.get(user=ann).state == "active"
        assert AuditEntry.objects.filter(action="reinstate annotator", user=lea).exists()

    def test_good_answers_pause_nobody(self, project: Project, ann: User) -> None:
        fill(project, 30, gold_rate=1.0)
        make_gold(project, 10)
        work(project, ann, 20)
        assert Membership.objects.get(user=ann).state == "active"

    def test_a_pause_by_a_lead_is_logged_and_doing_it_twice_changes_nothing(
        self, project: Project, ann: User, lea: User
    ) -> None:
        member = Membership.objects.get(user=ann)
        pausing.pause(member, lea, "Please call me.")
        pausing.pause(member, lea, "Again.")
        assert (member.state, member.paused_by, member.paused_because) == ("paused", lea, "Please call me.")
        assert AuditEntry.objects.filter(action="pause annotator").count() == 1


class TestChangingGold:
    def test_a_new_answer_judges_what_was_answered(self, project: Project, ann: User, olga: User) -> None:
        fill(project, 5, gold_rate=1.0)
        made = make_gold(project, 2)
        work(project, ann, 2)
        assert Annotator.objects.get(user=ann).gold_correct == 2
        gold.change_gold(made[0], olga, label="bad")
        assert Annotation.objects.get(item=made[0].item_id).correct is False
        annotator = Annotator.objects.get(user=ann)
        assert (annotator.gold_answers, annotator.gold_correct) == (2, 1)
        assert AuditEntry.objects.filter(action="change gold").count() == 1
        gold.change_gold(made[0], olga, label="bad")
        assert AuditEntry.objects.filter(action="change gold").count() == 1

    def test_retired_gold_stays_away_until_it_is_brought_back(
        self, project: Project, ann: User, olga: User
    ) -> None:
        fill(project, 5, gold_rate=1.0)
        made = make_gold(project, 1)[0]
        gold.retire_gold(made, olga)
        assert texts(take(project, ann)) == ["text 0"]
        gold.bring_back_gold(made, olga)
        assert texts(take(project, ann, 2)) == ["text 0", "gold 0"]

    def test_a_slip_that_was_put_right_is_no_wrong_answer_unless_the_answer_was_told(
        self, project: Project, ann: User
    ) -> None:
        fill(project, 5, gold_rate=1.0)
        make_gold(project, 2)
        slip = answer(take(project, ann)[0], "bad")
        answers.revise_answer(Annotation.objects.get(pk=slip.pk), {"label": "good"})
        assert Annotation.objects.get(pk=slip.pk).correct is True
        assert Annotator.objects.get(user=ann).gold_correct == 1
        Project.objects.update(gold_feedback="hint")
        told = answer(take(project, ann)[0], "bad")
        answers.revise_answer(Annotation.objects.get(pk=told.pk), {"label": "good"})
        assert Annotation.objects.get(pk=told.pk).correct is False

    def test_unknown_labels_foreign_texts_and_gold_twice_are_refused(
        self, project: Project, olga: User
    ) -> None:
        fill(project, 1)
        item = Item.objects.get()
        with pytest.raises(ValidationError, match="no label"):
            gold.set_gold(project, olga, item, label="splendid")
        gold.set_gold(project, olga, item, label="good")
        with pytest.raises(ValidationError, match="already"):
            gold.set_gold(project, olga, item, label="good")


class TestPromoting:
    def test_unanimous_texts_become_gold(
        self, project: Project, ann: User, ben: User, ada: User, olga: User
    ) -> None:
        fill(project, 3)
        for user, labels in ((ann, "ggg"), (ben, "gbg"), (ada, "gg ")):
            for assignment, letter in zip(take(project, user, 3), labels, strict=True):
                if letter != " ":
                    answer(assignment, {"g": "good", "b": "bad"}[letter])
        assert gold.promote_unanimous(project, olga, at_least=3) == 1
        made = GoldItem.objects.get()
        assert (made.item.text, made.origin, made.label) == ("text 0", "unanimous", made.label)
        assert made.label is not None
        assert made.label.name == "good"
        assert gold.promote_unanimous(project, olga, at_least=2) == 1
        with pytest.raises(ValidationError):
            gold.promote_unanimous(project, olga, at_least=1)

    def test_decided_texts_become_gold_once(self, project: Project, olga: User) -> None:
        fill(project, 2)
        first, second = Item.objects.order_by("id")
        good = project.labels.get(name="good").pk
        values = {
            first.pk: AnswerValue(label=good),
            second.pk: AnswerValue(label=good),
            -1: AnswerValue(label=good),
        }
        assert gold.promote_adjudicated(project, olga, values) == 2
        assert gold.promote_adjudicated(project, olga, values) == 0
        assert set(GoldItem.objects.values_list("origin", flat=True)) == {"adjudicated"}


class TestFeedback:
    @pytest.mark.parametrize(
        ("level", "fields"),
        [
            ("nothing", None),
            ("score", ["correct", "right", "answers", "needed"]),
            ("hint", ["correct", "right", "answers", "needed", "hint"]),
            ("explanation", ["correct", "right", "answers", "needed", "hint", "explanation"]),
        ],
    )
    def test_each_level_tells_what_the_one_before_does(
        self, project: Project, ann: User, level: str, fields: list[str] | None
    ) -> None:
        Project.objects.update(gold_feedback=level)
        project.refresh_from_db()
        fill(project, 3, gold_rate=1.0)
        make_gold(project, 1)
        made = answer(take(project, ann)[0], "bad")
        told = feedback(made, project)
        assert (None if told is None else list(told)) == fields
        if told is not None:
            assert (told["correct"], told["right"], told["answers"]) == (False, 0, 1)
        normal = answer(take(project, ann)[0], "bad")
        assert (normal.kind, feedback(normal, project)) == ("normal", None)
