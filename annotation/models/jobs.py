"""Long work as rows, and the log of who changed what."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.people import User
from annotation.models.projects import Project


class Job(models.Model):
    """One piece of long work. `kind` is also the worker's task: `loupe.<kind>`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    progress = models.FloatField(default=0)
    message = models.CharField(max_length=300, blank=True)
    parameters = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)  # of kind, project and parameters: identical requests join
    result_url = models.CharField(max_length=300, blank=True)
    page_url = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(state__in=["queued", "running"]),
                name="identical_requests_join",
            )
        ]
        indexes = [
            models.Index(fields=["project", "-created"], name="jobs_newest_first"),
            models.Index(fields=["created"], condition=Q(state__in=["queued", "running"]), name="jobs_alive"),
        ]

    @property
    def finished_well(self) -> bool:
        """Whether there is a result to look at."""
        return self.state == self.State.DONE

    @property
    def took(self) -> float | None:
        """Seconds from the claim to the end."""
        return (self.finished - self.started).total_seconds() if self.started and self.finished else None

    @property
    def alive(self) -> bool:
        """Whether somebody still waits for it."""
        return self.state in {self.State.QUEUED, self.State.RUNNING}


class AuditEntry(models.Model):
    """Who changed what, when, from what to what."""

    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="audit")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=60)  # verb and object, as "freeze split set"
    subject = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="audit_newest_first"),
            models.Index(fields=["project", "user", "-id"], name="audit_by_person"),
            models.Index(fields=["project", "action", "-id"], name="audit_by_action"),
            models.Index(fields=["project", "created"], name="audit_by_day"),
        ]
