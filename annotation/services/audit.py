"""The audit log: who changed what, when, from what to what."""

from typing import Any

from annotation.models import AuditEntry, Project, User


def record(
    project: Project | None,
    user: User | None,
    action: str,
    subject: object,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    """Writes one entry, in the transaction of the change. `action` is verb and object: "freeze split set"."""
    AuditEntry.objects.create(
        project=project, user=user, action=action, subject=str(subject)[:200], before=before, after=after
    )
