"""The leading labels of many texts, so small that what every method says can be kept for a million."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEADING = 3  # labels that are kept of each text and method
LEAST_KEPT = 0.005  # a smaller probability is left out
SCALE = 10_000  # probabilities are kept in parts of it
# What one method says of one text: codes of labels, -1 for none
SAYS = np.dtype([("label", "<i2"), ("leading", "<i2", (LEADING,)), ("chance", "<u2", (LEADING,))])
_ROWS_AT_ONCE = 65_536


def leading_labels(shares: FloatArray | sparse.csr_array, label: IntArray) -> NDArray[np.void]:
    """Keep of each text its label and the labels with the largest shares.

    Parameters
    ----------
    shares : (texts, labels) array, or sparse array
        Share or probability of each label.
    label : (texts,) int array
        The label that the method gives; -1 for a tie.

    Returns
    -------
    (texts,) array of SAYS
        The largest share first, of equal ones the smaller code; shares below 0.005 are left out.

    Examples
    --------
    >>> found = leading_labels(np.array([[0.1, 0.0, 0.3, 0.6], [0.5, 0.5, 0.0, 0.0]]), np.array([3, -1]))
    >>> found["label"].tolist(), found["leading"].tolist(), found["chance"].tolist()
    ([3, -1], [[3, 2, 0], [0, 1, -1]], [[6000, 3000, 1000], [5000, 5000, 0]])
    """
    found = np.zeros(shares.shape[0], SAYS)
    found["label"], found["leading"] = label, -1
    for start in range(0, len(found), _ROWS_AT_ONCE):
        part = shares[start : start + _ROWS_AT_ONCE]
        left = part.toarray() if sparse.issparse(part) else part.copy()
        rows = np.arange(len(left))
        for place in range(min(LEADING, left.shape[1])):
            code = left.argmax(axis=1)
            share = left[rows, code]
            kept = share >= LEAST_KEPT
            found["leading"][start + rows[kept], place] = code[kept]
            found["chance"][start + rows[kept], place] = np.rint(share[kept] * SCALE)
            left[rows, code] = -1.0
    return found


def of_one(ids: bytes, says: bytes, item: int, methods: int) -> NDArray[np.void] | None:
    """Return what the methods say of one text in a block, (methods,); None if the text is not in it.

    Parameters
    ----------
    ids, says : bytes
        Ascending ids as 64-bit integers, and a (texts, methods) array of SAYS, as `tobytes` gives them.

    Examples
    --------
    >>> block = leading_labels(np.array([[1.0, 0.0], [0.2, 0.8]]), np.array([0, 1]))
    >>> of_one(np.array([5, 9], "<i8").tobytes(), block.tobytes(), 9, 1)["leading"].tolist()
    [[1, 0, -1]]
    """
    known = np.frombuffer(ids, "<i8")
    at = int(np.searchsorted(known, item))
    if at == len(known) or known[at] != item:
        return None
    said: NDArray[np.void] = np.frombuffer(says, SAYS).reshape(len(known), methods)[at]
    return said
