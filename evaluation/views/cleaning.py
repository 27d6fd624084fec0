"""Cleaning up: copies, unusable texts, what the texts are like; and the near-duplicates that an import brought."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.algorithms.difference import difference
from annotation.forms.addresses import id_in
from annotation.forms.texts import UNDO
from annotation.jobs import change_items
from annotation.models import Import, Job, Project, Role, User
from annotation.queries.imports import imports
from annotation.queries.jobs import live_job, newest_job, worker_alive
from annotation.services.bulk import MOST_IDS, Done
from annotation.views.imports import import_result as result_page
from evaluation.forms.cleaning import CleaningForm
from evaluation.jobs import start_cleaning
from evaluation.models import CleaningReport, LeakagePair
from evaluation.queries import cleaning as queries
from evaluation.queries import new_texts
from evaluation.queries.leakage import after
from evaluation.services.cleaning import REASONS, THRESHOLD, UNSURE
from evaluation.views.cleaning_rows import figures

FEW, PAGE = 5, 20
BECAUSE = "near-duplicate of another text"


def cleaning(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts a look at all texts, and shows what the newest one saw."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    report = queries.cleaning_report(project)
    kept = {"threshold": report.threshold} if report else None
    form = CleaningForm(request.POST) if request.method == "POST" else CleaningForm(initial=kept)
    if form.is_bound and form.is_valid():
        start_cleaning(project, request.user, form.cleaned_data["threshold"])
        back = id_in(request.POST, "import")
        return redirect("cleaning", slug) if back is None else redirect("import-result", slug, back)
    job = live_job(project, new_texts.LOOK)
    last = None if job else newest_job(project, new_texts.LOOK)
    context = {
        "form": form,
        "report": report,
        "job": job or (last if last and last.state == Job.State.FAILED else None),
        "worker_alive": worker_alive(),
        "undo": _undo(request, project),
    }
    if report:
        context |= figures(project, report) | {
            "result": report.result,
            "newer": queries.newer_texts(report),
            "pairs": _rows(queries.open_pairs(report)[:FEW]),
            "reasons": _reasons(project, report),
            **_sums(report),
        }
    return render(request, "evaluation/cleaning.html", context, status=400 if form.errors else 200)


def _reasons(project: Project, report: CleaningReport) -> list[dict[str, Any]]:
    """Why texts are unusable, each with a way to the texts (the first 300 of them)."""
    items = reverse("items", args=[project.slug])
    return [
        row
        | {
            "name": REASONS[row["reason"]],
            "url": f"{items}?ids={','.join(map(str, row['items']))}",
            "some": row["texts"] > len(row["items"]),
        }
        for row in report.result["unusable"]
    ]


def _sums(report: CleaningReport) -> dict[str, Any]:
    """What the reading and the figures at the top say."""
    result = report.result
    near, languages = result["near"], result["languages"]
    rows = result["exact"]["imports"]
    found = near.get("imports", {})
    return {
        "imports": [row | {"near": found.get(str(row["import"]))} for row in rows],
        "exact_rows": sum(row["duplicates"] for row in rows),
        "unusable_texts": sum(row["texts"] for row in result["unusable"]),
        "languages_told": sum(row["language"] != UNSURE for row in languages["rows"]),
        "near_beside": f"pairs, from a similarity of {report.threshold:g}",
        "languages_beside": f"told of {languages['looked_at']:,} texts",
    }


def _rows(pairs: Any) -> list[dict[str, Any]]:
    """Pairs with what differs marked; the second text is the newer one."""
    return [{"pair": pair, "difference": difference(pair.a.text, pair.b.text)} for pair in pairs]


def _undo(request: HttpRequest, project: Project) -> dict[str, str] | None:
    undo: dict[str, str] | None = request.session.get(UNDO, {}).get(str(project.pk))
    return undo


@require_GET
def pairs(request: HttpRequest, slug: str) -> HttpResponse:
    """The near-duplicates that are still in the pool, a page at a time; of one import if it is named."""
    project = open_project(request, slug, Role.LEAD)
    report = queries.cleaning_report(project)
    wanted, place = id_in(request.GET, "import"), id_in(request.GET, "after")
    source = get_object_or_404(imports(project), pk=wanted) if wanted is not None else None
    shown: list[LeakagePair] = []
    if report and report.copies_id:
        found = queries.open_pairs(report, source)
        behind = LeakagePair.objects.filter(report=report.copies_id, pk=place) if place is not None else None
        if behind and (last := behind.first()):
            found = after(found, last)
        shown = list(found[: PAGE + 1])
    context = {
        "report": report,
        "source": source,
        "pairs": _rows(shown[:PAGE]),
        "next_after": shown[PAGE - 1].pk if len(shown) > PAGE else None,
        "undo": _undo(request, project),
    }
    return render(request, "evaluation/near_pairs.html", context)


@require_GET
def import_result(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Where a file's rows went, and which of its texts are nearly one that was there before."""
    project = open_project(request, slug, Role.LEAD)
    source = get_object_or_404(imports(project), pk=pk)
    more: dict[str, Any] = {"undo": _undo(request, project)}
    if source.state == Import.State.DONE and new_texts.brought_texts(source):
        report = queries.cleaning_report(project)
        if report and new_texts.knows(report, source):
            more["near"] = _near(report, source)
        else:
            more["waiting"], more["near_job"] = new_texts.waiting_for(source)
            more["threshold"] = report.threshold if report else THRESHOLD
            more["gigabytes"] = new_texts.MOST_MEMORY / 1e9
    return result_page(request, slug, pk, more)


def _near(report: CleaningReport, source: Import) -> dict[str, Any]:
    """How many texts of an import are nearly ones from before, by the report, and the first that are still in."""
    near = report.result["near"]
    found = near.get("imports", {}).get(str(source.pk), {"before": 0, "inside": 0})
    return {
        "report": report,
        "reason": near["reason"],
        **found,
        "pairs": _rows(queries.open_pairs(report, source)[:FEW]) if found["before"] else [],
    }


@require_POST
def drop_new_copies(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Excludes the texts of an import that are nearly a text from before it."""
    project = open_project(request, slug, Role.LEAD)
    source = get_object_or_404(imports(project), pk=pk)
    assert isinstance(request.user, User)
    report = queries.cleaning_report(project)
    found = queries.open_pairs(report, source) if report else LeakagePair.objects.none()
    ids = sorted(set(found.order_by().values_list("b_id", flat=True)[:MOST_IDS]))
    if not ids:
        messages.info(request, "No text of this import is nearly one from before.")
        return redirect("import-result", slug, pk)
    try:
        done = change_items(project, request.user, "exclude", {"items": ids}, because=BECAUSE)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        undo = done.undo if isinstance(done, Done) else None
        message = done.message if isinstance(done, Done) else ""
        request.session[UNDO] = {str(project.pk): {"message": message, **undo}} if undo else {}
    return redirect("import-result", slug, pk)
