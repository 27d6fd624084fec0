"""How a project's answers are compared and resolved."""

from annotation.models import Project
from qc.models import QualitySettings


def quality_settings(project: Project) -> QualitySettings:
    """The project's settings; the defaults, not stored, where nobody changed them."""
    return QualitySettings.objects.filter(project=project).first() or QualitySettings(project=project)
