"""Cells that a spreadsheet would run as formulas, made harmless in CSV and turned back when it is read."""

import re

_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_DEFUSED = re.compile(r"'+[=+\-@\t\r]")


def defuse(value: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula.

    Texts that already look defused get one more, so that `undefuse` gives every text back as it was.

    >>> [defuse(text) for text in ("=1+1", "'=1+1", "it's")]
    ["'=1+1", "''=1+1", "it's"]
    """
    return "'" + value if _DANGEROUS.match(value) else value


def undefuse(value: str) -> str:
    """Take off the apostrophe that `defuse` put on.

    >>> [undefuse(text) for text in ("'=1+1", "''=1+1", "'quoted'")]
    ['=1+1', "'=1+1", "'quoted'"]
    """
    return value[1:] if _DEFUSED.match(value) else value
