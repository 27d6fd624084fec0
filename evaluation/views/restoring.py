"""Restoring a project from its archive: the file, then what it holds and who is who, then a job."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from annotation.models import Job, User
from annotation.queries.jobs import worker_alive
from annotation.services.uploads import TooLarge
from evaluation.forms.restoring import NamesForm, UploadForm, people_in
from evaluation.jobs import start_restoration
from evaluation.services import archives

UPLOADED = "archives_uploaded"  # in the session: ids of archives that wait for their names
SHOWN = 5
TOLD = {  # tables that people know by a name, in the order in which they would ask
    "annotation.item": "Texts",
    "annotation.annotation": "Answers",
    "annotation.annotationversion": "Older versions of answers",
    "annotation.label": "Labels",
    "annotation.guideline": "Versions of the guideline",
    "annotation.round": "Rounds",
    "annotation.golditem": "Gold texts",
    "annotation.flag": "Flags",
    "annotation.annotator": "Annotators",
    "annotation.membership": "Members",
    "annotation.suggestion": "Suggestions",
    "annotation.import": "Imports",
    "annotation.importrow": "Rows that imports left out",
    "qc.case": "Cases",
    "qc.vote": "Votes",
    "qc.decision": "Decisions",
    "qc.metalabelvote": "Meta-labels",
    "qc.sample": "Samples",
    "qc.review": "Reviews",
    "annotation.auditentry": "Entries of the audit log",
}


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Takes an archive in, if it is one; shows how the last restorations went."""
    assert isinstance(request.user, User)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    status = 400
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            archives.check_upload(file)
            archives.people_of(file)
            key, _ = archives.keep_upload(file)
        except TooLarge as large:
            form.add_error("file", large.messages)
            status = 413
        except ValidationError as wrong:
            form.add_error("file", wrong.messages)
        else:
            request.session[UPLOADED] = [*request.session.get(UPLOADED, []), key][-SHOWN:]
            return redirect("name-archive", key)
    mine = Job.objects.filter(kind="restore_archive", created_by=request.user)
    context = {
        "form": form,
        "jobs": mine.select_related("project").order_by("-created")[:SHOWN],
        "worker_alive": worker_alive(),
    }
    return render(request, "evaluation/restore.html", context, status=status if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def name_archive(request: HttpRequest, key: UUID) -> HttpResponse:
    """Shows what an archive holds, and asks what it is to be called and who its people are here."""
    assert isinstance(request.user, User)
    stored = archives.uploaded_as(str(key))
    if str(key) not in request.session.get(UPLOADED, []) or not default_storage.exists(stored):
        raise Http404("This archive was restored, or uploaded by somebody else. Upload it again.")
    with default_storage.open(stored, "rb") as file:
        manifest = archives.read_manifest(file)
        people = archives.people_of(file)
    form = NamesForm(request.POST if request.method == "POST" else None, manifest=manifest, people=people)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            project = archives.start_project(request.user, manifest, slug=said["slug"], name=said["name"])
        except ValidationError as wrong:
            form.add_error("slug" if "slug" in getattr(wrong, "error_dict", {}) else None, wrong.messages)
        else:
            start_restoration(project, request.user, stored, people_in(form))
            request.session[UPLOADED] = [kept for kept in request.session[UPLOADED] if kept != str(key)]
            return redirect("restore-archive")
    context = {
        "form": form,
        "manifest": manifest,
        "made": _made(manifest),
        "tables": _told(manifest),
        "rows": form.people_rows(),
    }
    return render(request, "evaluation/restore_names.html", context, status=400 if form.errors else 200)


def _made(manifest: dict[str, Any]) -> datetime | None:
    """When the archive says that it was made; None where that is no time."""
    try:
        return parse_datetime(str(manifest.get("made")))
    except ValueError:
        return None


def _told(manifest: dict[str, Any]) -> list[tuple[str, int]]:
    """What an archive holds, in words."""
    rows: dict[str, int] = {entry["table"]: entry["rows"] for entry in manifest["tables"]}
    told = [(name, rows[table]) for table, name in TOLD.items() if rows.get(table)]
    others = sum(n for table, n in rows.items() if table not in TOLD)
    return [*told, ("Rows of other tables", others)] if others else told
