"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # share done, and what is being done


def unwatched(share: float, message: str = "") -> None:
    """Progress that nobody waits for."""
