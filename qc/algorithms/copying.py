"""Whether somebody's answers are another person's.

Two people who agree need not copy: both may simply be good. What tells copying apart is order. On texts that the other
answered first, a copier agrees far more than the agreement of both with everybody else foretells, and is quicker there
than elsewhere; on texts that the other answered later neither is so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qc.algorithms.people import binomial_tail

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEAST_SHARED = 12  # texts that the other answered first; the tests are exact, so few will do
EXCESS = 0.5  # of the way from the expected agreement to full agreement
TASTE = 0.25  # so much of that way is put down to how alike two people can think
AGREEMENT_ALONE = 0.05  # the agreement itself must be unlikely, whatever the seconds say
MOST_PEOPLE = 1500  # the tables grow with the square; with more people nobody is tested
_PAIRS_AT_ONCE = 4_000_000


class Timed(Protocol):
    """Answers with their times; see `patterns.Answers`."""

    @property
    def items(self) -> IntArray: ...
    @property
    def annotators(self) -> IntArray: ...
    @property
    def labels(self) -> IntArray: ...
    @property
    def seconds(self) -> FloatArray: ...
    @property
    def moments(self) -> FloatArray: ...
    @property
    def minutes(self) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Copy:
    """One ordered pair: `second` after `first`."""

    first: int
    second: int
    texts: int
    agreed: int
    expected: float
    p_agreement: float
    p_seconds: float | None
    p: float
    timed: bool

    @property
    def matters(self) -> bool:
        """Whether they agree far more than expected, seconds aside."""
        share = self.agreed / self.texts
        return share >= self.expected + EXCESS * (1 - self.expected) and self.p_agreement <= AGREEMENT_ALONE

    def evidence(self) -> dict[str, Any]:
        """Figures for the sentence."""
        return {
            "other": self.first,
            "texts": self.texts,
            "agreed": self.agreed,
            "share": self.agreed / self.texts,
            "expected": self.expected,
            "quicker": self.p_seconds is not None and self.p_seconds < 0.01,
            "timed": self.timed,
        }


@dataclass(frozen=True, slots=True)
class OrderedPairs:
    """How often each person agreed with each other one who answered the text before.

    Attributes
    ----------
    texts, agreed : (people, people) int arrays
        [a, b]: texts that b answered after a, and those of them with the same answer. Where times are not known, the
        two are counted in both directions.
    pace, square, paced : (people, people) float arrays
        Sum and sum of squares of b's log seconds on these texts, and how many are known.
    timed : bool
        Whether times are known.
    """

    texts: IntArray
    agreed: IntArray
    pace: FloatArray
    square: FloatArray
    paced: FloatArray
    timed: bool

    def tests_of_each(self) -> dict[int, int]:
        """How many pairs are tested for each person as the second."""
        enough = (self.texts >= LEAST_SHARED).sum(axis=0)
        return {int(person): int(enough[person]) for person in np.flatnonzero(enough)}

    def tests(self) -> Iterator[Copy]:
        """Yield every ordered pair with enough texts.

        The expected agreement is logit-additive: logit e = logit A + logit B - logit G, with A and B what the two agree
        with everybody else, and G what all pairs agree. A quarter of the way from e to 1 is granted. Where seconds are
        known, the test of agreement (binomial) and that of quicker answers after the other than before (Welch's t) are
        combined by Fisher's method; for honest people the two know nothing of each other.
        """
        both, same = self.texts + self.texts.T, self.agreed + self.agreed.T
        if not self.timed:
            both, same = self.texts, self.agreed
        all_texts, all_agreed = both.sum(axis=1), same.sum(axis=1)
        overall = _logit(same.sum(), both.sum())
        first, second = np.nonzero(self.texts >= LEAST_SHARED)
        shared = both[first, second]
        others = (all_texts[first] > shared) & (all_texts[second] > shared)  # somebody else to compare with
        first, second, shared = first[others], second[others], shared[others]
        agreed, texts = self.agreed[first, second], self.texts[first, second]
        apart = sum(
            _logit(all_agreed[who] - same[first, second], all_texts[who] - shared) for who in (first, second)
        )
        expected = special.expit(apart - overall)
        alone = binomial_tail(agreed.astype(np.float64), texts, expected + TASTE * (1 - expected))
        for at in range(len(first)):
            p = p_agreement = float(alone[at])
            pair = int(first[at]), int(second[at])
            p_seconds = self._quicker(*pair) if p_agreement <= AGREEMENT_ALONE else None
            if p_seconds is not None:
                both_p = max(p_agreement, 1e-300), max(p_seconds, 1e-300)
                p = float(special.chdtrc(4, -2 * np.log(both_p).sum()))
            yield Copy(
                *pair,
                int(texts[at]),
                int(agreed[at]),
                float(expected[at]),
                p_agreement,
                p_seconds,
                p,
                self.timed,
            )

    def _quicker(self, first: int, second: int) -> float | None:
        """p of `second` being quicker on texts after `first` than on all other texts shared with anybody."""
        n, total, square = self.paced[first, second], self.pace[first, second], self.square[first, second]
        n_rest = self.paced[:, second].sum() - n
        if not self.timed or n < LEAST_SHARED or n_rest < LEAST_SHARED:
            return None
        mean = total / n
        mean_rest = (self.pace[:, second].sum() - total) / n_rest
        variance = max(square / n - mean**2, 1e-6)
        variance_rest = max((self.square[:, second].sum() - square) / n_rest - mean_rest**2, 1e-6)
        t = (mean - mean_rest) / np.sqrt(variance / n + variance_rest / n_rest)
        return float(special.stdtr(min(n, n_rest) - 1, t))


def ordered_pairs(answers: Timed) -> OrderedPairs:
    """Count, for each two people, the texts that one answered after the other, and their agreement.

    Parameters
    ----------
    answers : Timed
        One row an answer; at most one answer of a person to a text.

    Examples
    --------
    >>> from qc.algorithms.patterns import Answers
    >>> none = np.full(4, np.nan)
    >>> made = Answers(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([2, 2, 1, 0]), none, none,
    ...                np.array([10.0, 20.0, 40.0, 30.0]), np.zeros(4))
    >>> pairs = ordered_pairs(made)
    >>> pairs.texts.tolist(), pairs.agreed.tolist()
    ([[0, 1], [1, 0]], [[0, 1], [0, 0]])
    """
    people = int(answers.annotators.max()) + 1
    if people > MOST_PEOPLE:
        none, nothing = np.zeros((0, 0), np.int64), np.zeros((0, 0))
        return OrderedPairs(none, none, nothing, nothing, nothing, False)
    timed = bool(np.isfinite(answers.minutes).any())
    texts, agreed = np.zeros(people**2, np.int64), np.zeros(people**2, np.int64)
    pace, square, paced = (np.zeros(people**2) for _ in range(3))
    order = np.lexsort((answers.moments, answers.items))
    items = answers.items[order]
    with np.errstate(divide="ignore"):
        logs = np.log(answers.seconds[order])
    who, said = answers.annotators[order], answers.labels[order]
    starts = np.flatnonzero(np.append(True, items[1:] != items[:-1]))
    size = np.diff(np.append(starts, len(items)))
    distance = 1
    while True:  # answers to one text that are `distance` places apart, the earlier one first
        long_enough = size > distance
        if not long_enough.any():
            break
        first = np.concatenate(
            [
                np.repeat(starts[long_enough], size[long_enough] - distance)
                + _counting(size[long_enough] - distance)
            ]
        )
        for part in range(0, len(first), _PAIRS_AT_ONCE):
            a = first[part : part + _PAIRS_AT_ONCE]
            b = a + distance
            for one, other in ((a, b),) if timed else ((a, b), (b, a)):
                key = who[one] * people + who[other]
                texts += np.bincount(key, minlength=people**2)
                agreed += np.bincount(key[said[one] == said[other]], minlength=people**2)
                known = np.isfinite(logs[other])
                taken = logs[other][known]
                pace += np.bincount(key[known], weights=taken, minlength=people**2)
                square += np.bincount(key[known], weights=taken**2, minlength=people**2)
                paced += np.bincount(key[known], minlength=people**2)
        distance += 1
    shape = (people, people)
    return OrderedPairs(
        texts.reshape(shape),
        agreed.reshape(shape),
        pace.reshape(shape),
        square.reshape(shape),
        paced.reshape(shape),
        timed,
    )


def _counting(lengths: IntArray) -> IntArray:
    """Return 0, 1, … for each length, one after the other."""
    ends = np.cumsum(lengths)
    return np.asarray(np.arange(ends[-1]) - np.repeat(ends - lengths, lengths), dtype=np.int64)


def _logit(successes: IntArray, n: IntArray) -> FloatArray:
    return np.asarray(special.logit((successes + 0.5) / (n + 1)))
