"""The tables of quality control."""

from qc.models.agreement import AgreementReport
from qc.models.cases import Case, Decision, Outcome, Vote
from qc.models.review import (
    GuidelineProposal,
    MetaLabelReport,
    MetaLabelVote,
    ReviewSettings,
    TieRule,
    Treatment,
)
from qc.models.samples import Review, Sample, SampleItem, Suspect, SuspectReport

__all__ = [
    "AgreementReport",
    "Case",
    "Decision",
    "GuidelineProposal",
    "MetaLabelReport",
    "MetaLabelVote",
    "Outcome",
    "Review",
    "ReviewSettings",
    "Sample",
    "SampleItem",
    "Suspect",
    "SuspectReport",
    "TieRule",
    "Treatment",
    "Vote",
]
