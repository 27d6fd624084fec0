"""A project's rules for review, and what meta-labels mean for its cleaned data."""

from annotation.models import Project
from qc.models import ReviewSettings


def review_settings(project: Project) -> ReviewSettings:
    """The project's rules; the defaults, not stored, where nobody has set them."""
    return ReviewSettings.objects.filter(project=project).first() or ReviewSettings(project=project)
