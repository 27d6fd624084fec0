"""The agreement page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.models import Project, Role, Round, User
from annotation.queries.jobs import live_job, newest_job, worker_alive
from annotation.queries.projects import rounds
from qc.jobs import start_agreement
from qc.models import AgreementReport
from qc.queries.agreement import disputed_texts, latest_report, newer_answers, reports
from qc.services.agreement_figures import MOST_IN_HEAT
from qc.views.reading import read_agreement, verdict

MOST_DISPUTED = 20


@require_GET
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """How well people agree, over all rounds or in one; what they confuse, and on which texts they differ."""
    project = open_project(request, slug, Role.LEAD)
    round_ = _chosen(project, request.GET.get("round", ""))
    report = latest_report(project, round_)
    job = live_job(project, "agreement", round=round_.pk if round_ else None)
    last = None if job else newest_job(project, "agreement", round=round_.pk if round_ else None)
    context: dict[str, Any] = {
        "rounds": list(rounds(project)),
        "round": round_,
        "report": report,
        "job": job,
        "failed": last if last and last.state == "failed" else None,
        "worker_alive": worker_alive(),
    }
    if report is not None:
        context |= _figures(project, report)
    return render(request, "qc/agreement.html", context)


@require_POST
def compute(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts the job; the page shows its progress."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    round_ = _chosen(project, request.POST.get("round", ""))
    start_agreement(project, request.user, round_)
    address = reverse("agreement", args=[slug])
    return redirect(f"{address}?round={round_.pk}" if round_ else address)


def _chosen(project: Project, said: str) -> Round | None:
    if not said:
        return None
    return get_object_or_404(
        Round, project=project, pk=int(said) if said.isdecimal() and len(said) < 19 else 0
    )


def _figures(project: Project, report: AgreementReport) -> dict[str, Any]:
    result = report.result
    confused = sorted(result["confused_labels"][:10], key=lambda row: -row["texts"])[:8]
    return {
        "result": result,
        "reading": read_agreement(result),
        "newer": newer_answers(report),
        "by_round": [
            {
                "name": stored.round.name if stored.round else "All rounds",
                "items": stored.result["items"],
                "alpha": stored.result["alpha"],
                "verdict": verdict(stored.result["alpha"]),
                "here": stored.pk == report.pk,
            }
            for stored in reports(project)
        ],
        "verdict": verdict(result["alpha"]),
        "labels": sorted(result["per_label"], key=lambda row: _or(row["alpha"]["value"], 2.0), reverse=True),
        "confused": confused,
        "most_confused": confused[0]["texts"] if confused else 0,
        "heat": _heat(result) if 2 <= len(result["annotator_reports"]) <= MOST_IN_HEAT else None,
        "pairs": result["shown_pairs"] if len(result["annotator_reports"]) > MOST_IN_HEAT else None,
        "people": sorted(result["annotator_reports"], key=lambda row: _or(row["agreement_with_rest"], 2.0)),
        "disputed": disputed_texts(project, result["disputed_items"][:MOST_DISPUTED], report.round),
        "disputed_total": len(result["disputed_items"]),
    }


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _heat(result: dict[str, Any]) -> dict[str, Any]:
    """A square of cells, one for each pair of annotators; h0 to h9 is kappa from 0 to 1."""
    names = [row["username"] for row in result["annotator_reports"]]
    known = {(pair["a"], pair["b"]): pair for pair in result["shown_pairs"]}
    known |= {(b, a): pair for (a, b), pair in known.items()}
    rows = []
    for a in names:
        cells = []
        for b in names:
            pair = known.get((a, b))
            kappa = pair["kappa"] if pair else None
            tone = "" if kappa is None else f"h{min(9, int(max(kappa, 0.0) * 10))}"
            cells.append({"self": a == b, "with": b, "pair": pair, "tone": tone})
        rows.append({"name": a, "cells": cells})
    values = [pair["kappa"] for pair in result["shown_pairs"] if pair["kappa"] is not None]
    return {
        "names": names,
        "rows": rows,
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
    }
