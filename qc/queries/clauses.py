"""Which clauses of the guideline a case is about, and where a clause ends."""

import re
from collections.abc import Sequence

from annotation.markdown import Clause, clauses


def cited(clause: Clause) -> str:
    """A clause as votes and decisions name it: "2.1 Refund"."""
    return f"{clause.number} {clause.title}"


def clauses_about(body: str, names: Sequence[str], most: int = 3) -> list[Clause]:
    """The clauses that speak of these labels: those that have one in their heading first, then in their text."""
    wanted = [re.compile(rf"\b{re.escape(name.casefold())}\b") for name in names if name.strip()]
    found = clauses(body)
    headed = [c for c in found if any(name.search(c.title.casefold()) for name in wanted)]
    mentioned = [
        c for c in found if c not in headed and any(name.search(c.body.casefold()) for name in wanted)
    ]
    return (headed + mentioned)[:most]


def insert_under(body: str, citation: str, addition: str) -> str:
    """The guideline with a paragraph more at the end of the clause cited; at its end where there is no such clause.

    A clause that has another number by now is found by its title.
    """
    lines, found = body.splitlines(), clauses(body)
    title = citation.partition(" ")[2]
    at = next((i for i, clause in enumerate(found) if cited(clause) == citation), None)
    if at is None:
        at = next((i for i, clause in enumerate(found) if title and clause.title == title), None)
    last = at is None or at + 1 == len(found)
    end = len(lines) if last else found[(at or 0) + 1].line - 1
    before, after = "\n".join(lines[:end]).rstrip(), "\n".join(lines[end:]).strip()
    return "\n\n".join(part for part in (before, addition.strip(), after) if part)
