"""What an annotator may know of their own work."""

from typing import Any

from annotation.algorithms.intervals import wilson
from annotation.models import Project, User
from qc.queries.agreement import latest_report


def own_quality(project: Project, user: User) -> dict[str, Any] | None:
    """{"gold", "consistency", "agreement", "computed"} of the user in the stored report over all rounds; None without.

    The report stands still between two computations. Figures that moved with every answer would tell which text had
    been gold, or had come twice.
    """
    report = latest_report(project)
    if report is None:
        return None
    rows = report.result.get("annotator_reports", [])
    mine = next((row for row in rows if row["username"] == user.username), None)
    if mine is None:
        return None
    gold, again = mine["gold"], mine["consistency"]
    same = round((again["agreement"] or 0) * again["n"])
    return {
        "gold": {
            "value": gold["accuracy"],
            "low": gold["low"],
            "high": gold["high"],
            "reason": "no answers to known texts yet",
        },
        "consistency": wilson(same, again["n"], reason="nothing came twice yet"),
        "agreement": mine.get("agreement_interval") or {"value": mine["agreement_with_rest"]},
        "computed": report.computed,
    }
