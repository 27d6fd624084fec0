"""Jobs, and whether anybody works on them."""

from datetime import UTC, datetime

from django.core.cache import cache
from django.db.models import Q, QuerySet

from annotation.models import Job, Project

WORKER_SEEN = "worker-seen"


def jobs_of(project: Project) -> QuerySet[Job]:
    """The project's jobs, newest first."""
    return Job.objects.filter(project=project).select_related("created_by", "project").order_by("-created")


def live_job(project: Project, kind: str, **parameters: object) -> Job | None:
    """The job of this kind (and parameters) that is queued or running."""
    matching = Q(**{f"parameters__{name}": value for name, value in parameters.items()})
    return jobs_of(project).filter(matching, kind=kind, state__in=["queued", "running"]).first()


def live_jobs(project: Project, kinds: list[str]) -> list[Job]:
    """The jobs of these kinds that are queued or running."""
    return list(jobs_of(project).filter(kind__in=kinds, state__in=["queued", "running"])[:20])


def newest_job(project: Project, kind: str, **parameters: object) -> Job | None:
    """The newest job of this kind, in whatever state."""
    matching = Q(**{f"parameters__{name}": value for name, value in parameters.items()})
    return jobs_of(project).filter(matching, kind=kind).first()


def worker_seen() -> datetime | None:
    """When a worker last gave a sign of life; None if none has for a day or Redis is away."""
    seen = cache.get(WORKER_SEEN)
    return datetime.fromtimestamp(seen, UTC) if seen else None


def worker_alive() -> bool:
    """Whether a worker gave a sign of life within the last 15 seconds."""
    seen = worker_seen()
    return seen is not None and (datetime.now(UTC) - seen).total_seconds() < 15


def waiting() -> int:
    """How many jobs wait or run, in all projects."""
    return Job.objects.filter(state__in=["queued", "running"]).count()
