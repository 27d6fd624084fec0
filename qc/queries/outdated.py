"""Whether stored figures are still of today: what has come, and what has changed, since they were computed."""

from annotation.models import Annotation, AnnotationVersion, ChangeCount, Project, Round
from annotation.queries.changes import Since, changed_since
from qc.models import AgreementReport, HumanCeiling, TruthReport
from qc.queries.answers import scope_rounds

MOST_COUNTED = 10_000
Kind = ChangeCount.Kind
OF_ANSWERS = {Kind.TEXTS, Kind.ANSWERS, Kind.ROUNDS, Kind.LABELS}
OF_AGREEMENT = OF_ANSWERS | {Kind.GOLD_CHANGED, Kind.MEASURE}
OF_TRUTH = OF_ANSWERS | {Kind.GOLD_MADE, Kind.GOLD_CHANGED, Kind.DECISIONS}  # compared with what is known


def since_agreement(report: AgreementReport) -> Since:
    """What has happened since agreement, and with it the reports of people, were computed."""
    changes = changed_since(report.changes, report.project, OF_AGREEMENT, report.round)
    return Since(newer_answers(report, report.project, report.round), changes)


def since_truth(report: TruthReport | HumanCeiling) -> Since:
    """What has happened since the methods were compared, or people were compared with what is known."""
    changes = changed_since(report.changes, report.project, OF_TRUTH)
    return Since(newer_answers(report, report.project, None), changes)


def newer_answers(
    report: AgreementReport | TruthReport | HumanCeiling, project: Project, round_: Round | None
) -> int:
    """How many answers were given or revised after the report was computed (counted up to 10,000)."""
    rounds = scope_rounds(project, round_)
    given = Annotation.objects.counted().filter(pk__gt=report.revision, round__in=rounds)
    revised = AnnotationVersion.objects.filter(
        pk__gt=report.revisions, annotation__round__in=rounds, annotation__pk__lte=report.revision
    )
    return given[:MOST_COUNTED].count() + revised[:MOST_COUNTED].count()
