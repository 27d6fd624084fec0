"""The figures of the pages of agreement and of people, as CSV."""

import csv
from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from annotation.access import open_project
from annotation.algorithms.formulas import defuse
from annotation.models import Role
from qc.queries.agreement import latest_report, report_of_person
from qc.services.report_tables import HEADER, agreement_rows, person_rows
from qc.views.scope import chosen_round


@require_GET
def agreement_file(request: HttpRequest, slug: str) -> HttpResponse:
    """What the page of agreement shows, and every two annotators."""
    project = open_project(request, slug, Role.LEAD)
    report = latest_report(project, chosen_round(project, request.GET.get("round", "")))
    if report is None:
        raise Http404("Agreement is not computed yet.")
    return _answer(f"{slug}-agreement", agreement_rows(report.result, report.pairs))


@require_GET
def person_file(request: HttpRequest, slug: str, annotator_id: int) -> HttpResponse:
    """What the page of a person shows."""
    project = open_project(request, slug, Role.LEAD)
    round_ = chosen_round(project, request.GET.get("round", ""))
    report = report_of_person(project, annotator_id, round_)
    if report is None:
        raise Http404("There is no report yet.")
    return _answer(f"{slug}-annotator-{annotator_id}", person_rows(report.result))


def _answer(name: str, rows: Iterable[list[Any]]) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(answer)
    writer.writerow(HEADER)
    writer.writerows([defuse(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return answer
