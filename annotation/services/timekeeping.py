"""The clock of each annotator: active time in this sitting, today and in all, and the limits on it.

Active time is what passes between two requests while a text is at hand, at most two minutes for one text. The server
counts it; what the browser says is only kept beside it. Days are those of UTC.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from annotation.models import Annotator, Project

LONGEST = 120.0  # seconds that one text can take; who takes longer was away
CLOCK = ["active", "item_seconds", "sitting_seconds", "day", "day_seconds", "total_seconds"]
LONG_BREAK = timedelta(minutes=15)  # starts a new sitting where the project says nothing else


@dataclass(frozen=True)
class Limit:
    """A limit that is reached."""

    reason: str  # "sitting_limit", "day_limit" or "total_limit"
    until: datetime | None  # when there are texts again; None: not before a lead changes the limit


def break_of(project: Project) -> timedelta:
    """How long somebody must be away for a new sitting to begin."""
    return LONG_BREAK if project.break_minutes is None else timedelta(minutes=project.break_minutes)


def note_request(annotator: Annotator, project: Project, now: datetime, *, at_hand: bool) -> None:
    """Brings the clock up to a request for texts; time passes for the text at hand, if there is one."""
    passed = _passed(annotator, now)
    if annotator.active is None or passed >= break_of(project).total_seconds():
        annotator.sitting_seconds = annotator.item_seconds = 0.0
    elif at_hand:
        annotator.item_seconds = min(annotator.item_seconds + min(passed, LONGEST), LONGEST)
    annotator.active = now


def finish_item(annotator: Annotator, project: Project, handed: datetime, now: datetime) -> float:
    """Brings the clock up to an answer or a skip of a text that was handed out then; the seconds it took."""
    passed = _passed(annotator, now)
    since = min(passed, max((now - handed).total_seconds(), 0.0))
    seconds = min(annotator.item_seconds + min(since, LONGEST), LONGEST)
    if passed >= break_of(project).total_seconds():
        annotator.sitting_seconds = 0.0
    if annotator.day != now.date():
        annotator.day, annotator.day_seconds = now.date(), 0.0
    annotator.sitting_seconds += seconds
    annotator.day_seconds += seconds
    annotator.total_seconds += seconds
    annotator.item_seconds = 0.0
    annotator.active = now
    return seconds


def day_seconds(annotator: Annotator, now: datetime) -> float:
    """Active seconds today."""
    return annotator.day_seconds if annotator.day == now.date() else 0.0


def sitting_seconds(annotator: Annotator, project: Project, now: datetime) -> float:
    """Active seconds in the sitting that a request at this moment belongs to."""
    rested = _passed(annotator, now) >= break_of(project).total_seconds()
    return 0.0 if rested else annotator.sitting_seconds


def limit_reached(annotator: Annotator, project: Project, now: datetime) -> Limit | None:
    """The limit that keeps the annotator from a new text now; the one that keeps longest where there are several."""
    if project.total_minutes is not None and annotator.total_seconds >= 60 * project.total_minutes:
        return Limit("total_limit", None)
    if project.day_minutes is not None and day_seconds(annotator, now) >= 60 * project.day_minutes:
        tomorrow = now.date() + timedelta(days=1)
        return Limit("day_limit", datetime.combine(tomorrow, time(), now.tzinfo))
    minutes = project.sitting_minutes
    if minutes is not None and sitting_seconds(annotator, project, now) >= 60 * minutes:
        assert annotator.active is not None
        return Limit("sitting_limit", annotator.active + break_of(project))
    return None


def _passed(annotator: Annotator, now: datetime) -> float:
    """Seconds since the last request."""
    return 0.0 if annotator.active is None else max((now - annotator.active).total_seconds(), 0.0)
