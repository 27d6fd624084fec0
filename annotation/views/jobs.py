"""The jobs page, and the progress component that pages poll."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotation.access import open_object, open_project
from annotation.models import Job, Role
from annotation.queries import jobs
from annotation.services.jobs import cancel_job

PAGE = 20


@require_GET
def job_list(request: HttpRequest, slug: str) -> HttpResponse:
    """What runs, what waits, what ended, and whether a worker is alive."""
    project = open_project(request, slug, Role.LEAD)
    every = jobs.jobs_of(project)
    live = list(every.filter(state__in=["queued", "running"]).order_by("created")[:50])
    ended = every.exclude(state__in=["queued", "running"])
    if (state := request.GET.get("state", "")) in {"done", "failed", "cancelled"}:
        ended = ended.filter(state=state)
    context = {
        "live": live,
        "page": Paginator(ended, PAGE).get_page(request.GET.get("page")),
        "state": state,
        "worker_alive": jobs.worker_alive(),
        "worker_seen": jobs.worker_seen(),
    }
    return render(request, "annotation/jobs.html", context)


@require_GET
def job_status(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The progress component alone. When the job has ended, the page that waited is loaded anew."""
    job = open_object(request, Job.objects.all(), job_id, Role.LEAD)
    if not job.alive and request.headers.get("HX-Request"):
        answer = HttpResponse(status=200)
        answer["HX-Refresh"] = "true"
        return answer
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(job.page_url or reverse("jobs", args=[job.project.slug]))
    return render(request, "components/job.html", {"job": job, "worker_alive": jobs.worker_alive()})


@require_POST
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Cancels a job and goes back to the page that waited for it."""
    job = open_object(request, Job.objects.all(), job_id, Role.LEAD)
    cancel_job(job)
    return HttpResponseRedirect(job.page_url or reverse("jobs", args=[job.project.slug]))
