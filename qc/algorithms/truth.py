"""Inferring each text's label from people of different reliability: Dawid–Skene, GLAD, MACE.

All three are expectation–maximisation, written over arrays: an answer is one row of a sparse matrix or one weight of a
count, so that three million answers cost seconds. They are tested against crowd-kit, which loops over data frames and
whose MACE begins every restart from the same point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse, special

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

METHODS = ("dawid-skene", "glad", "mace")
ITERATIONS = 400
GLAD_ITERATIONS = 50
MACE_ITERATIONS = 50
TOLERANCE = 1e-8  # of the log likelihood, relative
TIED = 1e-9  # two posteriors nearer than this are a tie
_LEAST = 1e-10  # a probability of 0 would rule out a text's label for ever


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a method says.

    Attributes
    ----------
    posterior : (n_items, n_labels) float array
        Probability of each label; rows without answers are NaN.
    label : (n_items,) int array
        The most probable label; -1 where two are equally probable or nobody answered.
    tie : (n_items,) bool array
    confidence : (n_items,) float array
        The highest posterior; NaN without answers.
    reliability : (people,) float array
        Probability that the person's answer is right, by the model; NaN for people without answers.
    confusion : (people, n_labels, n_labels) float array or None
        [person, true, given], Dawid–Skene alone.
    prevalence : (n_labels,) float array
        Mean posterior.
    log_likelihood : float
    """

    posterior: FloatArray
    label: IntArray
    tie: BoolArray
    confidence: FloatArray
    reliability: FloatArray
    confusion: FloatArray | None
    prevalence: FloatArray
    log_likelihood: float


def infer_truth(
    method: str,
    items: IntArray,
    annotators: IntArray,
    labels: IntArray,
    n_labels: int,
    n_items: int | None = None,
    seed: int = 0,
) -> Inferred:
    """Infer labels by the method of this name.

    Parameters
    ----------
    method : str
        One of METHODS.
    items, annotators, labels : (answers,) int arrays
        Codes from 0; one row an answer. An annotator may have several answers to a text.
    n_labels : int
    n_items : int, optional
        By default the largest code and one.
    seed : int
        Of MACE's starting points; the others have no randomness.

    Raises
    ------
    ValueError
        For another method.
    """
    size = n_items if n_items is not None else int(items.max(initial=-1)) + 1
    if method == "dawid-skene":
        return dawid_skene(items, annotators, labels, n_labels, size)
    if method == "glad":
        return glad(items, annotators, labels, n_labels, size)
    if method == "mace":
        return mace(items, annotators, labels, n_labels, size, seed)
    raise ValueError(f"there is no method {method!r}; there are {', '.join(METHODS)}")


def dawid_skene(
    items: IntArray, annotators: IntArray, labels: IntArray, n_labels: int, n_items: int
) -> Inferred:
    """Estimate everybody's confusion matrix and every text's label together.

    EM from the shares of the votes, without smoothing, until the log likelihood stands still.

    Examples
    --------
    Two careful people outvote a third who says 1 whatever the text:

    >>> i = np.repeat(np.arange(6), 3)
    >>> said = np.array([0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1])
    >>> dawid_skene(i, np.tile([0, 1, 2], 6), said, 2, 6).label.tolist()
    [0, 0, 1, 0, 1, 0]

    References
    ----------
    Dawid & Skene (1979), Applied Statistics 28, 20-28.
    """
    people = int(annotators.max(initial=-1)) + 1
    answers = sparse.csr_array(
        (np.ones(len(items)), (items, annotators * n_labels + labels)), shape=(n_items, people * n_labels)
    )
    answers.sum_duplicates()
    by_person = sparse.csr_array(answers.T)
    answered = np.diff(answers.indptr) > 0
    posterior = _vote_shares(items, labels, n_labels, n_items)
    before = -np.inf
    confusion, prevalence = np.zeros((people, n_labels, n_labels)), np.zeros(n_labels)
    log_likelihood = before
    for _ in range(ITERATIONS):
        sums = np.asarray(by_person @ posterior, dtype=np.float64)
        given = sums.reshape(people, n_labels, n_labels)  # [person, given, true]
        with np.errstate(invalid="ignore", divide="ignore"):
            confusion = np.nan_to_num(given / given.sum(axis=1, keepdims=True))
        prevalence = posterior[answered].mean(axis=0) if answered.any() else np.full(n_labels, 1 / n_labels)
        logs = np.log(np.maximum(confusion, _LEAST)).reshape(people * n_labels, n_labels)
        joint = answers @ logs + np.log(np.maximum(prevalence, _LEAST))
        posterior, log_likelihood = _normalised(joint, answered)
        if log_likelihood - before <= TOLERANCE * abs(log_likelihood):
            break
        before = log_likelihood
    confusion = confusion.transpose(0, 2, 1)
    # Right answers as the model has them: what is on the diagonal, weighed by how often each label was true
    right = np.einsum("ptg,t->pg", confusion * np.eye(n_labels), prevalence).sum(axis=1)
    weight = (confusion.sum(axis=2) * prevalence).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = np.where(weight > 0, right / weight, np.nan)
    return _inferred(posterior, answered, reliability, confusion, log_likelihood)


def glad(items: IntArray, annotators: IntArray, labels: IntArray, n_labels: int, n_items: int) -> Inferred:
    """Estimate everybody's ability and every text's difficulty: an answer is right with 1 / (1 + exp(-a b)).

    a is the person's ability, b = exp(.) the text's easiness, a wrong answer is any other label alike; ability has the
    prior N(1, 1), log easiness N(0, 1) (crowd-kit's is N(1, 1), which only moves the scale).

    Examples
    --------
    >>> i = np.repeat(np.arange(4), 3)
    >>> glad(i, np.tile([0, 1, 2], 4), np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0]), 2, 4).label.tolist()
    [0, 1, 0, 1]

    References
    ----------
    Whitehill et al. (2009), NIPS 22.
    """
    people = int(annotators.max(initial=-1)) + 1
    answered = np.bincount(items, minlength=n_items) > 0
    posterior = _vote_shares(items, labels, n_labels, n_items)
    ability, easiness = np.ones(people), np.zeros(n_items)
    wrong = max(1, n_labels - 1)
    before, log_likelihood = -np.inf, -np.inf
    prior = np.full(n_labels, 1 / n_labels)
    for _ in range(GLAD_ITERATIONS):
        right = posterior[items, labels]

        def loss(x: FloatArray, right: FloatArray = right) -> tuple[float, FloatArray]:
            a, b = x[:people], x[people:]
            eased = np.exp(b[items])
            z = a[annotators] * eased
            value = (
                right * special.log_expit(z) + (1 - right) * (special.log_expit(-z) - np.log(wrong))
            ).sum()
            value -= 0.5 * ((a - 1) ** 2).sum() + 0.5 * (b**2).sum()
            slope = right - special.expit(z)
            of_a = np.bincount(annotators, weights=slope * eased, minlength=people) - (a - 1)
            of_b = np.bincount(items, weights=slope * z, minlength=n_items) - b
            return -float(value), -np.append(of_a, of_b)

        found = optimize.minimize(
            loss, np.append(ability, easiness), jac=True, method="L-BFGS-B", options={"maxiter": 25}
        )
        ability, easiness = found.x[:people], np.clip(found.x[people:], -5, 5)
        z = ability[annotators] * np.exp(easiness[items])
        base, gain = special.log_expit(-z) - np.log(wrong), special.log_expit(z)
        joint = _scores(items, labels, base, gain, n_labels, n_items) + np.log(prior)
        posterior, log_likelihood = _normalised(joint, answered)
        if abs(log_likelihood - before) <= 1e-6 * abs(log_likelihood):
            break
        before = log_likelihood
    sure = np.bincount(annotators, weights=posterior[items, labels], minlength=people)
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = sure / np.bincount(annotators, minlength=people)
    return _inferred(posterior, answered, reliability, None, log_likelihood)


def mace(
    items: IntArray,
    annotators: IntArray,
    labels: IntArray,
    n_labels: int,
    n_items: int,
    seed: int = 0,
    restarts: int = 10,
) -> Inferred:
    """Estimate how often everybody knows the label, and what they say when they do not.

    Variational Bayes with the priors of the paper (Beta(0.5, 0.5) for knowing, 10 for each label of a strategy), from
    several starting points, of which the one with the highest likelihood is kept.

    Examples
    --------
    Somebody who always says 1 knows nothing:

    >>> i = np.repeat(np.arange(6), 3)
    >>> said = np.array([0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1])
    >>> found = mace(i, np.tile([0, 1, 2], 6), said, 2, 6)
    >>> found.label.tolist(), bool(found.reliability[2] < found.reliability[0])
    ([0, 0, 1, 0, 1, 0], True)

    References
    ----------
    Hovy et al. (2013), NAACL-HLT, 1120-1130.
    """
    people = int(annotators.max(initial=-1)) + 1
    answered = np.bincount(items, minlength=n_items) > 0
    rng = np.random.default_rng(seed)
    best: tuple[float, FloatArray, FloatArray] | None = None
    said = annotators * n_labels + labels
    for _ in range(restarts):
        knows = rng.uniform(0.5, 0.75, people)
        strategy = rng.uniform(1, 1.5, (people, n_labels))
        strategy /= strategy.sum(axis=1, keepdims=True)
        before, log_likelihood = -np.inf, -np.inf
        posterior = np.zeros((n_items, n_labels))
        for _ in range(MACE_ITERATIONS):
            guess = np.maximum((1 - knows)[annotators] * strategy.ravel()[said], _LEAST)
            known = knows[annotators] + guess
            joint = _scores(items, labels, np.log(guess), np.log(known), n_labels, n_items) - np.log(n_labels)
            posterior, log_likelihood = _normalised(joint, answered)
            if abs(log_likelihood - before) <= TOLERANCE * abs(log_likelihood):
                break
            before = log_likelihood
            right = posterior[items, labels]
            guessed = (1 - right) + right * guess / known
            n_guessed = np.bincount(annotators, weights=guessed, minlength=people)
            n_known = np.bincount(annotators, weights=1 - guessed, minlength=people)
            both = special.digamma(n_guessed + n_known + 1.0)
            know = np.exp(special.digamma(n_known + 0.5) - both)
            spam = np.exp(special.digamma(n_guessed + 0.5) - both)
            knows = know / (know + spam)
            counts = (
                np.bincount(said, weights=guessed, minlength=people * n_labels).reshape(people, n_labels)
                + 10.0
            )
            strategy = np.exp(special.digamma(counts) - special.digamma(counts.sum(axis=1, keepdims=True)))
            strategy /= strategy.sum(axis=1, keepdims=True)
        if best is None or log_likelihood > best[0]:
            best = (log_likelihood, posterior, knows)
    assert best is not None
    log_likelihood, posterior, knows = best
    return _inferred(posterior, answered, knows, None, log_likelihood)


def _vote_shares(items: IntArray, labels: IntArray, n_labels: int, n_items: int) -> FloatArray:
    """Return the share of each label in the answers of each text; 0 without answers."""
    votes = np.bincount(items * n_labels + labels, minlength=n_items * n_labels)
    table = votes.reshape(n_items, n_labels).astype(np.float64)
    return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), 1))


def _scores(
    items: IntArray, labels: IntArray, base: FloatArray, gain: FloatArray, n_labels: int, n_items: int
) -> FloatArray:
    """Return the log likelihood of each text's answers under each label: `gain` of those that give it, else `base`."""
    all_wrong = np.bincount(items, weights=base, minlength=n_items)
    lifted = np.bincount(items * n_labels + labels, weights=gain - base, minlength=n_items * n_labels)
    return np.asarray(all_wrong[:, None] + lifted.reshape(n_items, n_labels))


def _normalised(joint: FloatArray, answered: BoolArray) -> tuple[FloatArray, float]:
    """Return posteriors from log joint probabilities (0 without answers), and the log likelihood."""
    largest = joint.max(axis=1, keepdims=True)
    weight = np.exp(joint - largest)
    total = weight.sum(axis=1, keepdims=True)
    posterior = weight / total
    posterior[~answered] = 0.0
    return posterior, float((np.log(total) + largest)[answered].sum())


def _inferred(
    posterior: FloatArray,
    answered: BoolArray,
    reliability: FloatArray,
    confusion: FloatArray | None,
    log_likelihood: float,
) -> Inferred:
    prevalence = posterior[answered].mean(axis=0) if answered.any() else np.zeros(posterior.shape[1])
    shown = np.where(answered[:, None], posterior, np.nan)
    best = posterior.max(axis=1) if posterior.shape[1] else np.zeros(len(posterior))
    tie = answered & ((posterior >= best[:, None] - TIED).sum(axis=1) > 1)
    label = np.where(answered & ~tie, posterior.argmax(axis=1), -1)
    return Inferred(
        posterior=shown,
        label=label.astype(np.int64),
        tie=tie,
        confidence=np.where(answered, best, np.nan),
        reliability=reliability,
        confusion=confusion,
        prevalence=prevalence,
        log_likelihood=log_likelihood,
    )
