"""What differs between two texts, word by word, for showing them side by side."""

from __future__ import annotations

import difflib
import re
from typing import Literal, NamedTuple, TypeAlias

_WORD = re.compile(r"\S+\s*")
_LEADING = re.compile(r"\s*")
# Beyond this many word comparisons the middle is shown as changed as a whole, so that a page never hangs.
_MOST_COMPARISONS = 4_000_000


_Block: TypeAlias = tuple[bool, tuple[int, int], tuple[int, int]]


class Segment(NamedTuple):
    """A run of one side's text: `same` on both, `del` only left, `ins` only right."""

    op: Literal["same", "del", "ins"]
    text: str


class Difference(NamedTuple):
    """Both sides; the segments of a side, joined, are its text exactly."""

    left: list[Segment]
    right: list[Segment]


def difference(left: str, right: str) -> Difference:
    """Mark the words that only one of two texts has.

    Words are compared as they stand (case and punctuation count); white space between words is never marked.

    Examples
    --------
    >>> difference("my card is lost", "my card was lost").right
    [Segment(op='same', text='my card '), Segment(op='ins', text='was'), Segment(op='same', text=' lost')]
    """
    lead_a, tokens_a = _tokens(left)
    lead_b, tokens_b = _tokens(right)
    sides = _Side("del", lead_a), _Side("ins", lead_b)
    for same, (a_from, a_to), (b_from, b_to) in _blocks(
        [token.rstrip() for token in tokens_a], [token.rstrip() for token in tokens_b]
    ):
        sides[0].add(same, "".join(tokens_a[a_from:a_to]))
        sides[1].add(same, "".join(tokens_b[b_from:b_to]))
    return Difference(sides[0].segments(), sides[1].segments())


class _Side:
    """Collects one side's segments, joining neighbours of one kind."""

    def __init__(self, op: Literal["del", "ins"], lead: str) -> None:
        self._op: Literal["del", "ins"] = op
        self._segments: list[Segment] = []
        self._append("same", lead)

    def _append(self, op: Literal["same", "del", "ins"], text: str) -> None:
        if not text:
            return
        if self._segments and self._segments[-1].op == op:
            text = self._segments.pop().text + text
        self._segments.append(Segment(op, text))

    def add(self, same: bool, text: str) -> None:
        if same:
            self._append("same", text)
            return
        words = text.rstrip()
        self._append(self._op, words)
        self._append("same", text[len(words) :])

    def segments(self) -> list[Segment]:
        return self._segments


def _tokens(text: str) -> tuple[str, list[str]]:
    match = _LEADING.match(text)
    lead = match.group() if match else ""
    return lead, _WORD.findall(text, len(lead))


def _blocks(a: list[str], b: list[str]) -> list[tuple[bool, tuple[int, int], tuple[int, int]]]:
    """Return (same, range in a, range in b) blocks; what both begin and end with is set aside first."""
    shortest = min(len(a), len(b))
    begin = 0
    while begin < shortest and a[begin] == b[begin]:
        begin += 1
    end = 0
    while end < shortest - begin and a[-1 - end] == b[-1 - end]:
        end += 1
    middle_a, middle_b = a[begin : len(a) - end], b[begin : len(b) - end]
    blocks = [(True, (0, begin), (0, begin))]
    if len(middle_a) * len(middle_b) > _MOST_COMPARISONS:
        blocks.append((False, (begin, len(a) - end), (begin, len(b) - end)))
    else:
        matcher = difflib.SequenceMatcher(None, middle_a, middle_b, autojunk=False)
        blocks += [
            (op == "equal", (begin + a_from, begin + a_to), (begin + b_from, begin + b_to))
            for op, a_from, a_to, b_from, b_to in matcher.get_opcodes()
        ]
    blocks.append((True, (len(a) - end, len(a)), (len(b) - end, len(b))))
    return blocks


class Line(NamedTuple):
    """A line of a comparison, numbered from 1 on the side that it is from; or a gap: `hidden` equal lines in a row."""

    op: Literal["same", "del", "add", "gap"]
    number: int  # of a gap: that of the new text's first line after it
    segments: list[Segment]
    hidden: int = 0


def line_difference(old: str, new: str, context: int = 1) -> list[Line]:
    """What became of a text, line by line: removed ones, then added ones, with `context` equal lines around them.

    A removed line and the added one in the same place are compared word by word.

    Examples
    --------
    >>> [(line.op, line.number) for line in line_difference("a\\nb b\\nc\\nd", "a\\nb x\\nc\\nd", context=0)]
    [('gap', 2), ('del', 2), ('add', 2), ('gap', 5)]
    >>> line_difference("a", "a")
    []
    """
    before, after = old.splitlines(), new.splitlines()
    blocks = _joined([block for block in _blocks(before, after) if _holds(block[1]) or _holds(block[2])])
    if all(same for same, _, _ in blocks):
        return []
    lines: list[Line] = []
    for at, (same, (a_from, a_to), (b_from, b_to)) in enumerate(blocks):
        if same:
            first = context if at else 0
            last = context if at < len(blocks) - 1 else 0
            lines += _unchanged(after, b_from, b_to, first, last)
            continue
        pairs = [difference(a, b) for a, b in zip(before[a_from:a_to], after[b_from:b_to], strict=False)]
        for k, text in enumerate(before[a_from:a_to]):
            marked = pairs[k].left if k < len(pairs) else [Segment("del", text)]
            lines.append(Line("del", a_from + k + 1, marked))
        for k, text in enumerate(after[b_from:b_to]):
            marked = pairs[k].right if k < len(pairs) else [Segment("ins", text)]
            lines.append(Line("add", b_from + k + 1, marked))
    return lines


def _joined(blocks: list[_Block]) -> list[_Block]:
    """Neighbours of one kind as one block: what both begin and end with was set aside before comparing."""
    found: list[_Block] = []
    for block in blocks:
        same, (a_from, a_to), (b_from, b_to) = block
        if found and found[-1][0] == same:
            _, (a_from, _), (b_from, _) = found.pop()
        found.append((same, (a_from, a_to), (b_from, b_to)))
    return found


def _holds(span: tuple[int, int]) -> bool:
    return span[1] > span[0]


def _unchanged(after: list[str], begin: int, end: int, first: int, last: int) -> list[Line]:
    """Equal lines: `first` at the start and `last` at the end are shown, what lies between becomes a gap."""
    hidden = end - begin - first - last
    shown = range(begin, end) if hidden <= 0 else [*range(begin, begin + first), *range(end - last, end)]
    lines = [Line("same", at + 1, [Segment("same", after[at])]) for at in shown]
    if hidden > 0:
        lines.insert(first, Line("gap", begin + first + hidden + 1, [], hidden))
    return lines
