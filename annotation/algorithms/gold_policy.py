"""When somebody's answers to gold items are bad enough to pause them, and how often that hits whom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import wilson

CONFIDENCE = 0.95


def must_pause(correct: int, answers: int, threshold: float, minimum: int) -> bool:
    """Tell whether the accuracy on gold is known to lie below the threshold.

    It is when the upper end of its 95 % Wilson interval does. This is asked again after every gold answer, which
    makes the chance that it ever happens larger than that of a single look; `chances_of_pause` gives it exactly.

    Parameters
    ----------
    correct, answers : int
        0 <= correct <= answers, all since the last reinstatement.
    threshold : float
        Accuracy in [0, 1] that the project asks for.
    minimum : int
        Gold answers before which nobody is paused.

    Examples
    --------
    >>> must_pause(1, 5, threshold=0.7, minimum=5), must_pause(2, 5, threshold=0.7, minimum=5)
    (True, False)
    >>> must_pause(0, 4, threshold=0.7, minimum=5)
    False
    """
    if answers < max(minimum, 1):
        return False
    high = wilson(correct, answers, CONFIDENCE).high
    assert high is not None
    return high < threshold


def most_correct_to_pause(answers: int, threshold: float, minimum: int) -> int:
    """Return the largest number of right answers with which somebody is paused after so many; -1 if none is.

    >>> [most_correct_to_pause(n, 0.7, 5) for n in (4, 5, 10, 20)]
    [-1, 1, 4, 9]
    """
    low, high = -1, answers  # paused with `low` (or never), not with `high`
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if must_pause(middle, answers, threshold, minimum) else (low, middle)
    return low


def chances_of_pause(accuracy: float, threshold: float, minimum: int, answers: int) -> NDArray[np.float64]:
    """Return the chance that somebody of this accuracy has been paused after 1, 2, … gold answers.

    Parameters
    ----------
    accuracy : float
        Chance that each of their answers is right, independently.
    threshold, minimum
        As in `must_pause`.
    answers : int
        How many gold answers to follow them for.

    Returns
    -------
    (answers,) float array
        Ascending; exact, by following the distribution of the number of right answers of those not paused yet.

    Examples
    --------
    Nobody is paused before the minimum, and at 5 answers those with at most one right are:

    >>> chances_of_pause(0.5, 0.7, 5, 5).round(6).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.1875]
    """
    going = np.zeros(answers + 1)  # by the number of right answers
    going[0] = 1.0
    paused = np.empty(answers)
    for n in range(1, answers + 1):
        going[1:] = going[1:] * (1 - accuracy) + going[:-1] * accuracy
        going[0] *= 1 - accuracy
        going[: most_correct_to_pause(n, threshold, minimum) + 1] = 0.0
        paused[n - 1] = 1.0 - going.sum()
    return np.maximum(paused, 0.0)
