"""Patterns in somebody's answers that a lead should look at, each with its test. None is an accusation.

Every test asks whether an honest person could look like this, and honest people differ: in pace, in skill, in how they
like a label. So a null hypothesis here is never "exactly like the others" but "no farther from them than people are",
and a pattern needs an effect that matters besides a small p-value. The p-values of all tests of all people go
through Benjamini and Hochberg's procedure together: of the patterns named, one in twenty may be chance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special, stats

from qc.algorithms.copying import OrderedPairs, ordered_pairs
from qc.algorithms.people import binomial_tail

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FALSE_DISCOVERY = 0.05
LEAST_ANSWERS = 20  # below, nothing is tested
LEAST_TRANSITIONS = 50
LEAST_OTHERS = 4  # people whose pace is known, to say what is usual
PACE_SPREAD = 0.25  # least standard deviation of people's log median seconds: people differ by a quarter
FAST = 0.5  # of the others' median seconds
ONE_LABEL = 0.8  # of somebody's answers
ORDER_STRENGTH = 0.3  # Cramér's V between an answer and the one before
DROP = 0.1  # of agreement, from the first third of the answers by minute to the last


@dataclass(frozen=True, slots=True)
class Answers:
    """One row an answer; codes from 0, at most one answer of a person to a text.

    Attributes
    ----------
    items, annotators, labels : (n,) int arrays
    score : (n,) float array
        Agreement of the answer with the others on the text, 0 to 1; NaN where nobody else answered.
    seconds, moments, minutes : (n,) float arrays
        Time taken, time given (seconds since some moment), minutes into the sitting; NaN where not known.
    """

    items: IntArray
    annotators: IntArray
    labels: IntArray
    score: FloatArray
    seconds: FloatArray
    moments: FloatArray
    minutes: FloatArray


@dataclass(slots=True)
class Pattern:
    """One test of one person.

    Attributes
    ----------
    annotator : int
        Code.
    kind : str
        too_fast, one_label, copies, fixed_order or tires.
    p, q : float
        As tested, and after control of false discovery over all tests.
    matters : bool
        Whether the effect is large enough to be told.
    evidence : dict
        Figures for the sentence.
    """

    annotator: int
    kind: str
    p: float
    matters: bool
    evidence: dict[str, Any] = field(default_factory=dict)
    q: float = 1.0

    @property
    def named(self) -> bool:
        """Whether a lead is told."""
        return bool(self.matters and self.q <= FALSE_DISCOVERY)


def find_patterns(
    answers: Answers, counts: sparse.csr_array, pairs: OrderedPairs | None = None
) -> list[Pattern]:
    """Test everybody for every pattern.

    Parameters
    ----------
    answers : Answers
    counts : (n_items, n_labels) sparse int array
        The same answers, counted.
    pairs : OrderedPairs, optional
        What `ordered_pairs` finds in them, where it is at hand.

    Returns
    -------
    list of Pattern
        Every test that could be made, named or not; by annotator, then kind.

    References
    ----------
    Benjamini & Hochberg (1995), JRSS B 57, 289-300.
    """
    if len(answers.items) == 0:
        return []
    by_person = _rows_of_each(answers.annotators)
    found = [
        *_too_fast(answers, by_person),
        *_one_label(answers, counts, by_person),
        *_fixed_order(answers, counts, by_person),
        *_tires(answers, counts, by_person),
        *_copies(pairs if pairs is not None else ordered_pairs(answers)),
    ]
    if found:
        adjusted = stats.false_discovery_control([min(1.0, max(0.0, test.p)) for test in found], method="bh")
        for test, q in zip(found, adjusted, strict=True):
            test.q = float(q)
    return sorted(found, key=lambda test: (test.annotator, test.kind, test.p))


def _rows_of_each(annotators: IntArray) -> list[IntArray]:
    """Return where each person's answers are."""
    order = np.argsort(annotators, kind="stable")
    return np.split(order, np.cumsum(np.bincount(annotators))[:-1])


def _too_fast(answers: Answers, by_person: list[IntArray]) -> list[Pattern]:
    """The median seconds lie below what others' paces, spread as people's are, would give (Student's t)."""
    with np.errstate(divide="ignore"):
        pace = np.log(answers.seconds)
    medians: dict[int, float] = {}
    for person, rows in enumerate(by_person):
        known = pace[rows][np.isfinite(pace[rows])]
        if len(known) >= LEAST_ANSWERS:
            medians[person] = float(np.median(known))
    found = []
    for person, own in medians.items():
        others = np.array([value for other, value in medians.items() if other != person])
        if len(others) < LEAST_OTHERS:
            continue
        usual = float(np.median(others))
        spread = max(PACE_SPREAD, 1.4826 * float(np.median(np.abs(others - usual))))
        p = float(special.stdtr(len(others) - 1, (own - usual) / (spread * np.sqrt(1 + 1 / len(others)))))
        matters = bool(own < usual + np.log(FAST))
        evidence: dict[str, Any] = {"median": float(np.exp(own)), "others": float(np.exp(usual))}
        if matters:
            evidence |= _fast_answers(answers, by_person[person], float(np.exp(usual)) * FAST / 2)
        found.append(Pattern(person, "too_fast", p, matters, evidence))
    return found


def _fast_answers(answers: Answers, rows: IntArray, limit: float) -> dict[str, Any]:
    """How many answers took less than `limit`, and how far these and the slower ones agree with the rest."""
    fast = answers.seconds[rows] < limit
    score = answers.score[rows]
    shown: dict[str, Any] = {"limit": limit, "fast": int(fast.sum()), "answers": len(rows)}
    for name, part in (("agreement_fast", score[fast]), ("agreement_slow", score[~fast])):
        shown[name] = float(np.nanmean(part)) if np.isfinite(part).any() else None
    return shown


def _one_label(answers: Answers, counts: sparse.csr_array, by_person: list[IntArray]) -> list[Pattern]:
    """One label is most of the answers, and the others gave it much less often to the same texts (binomial)."""
    totals = counts.sum(axis=1)
    columns: dict[int, IntArray] = {}  # how often each text got a label
    found = []
    for person, rows in enumerate(by_person):
        if len(rows) < LEAST_ANSWERS:
            continue
        labels = answers.labels[rows]
        mine = np.bincount(labels, minlength=counts.shape[1])
        top = int(mine.argmax())
        n, given = len(rows), int(mine[top])
        items = answers.items[rows]
        others = totals[items] - 1
        if not (others > 0).any():
            continue
        if top not in columns:
            columns[top] = np.asarray(counts[:, [top]].toarray()).ravel()
        theirs = columns[top][items] - (labels == top)
        expected = float((theirs[others > 0] / others[others > 0]).mean())
        # Up to half way from the others' share to all answers is put down to taste
        p = float(binomial_tail(np.array(float(given)), n, (1 + expected) / 2))
        evidence = {"label": top, "given": given, "answers": n, "share": given / n, "expected": expected}
        found.append(Pattern(person, "one_label", p, given / n >= ONE_LABEL, evidence))
    return found


def _fixed_order(answers: Answers, counts: sparse.csr_array, by_person: list[IntArray]) -> list[Pattern]:
    """An answer depends on the one before (chi-square of order 1), and the others' on the same texts do not."""
    found = []
    for person, own in enumerate(by_person):
        if len(own) <= LEAST_TRANSITIONS or not np.isfinite(answers.minutes[own]).any():
            continue
        rows = own[np.argsort(answers.moments[own], kind="stable")]
        statistic, df, strength, n = _dependence(answers.labels[rows])
        if df == 0:
            continue
        p = float(special.chdtrc(df, statistic))
        evidence: dict[str, Any] = {"strength": strength, "transitions": n}
        matters = strength >= ORDER_STRENGTH and p < FALSE_DISCOVERY
        if matters:
            rest = _rest_labels(answers, counts, rows)
            evidence["others"] = _dependence(rest)[2]
            evidence |= _commonest_step(answers.labels[rows])
            matters = evidence["others"] < strength / 2
        found.append(Pattern(person, "fixed_order", p, matters, evidence))
    return found


def _dependence(labels: IntArray) -> tuple[float, int, float, int]:
    """Chi-square of an answer against the one before, its degrees of freedom, Cramér's V, and the transitions.

    Labels that were given fewer than 5 times count as one.
    """
    if len(labels) < 2:
        return 0.0, 0, 0.0, 0
    used, codes = np.unique(labels, return_inverse=True)
    rare = np.bincount(codes) < 5
    codes = np.where(rare[codes], len(used), codes)
    codes = np.unique(codes, return_inverse=True)[1]
    size = int(codes.max()) + 1
    if size < 2:
        return 0.0, 0, 0.0, len(labels) - 1
    table = (
        np.bincount(codes[:-1] * size + codes[1:], minlength=size * size)
        .reshape(size, size)
        .astype(np.float64)
    )
    n = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = float(np.nansum((table - expected) ** 2 / expected))
    df = (size - 1) ** 2
    # V without what chance alone gives
    return statistic, df, float(np.sqrt(max(0.0, statistic - df) / (n * (size - 1)))), int(n)


def _rest_labels(answers: Answers, counts: sparse.csr_array, rows: IntArray) -> IntArray:
    """The label that most of the others gave to each text, where there is one; in the order of the rows."""
    theirs = counts[answers.items[rows]].toarray()
    theirs[np.arange(len(rows)), answers.labels[rows]] -= 1
    return np.asarray(theirs.argmax(axis=1)[theirs.max(axis=1) > 0], dtype=np.int64)


def _commonest_step(labels: IntArray) -> dict[str, int]:
    """The two labels that follow each other more often than all others do, and how often."""
    steps, times = np.unique(np.stack([labels[:-1], labels[1:]]), axis=1, return_counts=True)
    at = int(times.argmax())
    return {"before": int(steps[0, at]), "after": int(steps[1, at]), "times": int(times[at])}


def _tires(answers: Answers, counts: sparse.csr_array, by_person: list[IntArray]) -> list[Pattern]:
    """Agreement with the rest falls with the minutes into the sitting (one-sided test of the correlation).

    It also falls for those who label beside somebody who tires. So the fall must go beyond that of the others'
    agreement among themselves on the same texts.
    """
    found = []
    for person, rows in enumerate(by_person):
        known = rows[np.isfinite(answers.score[rows]) & np.isfinite(answers.minutes[rows])]
        if len(known) < LEAST_TRANSITIONS:
            continue
        minutes, score = answers.minutes[known], answers.score[known]
        if minutes.std() == 0 or score.std() == 0:
            continue
        n = len(known)
        r = float(np.clip(np.corrcoef(minutes, score)[0, 1], -0.999999, 0.999999))
        p = float(special.stdtr(n - 2, r * np.sqrt((n - 2) / (1 - r * r))))
        early, late = np.quantile(minutes, [1 / 3, 2 / 3])
        first, last = score[minutes <= early], score[minutes >= late]
        drop = float(first.mean() - last.mean())
        evidence: dict[str, Any] = {
            "first": float(first.mean()),
            "last": float(last.mean()),
            "until": float(early),
            "after": float(late),
            "answers": n,
        }
        matters = drop >= DROP
        if matters:
            among = _among_others(answers, counts, known)
            theirs = [part[np.isfinite(part)] for part in (among[minutes <= early], among[minutes >= late])]
            if min(map(len, theirs)) >= LEAST_ANSWERS:
                evidence |= {"others_first": float(theirs[0].mean()), "others_last": float(theirs[1].mean())}
                matters = drop - (evidence["others_first"] - evidence["others_last"]) >= DROP
        found.append(Pattern(person, "tires", p, matters, evidence))
    return found


def _among_others(answers: Answers, counts: sparse.csr_array, rows: IntArray) -> FloatArray:
    """The share of pairs of others that agree on each row's text; NaN where fewer than two others answered."""
    theirs = counts[answers.items[rows]].toarray().astype(np.float64)
    theirs[np.arange(len(rows)), answers.labels[rows]] -= 1
    n = theirs.sum(axis=1)
    pairs = np.where(n > 1, n * (n - 1), np.nan)
    return np.asarray((theirs * (theirs - 1)).sum(axis=1) / pairs, dtype=np.float64)


def _copies(pairs: OrderedPairs) -> list[Pattern]:
    """Answers like one other person's, on texts that the other answered before; see `OrderedPairs.tests`."""
    found: dict[int, Pattern] = {}
    for row in pairs.tests():
        best = found.get(row.second)
        # A person is tested once, with the pair that is most alike, against all pairs of that person
        if best is None or row.p < best.p:
            found[row.second] = Pattern(row.second, "copies", row.p, row.matters, row.evidence())
    of_each = pairs.tests_of_each()
    for person, pattern in found.items():
        pattern.p = min(1.0, pattern.p * max(1, of_each.get(person, 1)))
    return list(found.values())
