"""Making rounds, filling them with texts, and their way from draft through open to closed.

What changes many of a round's items at once takes the round's own lock first, so that two such changes come one after
the other; towards labelling it keeps that one's order of locks: participation, assignment, round item, round.
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from annotation.models import ChangeCount, Item, Membership, Project, Round, SuggestionSource, User
from annotation.queries.rounds import chosen_items
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.settling import look_again
from annotation.services.watching import Progress, unwatched

INLINE = 5000  # texts up to which a round is filled or changed at once; above it, a job does it
FIELDS = [
    "name",
    "kind",
    "purpose",
    "overlap",
    "maximum_overlap",
    "gold_rate",
    "repeat_rate",
    "audience",
    "ends",
    "suggestions",
    "suggestion_source",
]

_FILL = """
WITH chosen AS ({chosen}), made AS (
    INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)
    SELECT r.id, chosen.id, (hashint8extended(chosen.id, r.seed) & 2147483647)::int, r.overlap, r.overlap, 0
    FROM chosen CROSS JOIN annotation_round r WHERE r.id = %s
    ON CONFLICT (round_id, item_id) DO NOTHING RETURNING 1
)
SELECT count(*) FROM made
"""

# What was used of an item's slots, by answers and by leases, stays; an overlap that grew by itself is not cut. A text
# that is deleted or excluded has no open slots, and the round does not count it.
_RESIZE = """
WITH held AS (
    SELECT slot.id, slot.overlap, slot.answers >= slot.overlap AS was_done,
           item.deleted IS NULL AND item.excluded IS NULL AS living,
           CASE WHEN item.deleted IS NULL AND item.excluded IS NULL THEN slot.overlap - slot.open_slots
                ELSE slot.answers END AS used
    FROM annotation_rounditem slot JOIN annotation_item item ON item.id = slot.item_id
    WHERE slot.round_id = %(round)s ORDER BY slot.id FOR UPDATE OF slot
), changed AS (
    SELECT id, used, was_done, living,
           CASE WHEN overlap <= %(before)s THEN greatest(%(after)s, used)
                ELSE greatest(%(after)s, overlap) END AS overlap
    FROM held
), made AS (
    UPDATE annotation_rounditem slot SET overlap = changed.overlap,
           open_slots = CASE WHEN changed.living THEN changed.overlap - changed.used ELSE 0 END
    FROM changed WHERE changed.id = slot.id AND changed.overlap <> slot.overlap
    RETURNING slot.id, slot.open_slots,
              CASE WHEN changed.living
                   THEN (slot.answers >= slot.overlap)::int - changed.was_done::int ELSE 0 END AS done
), full_now AS (
    DELETE FROM annotation_returneditem WHERE round_item_id IN (SELECT id FROM made WHERE open_slots = 0)
)
SELECT coalesce(sum(done), 0) FROM made
"""

_RETURN_ALL = """
WITH ended AS (
    UPDATE annotation_assignment SET state = 'expired'
    WHERE round_id = %(round)s AND state = 'leased' RETURNING item_id, kind
), given_back AS (
    SELECT item_id, count(*) AS n FROM ended WHERE kind = 'normal' GROUP BY item_id
), locked AS MATERIALIZED (
    SELECT ri.id, given_back.n FROM annotation_rounditem ri JOIN given_back USING (item_id)
    WHERE ri.round_id = %(round)s ORDER BY ri.id FOR UPDATE OF ri
), slots AS (
    UPDATE annotation_rounditem ri SET open_slots = ri.open_slots + locked.n FROM locked WHERE ri.id = locked.id
    RETURNING ri.id, ri.round_id
), queued AS (
    INSERT INTO annotation_returneditem (round_id, round_item_id) SELECT round_id, id FROM slots
    ON CONFLICT (round_item_id) DO NOTHING
)
SELECT count(*) FROM ended
"""


def lock_round(made: Round) -> None:
    """Lets no other change of many of its items into this round until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('loupe.round'), %s)", [made.pk % 2**31])


def is_large(project: Project) -> bool:
    """Whether the project has more texts than are looked through while somebody waits."""
    return Item.objects.filter(project=project)[: INLINE + 1].count() > INLINE


@transaction.atomic
def create_round(
    project: Project,
    user: User,
    *,
    name: str,
    texts: Mapping[str, Any] | None = None,
    people: list[str] | None = None,
    **fields: Any,
) -> Round:
    """A new round, open unless said otherwise, with the project's overlap and rates unless given.

    `texts` (see `queries.rounds.chosen_items`) is checked and kept; `fill_round` puts them in. `people` are the user
    names of those who are asked, where the audience is chosen; `suggestion_source` is the name of one.
    """
    _choose_source(project, fields)
    defaults = {field: getattr(project, field) for field in ("overlap", "gold_rate", "repeat_rate")}
    made = Round(project=project, name=name.strip(), texts=dict(texts or {}), **(defaults | fields))
    if made.state == Round.State.CLOSED:
        raise ValidationError({"state": "A new round is a draft or open."})
    if texts:
        chosen_items(project, texts)
    if made.state == Round.State.OPEN:
        made.opened = timezone.now()
    _check(made, people)
    made.save()
    made.seed = made.pk
    made.save(update_fields=["seed"])
    _choose_people(made, people)
    record(project, user, "create round", name, after={"kind": made.kind, "texts": made.texts})
    return made


def _check(made: Round, people: list[str] | None) -> None:
    """Raises ValidationError, by field, for a round that cannot be."""
    same = Round.objects.filter(project=made.project_id, name=made.name).exclude(pk=made.pk).first()
    if same is not None:
        how = "was deleted; restore it, or" if same.deleted else "is there already;"
        raise ValidationError({"name": f"A round “{made.name[:80]}” {how} take another name."})
    if made.maximum_overlap is not None and made.maximum_overlap < made.overlap:
        raise ValidationError(
            {"maximum_overlap": f"It cannot be below the {made.overlap} answers that every text gets."}
        )
    if made.suggestions != Round.Suggestions.OFF:
        _check_source(made)
    chosen = made.audience == Round.Audience.CHOSEN
    there = bool(people) if people is not None else not made._state.adding and made.people.exists()
    if chosen and not there:
        raise ValidationError({"people": "Choose who is asked, or ask everybody."})
    made.full_clean(validate_constraints=False)


def _choose_source(project: Project, fields: dict[str, Any]) -> None:
    """Puts the source in the place of its name; "" and None are none. It cannot be deleted in this moment."""
    if name := fields.get("suggestion_source"):
        found = SuggestionSource.objects.select_for_update(no_key=True).filter(project=project, name=name)
        fields["suggestion_source"] = found.first()
        if fields["suggestion_source"] is None:
            raise ValidationError(
                {"suggestion_source": f"Nobody called “{name[:120]}” suggests anything in this project."}
            )
    elif "suggestion_source" in fields:
        fields["suggestion_source"] = None


def _check_source(made: Round) -> None:
    if made.suggestion_source is None:
        raise ValidationError({"suggestion_source": "Choose whose suggestions they are, or switch them off."})
    if made.suggestion_source.deleted is not None:
        raise ValidationError(
            {
                "suggestion_source": f"The suggestions of {made.suggestion_source} were deleted. Restore them, or"
                " switch them off."
            }
        )


def _choose_people(made: Round, people: list[str] | None) -> None:
    if people is None:
        return
    members = Membership.objects.filter(project=made.project_id, user__username__in=people)
    found = dict(members.exclude(state=Membership.State.REMOVED).values_list("user__username", "user"))
    if unknown := sorted(set(people) - set(found)):
        raise ValidationError({"people": f"“{unknown[0][:80]}” is not a member of this project."})
    made.people.set(found.values())


@transaction.atomic
def fill_round(made: Round, progress: Progress = unwatched) -> int:
    """Puts the texts that were chosen for the round into it, all their slots open; how many were new to it."""
    progress(0.05, "choosing the texts")
    lock_round(made)
    try:
        chosen, parameters = chosen_items(made.project, made.texts).values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    statement, values = f"SELECT id FROM ({chosen}) every (id)", [*parameters]  # noqa: S608 – the ORM's own statement
    if (sample := made.texts.get("sample")) is not None:
        statement += " ORDER BY hashint8extended(id, %s), id LIMIT %s"
        values += [made.texts.get("seed") or 0, sample]
    look_again(made)
    with connection.cursor() as cursor:
        cursor.execute(_FILL.replace("{chosen}", statement), [*values, made.pk])
        n = int(cursor.fetchone()[0])
    progress(0.9, f"{n:,} texts")
    Round.objects.filter(pk=made.pk).update(items_total=F("items_total") + n)
    made.refresh_from_db(fields=["items_total"])
    return n


@transaction.atomic
def resize_round(made: Round, before: int) -> None:
    """Gives the round's texts the number of slots that the round has now, where it had `before`.

    A text keeps what was answered or handed out; one whose overlap grew, because people disagree, keeps that.
    """
    lock_round(made)
    made.refresh_from_db()
    look_again(made)
    with connection.cursor() as cursor:
        cursor.execute(_RESIZE, {"round": made.pk, "before": before, "after": made.overlap})
        done = int(cursor.fetchone()[0])
    Round.objects.filter(pk=made.pk).update(items_done=F("items_done") + done)
    made.refresh_from_db(fields=["items_done"])


@transaction.atomic
def change_round(made: Round, user: User, changes: dict[str, Any]) -> Round:
    """Changes a round's plan. Its texts follow a changed overlap by `resize_round`."""
    people = changes.pop("people", None)
    _choose_source(made.project, changes)
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise ValidationError({unknown[0]: "This cannot be changed."})
    before = {field: getattr(made, field) for field in changes}
    for field, value in changes.items():
        setattr(made, field, value.strip() if field == "name" else value)
    _check(made, people)
    made.save(update_fields=[*changes])
    _choose_people(made, people)
    after = {field: getattr(made, field) for field in changes}
    if people is not None:
        after["people"] = sorted(people)
    if after != before:
        record(made.project, user, "change round", made.name, before=_plain(before), after=_plain(after))
    return made


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain = {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()
    }
    source = plain.get("suggestion_source")
    return plain if source is None else plain | {"suggestion_source": source.name}


@transaction.atomic
def open_round(made: Round, user: User) -> Round:
    """Lets people label in the round, for the first time or again."""
    _of_today(made)
    if made.state == Round.State.OPEN:
        return made
    if made.suggestions != Round.Suggestions.OFF:
        _check_source(made)
    again = made.state == Round.State.CLOSED
    made.state, made.closed = Round.State.OPEN, None
    made.opened = made.opened or timezone.now()
    made.save(update_fields=["state", "opened", "closed"])
    record(made.project, user, "open round again" if again else "open round", made.name)
    return made


@transaction.atomic
def close_round(made: Round, user: User) -> Round:
    """Takes no more answers in the round, and what people held goes back. Its answers stay as they are."""
    _of_today(made)
    if made.state == Round.State.CLOSED:
        return made
    if made.state == Round.State.DRAFT:
        raise ValidationError("The round was never open. Delete it if it is not needed.")
    _end(made)
    record(made.project, user, "close round", made.name, after={"answers": made.answers_total})
    return made


def _of_today(made: Round) -> None:
    """The round as it is now, locked against other changes of its state."""
    lock_round(made)
    made.refresh_from_db()
    if made.deleted is not None:
        raise ValidationError("The round was deleted. Restore it first.")


def _end(made: Round) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RETURN_ALL, {"round": made.pk})
    made.state, made.closed = Round.State.CLOSED, timezone.now()
    made.save(update_fields=["state", "closed"])


@transaction.atomic
def delete_round(made: Round, user: User) -> None:
    """Hides the round, with its answers, until it is restored; an open one is closed first."""
    _of_today(made)
    if made.state == Round.State.OPEN:
        _end(made)
    made.deleted, made.deleted_by = timezone.now(), user
    made.save(update_fields=["deleted", "deleted_by"])
    record(made.project, user, "delete round", made.name)
    if made.answers_total:
        count_change(made.project, ChangeCount.Kind.ROUNDS)


@transaction.atomic
def restore_round(made: Round, user: User) -> Round:
    """Brings a deleted round back with everything in it, as a draft or closed."""
    lock_round(made)
    made.refresh_from_db()
    if made.deleted is not None:
        made.deleted, made.deleted_by = None, None
        made.save(update_fields=["deleted", "deleted_by"])
        record(made.project, user, "restore round", made.name)
        if made.answers_total:
            count_change(made.project, ChangeCount.Kind.ROUNDS)
    return made
