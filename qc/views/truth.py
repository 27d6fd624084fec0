"""The page of inferred labels: what each method says, and where they differ."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.algorithms.intervals import wilson
from annotation.models import Item, Project, Role, User
from annotation.queries.jobs import live_job, newest_job, worker_alive
from qc.jobs import start_truth
from qc.models import QualitySettings
from qc.queries.known import stored_ceiling
from qc.queries.outdated import since_truth
from qc.queries.settings import quality_settings
from qc.queries.truth import stored_truth

NAMES = dict(QualitySettings.Method.choices)
MOST_DIFFERING = 20


@require_GET
def truth(request: HttpRequest, slug: str) -> HttpResponse:
    """Every method beside what the panel decided, each with the others; everybody's reliability."""
    project = open_project(request, slug, Role.LEAD)
    report = stored_truth(project)
    job = live_job(project, "truth")
    last = None if job else newest_job(project, "truth")
    context: dict[str, Any] = {
        "report": report,
        "job": job,
        "failed": last if last and last.state == "failed" else None,
        "worker_alive": worker_alive(),
        "settings": quality_settings(project),
        "offered": project.task == Project.Task.CLASSIFICATION,
    }
    kept = stored_ceiling(project)
    if kept is not None:
        context |= {
            "ceiling": kept.result,
            "ceiling_computed": kept.computed,
            "since_ceiling": since_truth(kept),
            "of_spans": project.task == Project.Task.SPANS,
        }
    if report is not None:
        context |= {
            "result": report.result,
            "since": since_truth(report),
            "methods": [
                row
                | {
                    "name": NAMES[row["method"]],
                    "shown": wilson(row["right"], report.result["known"]).as_dict(),
                }
                for row in report.result["methods"]
            ],
            "same": [row | {"a": NAMES[row["a"]], "b": NAMES[row["b"]]} for row in report.result["same"]],
            "models": [
                (row["method"], NAMES[row["method"]]) for row in report.result["methods"] if row["confidence"]
            ],
            "people": [
                row | {"values": [row.get(m["method"]) for m in report.result["methods"] if m["confidence"]]}
                for row in report.result["people"][:100]
            ],
            "differing": _differing(project, report.result),
            "matrix": _matrix(report.result, request.GET.get("annotator", "")),
        }
    return render(request, "qc/truth.html", context)


def _differing(project: Project, result: dict[str, Any]) -> list[dict[str, Any]]:
    """The least certain texts on which the methods differ, with what each says."""
    rows = result.get("differing_items", [])[:MOST_DIFFERING]
    texts = Item.objects.filter(project=project, deleted__isnull=True).in_bulk([row["item"] for row in rows])
    methods = [row["method"] for row in result["methods"]]
    return [
        {
            "item": texts[row["item"]],
            "said": [row["methods"][method] | {"name": NAMES[method]} for method in methods],
        }
        for row in rows
        if row["item"] in texts
    ]


def _matrix(result: dict[str, Any], wanted: str) -> dict[str, Any] | None:
    """One person's confusion matrix by Dawid–Skene: who was asked for, else the least reliable one who has one."""
    known = [row for row in result["people"] if row.get("confusion")]
    if not known:
        return None
    worst = min(known, key=lambda row: row["dawid-skene"] if row["dawid-skene"] is not None else 2.0)
    chosen = next((row for row in known if row["username"] == wanted), worst)
    return {
        "name": chosen["username"],
        "names": [row["username"] for row in known],
        "labels": result["labels"],
        "rows": [
            {
                "label": label,
                "cells": [
                    {"share": share, "given": given}
                    for share, given in zip(shares, result["labels"], strict=True)
                ],
                "seen": any(shares),
            }
            for label, shares in zip(result["labels"], chosen["confusion"], strict=True)
        ],
    }


@require_POST
def compute(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts the job; the page shows its progress."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    try:
        start_truth(project, request.user)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("truth", slug)
