"""Places in a text, counted in Unicode code points or, as JavaScript does, in UTF-16 units."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Sequence

Quoted = tuple[int, int, str | None]
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def utf16_offsets(text: str) -> Callable[[int], int]:
    """Return a function from an offset in code points to the one in UTF-16 units.

    Examples
    --------
    >>> [utf16_offsets("a😀b")(at) for at in range(4)]
    [0, 1, 3, 4]
    >>> utf16_offsets("plain")(3)
    3
    """
    if text.isascii():
        return int
    wide = [at for at, character in enumerate(text) if character > "\uffff"]
    return lambda at: at + bisect.bisect_left(wide, at)


class Misplaced(ValueError):
    """A span does not cover the text that it quotes; `at` is its place in the list."""

    def __init__(self, at: int) -> None:
        super().__init__(f"span {at} is not where its text is")
        self.at = at


def code_points(text: str, spans: Sequence[Quoted], utf_16_first: bool = False) -> list[tuple[int, int]]:
    """Return the spans' offsets in code points, whichever of the two ways of counting they are in.

    All spans of a text are in the same way. The right one is that in which every span covers the text that it quotes;
    where both would do, or nothing is quoted, it is UTF-16 if `utf_16_first`, else code points. White space at the ends
    of a quotation, and its kind within, are not compared.

    Parameters
    ----------
    spans : sequence of (start, end, quoted text or None)
        End exclusive.

    Raises
    ------
    Misplaced
        When a quotation matches in neither way.

    Examples
    --------
    >>> code_points("😀 Ann went home", [(3, 6, "Ann")])
    [(2, 5)]
    >>> code_points("😀 Ann went home", [(2, 5, "Ann")])
    [(2, 5)]
    """
    astral = [found.start() for found in _ASTRAL.finditer(text)]
    as_code_points = [(start, end) for start, end, _ in spans]
    if not astral:
        return _checked(text, spans, as_code_points)
    units = [at + n for n, at in enumerate(astral)]  # where each of them begins in UTF-16
    as_utf_16 = [(_back(start, units), _back(end, units)) for start, end, _ in spans]
    first, second = (as_utf_16, as_code_points) if utf_16_first else (as_code_points, as_utf_16)
    try:
        return _checked(text, spans, first)
    except Misplaced:
        return _checked(text, spans, second)


def _back(unit: int, units: list[int]) -> int:
    """The code point at a UTF-16 unit; the second half of a pair counts as its character's end."""
    return unit - bisect.bisect_left(units, unit) if unit > 0 else unit


def _checked(text: str, spans: Sequence[Quoted], places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    for at, ((_, _, quoted), (start, end)) in enumerate(zip(spans, places, strict=True)):
        if quoted is None:
            continue
        if start < 0 or _plain(text[start:end]) != _plain(quoted):
            raise Misplaced(at)
    return places


def _plain(quoted: str) -> str:
    return " ".join(quoted.replace("\\n", "\n").split())
