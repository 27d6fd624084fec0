"""Which of the items that somebody is handed are gold or repeats: drawn by a secret key, so that nobody can tell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass
class Draws:
    """What the next items of an annotator are to be; the places that are in neither list are normal.

    Attributes
    ----------
    gold, repeats : list of int
        Places among the items asked for, from 0, ascending.
    chances : list of float
        For each of `repeats`, a number in [0, 1) that says how far back the repeat lies.
    """

    gold: list[int] = field(default_factory=list)
    repeats: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)


def uniforms(key: bytes, seed: int, annotator: int, place: int) -> tuple[float, float, float]:
    """Return three independent numbers in [0, 1) that are fixed by the arguments and, without the key, unpredictable.

    Parameters
    ----------
    key : bytes
        The secret, at most 64 bytes of it are used.
    seed, annotator, place : int
        The round's seed, whose turn it is, and how many items they had before.

    Examples
    --------
    >>> uniforms(b"secret", 1, 2, 3) == uniforms(b"secret", 1, 2, 3)
    True
    >>> all(0 <= number < 1 for number in uniforms(b"secret", 1, 2, 4))
    True

    References
    ----------
    BLAKE2b as a keyed pseudorandom function, RFC 7693.
    """
    digest = hashlib.blake2b(f"{seed}:{annotator}:{place}".encode(), digest_size=24, key=key[:64]).digest()
    first, second, third = (int.from_bytes(digest[at : at + 8], "big") >> 11 for at in (0, 8, 16))
    return first / 2**53, second / 2**53, third / 2**53


def draw(
    key: bytes, seed: int, annotator: int, had: int, wanted: int, gold_rate: float, repeat_rate: float
) -> Draws:
    """Draw what the next `wanted` items are, each independently, so that the gaps between two of a kind are geometric.

    Parameters
    ----------
    had : int
        Items that the annotator was handed before.
    gold_rate, repeat_rate : float
        Shares in [0, 1]; where the two draws meet, gold goes first.

    Examples
    --------
    >>> draw(b"secret", 1, 2, 0, 3, gold_rate=1.0, repeat_rate=1.0).gold
    [0, 1, 2]
    >>> draw(b"secret", 1, 2, 0, 3, gold_rate=0.0, repeat_rate=0.0)
    Draws(gold=[], repeats=[], chances=[])
    """
    drawn = Draws()
    if not (gold_rate or repeat_rate):
        return drawn
    for place in range(wanted):
        for_gold, for_repeat, how_far = uniforms(key, seed, annotator, had + place)
        if for_gold < gold_rate:
            drawn.gold.append(place)
        elif for_repeat < repeat_rate:
            drawn.repeats.append(place)
            drawn.chances.append(how_far)
    return drawn
