"""The tables of quality control."""

from qc.models.agreement import (
    AgreementReport,
    AnnotatorReport,
    HumanCeiling,
    QualitySettings,
    TruthBlock,
    TruthReport,
)
from qc.models.cases import Case, DecidedText, Decision, Outcome, StandAside, Vote
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
    "AnnotatorReport",
    "Case",
    "DecidedText",
    "Decision",
    "GuidelineProposal",
    "HumanCeiling",
    "MetaLabelReport",
    "MetaLabelVote",
    "Outcome",
    "QualitySettings",
    "Review",
    "ReviewSettings",
    "Sample",
    "SampleItem",
    "StandAside",
    "Suspect",
    "SuspectReport",
    "TieRule",
    "Treatment",
    "TruthBlock",
    "TruthReport",
    "Vote",
]
