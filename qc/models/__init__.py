"""The tables of quality control."""

from qc.models.agreement import AgreementReport
from qc.models.cases import Case, Decision, Outcome, Vote

__all__ = ["AgreementReport", "Case", "Decision", "Outcome", "Vote"]
