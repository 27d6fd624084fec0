"""Split sets: one at a time with its parts, checks and files, and the recipe of the next."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from annotation.access import open_object, open_project
from annotation.models import Project, Role, User
from annotation.queries.jobs import newest_job, worker_alive
from evaluation.forms.splits import SplitSetForm
from evaluation.jobs import start_split_set
from evaluation.models import SplitSet
from evaluation.queries import splits as queries
from evaluation.recipes import ADJUDICATED
from evaluation.services.freezing import delete_split_set, freeze_split_set
from evaluation.services.splits import create_split_set
from qc.models import QualitySettings, Treatment
from qc.queries.settings import quality_settings

SHOWN_VERSIONS = 12
STATES = {"pass": "good", "warn": "warn", "fail": "bad"}


def splits(request: HttpRequest, slug: str) -> HttpResponse:
    """Builds a split set, and shows the newest."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    newest = queries.split_sets(project).select_related("created_by").first()
    if request.method != "POST":
        return _show(request, project, newest, None)
    form = SplitSetForm(queries.field_choices(project), newest.recipe if newest else None, request.POST)
    if form.is_valid():
        try:
            made = create_split_set(
                project,
                request.user,
                name=form.cleaned_data["name"],
                seed=form.cleaned_data["seed"],
                recipe=form.cleaned_data["recipe"],
            )
        except ValidationError as wrong:
            form.add_error(None, wrong.messages)
        else:
            start_split_set(made, request.user)
            return redirect("split-set", slug, made.pk)
    return _show(request, project, newest, form)


def split_set(request: HttpRequest, slug: str, split_set_id: int) -> HttpResponse:
    """One version of the project's split sets."""
    project = open_project(request, slug, Role.LEAD)
    chosen = open_object(
        request, queries.split_sets(project).select_related("created_by"), split_set_id, Role.LEAD
    )
    return _show(request, project, chosen, None)


def _show(
    request: HttpRequest, project: Project, chosen: SplitSet | None, form: SplitSetForm | None
) -> HttpResponse:
    versions = list(queries.split_sets(project)[:SHOWN_VERSIONS])
    context: dict[str, Any] = {"versions": versions, "chosen": chosen, "worker_alive": worker_alive()}
    if chosen:
        context |= _facts(chosen)
    if form is None:
        recipe = chosen.recipe if chosen else None
        form = SplitSetForm(queries.field_choices(project), recipe)
        form.initial.setdefault("name", chosen.name if chosen else project.slug)
        form.initial.setdefault("seed", chosen.seed if chosen else 0)
        form.initial.setdefault("labels", quality_settings(project).method)
    context["form"] = form
    context["next_version"] = versions[0].version + 1 if versions else 1
    return render(request, "evaluation/splits.html", context)


def _facts(chosen: SplitSet) -> dict[str, Any]:
    """The parts, checks, files and exclusions of a set, and what its reading says."""
    job = newest_job(chosen.project, queries.BUILD, split_set=chosen.pk)
    state = queries.shown_state(chosen)
    counts: dict[str, Any] = getattr(chosen, "counts", None) or {}
    if state not in (SplitSet.State.READY, SplitSet.State.FROZEN):
        return {"state": state, "job": job}
    checks = [check | {"tone": STATES[check["state"]]} for check in chosen.checks]
    labels = sorted({label for part in counts.values() for label in part["labels"]})
    files = {file.name: file for file in queries.files(chosen)}
    parts = [
        {
            "name": name,
            "items": counts[name]["items"],
            "filled": len(counts[name]["labels"]),
            "files": [files[f"{name}.{extension}"] for extension in ("csv", "jsonl", "parquet")],
        }
        for name in queries.split_order(chosen)
    ]
    excluded = queries.exclusion_counts(chosen)
    tones = [check["tone"] for check in checks]
    return {
        "state": state,
        "job": job if job and job.alive else None,
        "parts": parts,
        "by_label": [
            (label, [counts[part["name"]]["labels"].get(label, 0) for part in parts]) for label in labels
        ],
        "total": sum(part["items"] for part in parts),
        "checks": checks,
        "passed": tones.count("good"),
        "warned": tones.count("warn"),
        "failed": tones.count("bad"),
        "tone": "bad" if "bad" in tones else "warn" if "warn" in tones else "good",
        "wrong": [check for check in checks if check["tone"] != "good"],
        "origin": _origin(queries.manifest_part(chosen, "labels")),
        "excluded": excluded,
        "excluded_total": sum(n for _, n in excluded),
    }


def _origin(said: dict[str, Any] | None) -> dict[str, Any] | None:
    """How the labels came about, in words; None for a set that was built before this was kept."""
    if said is None:
        return None
    until = said["newest_answer"]
    return {
        "method": "only the panel’s"
        if said["method"] == ADJUDICATED
        else QualitySettings.Method(said["method"]).label,
        "until": datetime.fromisoformat(until) if until else None,
        "meta_labels": [(kind, Treatment(what).label) for kind, what in said["meta_labels"].items()],
    }


def _change(request: HttpRequest, slug: str, split_set_id: int, action: Any, done: str) -> SplitSet:
    """Freezes or deletes, and says so, or why not."""
    project = open_project(request, slug, Role.LEAD)
    chosen = open_object(request, queries.split_sets(project), split_set_id, Role.LEAD)
    try:
        action(chosen, request.user)
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    else:
        messages.success(request, done.format(chosen))
    return chosen


@require_POST
def freeze(request: HttpRequest, slug: str, split_set_id: int) -> HttpResponse:
    """Freezes a split set for good."""
    chosen = _change(request, slug, split_set_id, freeze_split_set, "{} is frozen.")
    return redirect("split-set", slug, chosen.pk)


@require_POST
def delete(request: HttpRequest, slug: str, split_set_id: int) -> HttpResponse:
    """Deletes a split set that is not frozen."""
    _change(request, slug, split_set_id, delete_split_set, "{} is deleted.")
    return redirect("splits", slug)
