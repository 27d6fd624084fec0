"""The project as one file."""

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotation.access import open_project
from annotation.models import Job, Role, User
from annotation.queries.jobs import jobs_of, newest_job, worker_alive
from evaluation.jobs import start_archive
from evaluation.services.archives import file_of

SHOWN = 10


@require_http_methods(["GET", "POST"])
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts an archive, and shows those that were made."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    if request.method == "POST":
        start_archive(project, request.user)
        return redirect("archive", slug=project.slug)
    newest = newest_job(project, "make_archive")
    done = jobs_of(project).filter(kind="make_archive", state=Job.State.DONE)[:SHOWN]
    names = [(job, file_of(job)) for job in done]
    context = {
        "live": newest if newest is not None and newest.state != Job.State.DONE else None,
        "made": [
            {"job": job, "size": default_storage.size(name)}
            for job, name in names
            if default_storage.exists(name)
        ],
        "worker_alive": worker_alive(),
    }
    return render(request, "evaluation/archive.html", context)
