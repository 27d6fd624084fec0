"""What the methods of inferring labels said."""

from annotation.models import Annotation, Project
from qc.models import TruthReport
from qc.queries.agreement import MOST_COUNTED
from qc.queries.answers import scope_rounds


def stored_truth(project: Project) -> TruthReport | None:
    """The newest comparison of the methods."""
    return TruthReport.objects.filter(project=project).select_related("project").first()


def newer_than_truth(report: TruthReport) -> int:
    """How many answers came after the comparison (counted up to 10,000)."""
    rounds = scope_rounds(report.project, None)
    newer = Annotation.objects.counted().filter(pk__gt=report.revision, round__in=rounds)
    return newer[:MOST_COUNTED].count()
