"""The tables of the ground floor."""

from annotation.models.answers import (
    Annotation,
    AnnotationVersion,
    Assignment,
    Flag,
    MetaLabel,
    Participation,
    ReturnedItem,
    RoundItem,
)
from annotation.models.items import Import, ImportRow, Item
from annotation.models.jobs import AuditEntry, Job
from annotation.models.people import Annotator, Invitation, Membership, Role, User
from annotation.models.projects import Guideline, Label, Project, Round

__all__ = [
    "Annotation",
    "AnnotationVersion",
    "Annotator",
    "Assignment",
    "AuditEntry",
    "Flag",
    "Guideline",
    "Import",
    "ImportRow",
    "Invitation",
    "Item",
    "Job",
    "Label",
    "Membership",
    "MetaLabel",
    "Participation",
    "Project",
    "ReturnedItem",
    "Role",
    "Round",
    "RoundItem",
    "User",
]
