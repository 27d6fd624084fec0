"""Fields of metadata: found out from the texts, corrected by a lead.

A bounded number of texts is looked at, so that this costs the same however many there are: some that are chosen by
their digest, which is as good as at random, and the newest.
"""

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.algorithms.metadata import EXAMPLES, LONGEST_EXAMPLE, FieldSeen, as_text, look_at_field
from annotation.models import Item, MetadataField, Project, User
from annotation.queries.metadata import not_of_type
from annotation.services.audit import record

ANY_TEXTS, NEWEST_TEXTS = 4_000, 1_000
MOST_FIELDS = 200
LONGEST_NAME = 200
INLINE = 20_000  # texts that are looked through while somebody waits
DETECTED = "detected"
TYPES = (*MetadataField.Type.values, DETECTED)
IN_WORDS = {"number": "numbers", "date": "dates", "category": "categories"}
HOW = {
    "number": "A number is written as 3 or 4.5, without zeros in front, unit or comma.",
    "date": "A date is written as in ISO 8601: 2024-03-09, 2024-03, or 2024-03-09T10:30+01:00.",
    "category": "Lists and objects are no categories.",
}


@transaction.atomic
def detect_fields(project: Project) -> None:
    """Looks at the project's texts and notes which fields they have; a type that somebody corrected stays."""
    known = {field.name: field for field in MetadataField.objects.select_for_update().filter(project=project)}
    texts, values = look_at_texts(project)
    names = sorted(values, key=lambda name: -len(values[name]))
    new = []
    for name in sorted(names[:MOST_FIELDS], key=list(values).index):
        field = known.get(name) or MetadataField(project=project, name=name)
        seen = look_at_field(values[name], _said(field))
        if seen.values or field.pk:
            _take_over(field, texts, seen)
            new += [] if field.pk else [field]
    MetadataField.objects.bulk_create(new[: max(0, MOST_FIELDS - len(known))])
    MetadataField.objects.bulk_update(
        [field for field in known.values() if field.name in values],
        ["type", "texts", "values", "distinct", "unreadable", "examples", "minimum", "maximum"],
    )


def look_at_texts(project: Project) -> tuple[int, dict[str, list[Any]]]:
    """How many texts were looked at, and their values by field, in the order in which the fields first appear."""
    metas: dict[int, str] = {}
    for order, most in (("id DESC", NEWEST_TEXTS), ("digest", ANY_TEXTS)):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, meta FROM annotation_item"  # noqa: S608 – our words
                f" WHERE project_id = %s AND deleted IS NULL ORDER BY {order} LIMIT {most}",
                [project.pk],
            )
            metas.update(cursor.fetchall())
    values: dict[str, list[Any]] = defaultdict(list)
    for pk in sorted(metas):
        for name, value in json.loads(metas[pk]).items():
            if len(name) <= LONGEST_NAME and name:
                values[name].append(value)
    return len(metas), dict(values)


def _said(field: MetadataField) -> str | None:
    """The type that a lead gave the field."""
    return field.type if field.source == MetadataField.Source.CORRECTED else None


def _take_over(field: MetadataField, texts: int, seen: FieldSeen) -> None:
    field.type, field.texts, field.values, field.distinct = seen.type, texts, seen.values, seen.distinct
    field.unreadable, field.examples = seen.unreadable, seen.examples
    field.minimum, field.maximum = _plain(seen.minimum), _plain(seen.maximum)


def _plain(value: float | datetime | None) -> float | str | None:
    return value.isoformat() if isinstance(value, datetime) else value


def check_type(type: str) -> None:
    """Raises ValidationError for a type that there is not."""
    if type not in TYPES:
        raise ValidationError({"type": f"“{type[:40]}” is no type. There are: {', '.join(TYPES)}."})


def is_large(project: Project) -> bool:
    """Whether there are more texts than are looked through while somebody waits."""
    return Item.objects.filter(project=project)[: INLINE + 1].count() > INLINE


@transaction.atomic
def correct_field(field: MetadataField, user: User | None, type: str) -> MetadataField:
    """Says of which type a field is; "detected" goes back to what its values look like.

    Raises ValidationError where values are not of the type, with how many and which.
    """
    check_type(type)
    field = MetadataField.objects.select_for_update().select_related("project").get(pk=field.pk)
    before = {"type": field.type, "source": field.source}
    if type == DETECTED:
        field.source = MetadataField.Source.DETECTED
    else:
        if type != field.type:
            check_values(field, type)
        field.type, field.source = type, MetadataField.Source.CORRECTED
    texts, values = look_at_texts(field.project)
    _take_over(field, texts, look_at_field(values.get(field.name, []), _said(field)))
    field.save()
    after = {"type": field.type, "source": field.source}
    if before != after:
        record(field.project, user, "correct metadata field", field.name, before=before, after=after)
    return field


def check_values(field: MetadataField, type: str) -> None:
    """Raises ValidationError if the project's texts have values in this field that are not of the type."""
    wrong = values_not_of(field, type)
    if not (n := wrong.count()):
        return
    examples = list(dict.fromkeys(_example(item.meta[field.name]) for item in wrong.order_by("id")[:50]))
    said = ", ".join(f"“{example}”" for example in examples[:EXAMPLES])
    raise ValidationError(
        {
            "type": f"{n:,} {'text has a value' if n == 1 else 'texts have values'} in “{field.name}” that"
            f" cannot be read as {IN_WORDS[type]}, as {said}. {HOW[type]} Correct them and import the texts again,"
            " or choose another type."
        }
    )


def values_not_of(field: MetadataField, type: str) -> QuerySet[Item]:
    """The texts whose value is not of the type."""
    found = Item.objects.filter(not_of_type(field.name, type), project=field.project, deleted__isnull=True)
    return found.only("id", "meta")


def _example(value: Any) -> str:
    return as_text(value)[:LONGEST_EXAMPLE]
