"""The audit log, by cursor and under filters, and what was deleted and can come back."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.utils.dateparse import parse_date

from annotation.models import Annotation, AuditEntry, Item, Project, Round
from annotation.queries.people import members

LOUPE = "loupe"  # who did what nobody did: rules and workers
MOST_DELETED = 20
SHOWN_VALUE = 60  # characters of a value in one line


def entries(project: Project, filters: Mapping[str, str]) -> QuerySet[AuditEntry]:
    """The project's log, newest first, under these filters; raises ValidationError for one that cannot be.

    who (a user name, or "loupe"), action ("merge label"), day (2026-11-23, UTC).
    """
    found = AuditEntry.objects.filter(project=project).select_related("user").order_by("-id")
    if any("\x00" in value for value in filters.values()):
        raise ValidationError("A NUL character is in no entry.")
    if who := filters.get("who"):
        found = found.filter(user__isnull=True) if who == LOUPE else found.filter(user__username=who)
    if action := filters.get("action"):
        found = found.filter(action=action)
    if day := filters.get("day"):
        start = _start_of(day)
        found = found.filter(created__gte=start, created__lt=start + timedelta(days=1))
    return found


def _start_of(day: str) -> datetime:
    try:
        read: date | None = parse_date(day)
    except ValueError:
        read = None
    if read is None or not 1 < read.year < 9999:
        raise ValidationError({"day": f"“{day[:20]}” is not a day. Write it like 2026-11-23."})
    return datetime.combine(read, time(), UTC)


def people_in_log(project: Project) -> list[tuple[str, str]]:
    """(user name, name) of those who can be looked for."""
    return [(member.user.username, member.user.display_name) for member in members(project)]


def actions_in_log(project: Project) -> list[str]:
    """The kinds of action in the log, each found by the index, without reading all entries."""
    found: list[str] = []
    log = AuditEntry.objects.filter(project=project).order_by("action")
    while len(found) < 100:
        step = log.filter(action__gt=found[-1]) if found else log
        action = step.values_list("action", flat=True).first()
        if action is None:
            break
        found.append(action)
    return found


def changes_in_words(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """(what, before, after) of each value that an entry names; "" where there was none."""
    before = entry.before if isinstance(entry.before, dict) else {"": entry.before} if entry.before else {}
    after = entry.after if isinstance(entry.after, dict) else {"": entry.after} if entry.after else {}
    names = list(dict.fromkeys([*before, *after]))
    return [(name.replace("_", " "), _short(before, name), _short(after, name)) for name in names]


def _short(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return said if len(said) <= SHOWN_VALUE else f"{said[: SHOWN_VALUE - 1]}…"


def log_rows(project: Project, filters: Mapping[str, str]) -> Iterator[list[Any]]:
    """The log as rows of a table: when, who, action, subject, before, after. Raises as `entries` does, at once."""
    found = entries(project, filters)
    return (
        [
            entry.created.isoformat(),
            entry.user.username if entry.user else "Loupe",
            entry.action,
            entry.subject,
            entry.before,
            entry.after,
        ]
        for entry in found.iterator(chunk_size=2000)
    )


def deleted_rounds(project: Project) -> QuerySet[Round]:
    """The rounds that can be restored, newest deletion first."""
    gone = Round.objects.filter(project=project, deleted__isnull=False)
    return gone.select_related("deleted_by").order_by("-deleted")


def deleted_items(project: Project, before: int | None = None) -> list[Item]:
    """A page of texts that can be restored, the last deletion first, with `answers_given` and `comments_given`."""
    gone = Item.objects.filter(project=project, deleted__isnull=False).select_related("deleted_by")
    last = gone.filter(pk=before).first() if before is not None else None
    if last is not None:
        gone = gone.filter(Q(deleted__lt=last.deleted) | Q(deleted=last.deleted, pk__lt=last.pk))
    page = list(gone.order_by("-deleted", "-pk")[: MOST_DELETED + 1])
    counted = (
        Annotation.objects.filter(item__in=[item.pk for item in page])
        .values("item")
        .annotate(answers=Count("pk"), comments=Count("pk", filter=~Q(comment="")))
    )
    known = {row["item"]: row for row in counted}
    for item in page:
        row: Any = known.get(item.pk, {})
        item.answers_given = row.get("answers", 0)  # type: ignore[attr-defined]
        item.comments_given = row.get("comments", 0)  # type: ignore[attr-defined]
    return page
