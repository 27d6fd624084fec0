"""The page of one person's report."""

import math
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotation.access import open_project
from annotation.models import Annotator, Item, Project, Role, Round
from annotation.queries.projects import rounds
from qc.queries.agreement import newer_answers, report_of_person
from qc.views.reading import read_person
from qc.views.scope import chosen_round

MOST_MISSED = 8
MOST_WITH = 8


@require_GET
def annotator(request: HttpRequest, slug: str, annotator_id: int) -> HttpResponse:
    """How one person's answers compare with gold, with themselves, and with the rest; patterns with their evidence."""
    project = open_project(request, slug, Role.LEAD)
    person = get_object_or_404(Annotator.objects.select_related("user"), project=project, pk=annotator_id)
    round_ = chosen_round(project, request.GET.get("round", ""))
    report = report_of_person(project, person.pk, round_)
    context: dict[str, Any] = {
        "person": person,
        "name": person.user.display_name if person.user else person.name,
        "round": round_,
        "rounds": list(rounds(project)),
        "report": report,
    }
    if report is not None:
        context |= _figures(project, round_, report.result) | {"newer": newer_answers(report.agreement)}
    return render(request, "qc/annotator.html", context)


def _figures(project: Project, round_: Round | None, result: dict[str, Any]) -> dict[str, Any]:
    missed = result["gold_missed"][:MOST_MISSED]
    texts = Item.objects.filter(project=project, deleted__isnull=True).in_bulk(
        [row["item"] for row in missed]
    )
    sitting = result["over_sitting"]
    mix = result["label_mix"]
    return {
        "result": result,
        "reading": read_person(result, project.gold_threshold),
        "tests": sorted(result["tests"], key=lambda test: (not test["named"], test["q"])),
        "sitting": sitting,
        "agreement_curve": [(row["from"], row["agreement"]) for row in sitting],
        "others_curve": [(row["from"], row["others_agreement"]) for row in sitting],
        "last_minute": max([row["from"] for row in sitting], default=0),
        "gold_blocks": [
            block | {"until": datetime.fromtimestamp(block["until"], UTC)}
            for block in result["gold_over_time"]
        ],
        "weeks": [row | {"week": datetime.fromisoformat(row["week"]).date()} for row in result["over_weeks"]],
        "threshold": project.gold_threshold,
        "mix": mix,
        **_mix_axis(mix),
        "with": [
            row | {"estimate": {name: row[name] for name in ("low", "high")} | {"value": row["kappa"]}}
            for row in result["with"][:MOST_WITH]
        ],
        "missed": [row | {"text": texts[row["item"]].text} for row in missed if row["item"] in texts],
        "missed_ids": ",".join(str(row["item"]) for row in result["gold_missed"]),
    }


def _mix_axis(mix: list[dict[str, Any]]) -> dict[str, Any]:
    """The axis of the label mix: from 0 to the next tenth above all shares, with at most five ticks."""
    highest = max([0.05, *(max(row["share"]["high"] or 0.0, row["others"]) for row in mix)])
    tenths = min(10, math.ceil(highest * 10))
    step = 1 if tenths <= 4 else 2 if tenths <= 8 else 5
    ticks = ", ".join(f"{at / 10}:{10 * at}%" for at in range(0, tenths + 1, step))
    return {"mix_high": tenths / 10, "mix_ticks": ticks}
