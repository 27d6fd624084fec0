"""The agreement page."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.models import Project, Role, User
from annotation.queries.jobs import live_job, newest_job, worker_alive
from annotation.queries.projects import rounds
from qc.jobs import start_agreement
from qc.models import AgreementReport, QualitySettings
from qc.queries.agreement import disputed_texts, latest_report, reports
from qc.queries.blindness import blind_items
from qc.queries.outdated import since_agreement
from qc.queries.settings import quality_settings
from qc.services.agreement import change_quality_settings
from qc.services.agreement_figures import MOST_IN_HEAT
from qc.views.reading import read_agreement, verdict
from qc.views.scope import chosen_round

MOST_DISPUTED = 20
MOST_PEOPLE = 50  # on a page; those with patterns and those who agree least come first


@require_GET
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """How well people agree, over all rounds or in one; what they confuse, and on which texts they differ."""
    project = open_project(request, slug, Role.LEAD)
    round_ = chosen_round(project, request.GET.get("round", ""))
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
        "settings": quality_settings(project),
        "scales": QualitySettings.Scale.choices,
        "distances": QualitySettings.SetDistance.choices,
        "methods": QualitySettings.Method.choices,
    }
    if report is not None:
        assert isinstance(request.user, User)
        context |= _figures(
            project, report, request.user, request.GET.get("page", "1"), request.GET.get("people", "1")
        )
    return render(request, "qc/agreement.html", context)


@require_POST
def compute(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts the job; the page shows its progress."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    round_ = chosen_round(project, request.POST.get("round", ""))
    start_agreement(project, request.user, round_)
    address = reverse("agreement", args=[slug])
    return redirect(f"{address}?round={round_.pk}" if round_ else address)


@require_POST
def change_settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Changes how answers are compared and resolved; what is shown stays until it is computed anew."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    chosen = {
        name: request.POST[name] for name in ("scale", "set_distance", "method") if name in request.POST
    }
    try:
        change_quality_settings(project, request.user, **chosen)
        messages.success(request, "Changed. Recompute to see agreement that way.")
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("agreement", slug)


def _figures(project: Project, report: AgreementReport, user: User, page: str, people: str) -> dict[str, Any]:
    result = report.result
    pairs = _pairs(result, user)
    disputed = Paginator(result["disputed_items"], MOST_DISPUTED).get_page(page)
    confused = [
        row | {"ids": ",".join(str(pk) for pk in row["items"])}
        for row in sorted(result["confused_labels"][:10], key=lambda row: -row["texts"])[:8]
    ]
    return {
        "result": result,
        "measure": MEASURES.get(result["metric"], result["metric"]),
        "parts": _parts(result),
        "long_sittings": result.get("parts", {}).get("long_sittings", []),
        "gold_threshold": project.gold_threshold,
        **_gold_axis(result),
        "reading": read_agreement(result),
        "since": since_agreement(report),
        "by_round": [
            {
                "name": stored.round.name if stored.round else "All rounds",
                "round": stored.round_id,
                "alpha": stored.result["alpha"],
                "verdict": verdict(stored.result["alpha"]),
                "here": stored.pk == report.pk,
            }
            for stored in reports(project)
        ],
        "verdict": verdict(result["alpha"]),
        "labels": _labels(result),
        "confused": confused,
        "most_confused": confused[0]["texts"] if confused else 0,
        "heat": _heat(result, pairs) if 2 <= len(result["annotator_reports"]) <= MOST_IN_HEAT else None,
        "pairs": pairs if len(result["annotator_reports"]) > MOST_IN_HEAT else None,
        "people": Paginator(_people(result), MOST_PEOPLE).get_page(people),
        "disputed": disputed_texts(project, list(disputed), report.round),
        "disputed_page": disputed,
        "disputed_total": result.get("disputed_total", disputed.paginator.count),
    }


MEASURES = {
    "nominal": "nominal",
    "ordinal": "ordinal",
    "interval": "interval",
    "masi": "sets of labels, MASI",
    "jaccard": "sets of labels, Jaccard",
    "token-nominal": "over tokens",
}
PARTS = [
    ("guidelines", "By guideline version"),
    ("weeks", "By week, from its Monday"),
    ("minutes", "By minutes into the sitting"),
]


def _parts(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Agreement in parts as tables: {"title", "rows"}; a part that does not divide the answers is left out."""
    stored = result.get("parts", {})
    weeks = [
        row | {"value": date_format(date.fromisoformat(row["value"]), "j M Y")}
        for row in stored.get("weeks", [])
    ]
    tables = [{"title": title, "rows": (stored | {"weeks": weeks}).get(name, [])} for name, title in PARTS]
    tables += [
        {"title": f"By {part['field']}", "rows": part["rows"], "field": part["field"]}
        for part in stored.get("cohorts", [])
    ]
    return [table for table in tables if table["rows"]]


def _labels(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Labels by agreement, highest first, those without a figure last; for spans, by F1."""
    rows = [row | {"shown": row.get("f1") or row["alpha"]} for row in result["per_label"]]
    return sorted(rows, key=lambda row: _or(row["shown"]["value"], -2.0), reverse=True)


def _people(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Annotators, who agrees least first, with gold accuracy as an estimate."""
    rows = [
        row | {"accuracy": row["gold"] | {"value": row["gold"]["accuracy"]}}
        for row in result["annotator_reports"]
    ]
    return sorted(rows, key=lambda row: (not row.get("patterns"), _or(row["agreement_with_rest"], 2.0)))


def _gold_axis(result: dict[str, Any]) -> dict[str, Any]:
    """From a half to 1; from 0 where somebody is right less often, so that no point lies beside it."""
    accuracies = [_or(row["gold"]["accuracy"], 1.0) for row in result["annotator_reports"]]
    if min(accuracies, default=1.0) < 0.5:
        return {"gold_low": 0, "gold_ticks": "0, .5, 1"}
    return {"gold_low": 0.5, "gold_ticks": ".5, .75, 1"}


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _pairs(result: dict[str, Any], user: User) -> list[dict[str, Any]]:
    """The pairs that are shown, with the texts on which the two differ, for the address of a list.

    Without texts of which the user must not know yet who said what.
    """
    pairs = result.get("shown_pairs", [])
    blind = blind_items(user, {pk for pair in pairs for pk in pair.get("apart", [])})
    return [
        pair | {"ids": ",".join(str(pk) for pk in pair.get("apart", []) if pk not in blind)} for pair in pairs
    ]


def _heat(result: dict[str, Any], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """A square of cells, one for each pair of annotators; h0 to h9 is kappa, or for spans F1, from 0 to 1."""
    figure = "agreement" if result["spans"] else "kappa"
    people = {row["annotator"]: row["username"] for row in result["annotator_reports"]}
    ids = {name: pk for pk, name in people.items()}  # reports of before have names alone
    known = {(pair.get("a_id", ids[pair["a"]]), pair.get("b_id", ids[pair["b"]])): pair for pair in pairs}
    known |= {(b, a): pair for (a, b), pair in known.items()}
    rows = []
    for a, name in people.items():
        cells = []
        for b, other in people.items():
            pair = known.get((a, b))
            value = pair[figure] if pair else None
            tone = "" if value is None else f"h{min(9, int(max(value, 0.0) * 10))}"
            cells.append(
                {
                    "self": a == b,
                    "with": other,
                    "pair": pair,
                    "value": value,
                    "ids": pair["ids"] if pair else "",
                    "tone": tone,
                }
            )
        rows.append({"name": name, "annotator": a, "cells": cells})
    values = [pair[figure] for pair in pairs if pair[figure] is not None]
    return {
        "figure": "F1" if result["spans"] else "κ",
        "name": "F1" if result["spans"] else "Cohen’s κ",
        "names": list(people.values()),
        "rows": rows,
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
    }
