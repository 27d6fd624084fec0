"""What annotators are told: publishing it, and noting who has read it."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from annotation.models import Annotator, Guideline, GuidelineRead, Project, User
from annotation.queries.people import annotator_of
from annotation.services.audit import record


@transaction.atomic
def publish_guideline(project: Project, user: User, body: str) -> Guideline:
    """A new version of the guideline; the newest one if nothing changed."""
    newest = Guideline.objects.select_for_update().filter(project=project).order_by("-version").first()
    if newest is not None and newest.body == body:
        return newest
    version = newest.version + 1 if newest else 1
    guideline = Guideline.objects.create(project=project, version=version, body=body, created_by=user)
    record(project, user, "publish guideline", f"version {version}")
    return guideline


@transaction.atomic
def acknowledge(guideline: Guideline, user: User) -> None:
    """Notes that the user has read this version, once; those before it count as read with it."""
    if guideline.published is None:
        raise ValidationError("This version is a draft. There is nothing to confirm before it is published.")
    GuidelineRead.objects.get_or_create(guideline=guideline, user=user)
    annotator = annotator_of(guideline.project, user)
    behind = Q(read_version__isnull=True) | Q(read_version__lt=guideline.version)
    Annotator.objects.filter(behind, pk=annotator.pk).update(read_version=guideline.version)
