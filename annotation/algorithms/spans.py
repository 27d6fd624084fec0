"""Marked spans of a text: what makes them valid, and their one canonical order."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[int, int, int]


def canonical(spans: Sequence[Span]) -> list[Span]:
    """Return the spans (start, end, label) without doubles, in ascending order.

    Examples
    --------
    >>> canonical([(4, 6, 1), (0, 2, 7), (4, 6, 1)])
    [(0, 2, 7), (4, 6, 1)]
    """
    return sorted(set(spans))


def problems(spans: Sequence[Span], length: int, overlapping: bool) -> dict[int, str]:
    """Return what is wrong with the spans of a text, by the place of each in the list; nothing where all are right.

    Parameters
    ----------
    spans : sequence of (start, end, label)
        Offsets in Unicode code points, end exclusive; labels are any hashable identities.
    length : int
        Code points of the text.
    overlapping : bool
        Whether two spans may share a character. Two that are equal in all three are one span and never wrong.

    Examples
    --------
    >>> problems([(0, 3, 1), (2, 5, 1)], length=4, overlapping=False)
    {1: 'ends at 5, after the end of the text at 4'}
    >>> problems([(0, 3, 1), (2, 4, 2)], length=4, overlapping=False)
    {1: 'overlaps another span at 0 to 3'}
    """
    wrong: dict[int, str] = {}
    for at, (start, end, _) in enumerate(spans):
        if start < 0:
            wrong[at] = f"starts at {start}, before the text"
        elif end > length:
            wrong[at] = f"ends at {end}, after the end of the text at {length}"
        elif end <= start:
            wrong[at] = f"ends at {end}, which is not after its start at {start}"
    if overlapping:
        return wrong
    seen: dict[Span, int] = {}
    for at, span in enumerate(spans):
        if at not in wrong:
            seen.setdefault(span, at)
    reached: Span | None = None
    for span in sorted(seen):
        if reached is not None and span[0] < reached[1]:
            wrong[seen[span]] = f"overlaps another span at {reached[0]} to {reached[1]}"
        if reached is None or span[1] > reached[1]:
            reached = span
    return wrong
