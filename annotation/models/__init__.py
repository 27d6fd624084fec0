"""The tables of the ground floor."""

from annotation.models.answers import (
    Annotation,
    AnnotationVersion,
    AnswerKind,
    Assignment,
    Flag,
    GoldItem,
    MetaLabel,
    Participation,
    ReturnedItem,
    RoundItem,
)
from annotation.models.changes import ChangeCount
from annotation.models.items import Import, ImportRow, Item, MetadataField
from annotation.models.jobs import AuditEntry, Job
from annotation.models.people import Annotator, Invitation, Membership, Role, User
from annotation.models.projects import (
    Guideline,
    GuidelineRead,
    Label,
    LabelMigration,
    LivingLabels,
    Project,
    Round,
)
from annotation.models.search import LabelBlock, LabelBlockMark, TextBlock
from annotation.models.suggestions import Suggested, Suggestion, SuggestionSource
from annotation.models.tallies import AnswerTally, TallyMark

__all__ = [
    "Annotation",
    "AnnotationVersion",
    "Annotator",
    "AnswerKind",
    "AnswerTally",
    "Assignment",
    "AuditEntry",
    "ChangeCount",
    "Flag",
    "GoldItem",
    "Guideline",
    "GuidelineRead",
    "Import",
    "ImportRow",
    "Invitation",
    "Item",
    "Job",
    "Label",
    "LabelBlock",
    "LabelBlockMark",
    "LabelMigration",
    "LivingLabels",
    "Membership",
    "MetaLabel",
    "MetadataField",
    "Participation",
    "Project",
    "ReturnedItem",
    "Role",
    "Round",
    "RoundItem",
    "Suggested",
    "Suggestion",
    "SuggestionSource",
    "TallyMark",
    "TextBlock",
    "User",
]
