"""Stopping somebody's labelling and letting them go on: by a lead, or by the rule on gold answers.

The annotator's row is locked before the membership's, as where answers are stored.
"""

from django.db import transaction
from django.utils import timezone

from annotation.algorithms.gold_policy import must_pause
from annotation.algorithms.intervals import wilson
from annotation.models import Annotator, Membership, Project, User
from annotation.services.audit import record


@transaction.atomic
def pause(membership: Membership, user: User | None, because: str) -> None:
    """Stops a member's labelling, with a reason that the member reads. Nobody (None) is the rule on gold answers."""
    state = Membership.State
    changed = Membership.objects.filter(pk=membership.pk, state=state.ACTIVE).update(
        state=state.PAUSED, paused=timezone.now(), paused_by=user, paused_because=because
    )
    if changed:
        record(
            membership.project,
            user,
            "pause annotator",
            membership.user.username,
            before={"state": state.ACTIVE},
            after={"state": state.PAUSED, "because": because},
        )
    membership.refresh_from_db()


@transaction.atomic
def reinstate(membership: Membership, user: User) -> None:
    """Lets a paused member go on; their gold answers are counted from the start again."""
    restart_gold_count(membership)
    state = Membership.State
    changed = Membership.objects.filter(pk=membership.pk, state=state.PAUSED).update(
        state=state.ACTIVE, paused=None, paused_by=None, paused_because=""
    )
    if changed:
        record(
            membership.project,
            user,
            "reinstate annotator",
            membership.user.username,
            before={"state": state.PAUSED, "because": membership.paused_because},
            after={"state": state.ACTIVE},
        )
    membership.refresh_from_db()


def restart_gold_count(membership: Membership) -> None:
    """Forgets how the member did on gold so far; the answers themselves stay as they are."""
    mine = Annotator.objects.filter(project=membership.project_id, user=membership.user_id)
    mine.update(gold_answers=0, gold_correct=0)


def pause_by_rule(annotator: Annotator, project: Project) -> bool:
    """Pauses the annotator if their gold answers are known to be below the project's threshold; whether they are."""
    answers, correct = annotator.gold_answers, annotator.gold_correct
    if not must_pause(correct, answers, project.gold_threshold, project.gold_minimum):
        return False
    membership = (
        Membership.objects.filter(project=project, user=annotator.user_id).select_related("user").first()
    )
    if membership is None:  # a superuser who is no member
        return False
    membership.project = project
    pause(membership, None, _because(correct, answers, project.gold_threshold))
    return True


def _because(correct: int, answers: int, threshold: float) -> str:
    accuracy = wilson(correct, answers)
    assert accuracy.low is not None and accuracy.high is not None
    return (
        f"{correct} of {answers} answers to texts whose answer is known were right. That puts your accuracy between"
        f" {accuracy.low:.0%} and {accuracy.high:.0%}; this project asks for {threshold:.0%}."
    )
