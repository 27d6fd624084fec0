"""Agreement in parts of a scope: by round, guideline version, week, minute into the sitting, and cohort."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import Estimate, bounds_where_all_say, student_interval
from annotation.models import Guideline, Project, Round
from annotation.queries.metadata import cohort_fields
from qc.algorithms.item_sums import ALIKE
from qc.algorithms.people import group_means
from qc.algorithms.sittings import EDGES, stretch_of
from qc.queries.answers import Answers
from qc.queries.texts import cohort_of_items
from qc.services.measuring import Measured

Integers = NDArray[np.int64]

MOST_WEEKS = 26  # the newest
MONDAY = 3  # 1 January 1970 was a Thursday
NO_TIMES = "not known when in the sitting the answers were given"


def parts_of(project: Project, measured: Measured, answers: Answers) -> dict[str, Any]:
    """{"rounds", "guidelines", "weeks", "minutes": rows, "cohorts": [{"field", "rows"}]}.

    A row is {"value", "items", "annotations", "alpha"}. Two answers are compared where both lie in the part. Answers to
    one text seldom lie in the same minute, so there each answer is compared with all others to its text: 1 - observed /
    expected disagreement, the interval over texts with the expected disagreement as it is.
    """
    rounds = dict(Round.objects.filter(project=project).values_list("pk", "name"))
    versions = dict(Guideline.objects.filter(project=project).values_list("pk", "version"))
    weeks = weeks_of(answers.moments)
    newest = np.unique(weeks)[-MOST_WEEKS:]
    return {
        "rounds": _rows(measured, answers.rounds, {pk: rounds[pk] for pk in sorted(rounds)}),
        "guidelines": _rows(
            measured,
            answers.guidelines,
            {pk: f"v{versions[pk]}" for pk in sorted(versions, key=lambda pk: versions[pk])},
        ),
        "weeks": _rows(measured, weeks, {int(week): monday_of(int(week)) for week in newest}),
        "minutes": _minutes(measured),
        "cohorts": [
            {"field": field, "rows": rows}
            for field in cohort_fields(project)
            if len(rows := _cohort_rows(project, measured, field)) > 1
        ],
    }


def weeks_of(moments: NDArray[np.float64]) -> Integers:
    """Weeks since the one of 1 January 1970, each from Monday on, in UTC."""
    return np.floor((moments / 86400 + MONDAY) / 7).astype(np.int64)


def monday_of(week: int) -> str:
    """The first day of a week as a date."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=7 * week - MONDAY)).date().isoformat()


def _rows(measured: Measured, of: Integers, names: dict[int, str]) -> list[dict[str, Any]]:
    """A row for each part that has answers; none where there is only one part."""
    present = [key for key in names if (of == key).any()]
    if len(present) < 2:
        return []
    return [_row(measured, names[key], of == key) for key in present]


def _row(measured: Measured, value: str, rows: NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "value": value,
        "items": int(np.count_nonzero(np.bincount(measured.items[rows], minlength=1))),
        "annotations": int(rows.sum()),
        "alpha": measured.alpha_where(rows).as_dict(),
    }


def _cohort_rows(project: Project, measured: Measured, field: str) -> list[dict[str, Any]]:
    ids, values = cohort_of_items(project, field)
    place = np.minimum(np.searchsorted(ids, measured.item_ids), max(0, len(ids) - 1))
    own = values[place]
    known = np.array([value is not None for value in own], dtype=np.bool_)
    names, codes = np.unique(own[known].astype(str), return_inverse=True)
    of_item = np.full(len(own), -1, np.int64)
    of_item[known] = codes
    counts = measured.counts
    rows = []
    for code, name in enumerate(names.tolist()):
        items = np.flatnonzero(of_item == code)
        if measured.alpha_of_rows is not None:
            rows.append(_row(measured, name, of_item[measured.items] == code))
        else:
            part = counts[items]
            alpha = measured.alpha_of(part)
            rows.append(
                {"value": name, "items": len(items), "annotations": int(part.sum()), "alpha": alpha.as_dict()}
            )
    return sorted(rows, key=lambda row: -row["items"])


def _minutes(measured: Measured) -> list[dict[str, Any]]:
    stretches = stretch_of(measured.minutes)
    if not (stretches >= 0).any():
        return []
    disagreement = 1 - measured.score
    overall = float(np.nanmean(disagreement)) if np.isfinite(disagreement).any() else float("nan")
    alpha = measured.alpha_of(measured.counts).value
    # Chance disagreement is what makes alpha of the whole what it is
    expected = overall / (1 - alpha) if alpha is not None and alpha < 1 else float("nan")
    rows = []
    for stretch, start in enumerate(EDGES):
        chosen = np.flatnonzero((stretches == stretch) & ~np.isnan(disagreement))
        if len(chosen) == 0:
            continue
        mean, n = group_means(measured.items[chosen], disagreement[chosen], len(measured.item_ids))
        mean, n = mean[n > 0], n[n > 0]
        rows.append(
            {
                "value": f"{start}–{EDGES[stretch + 1]} min"
                if stretch + 1 < len(EDGES)
                else f"{start} min and later",
                "items": len(n),
                "annotations": len(chosen),
                "alpha": _against_rest(mean, n, expected).as_dict(),
            }
        )
    return rows if len(rows) > 1 else []


def _against_rest(mean: NDArray[np.float64], n: Integers, expected: float) -> Estimate:
    """1 - observed / expected disagreement of answers grouped by text; a ratio's interval by linearisation.

    Where all texts disagree alike, by nothing perhaps, it has the bounds of `bounds_where_all_say`.
    """
    texts = len(mean)
    if not expected > 0:
        return Estimate.undefined("undefined, because nobody disagreed", texts)
    observed = float((mean * n).sum() / n.sum())
    value = 1 - observed / expected
    if texts < 2:
        return Estimate(value, None, None, texts)
    if np.ptp(mean) < ALIKE:
        least, most = bounds_where_all_say(observed, texts)
        return Estimate(value, max(-1.0, 1 - most / expected), 1 - least / expected, texts)
    residual = (mean - observed) * n
    error = float(np.sqrt((residual**2).sum() * texts / (texts - 1)) / n.sum() / expected)
    low, high = student_interval(value, error, texts)
    return Estimate(value, max(-1.0, low), min(1.0, high), texts)
