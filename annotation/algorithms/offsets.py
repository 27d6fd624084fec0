"""Places in a text, counted in Unicode code points or, as JavaScript does, in UTF-16 units."""

from __future__ import annotations

import bisect
from collections.abc import Callable


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
