"""The guideline page: the draft beside what annotators see, what it changes, and the versions there were."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import markdown
from annotation.access import open_project
from annotation.algorithms.difference import Line, line_difference
from annotation.forms.guidelines import GuidelineForm
from annotation.jobs import publish_and_ask_again
from annotation.models import Guideline, Project, Role, User
from annotation.queries import guidelines as reads
from annotation.queries.projects import active_labels
from annotation.services import guidelines

WORDS_A_MINUTE = 220  # as people read on a screen
MOST_LINES = 400  # of a comparison that are shown


@require_http_methods(["GET", "HEAD", "POST"])
def guideline(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the guideline to leads; keeps the draft, or publishes it."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    if request.method != "POST":
        return render(request, "annotation/guideline.html", _page(project, request.GET.get("against", "")))
    form = GuidelineForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError([str(e) for errors in form.errors.values() for e in errors])
        if "publish" in request.POST:
            newest = reads.published_versions(project).first()
            again = form.again(newest.version if newest else 1)
            out, made = publish_and_ask_again(project, request.user, again, **form.text())
            said = f"v{out.version} is out. Annotators confirm it before their next text."
            if made is not None:
                messages.success(request, f"{said} Open {made.name} when its texts are to be asked again.")
                return redirect("rounds", slug)
            messages.success(request, said)
        else:
            draft = guidelines.save_draft(project, request.user, **form.text())
            messages.success(request, f"Saved. v{draft.version} is a draft that only leads see.")
    except ValidationError as wrong:
        context = _page(project, "", typed=form.data) | {"wrong": wrong.messages}
        return render(request, "annotation/guideline.html", context, status=400)
    return redirect("guideline", slug)


@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """What is being written as annotators would see it."""
    open_project(request, slug, Role.LEAD)
    body = request.POST.get("body", "")[: guidelines.LONGEST]
    return render(request, "annotation/guideline_preview.html", _reading_of(body))


@require_POST
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    """Takes an old version up again as a draft."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    said = request.POST.get("version", "")
    try:
        draft = guidelines.restore_version(
            project, request.user, int(said) if said.isdecimal() and len(said) < 9 else 0
        )
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        messages.success(request, f"v{said} is the draft of v{draft.version} now.")
    return redirect("guideline", slug)


@require_POST
def discard(request: HttpRequest, slug: str) -> HttpResponse:
    """Takes the draft away."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    try:
        guidelines.discard_draft(project, request.user)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        messages.success(request, "The draft is gone. The audit log keeps its text.")
    return redirect("guideline", slug)


@require_GET
def download(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """A version as a Markdown file."""
    project = open_project(request, slug, Role.LEAD)
    found = get_object_or_404(reads.versions(project), version=version)
    answer = HttpResponse(found.body, content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{project.slug}-guideline-v{version}.md"'
    return answer


def _reading_of(body: str) -> dict[str, Any]:
    words = len(body.split())
    return {"html": markdown.render(body), "words": words, "minutes": max(1, round(words / WORDS_A_MINUTE))}


def _page(project: Project, against: str, typed: Any = None) -> dict[str, Any]:
    history = list(reads.versions(project))
    draft = next((version for version in history if version.published is None), None)
    in_use = next((version for version in history if version.published is not None), None)
    shown = draft or in_use
    body = typed.get("body", "").replace("\r\n", "\n") if typed else shown.body if shown else ""
    answers = reads.answers_by_version(project)
    context = {
        "draft": draft,
        "in_use": in_use,
        "next_version": (in_use.version if in_use else 0) + 1,
        "body": body,
        "summary": typed.get("summary", "") if typed else draft.summary if draft else "",
        "seen": guidelines.state_of(shown.body) if shown else "",
        "readers": reads.readers(in_use) if in_use else (0, 0),
        "labels": list(active_labels(project)),
        "versions": [
            {
                "version": version,
                "answers": answers.get(version.pk, 0),
                "changed": reads.changed_clauses(before.body, version.body) if before else None,
            }
            for version, before in zip(history, [*history[1:], None], strict=True)
        ],
        "clauses": reads.dated_clauses([version for version in history if version.published is not None]),
        **_reading_of(body),
    }
    if draft is not None:
        published = [version for version in history if version.published is not None]
        other = next((version for version in published if str(version.version) == against), in_use)
        context |= _comparison(other, draft) | {"published": published}
    return context


def _comparison(other: Guideline | None, draft: Guideline) -> dict[str, Any]:
    """What the draft changes against another version."""
    before = other.body if other else ""
    lines = line_difference(before, draft.body)
    clauses = markdown.clauses(draft.body)
    return {
        "against": other,
        "changed": reads.changed_clauses(before, draft.body),
        "lines": [_placed(line, clauses) for line in lines[:MOST_LINES]],
        "more_lines": max(0, len(lines) - MOST_LINES),
        "added": sum(line.op == "add" for line in lines),
        "removed": sum(line.op == "del" for line in lines),
    }


def _placed(line: Line, clauses: tuple[markdown.Clause, ...]) -> dict[str, Any]:
    """A line of the comparison; a gap with the clause in which the text goes on after it."""
    inside = [clause for clause in clauses if clause.line <= line.number] if line.op == "gap" else []
    return {"line": line, "clause": inside[-1] if inside else None}
