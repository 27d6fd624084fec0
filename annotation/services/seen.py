"""What a file has had so far, in memory that does not grow with it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BITS = 27  # 16 MB; a million values answer "perhaps" wrongly once in a million times, ten million once in two hundred
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Seen:
    """A Bloom filter: says of a value that it is new, surely, or that it may have been there before."""

    def __init__(self) -> None:
        self.bits = np.zeros(1 << (BITS - 3), np.uint8)

    def digests(self, digests: Sequence[bytes]) -> list[int]:
        """The places of digests that may have been there before this call; all are noted."""
        halves = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)
        return self._look(halves[:, 0], halves[:, 1])

    def names(self, names: Sequence[str | None]) -> list[int]:
        """The same of names; None is none."""
        places = [at for at, name in enumerate(names) if name]
        hashes = np.fromiter((hash(names[at]) for at in places), np.int64, len(places)).astype(np.uint64)
        return [places[at] for at in self._look(hashes, hashes * _SPREAD)]

    def _look(self, one: NDArray[np.uint64], other: NDArray[np.uint64]) -> list[int]:
        mask, half = np.uint64((1 << BITS) - 1), np.uint64(32)
        places = np.stack([one & mask, (one >> half) & mask, other & mask, (other >> half) & mask])
        byte, bit = (places >> np.uint64(3)).astype(np.intp), (1 << (places & np.uint64(7))).astype(np.uint8)
        before = ((self.bits[byte] & bit) != 0).all(axis=0)
        np.bitwise_or.at(self.bits, byte.ravel(), bit.ravel())
        return [int(at) for at in np.flatnonzero(before)]
