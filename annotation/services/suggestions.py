"""Suggestions: taking them from scripts and from the rooms above, and putting their sources away.

Nothing here becomes an object row by row: what is to be suggested comes as a statement, and PostgreSQL compares it with
what the source said before.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from annotation.algorithms.text import is_keepable
from annotation.models import Project, Round, SuggestionSource, User
from annotation.queries.suggestions import Named, items_by_id
from annotation.services.audit import record
from annotation.services.values import AnswerValue, label_ids, read_value
from annotation.services.watching import Progress, unwatched

MOST_ROWS = 10_000  # that are read at once
MOST_ERRORS = 100  # told of one upload
LONGEST_NAME = 120

_STAGE = """
CREATE TEMPORARY TABLE suggested (item_id bigint, label_id bigint, labels bigint[], spans jsonb, score float8)
ON COMMIT DROP
"""

# What a source says anew replaces what it said; what it says again stays as it is. `said` is what comes in: item_id,
# label_id, labels, spans, score. In two statements, since the row that is replaced must be out of the index first.
_REPLACE = """
UPDATE annotation_suggestion old SET replaced = %(now)s
FROM ({said}) said JOIN annotation_item i ON i.id = said.item_id AND i.project_id = %(project)s
WHERE old.source_id = %(source)s AND old.item_id = said.item_id AND old.replaced IS NULL
  AND (old.label_id, old.labels, old.spans, old.score)
      IS DISTINCT FROM (said.label_id, said.labels, said.spans, said.score)
"""
_PUT = """
INSERT INTO annotation_suggestion (source_id, item_id, label_id, labels, spans, score, created)
SELECT %(source)s, said.item_id, said.label_id, said.labels, said.spans, said.score, %(now)s
FROM ({said}) said JOIN annotation_item i ON i.id = said.item_id AND i.project_id = %(project)s
ORDER BY said.item_id
ON CONFLICT (source_id, item_id) WHERE replaced IS NULL DO NOTHING
"""
_COUNT = """
UPDATE annotation_suggestionsource s SET changed = %(now)s, suggestions_total = (
    SELECT count(*) FROM annotation_suggestion o WHERE o.source_id = s.id AND o.replaced IS NULL)
WHERE s.id = %(source)s RETURNING suggestions_total
"""

_COMPARE = """
UPDATE annotation_annotation n
SET followed = (s.label_id, s.labels, s.spans) IS NOT DISTINCT FROM (n.label_id, n.labels, n.spans)
FROM annotation_suggestion s, annotation_round r
WHERE r.project_id = %(project)s AND n.round_id = r.id AND s.id = n.suggestion_id
  AND n.followed IS DISTINCT FROM
      ((s.label_id, s.labels, s.spans) IS NOT DISTINCT FROM (n.label_id, n.labels, n.spans))
"""


def source_named(project: Project, user: User, name: str) -> SuggestionSource:
    """The project's source of this name, made if there is none. Raises ValidationError for a name that cannot be."""
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise ValidationError(
            {
                "source": f"Name the model that suggests, in 1 to {LONGEST_NAME} characters. Annotators read it."
            }
        )
    made, new = SuggestionSource.objects.get_or_create(
        project=project, name=wanted, defaults={"created_by": user}
    )
    if made.deleted is not None:
        raise ValidationError(
            {"source": f"The suggestions of “{wanted}” were deleted. Restore them, or take another name."}
        )
    if new:
        record(project, user, "add suggestions", wanted)
    return made


def free_name(project: Project, name: str) -> str:
    """The name, or the first like it that no source of the project has."""
    taken = set(SuggestionSource.objects.filter(project=project).values_list("name", flat=True))
    tries = (name if n == 1 else f"{name[: LONGEST_NAME - 8]} ({n})" for n in range(1, len(taken) + 2))
    return next(said for said in tries if said not in taken)


@transaction.atomic
def put_suggestions(
    source: SuggestionSource, said: str, parameters: Mapping[str, Any], progress: Progress = unwatched
) -> int:
    """Takes over what a statement says (item_id, label_id, labels, spans, score), one row a text; how many texts have
    a suggestion of the source now.

    Rows of other projects' texts are left out. `parameters` are those of the statement, by name.
    """
    progress(0.1, "replacing what it said before")
    SuggestionSource.objects.select_for_update(no_key=True).get(pk=source.pk)
    values = {**parameters, "source": source.pk, "project": source.project_id, "now": timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE.replace("{said}", said), values)
        progress(0.4, "storing suggestions")
        cursor.execute(_PUT.replace("{said}", said), values)
        cursor.execute(_COUNT, values)
        (total,) = cursor.fetchone()
    progress(0.9, f"{total:,} texts have one")
    source.refresh_from_db()
    return int(total)


@transaction.atomic
def add_suggestions(project: Project, user: User, name: str, rows: Sequence[Any]) -> SuggestionSource:
    """Stores the rows of a script, all or nothing; a later row for the same text replaces the earlier.

    Raises ValidationError whose message_dict has `rows[<0-based>].<field>`.
    """
    if len(rows) > MOST_ROWS:
        raise ValidationError({"rows": f"{len(rows):,} rows are too many at once; at most {MOST_ROWS:,}."})
    items = items_by_id(project, [str(row.get("id", "")) for row in rows if isinstance(row, dict)])
    known = label_ids(project)
    wrong: dict[str, Any] = {}
    kept: dict[int, tuple[AnswerValue, float | None]] = {}
    for at, row in enumerate(rows):
        try:
            item, value, score = _read_row(project, row, items, known)
        except ValidationError as problem:
            wrong |= {f"rows[{at}]{field}": said for field, said in problem.message_dict.items()}
            if len(wrong) >= MOST_ERRORS:
                break
            continue
        kept[item] = value, score
    if wrong:
        raise ValidationError(wrong)
    source = source_named(project, user, name)
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY suggested FROM STDIN") as copy:
            copy.set_types(["int8", "int8", "int8[]", "jsonb", "float8"])
            for item, (value, score) in kept.items():
                spans = None if value.spans is None else Jsonb(value.spans)
                copy.write_row((item, value.label, value.labels, spans, score))
        put_suggestions(source, "SELECT * FROM suggested", {})
        cursor.execute("DROP TABLE suggested")
    return source


def _read_row(
    project: Project, row: Any, items: Mapping[str, Named], known: Mapping[str, int]
) -> tuple[int, AnswerValue, float | None]:
    """The text's id, what is suggested for it, and how sure that is. Raises ValidationError, by field."""
    if not isinstance(row, dict):
        raise ValidationError({"": "A row is an object with id and what is suggested."})
    named = str(row.get("id", ""))
    if (item := items.get(named)) is None:
        shown = named[:100].encode(errors="replace").decode()
        raise ValidationError({".id": f"“{shown}” is no text of this project."})
    score = row.get("score")
    if score is not None and (
        isinstance(score, bool)
        or not isinstance(score, int | float)
        or not isfinite(score)
        or not 0 <= score <= 1
    ):
        raise ValidationError({".score": "The score must be a number from 0 to 1, or left out."})
    shapes = {name: row[name] for name in ("label", "labels", "spans") if row.get(name) is not None}
    for name, fits in _SHAPES.items():
        if name in shapes and not fits(shapes[name]):
            raise ValidationError({f".{name}": _FORMS[name]})
    try:
        value = read_value(project, item.text, known=known, **shapes)
    except ValidationError as problem:
        raise ValidationError(
            {f".{field}": said for field, said in problem.message_dict.items()}
        ) from problem
    return item.pk, value, None if score is None else float(score)


def _is_span(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(type(value.get(end)) is int and abs(value[end]) < 2**31 for end in ("start", "end"))
        and _is_name(value.get("label"))
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and is_keepable(value)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "label": _is_name,
    "labels": lambda value: isinstance(value, list) and all(map(_is_name, value)),
    "spans": lambda value: isinstance(value, list) and all(map(_is_span, value)),
}
_FORMS = {
    "label": "The name of a label.",
    "labels": "A list of names of labels; an empty one means that none fits.",
    "spans": "A list of objects with start, end (in characters) and label.",
}


@transaction.atomic
def delete_source(source: SuggestionSource, user: User) -> None:
    """Hides a source and what it suggests, until it is restored. Answers that were given beside it keep it.

    Raises ValidationError while a round that is not closed has it.
    """
    source = (
        SuggestionSource.objects.select_for_update(of=("self",)).select_related("project").get(pk=source.pk)
    )
    if source.deleted is not None:
        return
    used = Round.objects.filter(suggestion_source=source, deleted__isnull=True)
    names = used.exclude(suggestions=Round.Suggestions.OFF).exclude(state=Round.State.CLOSED)
    if (first := names.order_by("id").first()) is not None:
        raise ValidationError(
            f"The round {first.name} has suggestions of {source.name}. Switch them off there first."
        )
    source.deleted, source.deleted_by = timezone.now(), user
    source.save(update_fields=["deleted", "deleted_by"])
    record(
        source.project, user, "delete suggestions", source.name, before={"texts": source.suggestions_total}
    )


@transaction.atomic
def restore_source(source: SuggestionSource, user: User) -> SuggestionSource:
    """Brings a deleted source back with all that it suggested."""
    source = (
        SuggestionSource.objects.select_for_update(of=("self",)).select_related("project").get(pk=source.pk)
    )
    if source.deleted is not None:
        source.deleted, source.deleted_by = None, None
        source.save(update_fields=["deleted", "deleted_by"])
        record(source.project, user, "restore suggestions", source.name)
    return source


def compare_again(project: Project) -> None:
    """Says anew of each answer whether it is what was suggested, since a merge of labels may have made them equal."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"project": project.pk})
