"""Computing agreement and the reports of people, and keeping them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from annotation.models import ChangeCount, Project, Round, User
from annotation.queries.changes import changes_of
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.watching import Progress
from qc.models import AgreementReport, AnnotatorReport, QualitySettings
from qc.queries.agreement import authors, newest_replaced
from qc.queries.answers import read_answers, read_checks
from qc.queries.settings import quality_settings
from qc.services.agreement_figures import agreement_result, shown_pairs
from qc.services.agreement_parts import parts_of
from qc.services.ceiling import ceiling_result, keep_ceiling
from qc.services.long_sittings import past_minutes
from qc.services.measuring import NOT_NUMBERS, as_numbers, measure
from qc.services.people_figures import people_reports
from qc.services.people_over_time import Clock


def compute_agreement(project: Project, round_: Round | None, progress: Progress) -> AgreementReport:
    """Computes agreement over a project or one of its rounds and puts it in the place of the last one."""
    progress(0.0, "reading the answers")
    replaced, changes = newest_replaced(), changes_of(project, round_)
    computed = timezone.now()
    answers = read_answers(project, round_)
    checks = read_checks(project, answers, round_)
    progress(0.2, f"{len(answers):,} answers")
    measured = measure(project, quality_settings(project), answers)
    people = authors(project)
    usernames = [people[int(pk)][0] for pk in measured.person_ids]
    result, pairs = agreement_result(measured, usernames)
    result["shown_pairs"] = shown_pairs(pairs, measured)
    progress(0.5, "by week, guideline and cohort")
    result["parts"] = parts_of(project, measured, answers)
    progress(0.7, f"reports of {len(measured.person_ids):,} people")
    clock = Clock(measured, answers, checks)
    result["parts"]["long_sittings"] = past_minutes(project, measured, checks, clock)
    reports = people_reports(measured, answers, checks, people, pairs, project.gold_threshold, clock)
    result["annotator_reports"] = [brief for _, brief, _ in reports]
    progress(0.95, "keeping the result")
    with transaction.atomic():
        # What is replaced is long, and not read for it
        report, _ = AgreementReport.objects.only("pk").update_or_create(
            project=project,
            round=round_,
            defaults={
                "computed": computed,
                "annotations": len(answers),
                "revision": answers.newest,
                "revisions": replaced,
                "changes": changes,
                "result": result,
                "pairs": pairs,
            },
        )
        AnnotatorReport.objects.filter(agreement=report).delete()
        _store_people(report, reports)
        if round_ is None:
            stamp = {name: getattr(report, name) for name in ("computed", "revision", "revisions", "changes")}
            keep_ceiling(project, ceiling_result(project, measured, checks, people), stamp)
        alpha = result["alpha"]["value"]
        progress(1, "α undefined" if alpha is None else f"α {alpha:.2f}, {len(measured.person_ids):,} people")
    return report


def _store_people(
    report: AgreementReport, reports: Sequence[tuple[int, dict[str, Any], dict[str, Any]]]
) -> None:
    """By COPY in binary, since quoting every character of long JSON is what storing it costs otherwise."""
    with connection.cursor() as cursor:
        statement = "COPY qc_annotatorreport (agreement_id, annotator_id, result) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.set_types(["int8", "int8", "jsonb"])
            for pk, brief, full in reports:
                copy.write_row((report.pk, pk, Jsonb(brief | full)))


@transaction.atomic
def change_quality_settings(
    project: Project,
    user: User,
    *,
    scale: str | None = None,
    set_distance: str | None = None,
    method: str | None = None,
) -> QualitySettings:
    """Changes how answers are compared and resolved; reports say what they were computed with until the next ones."""
    settings = quality_settings(project)
    before = {"scale": settings.scale, "set_distance": settings.set_distance, "method": settings.method}
    given = {"scale": scale, "set_distance": set_distance, "method": method}
    after = before | {name: value for name, value in given.items() if value is not None}
    if after == before:
        return settings
    if after["scale"] == QualitySettings.Scale.INTERVAL and scale is not None:
        labels = list(project.labels.filter(retired__isnull=True))
        if as_numbers(labels, np.arange(len(labels))) is None:
            raise ValidationError(
                {"scale": f"The interval scale needs labels that are numbers; it is {NOT_NUMBERS}."}
            )
    QualitySettings(project=project, **after).full_clean(validate_unique=False)
    settings, _ = QualitySettings.objects.update_or_create(project=project, defaults=after)
    record(project, user, "change quality settings", project.name, before=before, after=after)
    if after | {"method": ""} != before | {"method": ""}:
        count_change(project, ChangeCount.Kind.MEASURE)
    return settings
