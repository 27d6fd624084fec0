"""The fields that texts have in their metadata, and of which type each is."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from annotation import jobs
from annotation.access import open_project
from annotation.forms.metadata import FieldTypeForm
from annotation.models import Job, MetadataField, Role, User
from annotation.queries.jobs import live_job, newest_job, worker_alive
from annotation.queries.metadata import metadata_fields
from annotation.services.metadata_fields import detect_fields

JOB = "correct_metadata_field"


@require_GET
def field_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Every field with its type, its range or commonest values, and how many texts have it."""
    project = open_project(request, slug, Role.LEAD)
    fields = list(metadata_fields(project))
    job = live_job(project, JOB)
    last = None if job else newest_job(project, JOB)
    context = {
        "rows": [{"field": field, **_range(field)} for field in fields],
        "texts": max((field.texts for field in fields), default=0),
        "types": FieldTypeForm.base_fields["type"].choices,  # type: ignore[attr-defined]
        "job": job or (last if last and last.state == Job.State.FAILED else None),
        "worker_alive": worker_alive(),
    }
    return render(request, "annotation/metadata.html", context)


def _range(field: MetadataField) -> dict[str, Any]:
    """The least and the greatest value, dates as dates."""
    ends = {"low": field.minimum, "high": field.maximum}
    if field.type == MetadataField.Type.DATE:
        return {name: parse_datetime(value) if value else None for name, value in ends.items()}
    return ends


@require_POST
def correct(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Says of which type a field is."""
    project = open_project(request, slug, Role.LEAD)
    field = get_object_or_404(MetadataField.objects.select_related("project"), project=project, pk=pk)
    assert isinstance(request.user, User)
    try:
        done = jobs.correct_field(field, request.user, str(request.POST.get("type", "")))
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    else:
        if isinstance(done, MetadataField):
            messages.success(request, f"“{done.name}” is of the type {done.get_type_display().lower()} now.")
    return redirect("metadata", slug)


@require_POST
def look_again(request: HttpRequest, slug: str) -> HttpResponse:
    """Looks at the texts once more."""
    project = open_project(request, slug, Role.LEAD)
    detect_fields(project)
    messages.success(request, "The texts were looked at again. Types that were corrected stay.")
    return redirect("metadata", slug)
