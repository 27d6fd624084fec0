"""Importing in two steps: upload, then say what the columns become; and what became of the rows."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_project
from annotation.forms.imports import KINDS, LimitsForm, MappingForm, UploadForm
from annotation.jobs import start_import, undo_import
from annotation.models import Import, Role, User
from annotation.queries import imports as queries
from annotation.queries.jobs import worker_alive
from annotation.services import imports as services
from annotation.services.exporting import left_out_lines, left_out_name
from annotation.services.mapping import Mapping, check_needed, complete_mapping
from annotation.services.preview import preview_import
from annotation.services.projects import change_project
from annotation.services.reading import FORMATS, Unreadable


def import_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Upload a file; and the files that were imported so far."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    limiting = request.method == "POST" and "limits" in request.POST
    limits = LimitsForm(project, request.POST if limiting else None)
    form = UploadForm(*(request.POST, request.FILES) if request.method == "POST" and not limiting else ())
    if limiting and limits.is_valid():
        try:
            change_project(project, request.user, limits.cleaned_data)
        except ValidationError as invalid:
            limits.add_error(None, invalid)
        else:
            messages.success(request, "Kept. The limits hold for files that are imported from now on.")
            return redirect("import", slug)
    elif form.is_bound and form.is_valid():
        try:
            source = services.store_upload(
                project, request.user, form.cleaned_data["file"], into=services.default_round(project)
            )
        except (Unreadable, ValidationError) as broken:
            form.add_error("file", broken.messages if isinstance(broken, ValidationError) else str(broken))
        else:
            return redirect("import-map", slug, source.pk)
    page = Paginator(queries.imports(project), 25).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "limits": limits,
        "page": page,
        "formats": [name for format, name in FORMATS.items() if format != "rejected"],
    }
    wrong = form.errors or limits.errors
    return render(request, "annotation/imports.html", context, status=400 if wrong else 200)


def map_columns(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Says what each column becomes, shows the first rows as they will be read, and starts the import."""
    project = open_project(request, slug, Role.LEAD)
    source = get_object_or_404(queries.imports(project), pk=pk)
    if source.state in {Import.State.DONE, Import.State.UNDONE} or queries.is_being_read(source):
        return redirect("import-result", slug, pk)
    stored = source.mapping or complete_mapping(source.kind, project.task, source.columns).as_json()
    form = MappingForm(source, stored, request.POST or None)
    wrong: list[str] = []
    mapping = None
    if request.method == "POST":
        if form.is_valid():
            if (format := form.cleaned_data["format"]) and format != source.format:
                try:
                    services.read_as(source, format)
                except (Unreadable, FileNotFoundError) as broken:
                    messages.error(request, f"As {FORMATS[format]} it cannot be read. {broken}")
                return redirect("import-map", slug, pk)
            for field in ("kind", "duplicates", "provenance", "annotator", "repair", "round"):
                setattr(source, field, form.cleaned_data[field])
            stored = form.cleaned_data["mapping"]
        else:
            wrong = [str(e) for errors in form.errors.values() for e in errors]
    if not wrong:
        try:
            if request.method == "POST" and "import" in request.POST:
                assert isinstance(request.user, User)
                with transaction.atomic():
                    services.choose_mapping(source, stored)
                    start_import(source, request.user)
                return redirect("import-result", slug, pk)
            mapping = complete_mapping(source.kind, project.task, source.columns, stored)
            check_needed(mapping, source.columns)
            services.check_round(source)
        except ValidationError as invalid:
            wrong, mapping = invalid.messages, None
    preview = preview_import(source, mapping if isinstance(mapping, Mapping) else None)
    context = {
        "source": source,
        "size": _size(source),
        "form": form,
        "columns": list(zip(preview.columns, form.column_fields(), strict=False)),
        "preview": preview,
        "kinds": [(kind, kind.label, says) for kind, says in KINDS.items()],
        "wrong": wrong + preview.wrong,
    }
    return render(
        request, "annotation/import.html", context, status=400 if request.method == "POST" and wrong else 200
    )


def _size(source: Import) -> int | None:
    """The bytes of the uploaded file; None where it is gone."""
    try:
        return source.file.size
    except FileNotFoundError:
        return None


@require_GET
def import_result(
    request: HttpRequest, slug: str, pk: int, more: dict[str, Any] | None = None
) -> HttpResponse:
    """Where the rows went, why some were left out, and undo. `more` is what another room knows of the texts."""
    project = open_project(request, slug, Role.LEAD)
    source = get_object_or_404(queries.imports(project), pk=pk)
    if source.state == Import.State.UPLOADED:
        return redirect("import-map", slug, pk)
    job, undoing = queries.newest_job(source, "import_file"), queries.newest_job(source, "undo_import")
    context = {
        "source": source,
        "job": job,
        "undoing": undoing,
        "worker_alive": worker_alive(),
        "reasons": queries.reasons_with_examples(source),
        "duplicates": list(queries.left_out(source, "duplicate")[:20]),
        "why_not_undoable": queries.why_not_undoable(source),
        "left_out": source.duplicate_rows + source.rejected,
        "bar": queries.shares(source),
        **(more or {}),
    }
    return render(request, "annotation/import_result.html", context)


@require_GET
def left_out(request: HttpRequest, slug: str, pk: int, outcome: str) -> HttpResponseBase:
    """The rejected or duplicate rows as a file, to be corrected and imported again."""
    project = open_project(request, slug, Role.LEAD)
    source = get_object_or_404(queries.imports(project), pk=pk)
    response = StreamingHttpResponse(left_out_lines(source, outcome), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{left_out_name(source, outcome)}"'
    return response


@require_POST
def undo(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Takes out what the import brought in."""
    project = open_project(request, slug, Role.LEAD)
    source = get_object_or_404(queries.imports(project), pk=pk)
    assert isinstance(request.user, User)
    try:
        job = undo_import(source, request.user)
    except ValidationError as used:
        messages.error(request, " ".join(used.messages))
    else:
        if job is None:
            messages.success(request, "The import is undone.")
    return redirect("import-result", slug, pk)
