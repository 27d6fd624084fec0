"""Exploring the texts: what they are like, which labels look wrong, drawing samples."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.models import Annotation, Item, MetadataField, Project, Role, User
from annotation.queries.jobs import live_job, newest_job, worker_alive
from annotation.queries.metadata import field_names
from annotation.queries.values import label_names, value_in_words
from annotation.services.values import AnswerValue
from qc.algorithms.samples import sample_size
from qc.forms.explore import MarkForm, SampleForm, SizeForm, SuspectCasesForm
from qc.jobs import start_exploration, start_sample
from qc.models import MetaLabelVote, Suspect
from qc.queries import samples as sample_queries
from qc.queries import suspects as queries
from qc.services.meta_labels import mark_item
from qc.services.samples import plan_sample
from qc.services.suspects import open_cases_of_suspects, why

JOB = "explore_texts"
FEW, PAGE = 8, 50
APART = [
    ("fringe", "Far from the rest", "mean similarity to all texts"),
    ("dense", "Nearest to the rest", "mean similarity to all texts"),
]
REASONS = {
    Suspect.Reason.MODEL: "A model says otherwise",
    Suspect.Reason.DISAGREEMENT: "People disagree",
}


@require_GET
def explore(request: HttpRequest, slug: str) -> HttpResponse:
    """What the texts are like, which labels look wrong, and the samples that were drawn."""
    project = open_project(request, slug, Role.LEAD)
    return _page(request, project, SampleForm(field_names(project, MetadataField.Type.CATEGORY)))


@require_POST
def look(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts the job that looks at all texts."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    start_exploration(project, request.user)
    return redirect("explore", slug)


@require_POST
def draw(request: HttpRequest, slug: str) -> HttpResponse:
    """Draws a sample."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    form = SampleForm(field_names(project, MetadataField.Type.CATEGORY), request.POST)
    if not form.is_valid():
        return _page(request, project, form, status=400)
    try:
        sample = plan_sample(project, request.user, form.recipe(), form.cleaned_data["seed"] or 0)
    except ValidationError as wrong:
        form.add_error(None, wrong.messages)
        return _page(request, project, form, status=400)
    start_sample(sample, request.user)
    return redirect("sample", slug, sample.pk)


@require_GET
def suspects(request: HttpRequest, slug: str) -> HttpResponse:
    """All suspects of one kind, worst first."""
    project = open_project(request, slug, Role.LEAD)
    reason = _reason(request.GET.get("reason", ""))
    page = Paginator(queries.suspects(project, reason), PAGE).get_page(request.GET.get("page"))
    context = {
        "reason": reason,
        "reasons": REASONS,
        "precision": queries.precision(project)[reason],
        "rows": _rows(request, project, list(page.object_list)),
        "page": page,
        "kinds": MetaLabelVote.Kind.choices,
    }
    return render(request, "qc/suspects.html", context)


@require_POST
def suspect_cases(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes cases of the worst suspects that nobody has looked at."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    form = SuspectCasesForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say how many of the suspects become cases: from 1 to 1,000.")
        return redirect("explore", slug)
    opened = open_cases_of_suspects(
        project, request.user, form.cleaned_data["reason"], form.cleaned_data["most"]
    )
    if not opened:
        messages.info(request, "No new case: every suspect was looked at or has an open case.")
        return redirect("explore", slug)
    messages.success(request, f"{len(opened):,} {'case' if len(opened) == 1 else 'cases'} opened.")
    return redirect(f"{reverse('adjudicate', args=[slug])}?source=suspect")


@require_POST
def mark(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What the user says is wrong with a text; answers with the row of marks."""
    project = open_project(request, slug, Role.ADJUDICATOR)
    assert isinstance(request.user, User)
    item = get_object_or_404(Item, project=project, pk=pk, deleted__isnull=True)
    form = MarkForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A text is fine, mislabeled, unsolvable, noisy or ambiguous.")
        return redirect("explore", slug)
    kinds = form.cleaned_data["kinds"]
    mark_item(item, request.user, kinds, form.cleaned_data["note"])
    context = {"item": item, "mine": kinds or ["fine"], "kinds": MetaLabelVote.Kind.choices}
    if request.headers.get("HX-Request"):
        return render(request, "qc/mark_row.html", context)
    return redirect(f"{reverse('suspects', args=[slug])}#text-{item.pk}")


def _reason(said: str) -> Suspect.Reason:
    return Suspect.Reason(said) if said in Suspect.Reason.values else Suspect.Reason.MODEL


def _rows(request: HttpRequest, project: Project, found: list[Suspect]) -> list[dict[str, Any]]:
    """Suspects with their label, why they are suspected, and what the user said of them."""
    ids = [suspect.item_id for suspect in found]
    names: dict[int, str] = {}
    values: dict[int, Any] = {}
    if project.task != Project.Task.CLASSIFICATION:
        names = label_names(project)
        values = sample_queries.given_values([suspect.item for suspect in found])
    mine: dict[int, list[str]] = {}
    votes = MetaLabelVote.objects.filter(item__in=ids, user=request.user.pk, withdrawn__isnull=True)
    for item, kind in votes.values_list("item_id", "kind"):
        mine.setdefault(item, []).append(kind)
    return [
        {
            "suspect": suspect,
            "item": suspect.item,
            "why": why(suspect),
            "common": 1 - suspect.score,
            "mine": mine.get(suspect.item_id, []),
            "label": _in_words(suspect, values, names),
        }
        for suspect in found
    ]


def _in_words(suspect: Suspect, values: dict[int, Any], names: dict[int, str]) -> str:
    """The label that is suspected; several labels or spans as people gave them."""
    if not names:
        return suspect.given.name if suspect.given else "tie"
    value = values.get(suspect.item_id, AnswerValue())
    return "tie" if value == AnswerValue() else value_in_words(Annotation(**value.fields), names)


def _page(request: HttpRequest, project: Project, form: SampleForm, status: int = 200) -> HttpResponse:
    report = queries.exploration(project)
    job = live_job(project, JOB)
    last = None if job else newest_job(project, JOB)
    drawn = list(sample_queries.samples(project)[:10])
    newest = next((sample for sample in drawn if sample.reviewed), None)  # type: ignore[attr-defined]
    precision = queries.precision(project)
    context: dict[str, Any] = {
        "report": report,
        "outdated": report is not None and queries.is_outdated(report),
        "job": job,
        "failed": last if last and last.state == "failed" else None,
        "worker_alive": worker_alive(),
        "form": form,
        "samples": drawn,
        "newest": newest,
        "findings": sample_queries.findings(newest, label_names(project)) if newest else None,
        "needed": _needed(request),
        "kinds": MetaLabelVote.Kind.choices,
        "suspected": [
            {
                "reason": reason,
                "title": title,
                "rows": _rows(request, project, list(queries.suspects(project, reason)[:FEW])),
                "precision": precision[reason],
                "about": report.result["suspects"][reason.value] if report else None,
            }
            for reason, title in REASONS.items()
        ],
    }
    if report is not None:
        context |= _figures(project, report.result)
    return render(request, "qc/explore.html", context, status=status)


def _needed(request: HttpRequest) -> dict[str, Any]:
    """How many random texts tell a share to within a margin, as asked in the address."""
    asked = SizeForm(request.GET) if "share" in request.GET else None
    values = {"share": 10.0, "margin": 5.0, "confidence": 95}
    if asked is not None and asked.is_valid():
        values = asked.cleaned_data
    size = sample_size(values["share"] / 100, values["margin"] / 100, values["confidence"] / 100)
    wrong = asked is not None and not asked.is_valid()
    return {"size": size, "wrong": wrong, "confidences": [90, 95, 99], **values}


def _figures(project: Project, result: dict[str, Any]) -> dict[str, Any]:
    """The panels of the stored report: bars with their links, and the texts that stand apart."""
    texts = reverse("items", args=[project.slug])
    lengths = result["length"]
    bins = [{"label": f"{at * lengths['width']}", "value": n} for at, n in enumerate(lengths["counts"])]
    bins[-1]["label"] = f"{(len(bins) - 1) * lengths['width']}+"
    ids = [row["item"] for key in ("fringe", "dense") for row in result[key][:FEW]]
    ids += [pk for group in result["copies"]["largest"][:FEW] for pk in group["items"][:1]]
    found = queries.texts_of(project, ids)
    balance = [row["n"] for row in result["labels"] if row["n"]]
    return {
        "result": result,
        "lengths": bins,
        "texts_url": texts,
        "ratio": max(balance) / min(balance) if balance else None,
        "most": max(balance, default=0),
        "apart": [
            (
                title,
                note,
                [(found[r["item"]], r["similarity"]) for r in result[key][:FEW] if r["item"] in found],
            )
            for key, title, note in APART
        ],
        "copies": [
            {"n": group["n"], "item": found[group["items"][0]], "ids": ",".join(map(str, group["items"]))}
            for group in result["copies"]["largest"][:FEW]
            if group["items"][0] in found
        ],
    }
