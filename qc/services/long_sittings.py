"""What a limit on a sitting would change: answers before and after its minute, of those who work past it."""

from typing import Any

import numpy as np

from annotation.models import Project
from qc.algorithms.long_sittings import BeforeAndAfter, before_and_after
from qc.queries.answers import Checks
from qc.services.measuring import Measured
from qc.services.people_over_time import Clock

MINUTES = (15, 30, 45, 60)  # beside the project's own limit


def past_minutes(project: Project, measured: Measured, checks: Checks, clock: Clock) -> list[dict[str, Any]]:
    """A row for each minute past which somebody worked: {"minute", "limit", "agreement", "gold"}.

    `limit` marks the project's own. The minutes are those since the first answer of the sitting.
    """
    limit = project.sitting_minutes
    gold = checks.gold & (clock.who >= 0)
    right = checks.correct[gold].astype(np.float64)
    rows = []
    for minute in sorted({*MINUTES, *([limit] if limit else [])}):
        agreement = before_and_after(measured.persons, clock.answers, measured.score, minute)
        known = before_and_after(clock.who[gold], clock.checks[gold], right, minute)
        if agreement.difference.n or known.difference.n or minute == limit:
            rows.append(
                {
                    "minute": minute,
                    "limit": minute == limit,
                    "agreement": _told(agreement),
                    "gold": _told(known),
                }
            )
    return rows


def _told(found: BeforeAndAfter) -> dict[str, Any]:
    return {
        "before": found.before,
        "after": found.after,
        "answers_before": found.answers[0],
        "answers_after": found.answers[1],
        "difference": found.difference.as_dict(),
    }
