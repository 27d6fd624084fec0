"""What clients of REST send as JSON."""

import json
from typing import Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MOST_LEVELS = 100  # of lists and objects in each other; what is meant has a handful
MOST_DIGITS = 300  # of a whole number; one with more has no neighbour among the floats
TOO_DEEP = f"Lists and objects stand in each other more than {MOST_LEVELS} levels deep. Send them flatter."
TOO_LONG = f"A whole number has more than {MOST_DIGITS} digits. Send a smaller one, or a text."


class BodyParser(JSONParser):
    """JSON that can be walked through and counted with: neither nested deeper, nor with longer numbers, than is meant.

    What is not finite is refused, as JSON has it.
    """

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """What was sent."""
        encoding = (parser_context or {}).get("encoding") or settings.DEFAULT_CHARSET
        try:
            return read_json(stream.read().decode(encoding))
        except ValueError as broken:
            raise ParseError(f"The body cannot be read as JSON: {broken}") from None


def read_json(written: str | bytes) -> Any:
    """The value that JSON writes. Raises ValueError, which says what is wrong."""
    try:
        found = json.loads(written, parse_int=_whole, parse_constant=_constant)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if is_too_deep(found):
        raise ValueError(TOO_DEEP)
    return found


def is_too_deep(found: Any) -> bool:
    """Whether a value of JSON has more levels than are taken; looks level by level, without recursion."""
    level = [found]
    for _ in range(MOST_LEVELS):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(TOO_LONG)
    return int(digits)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON. Send null, or leave it out.")
