"""Setting a project's rules for review."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.models import model_to_dict

from annotation.models import Project, User
from annotation.services.audit import record
from qc.models import ReviewSettings
from qc.services.cases import MOST_QUORUM

FIELDS = ["quorum", "tie_rule", "tells_annotators", "mislabeled", "unsolvable", "noisy", "ambiguous"]


@transaction.atomic
def change_review_settings(project: Project, user: User, changes: dict[str, Any]) -> ReviewSettings:
    """Sets the fields that are named. Cases that are open keep the quorum that they were opened with."""
    if unknown := [name for name in changes if name not in FIELDS]:
        raise ValidationError({unknown[0]: f"There is no such rule. There are: {', '.join(FIELDS)}."})
    settings, _ = ReviewSettings.objects.select_for_update().get_or_create(project=project)
    before = model_to_dict(settings, FIELDS)
    for name, value in changes.items():
        setattr(settings, name, value)
    settings.full_clean()
    if not 1 <= settings.quorum <= MOST_QUORUM:
        raise ValidationError({"quorum": f"A quorum is between 1 and {MOST_QUORUM} votes."})
    after = model_to_dict(settings, FIELDS)
    if after != before:
        settings.save()
        record(project, user, "change review rules", project.slug, before=before, after=after)
    return settings
