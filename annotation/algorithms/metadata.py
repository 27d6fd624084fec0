"""What kind of values a field of metadata has: numbers, dates, categories, or texts.

The definitions of a number and of a date are here; `annotation.queries.metadata` says the same in SQL.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CATEGORY, NUMBER, DATE, TEXT = "category", "number", "date", "text"
NUMBER_PATTERN = r"^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?$"
DATE_PATTERN = (
    r"^[12][0-9]{3}-(0[1-9]|1[0-2])"
    r"(-(0[1-9]|[12][0-9]|3[01])([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"(Z|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?)?$"
)
NOTHING = frozenset({"", "-", "n/a", "na", "nan", "none", "null"})  # how people write that there is no value
LONGEST_NUMBER = 300  # characters
LONGEST_CATEGORY = 100  # characters
FEW = 20  # so many different short values are categories, however seldom each is
EXAMPLES, LONGEST_EXAMPLE = 5, 80
WHITE = " \t\n\r\f\v"
_NUMBER, _DATE = re.compile(NUMBER_PATTERN), re.compile(DATE_PATTERN)


def as_text(value: Any) -> str:
    """Return a JSON value in words, without white space around it; truth values, lists and objects as JSON.

    Examples
    --------
    >>> as_text(" chat "), as_text(True), as_text(3), as_text({"a": [1]})
    ('chat', 'true', '3', '{"a": [1]}')
    """
    if isinstance(value, str):
        return value.strip(WHITE)
    return json.dumps(value, ensure_ascii=False)


def says_nothing(value: Any) -> bool:
    """Return whether a value only says that there is none: null, "", "N/A", "none", "nan", "-".

    Examples
    --------
    >>> [says_nothing(value) for value in (None, " N/A ", "", 0, False, "no")]
    [True, True, True, False, False, False]
    """
    return value is None or (isinstance(value, str) and value.strip(WHITE).lower() in NOTHING)


def as_number(value: Any) -> float | None:
    """Return a value as a number, None if it is none.

    A number is a JSON number, or a string with digits, a decimal point, and an exponent of at most two digits. A string
    with zeros in front ("007") is a name, and so is one with a comma or a unit.

    Examples
    --------
    >>> [as_number(value) for value in (3, "4.50", "-1e3", "007", "1,5", "3 km", True)]
    [3.0, 4.5, -1000.0, None, None, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = value.strip(WHITE)
        if len(value) > LONGEST_NUMBER or not _NUMBER.match(value):
            return None
    elif not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_date(value: Any) -> datetime | None:
    """Return a value as a moment in UTC, None if it is none.

    A date is a string as in ISO 8601: a month, a day, or a day with a time (after "T" or a space). A time without a
    zone is taken as UTC, a day as its first moment, a month as its first day.

    Examples
    --------
    >>> for value in ("2024-03", "2024-03-09 10:30", "2024-03-09T10:30:05+02:00"):
    ...     print(as_date(value))
    2024-03-01 00:00:00+00:00
    2024-03-09 10:30:00+00:00
    2024-03-09 08:30:05+00:00
    >>> as_date("2024-02-30"), as_date("9.3.2024"), as_date(2024)
    (None, None, None)
    """
    if not isinstance(value, str) or not _DATE.match(written := value.strip(WHITE)):
        return None
    try:
        at = datetime.fromisoformat(f"{written}-01" if len(written) == len("2024-03") else written)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@dataclass(frozen=True)
class FieldSeen:
    """What the values of a field are like. Figures are of the texts that were looked at."""

    type: str
    values: int  # texts that say something in this field
    distinct: int
    examples: list[str] = field(default_factory=list)  # the commonest values
    minimum: float | datetime | None = None
    maximum: float | datetime | None = None
    unreadable: int = 0  # values that are not of the type


def look_at_field(found: Iterable[Any], of_type: str | None = None) -> FieldSeen:
    """Return what the values of a field are like, and of which type they are.

    All numbers make a number, all dates a date. Short values (up to 100 characters) that come back are categories:
    at most 20 different ones, or each there twice on average. Everything else is text. Values that only say that there
    is none are left out.

    Parameters
    ----------
    found : JSON values, one for each text that has the field.
    of_type : The type that somebody said it is; None finds it out.

    Examples
    --------
    >>> look_at_field(["4", "5", 1, "N/A"])
    FieldSeen(type='number', values=3, distinct=3, examples=['4', '5', '1'], minimum=1.0, maximum=5.0, unreadable=0)
    >>> look_at_field(["03", "07", "03"]).type
    'category'
    """
    values = [value for value in found if not says_nothing(value)]
    counts = Counter(as_text(value) for value in values)
    type_ = of_type or _type(values, counts)
    reader = _READERS.get(type_)
    read = [one for value in values if (one := reader(value)) is not None] if reader else []
    return FieldSeen(
        type_,
        len(values),
        len(counts),
        [value[:LONGEST_EXAMPLE] for value, _ in counts.most_common(EXAMPLES)],
        min(read, default=None),
        max(read, default=None),
        len(values) - len(read) if reader else 0,
    )


def _type(values: list[Any], counts: Counter[str]) -> str:
    if values and all(as_number(value) is not None for value in values):
        return NUMBER
    if values and all(as_date(value) is not None for value in values):
        return DATE
    plain = not any(isinstance(value, list | dict) for value in values)
    short = plain and all(len(value) <= LONGEST_CATEGORY for value in counts)
    often = len(counts) <= FEW or 2 * len(counts) <= len(values)
    return CATEGORY if short and often else TEXT


_READERS: dict[str, Callable[[Any], Any]] = {NUMBER: as_number, DATE: as_date}
