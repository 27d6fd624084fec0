"""What a page's address asks for."""

from django.http import QueryDict


def id_in(query: QueryDict, name: str) -> int | None:
    """The id that the address has under this name; None where there is none, or something else."""
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None
