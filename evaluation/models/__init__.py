"""The tables of evaluation."""

from evaluation.models.runs import Prediction, Run, RunReport
from evaluation.models.splits import LeakagePair, LeakageReport, PairDecision, SplitFile, SplitItem, SplitSet

__all__ = [
    "LeakagePair",
    "LeakageReport",
    "PairDecision",
    "Prediction",
    "Run",
    "RunReport",
    "SplitFile",
    "SplitItem",
    "SplitSet",
]
