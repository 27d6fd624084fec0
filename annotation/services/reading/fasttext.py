"""fastText: a line a text, its labels before it as `__label__name`."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from annotation.services.reading.opening import decoded
from annotation.services.reading.rows import Layout, Row

MARK = "__label__"
_LABELS = re.compile(r"\s*((?:__label__\S+\s*)*)")


def recognises(start: str) -> bool:
    """Whether most of the first lines begin with a label; a text may have none."""
    lines = [line for line in start.split("\n")[:200] if line.strip()]
    return sum(line.startswith(MARK) for line in lines) > len(lines) / 2


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout; every file has the same two columns."""
    return replace(layout, columns=("text", "labels"))


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every line that is not blank."""
    number = 0
    for line in decoded(file, layout):
        if not line.strip():
            continue
        number += 1
        before = _LABELS.match(line)
        assert before is not None  # it matches nothing, too
        labels = [word.removeprefix(MARK) for word in before[1].split()]
        yield Row(number, {"text": line[before.end() :].rstrip("\r\n"), "labels": labels}, "")
