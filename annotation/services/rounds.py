"""Making rounds."""

from typing import Any

from django.db import transaction

from annotation.models import Project, Round, User
from annotation.services.audit import record


@transaction.atomic
def create_round(project: Project, user: User, *, name: str, **fields: Any) -> Round:
    """A new round, open unless said otherwise, with the project's overlap and rates unless given."""
    defaults = {field: getattr(project, field) for field in ("overlap", "gold_rate", "repeat_rate")}
    made = Round(project=project, name=name, **(defaults | fields))
    made.full_clean()
    made.save()
    Round.objects.filter(pk=made.pk).update(seed=made.pk)
    made.refresh_from_db()
    record(project, user, "create round", name)
    return made
