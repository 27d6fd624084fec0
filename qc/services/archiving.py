"""What quality control puts into a project's archive: what people decided, not what was computed from it."""

from annotation.services.archiving import Table
from qc.models import (
    Case,
    Decision,
    GuidelineProposal,
    MetaLabelVote,
    QualitySettings,
    Review,
    ReviewSettings,
    Sample,
    SampleItem,
    StandAside,
    Vote,
)

TABLES = [
    Table(QualitySettings),
    Table(ReviewSettings),
    Table(Case),
    Table(Vote, "case__project"),
    Table(StandAside, "case__project", person="user"),
    Table(Decision, "case__project"),
    Table(MetaLabelVote, "item__project"),
    Table(GuidelineProposal, "case__project"),
    Table(Sample),
    Table(SampleItem, "sample__project"),
    Table(Review, "sample_item__sample__project"),
]
