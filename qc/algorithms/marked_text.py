"""A text cut where marked spans begin and end, for showing them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Piece = tuple[str, list[int], bool]


def cut(text: str, spans: Sequence[Sequence[int]]) -> list[Piece]:
    """Return the pieces of a text: each with the labels of the spans over it, and whether a span ends with it.

    Parameters
    ----------
    text : str
    spans : sequence of [start, end, label]
        Offsets in Unicode code points, end exclusive; spans may overlap. What lies outside the text is cut off.

    Examples
    --------
    >>> cut("Ann met Bo.", [[0, 3, 1], [8, 10, 1]])
    [('Ann', [1], True), (' met ', [], False), ('Bo', [1], True), ('.', [], False)]
    >>> cut("abc", [[0, 2, 1], [1, 3, 2]])
    [('a', [1], False), ('b', [1, 2], True), ('c', [2], True)]
    """
    edges = sorted(
        {0, len(text), *(min(max(edge, 0), len(text)) for start, end, _ in spans for edge in (start, end))}
    )
    pieces: list[Piece] = []
    for start, end in pairwise(edges):
        over = [label for first, last, label in spans if first <= start and last >= end]
        ends = any(last == end and first <= start for first, last, _ in spans)
        pieces.append((text[start:end], over, ends))
    return pieces
