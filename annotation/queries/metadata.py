"""The fields that texts have in their metadata, and the conditions that can be put on them.

A condition is written `meta.<field>=value` (as it is written), or with a colon and an operator after the field's name:
`any` (one of several, separated by commas), `from` and `to` (both ends are in), `below` (the end is not), `has` (words
in it, whatever the case), `none` (true: it says nothing). Numbers and dates are read as
`annotation.algorithms.metadata` defines them; what cannot be read is in no range.
"""

import csv
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, DecimalField, F, Func, Q, QuerySet, TextField, Value

from annotation.algorithms.metadata import NOTHING, WHITE, as_date, as_number
from annotation.models import MetadataField, Project

META = "meta."
FEW_VALUES, MOST_COHORTS = 12, 8
OPERATORS = ("any", "from", "to", "below", "has", "none")
Type = MetadataField.Type


def metadata_fields(project: Project) -> QuerySet[MetadataField]:
    """The project's fields, in the order in which they came."""
    return MetadataField.objects.filter(project=project).order_by("id")


def field_names(project: Project, *types: str) -> list[str]:
    """The names of the fields of these types; of all without any."""
    found = metadata_fields(project)
    return list((found.filter(type__in=types) if types else found).values_list("name", flat=True))


def cohort_fields(project: Project) -> list[str]:
    """The categories that divide the texts into a few groups."""
    found = metadata_fields(project).filter(type=Type.CATEGORY, distinct__range=(2, FEW_VALUES))
    return list(found.values_list("name", flat=True)[:MOST_COHORTS])


def grouping_fields(project: Project) -> list[str]:
    """The fields whose equal values can keep texts together: an author, a document, a thread, a number of one."""
    return field_names(project, Type.CATEGORY, Type.TEXT, Type.NUMBER)


def read_condition(project: Project, written: str, value: str) -> Q:
    """The condition that an address's parameter says, `written` being its name after `meta.`.

    A field that is really called "a:from" is meant where there is one. Raises ValidationError with what is wrong.
    """
    name, colon, operator = written.rpartition(":")
    names = {written, name} if colon and operator in OPERATORS else {written}
    known = {field.name: field for field in metadata_fields(project).filter(name__in=names)}
    if len(names) == 1 or written in known:
        return metadata_condition(written, "is", value)
    try:
        return metadata_condition(name, operator, value, known[name].type if name in known else None)
    except ValidationError as wrong:
        raise ValidationError({f"{META}{written}": wrong.messages}) from wrong


def metadata_condition(field: str, operator: str, value: str, type: str | None = None) -> Q:
    """A condition on the items' metadata. `type` is the field's; without it a range goes by what its end looks like.

    Lists find `is` and `any` by their blocks (`annotation.queries.finding`), the others by looking at the texts.
    """
    if operator == "is":
        return _is(field, value)
    if operator == "any":
        return one_of(field, listed(value))
    if operator == "has":
        return _having(_text(field), "icontains", value)
    if operator == "none":
        return says_nothing(field) if value.lower() in {"true", "1", "yes"} else ~says_nothing(field)
    if operator not in OPERATORS:
        raise ValidationError(f"“{operator[:40]}” is no operator. There are: {', '.join(OPERATORS)}.")
    return _range(field, operator, value, type)


def one_of(field: str, values: Sequence[str]) -> Q:
    """The field has one of these values."""
    found = Q(pk__in=[])
    for value in values:
        found |= _is(field, value)
    return found


def in_range(field: str, type: str, low: str = "", high: str = "") -> Q:
    """The field, of numbers or dates, is from `low` to `high`; both are in, and either may be left out."""
    found = Q()
    for operator, value in (("from", low), ("to", high)):
        if value:
            found &= metadata_condition(field, operator, value, type)
    return found


def says_nothing(field: str) -> Q:
    """The field is not there, or only says that there is no value ("N/A")."""
    said = Func(
        _text(field),
        Value(WHITE),
        template="coalesce(lower(btrim(%(expressions)s)), '')",
        output_field=TextField(),
    )
    return _having(said, "in", sorted(NOTHING))


def not_of_type(field: str, type: str) -> Q:
    """The field says something that is not of the type."""
    if type == Type.NUMBER:
        unread = _having(_as_number(field), "isnull", True)
    elif type == Type.DATE:
        unread = _having(_as_date(field), "isnull", True)
    elif type == Type.CATEGORY:
        kind = Func(_value(field), function="jsonb_typeof", output_field=TextField())
        unread = _having(kind, "in", ["array", "object"])
    else:
        return Q(pk__in=[])
    return unread & ~says_nothing(field)


def readings(value: str) -> list[str | bool | int | float]:
    """What JSON may have said where a condition has this value: the text, or the number or truth value it reads as."""
    if value in {"true", "false"}:
        return [value, value == "true"]
    if (number := as_number(value)) is None:
        return [value]
    return [value, int(number) if number.is_integer() else number]


def listed(value: str) -> list[str]:
    """The values of `any`."""
    return next(csv.reader([value.replace("\n", " ")], skipinitialspace=True), [])


def equalities(project: Project, written: str, value: str) -> tuple[str, list[str]] | None:
    """(field, values) of a condition that one of some values is there; None for another condition."""
    name, colon, operator = written.rpartition(":")
    if not colon or operator not in OPERATORS or metadata_fields(project).filter(name=written).exists():
        return written, [value]
    return (name, listed(value)) if operator == "any" else None


def _is(field: str, value: str) -> Q:
    """The field has this value."""
    matches = Q()
    for reading in readings(value):
        matches |= Q(meta__contains={field: reading})
    return matches


def _range(field: str, operator: str, value: str, type: str | None) -> Q:
    number, date = as_number(value), as_date(value)
    if type in {Type.CATEGORY, Type.TEXT}:
        raise ValidationError(
            f"“{field}” has no order: it is a {type}. Ask for values, or correct its type on the metadata page."
        )
    if type == Type.NUMBER and number is None:
        raise ValidationError(f"“{value[:40]}” is no number. Write it as 3 or 4.5.")
    if type == Type.DATE and date is None:
        raise ValidationError(f"“{value[:40]}” is no date. Write it as 2024-03-09, or 2024-03-09T10:30.")
    if number is not None:
        compare = {"from": "gte", "to": "lte", "below": "lt"}[operator]
        return _having(_as_number(field), compare, Decimal(value.strip(WHITE)))
    if date is None:
        raise ValidationError(f"“{value[:40]}” is neither a number nor a date, as in 4.5 or 2024-03-09.")
    if operator == "to":
        return _having(_as_date(field), "lt", _end_of(value.strip(WHITE), date))
    return _having(_as_date(field), "gte" if operator == "from" else "lt", date)


def _end_of(written: str, start: datetime) -> datetime:
    """The first moment after what is written: a month, a day, or a moment."""
    if len(written) == len("2024-03"):
        return (start + timedelta(days=32)).replace(day=1)
    if len(written) == len("2024-03-09"):
        return start + timedelta(days=1)
    return start + timedelta(microseconds=1)


def _value(field: str, joiner: str = " -> ") -> Func:
    """The field's value; always by name, though the name may look like a number."""
    named = Value(field, output_field=TextField())
    return Func(F("meta"), named, template="(%(expressions)s)", arg_joiner=joiner, output_field=TextField())


def _text(field: str) -> Func:
    return _value(field, " ->> ")


def _as_number(field: str) -> Func:
    return Func(_value(field), function="loupe_number", output_field=_ANY_NUMBER)


def _as_date(field: str) -> Func:
    return Func(_value(field), function="loupe_time", output_field=DateTimeField())


_ANY_NUMBER: DecimalField[Any, Any] = DecimalField(max_digits=400, decimal_places=100)


def _having(expression: Any, lookup: str, value: Any) -> Q:
    """A condition on an expression, as a Q."""
    made: Callable[..., Any] = expression.get_lookup(lookup) or expression.output_field.get_lookup(lookup)
    return Q(made(expression, value))
