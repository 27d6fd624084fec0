"""Starting long work: a Job row, and the message to a worker once the row is committed."""

import hashlib
import json
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from annotation.models import Import, Job, Project, User
from annotation.services.jobs import send_job


def start_job(
    kind: str,
    project: Project,
    user: User | None,
    parameters: dict[str, Any],
    *,
    title: str,
    result_url: str = "",
    page_url: str = "",
) -> Job:
    """A queued job of this kind; or the one that is queued or running for the same kind, project and parameters.

    `result_url` is where REST clients find the result, `page_url` where people do.
    """
    identity = json.dumps([kind, project.pk, parameters], sort_keys=True)
    fingerprint = hashlib.sha256(identity.encode()).hexdigest()
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                project=project,
                created_by=user,
                parameters=parameters,
                title=title,
                fingerprint=fingerprint,
                result_url=result_url,
                page_url=page_url,
            )
    except IntegrityError:
        joined = Job.objects.filter(fingerprint=fingerprint, state__in=["queued", "running"]).first()
        if joined is not None:
            return joined
        return start_job(
            kind, project, user, parameters, title=title, result_url=result_url, page_url=page_url
        )  # it ended in between
    transaction.on_commit(partial(send_job, job))
    return job


def start_import(source: Import, user: User) -> Job:
    """Reads an uploaded file into its project."""
    return start_job(
        "import_file",
        source.project,
        user,
        {"import": source.pk},
        title=f"Import of {source.filename}",
        result_url=f"/api/v1/imports/{source.pk}/",
        page_url=f"/projects/{source.project.slug}/imports/{source.pk}/",
    )
