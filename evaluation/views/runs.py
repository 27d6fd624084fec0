"""Runs: the table, one run's evaluation, the texts behind a cell of its confusion matrix."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_object, open_project
from annotation.models import Project, Role, User
from annotation.queries.jobs import newest_job, worker_alive
from annotation.services.reading import Unreadable
from evaluation.forms.runs import RunForm
from evaluation.jobs import start_offer, start_report
from evaluation.models import Run, RunReport
from evaluation.queries import runs as queries
from evaluation.services import runs as services
from evaluation.services.prediction_files import read_predictions

PAGE = 25


def run_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The table of runs, and the form that uploads one."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = RunForm(project, *posted)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                split_set, split = form.chosen()
                run = services.create_run(
                    project, request.user, name=form.cleaned_data["name"], split_set=split_set, split=split
                )
                services.add_predictions(run, read_predictions(form.cleaned_data["file"]))
                start_report(run, request.user)
        except ValidationError as wrong:
            form.add_error("file", _first_errors(wrong))
        except Unreadable as unreadable:
            form.add_error("file", str(unreadable))
        else:
            messages.success(
                request, f"{run.predictions_total:,} predictions stored. The report is being computed."
            )
            return redirect("run", slug, run.pk)
    page = Paginator(queries.runs_of(project), PAGE).get_page(request.GET.get("page"))
    rows = [(run, getattr(run, "report", None)) for run in page]
    scored = [(run, report) for run, report in rows if report and report.macro_f1 is not None]
    best = max(scored, key=lambda row: row[1].macro_f1, default=None)
    context = {"rows": rows, "page": page, "form": form, "best": best, "worker_alive": worker_alive()}
    return render(request, "evaluation/runs.html", context)


def _first_errors(wrong: ValidationError, most: int = 5) -> list[str]:
    if not hasattr(wrong, "error_dict"):
        return wrong.messages
    lines = [f"{field}: {' '.join(found)}" for field, found in wrong.message_dict.items()]
    more = [f"and {len(lines) - most} more rows."] if len(lines) > most else []
    return lines[:most] + more


@require_GET
def run_page(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    """One run's evaluation: findings first, then figures per label and the confusion matrix."""
    run = open_object(
        request, Run.objects.select_related("split_set", "created_by", "suggestion_source"), run_id, Role.LEAD
    )
    report = RunReport.objects.filter(run=run).first()
    source = run.suggestion_source
    context: dict[str, Any] = {
        "run": run,
        "offered": source if source is not None and source.deleted is None else None,
        "report": report,
        "job": newest_job(run.project, "run_report", run=run.pk),
        "offer": newest_job(run.project, "offer_run", run=run.pk),
        "offerable": run.predictions_total > 0 and run.project.task == Project.Task.CLASSIFICATION,
        "worker_alive": worker_alive(),
        "stale": run.revision - report.revision if report else 0,
    }
    if report:
        matrix = _matrix(report.result)
        people = queries.people_by_label(run.project)
        context |= {
            "matrix": matrix,
            "confusions": _confusions(matrix),
            "errors": _wrong(report.result),
            "per_class": [row | {"people": people.get(row["label"])} for row in report.result["per_class"]],
            "has_people": any(people.get(row["label"]) for row in report.result["per_class"]),
        }
    return render(request, "evaluation/run.html", context)


def _matrix(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the confusion matrix with what a template needs: label, support, cells (n, predicted, right, share)."""
    labels = result["confusion"]["labels"]
    rows = []
    for at, counts in enumerate(result["confusion"]["matrix"]):
        total = sum(counts)
        cells = [
            {"n": n, "predicted": labels[to], "right": to == at, "share": n / total if total else 0}
            for to, n in enumerate(counts)
        ]
        rows.append({"label": labels[at], "support": total, "cells": cells})
    return rows


def _confusions(matrix: list[dict[str, Any]], most: int = 15) -> list[dict[str, Any]]:
    """The most frequent confusions: [{"true", "predicted", "n", "share"}]."""
    wrong = [
        {"true": row["label"], **cell}
        for row in matrix
        for cell in row["cells"]
        if cell["n"] and not cell["right"]
    ]
    return sorted(wrong, key=lambda cell: -cell["n"])[:most]


def _wrong(result: dict[str, Any]) -> int:
    matrix = result["confusion"]["matrix"]
    return int(sum(map(sum, matrix)) - sum(row[at] for at, row in enumerate(matrix)))


@require_POST
def compute_report(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    """Starts the report and goes back to the page that waits for it."""
    run = open_object(request, Run.objects.select_related("project"), run_id, Role.LEAD)
    assert isinstance(request.user, User)
    start_report(run, request.user)
    return redirect("run", slug, run.pk)


@require_POST
def offer_run(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    """Offers the run's predictions as suggestions, and goes back to its page."""
    run = open_object(request, Run.objects.select_related("project"), run_id, Role.LEAD)
    assert isinstance(request.user, User)
    try:
        start_offer(run, request.user)
        messages.success(request, "The predictions are being copied. Switch suggestions on in a round.")
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("run", slug, run.pk)


@require_GET
def run_errors(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    """The texts that the run got wrong, or those of one cell of the confusion matrix."""
    run = open_object(request, Run.objects.select_related("split_set"), run_id, Role.LEAD)
    true, predicted = request.GET.get("true", ""), request.GET.get("predicted", "")
    order = "entropy" if request.GET.get("order") == "entropy" else "confidence"
    found = queries.errors(
        run, true=true, predicted=predicted, order=order, correct_too=bool(true and predicted)
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    report = RunReport.objects.filter(run=run).first()
    context = {
        "run": run,
        "page": page,
        "true": true,
        "predicted": predicted,
        "order": order,
        "labels": report.result["confusion"]["labels"] if report else [],
    }
    return render(request, "evaluation/errors.html", context)
