"""Freezing a split set for good; renaming and deleting one that is not frozen."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.models import User
from annotation.services.audit import record
from evaluation.models import SplitSet


class NotNow(ValidationError):
    """The split set is in a state that does not allow this change."""


def _held(split_set: SplitSet) -> SplitSet:
    """The set as it is now, locked until the change is committed."""
    held = SplitSet.objects.select_for_update().defer("manifest").get(pk=split_set.pk)
    if held.state == SplitSet.State.FROZEN:
        raise NotNow("This split set is frozen. It never changes; build a new version instead.")
    return held


@transaction.atomic
def freeze_split_set(split_set: SplitSet, user: User) -> None:
    """Freezes a built set. Raises NotNow if it is frozen already or not built."""
    held = _held(split_set)
    if held.deleted is not None or held.state != SplitSet.State.READY:
        raise NotNow("This split set is not built, so it cannot be frozen.")
    SplitSet.objects.filter(pk=held.pk).update(state=SplitSet.State.FROZEN, frozen=timezone.now())
    record(held.project, user, "freeze split set", held)
    split_set.refresh_from_db(fields=["state", "frozen"])


@transaction.atomic
def rename_split_set(split_set: SplitSet, user: User, name: str) -> None:
    """Gives a set that is not frozen another name."""
    held = _held(split_set)
    SplitSet.objects.filter(pk=held.pk).update(name=name)
    record(held.project, user, "rename split set", held, before={"name": held.name}, after={"name": name})
    split_set.refresh_from_db(fields=["name"])


@transaction.atomic
def delete_split_set(split_set: SplitSet, user: User) -> None:
    """Hides a set that is not frozen. Raises NotNow if it is frozen or has runs."""
    held = _held(split_set)
    if held.runs.exists():
        raise NotNow("Runs were evaluated on this split set, so it stays.")
    SplitSet.objects.filter(pk=held.pk).update(deleted=timezone.now())
    record(held.project, user, "delete split set", held)
