"""Spans of a text as tags of its tokens, IOB2."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"[^ \t\n\r]+")


def tokens(text: str) -> list[tuple[int, int]]:
    """Return start and end of every token: what stands between blanks, tabs and line ends. Other spaces are kept.

    Examples
    --------
    >>> tokens("Ann  lives")
    [(0, 3), (5, 10)]
    """
    return [match.span() for match in _TOKEN.finditer(text)]


def iob2(text: str, spans: Sequence[tuple[int, int, str]]) -> list[tuple[str, str]]:
    """Return (token, tag) for every token of the text.

    Parameters
    ----------
    spans : sequence of (start, end, label)
        Offsets in Unicode code points, end exclusive. A token belongs to the first span that covers one of its
        characters, since tags know whole tokens only; of overlapping spans the one that starts first, then the longer.

    Examples
    --------
    >>> iob2("Ann lives in New York", [(0, 3, "PER"), (13, 21, "LOC")])
    [('Ann', 'B-PER'), ('lives', 'O'), ('in', 'O'), ('New', 'B-LOC'), ('York', 'I-LOC')]
    """
    ordered = sorted(spans, key=lambda span: (span[0], -span[1]))
    tagged = []
    before: tuple[int, int, str] | None = None
    passed = 0
    for start, end in tokens(text):
        while passed < len(ordered) and ordered[passed][1] <= start:
            passed += 1
        covering = None
        for at in range(passed, len(ordered)):
            span = ordered[at]
            if span[0] >= end:
                break
            if span[1] > start:
                covering = span
                break
        tag = "O" if covering is None else f"{'I' if covering is before else 'B'}-{covering[2]}"
        tagged.append((text[start:end], tag))
        before = covering
    return tagged
