"""CoNLL: a token and its tag a line, a blank line between texts. Each is one row with `text` and `spans`.

IOB1, IOB2, IOBES and BILOU are read by one rule, that of the conlleval script: an entity begins where a tag says so or
its type changes, and ends where a tag says so or the next one does not go on. Tokens are joined by one space.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from annotation.services.reading.opening import decoded
from annotation.services.reading.rows import LINE_KEPT, LONGEST_ROW, Layout, Row, Unreadable

_TAG = re.compile(r"O|[BIESLU]-\S.*", re.DOTALL)
_COMMENT = re.compile(r"# *([\w.]+) *= *(.*)")
BEGIN, END = frozenset("BSU"), frozenset("ESLU")


def recognises(start: str) -> bool:
    """Whether the first lines are tokens with tags, nearly all of them, or a document is announced."""
    if start.startswith("-DOCSTART-"):
        return True
    lines = [
        line for line in start.split("\n")[:200] if line.strip() and not line.startswith(("#", "-DOCSTART-"))
    ]
    if len(start.split("\n")) < 2:
        return False
    cells = [split(line) for line in lines]
    tagged = sum(len(line) > 1 and _TAG.fullmatch(line[-1]) is not None for line in cells)
    return tagged >= 1 and tagged > 0.8 * len(lines) and len(cells[0]) > 1


def split(line: str) -> list[str]:
    """The columns of a line: by tabs where there are some, else by spaces."""
    line = line.rstrip("\r\n")
    return line.split("\t") if "\t" in line else line.split()


def study(file: IO[bytes], layout: Layout, start: str) -> Layout:
    """The layout: `text`, `spans`, and the names of the comments before the first texts."""
    names = dict.fromkeys(["text", "spans"])
    for at, row in enumerate(rows(file, layout, False)):
        if at == 100:
            break
        names.update(dict.fromkeys(row.values) if not row.wrong else {})
    return replace(layout, columns=tuple(names))


def rows(file: IO[bytes], layout: Layout, answers: bool) -> Iterator[Row]:
    """Every text of the file."""
    number, at, size = 0, 0, 0
    lines: list[tuple[int, str]] = []
    for line in decoded(file, layout):
        at += 1
        if line.strip(" \r\n\t"):
            lines.append((at, line))
            size += len(line)
            if size > LONGEST_ROW:
                raise Unreadable(
                    f"The text that begins in line {lines[0][0]:,} is never ended by a blank line."
                )
            continue
        if row := sentence(number + 1, lines):
            number += 1
            yield row
        lines, size = [], 0
    if row := sentence(number + 1, lines):
        yield row


def sentence(number: int, lines: list[tuple[int, str]]) -> Row | None:
    """The row of these numbered lines; None where they hold no token."""
    about: dict[str, Any] = {}
    tokens: list[str] = []
    tags: list[str] = []
    wrong = ""
    for at, line in lines:
        if line.startswith("-DOCSTART-"):
            continue
        if line.startswith("#") and not tokens and "\t" not in line:
            if said := _COMMENT.fullmatch(line.strip()):
                about["id" if said[1] == "sent_id" else said[1]] = said[2]
            continue
        cells = split(line)
        if len(cells) < 2:
            wrong = wrong or f"no tag: line {at} is “{line.strip()[:60]}”"
        elif not _TAG.fullmatch(cells[-1]):
            wrong = wrong or f"not a tag: “{cells[-1][:60]}” in line {at}"
        tokens.append(cells[0] if cells else "")
        tags.append(cells[-1] if cells else "")
    if not tokens:
        return None
    if wrong:
        return Row(number, {"lines": "".join(line for _, line in lines)[:LINE_KEPT]}, wrong)
    about.pop("text", None)
    about.pop("spans", None)
    return Row(number, {"text": " ".join(tokens), "spans": spans_of(tokens, tags), **about}, "")


def spans_of(tokens: list[str], tags: list[str]) -> list[dict[str, Any]]:
    """The entities, in code points of the joined text."""
    found: list[dict[str, Any]] = []
    at = 0
    kind: str | None = None
    for token, tag in zip(tokens, tags, strict=True):
        end = at + len(token)
        prefix, _, name = tag.partition("-")
        if prefix == "O":
            kind = None
        elif prefix in BEGIN or name != kind:
            found.append({"start": at, "end": end, "label": name})
            kind = name
        else:
            found[-1]["end"] = end
        if prefix in END:
            kind = None
        at = end + 1
    return found
