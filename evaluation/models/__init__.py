"""The tables of evaluation."""

from evaluation.models.cleaning import CleaningReport
from evaluation.models.runs import Prediction, Run, RunReport
from evaluation.models.splits import LeakagePair, LeakageReport, PairDecision, SplitFile, SplitItem, SplitSet

__all__ = [
    "CleaningReport",
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
