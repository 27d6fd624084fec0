"""Texts as vectors, by the static embedding that comes with Loupe. Nothing is downloaded."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import wordllama
from numpy.typing import NDArray

AT_ONCE = 5_000


@lru_cache(maxsize=1)
def _model() -> wordllama.WordLlama:
    # The weights are in the wheel, where the loader does not look by itself
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


def embed_texts(
    texts: Sequence[str], report: Callable[[float], None] = lambda share: None
) -> NDArray[np.float32]:
    """One row of length one for each text; a row of zeros for a text without any known word."""
    found = np.zeros((len(texts), 256), np.float32)
    for start in range(0, len(texts), AT_ONCE):
        part = np.nan_to_num(np.asarray(_model().embed(list(texts[start : start + AT_ONCE]), norm=False)))
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        found[start : start + len(part)] = np.divide(
            part, lengths, out=np.zeros_like(part), where=lengths > 0
        )
        report((start + len(part)) / len(texts))
    return found
