"""How long work says how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Told the share that is done (0 to 1), and what is being done."""

    def __call__(self, share: float, message: str = "", /) -> None: ...


def unwatched(share: float, message: str = "") -> None:
    """Progress that nobody waits for."""
