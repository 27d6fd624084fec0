"""Saying that something is wrong with an item."""

from django.core.exceptions import ValidationError
from django.db import transaction

from annotation.models import Flag, Item, User
from annotation.services.audit import record


@transaction.atomic
def flag_item(item: Item, user: User, *, kind: str, note: str = "") -> Flag:
    """An open flag; the same person's open flag of the same kind is not doubled, a new note replaces its old one, which
    the audit log keeps."""
    if kind == Flag.Kind.OTHER and not note.strip():
        raise ValidationError({"note": "Say in a few words what is wrong."})
    same = Flag.objects.filter(item=item, user=user, kind=kind, resolved__isnull=True).first()
    if same is None:
        return Flag.objects.create(item=item, user=user, kind=kind, note=note)
    if note and note != same.note:
        before, after = {"note": same.note}, {"note": note}
        record(item.project, user, "change flag", f"text {item.pk}", before=before, after=after)
        same.note = note
        same.save(update_fields=["note"])
    return same
