"""Copies: where they leak, the pairs side by side, and what becomes of each."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from annotation.access import open_object, open_project
from annotation.algorithms.difference import difference
from annotation.models import Project, Role, User
from annotation.queries.jobs import newest_job, worker_alive
from evaluation.forms.leakage import LeakageForm
from evaluation.jobs import start_leakage
from evaluation.models import LeakagePair, LeakageReport, PairDecision
from evaluation.queries import leakage as queries
from evaluation.services import leakage as services

PAGE = 15
FILTERS = ["report", "kind", "a", "b", "open", "after"]


def leakage(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts a search for copies, and shows the newest report or the one that is asked for."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    every = list(queries.reports(project)[:20])
    report = _chosen(every, request.GET.get("report", ""))
    form = LeakageForm(project, report, *([request.POST] if request.method == "POST" else []))
    if request.method == "POST" and form.is_valid():
        started = services.open_report(project, **form.cleaned_data)
        start_leakage(started, request.user)
        return redirect(_page(project, report=started.pk))
    context = {
        "reports": every,
        "report": report,
        "form": form,
        "job": newest_job(project, "find_copies"),
        "worker_alive": worker_alive(),
    }
    if report:
        context |= _figures(report) | _pairs(request, report)
    return render(request, "evaluation/leakage.html", context)


def _chosen(every: Sequence[LeakageReport], wanted: str) -> LeakageReport | None:
    return next((report for report in every if str(report.pk) == wanted), every[0] if every else None)


def _page(project: Project, **query: Any) -> str:
    asked = QueryDict(mutable=True)
    asked.update({name: str(value) for name, value in query.items() if value})
    return f"{reverse('leakage', args=[project.slug])}?{asked.urlencode()}"


def _figures(report: LeakageReport) -> dict[str, Any]:
    """What the reading and the table of split pairs say."""
    between = report.result["between"]
    worst = max(between, key=lambda row: row["exact"] + row["near"], default=None)
    found = report.result["exact"]["pairs"] + report.result["near"]["pairs"]
    return {"between": between, "worst": worst, "found": found, "newer": queries.newer_texts(report)}


def _pairs(request: HttpRequest, report: LeakageReport) -> dict[str, Any]:
    """The page of pairs that is asked for, and the one that is looked at."""
    asked = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    splits = (asked["a"], asked["b"]) if "a" in asked and "b" in asked else None
    kind = asked.get("kind", "")
    every = queries.pairs_of(report, kind=kind, splits=splits, undecided="open" in asked)
    behind = _pair(report, asked.get("after", ""))
    shown = list((queries.after(every, behind) if behind else every).select_related("a", "b")[: PAGE + 1])
    page, more = shown[:PAGE], shown[PAGE:]
    pair = _pair(report, request.GET.get("pair", "")) or (page[0] if page else None)
    looked_at = [*page, *([pair] if pair else [])]
    decisions = queries.decisions_on(looked_at)
    labels = queries.split_labels(report, {item for one in looked_at for item in (one.a_id, one.b_id)})
    asked.pop("report", None)
    return {
        "asked": asked,
        "splits": splits,
        "rows": [_row(one, decisions, labels) for one in page],
        "next_after": page[-1].pk if more else None,
        "pair": pair,
        "row": _row(pair, decisions, labels) if pair else None,
        "difference": difference(pair.a.text, pair.b.text) if pair else None,
        "total": _total(report, kind, splits) if "open" not in asked else None,
    }


def _pair(report: LeakageReport, pk: str) -> LeakagePair | None:
    if not pk.isdecimal() or len(pk) > 18:
        return None
    return LeakagePair.objects.filter(report=report, pk=int(pk)).select_related("a", "b").first()


def _row(
    pair: LeakagePair, decisions: dict[tuple[int, int], PairDecision], labels: dict[int, str]
) -> dict[str, Any]:
    a, b = sorted((pair.a_id, pair.b_id))
    label_a, label_b = labels.get(pair.a_id), labels.get(pair.b_id)
    return {
        "pair": pair,
        "decision": decisions.get((a, b)),
        "label_a": label_a,
        "label_b": label_b,
        "differ": bool(label_a and label_b and label_a != label_b),
        "same": bool(label_a and label_a == label_b),
    }


def _total(report: LeakageReport, kind: str, splits: tuple[str, str] | None) -> int:
    """How many pairs the filters let through, from the stored counts."""
    kinds = [kind] if kind in ("exact", "near") else ["exact", "near"]
    if splits is None:
        return sum(report.result[each]["pairs"] for each in kinds)
    return sum(
        row[each] for row in report.result["between"] if {row["a"], row["b"]} == set(splits) for each in kinds
    )


@require_POST
def decide(request: HttpRequest, slug: str, pair_id: int) -> HttpResponse:
    """Decides on a pair and goes on to the next; taking a decision back stays on it."""
    pair = open_object(
        request, LeakagePair.objects.select_related("report"), pair_id, Role.LEAD, path="report.project"
    )
    assert isinstance(request.user, User)
    action = request.POST.get("action", "")
    try:
        services.decide_pair(pair, request.user, action, request.POST.get("reason", ""))
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        action = ""
    asked = {name: request.POST[name] for name in FILTERS if request.POST.get(name)}
    splits = (asked["a"], asked["b"]) if "a" in asked and "b" in asked else None
    following = queries.pairs_of(
        pair.report, kind=asked.get("kind", ""), splits=splits, undecided="open" in asked
    )
    next_pair = queries.after(following, pair).first() if action else pair
    if action:
        messages.success(request, LeakagePair.Action(action).label + ".")
    return redirect(
        _page(pair.report.project, **asked | {"report": pair.report_id, "pair": (next_pair or pair).pk})
        + "#pair"
    )


@require_POST
def together(request: HttpRequest, slug: str, report_id: int) -> HttpResponse:
    """Keeps the pairs of a report together in the next split set, those that nobody decided on."""
    report = open_object(request, LeakageReport.objects.all(), report_id, Role.LEAD)
    assert isinstance(request.user, User)
    decided = services.keep_all_together(report, request.user)
    messages.success(request, f"{decided:,} pairs stay together in the next split set.")
    return redirect(_page(report.project, report=report.pk))
