"""Texts whose given label is probably wrong, by confident learning on out-of-sample probabilities."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FOLDS = 5
MOST_TO_TRAIN = 30_000  # texts of a fold; more make it slower, not better


@dataclass(frozen=True)
class LabelIssues:
    """The suspected texts, worst first: positions, the label that is likelier, and the given label's probability."""

    positions: IntArray
    likely: IntArray
    confidence: FloatArray


def out_of_sample_probabilities(
    embeddings: NDArray[np.floating],
    labels: IntArray,
    groups: IntArray,
    n_labels: int,
    seed: int = 0,
    report: Callable[[float], None] = lambda share: None,
) -> FloatArray | None:
    """Return each label's probability for each text, by a model that has not seen the text nor any of its group.

    Logistic regression on the embeddings, five folds, stratified by label; a group is never torn apart, so that a
    copy of a text in training does not confirm the text's wrong label.

    Parameters
    ----------
    embeddings : (n, d) float array
    labels : (n,) int array
        Codes from 0 to n_labels - 1.
    groups : (n,) int array
        Texts of one number stay together.
    n_labels : int
    seed : int
        Of the folds, and of the choice of training texts where there are more than 30,000.
    report : callable
        Is told the share that is done.

    Returns
    -------
    (n, n_labels) float array or None
        Rows sum to 1. None where there are fewer than two labels or fewer groups than folds.
    """
    if len(np.unique(labels)) < 2 or len(np.unique(groups)) < FOLDS:
        return None
    rng = np.random.default_rng(seed)
    found = np.zeros((len(labels), n_labels))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    vectors = np.asarray(embeddings)
    for at, (train, test) in enumerate(folds.split(vectors, labels, groups)):
        if len(train) > MOST_TO_TRAIN:
            train = np.sort(rng.choice(train, MOST_TO_TRAIN, replace=False))  # noqa: PLW2901
        seen = np.unique(labels[train])
        if len(seen) < 2:
            found[test, seen] = 1.0
        else:
            model = LogisticRegression(C=10.0, max_iter=300)
            model.fit(vectors[train], labels[train])
            found[np.ix_(test, model.classes_)] = model.predict_proba(vectors[test])
        report((at + 1) / FOLDS)
    return found


def label_issues(labels: IntArray, probabilities: FloatArray) -> LabelIssues:
    """Return the texts whose label confident learning suspects, the least probable given label first.

    Parameters
    ----------
    labels : (n,) int array
        Codes that index the columns of `probabilities`.
    probabilities : (n, k) float array
        Out-of-sample; rows sum to 1. Labels that no text has are left out.

    Examples
    --------
    Twenty sure texts of each label, and one whose label the model does not believe:

    >>> labels = np.array([0] * 20 + [1] * 20 + [0])
    >>> sure = np.where(labels == 0, 0.95, 0.05)
    >>> sure[-1] = 0.02
    >>> found = label_issues(labels, np.column_stack([sure, 1 - sure]))
    >>> found.positions.tolist(), found.likely.tolist()
    ([40], [1])

    References
    ----------
    Northcutt, Jiang & Chuang (2021), Confident Learning, JAIR 70, 1373-1411; cleanlab's `prune_by_noise_rate`.
    """
    used = np.unique(labels)
    codes = np.searchsorted(used, labels)
    shares = probabilities[:, used]
    totals = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, totals, out=np.full_like(shares, 1 / len(used)), where=totals > 0)
    order = find_label_issues(codes, shares, return_indices_ranked_by="self_confidence", n_jobs=1)
    positions = np.asarray(order, np.int64)
    return LabelIssues(
        positions,
        used[shares[positions].argmax(axis=1)].astype(np.int64),
        np.asarray(shares[positions, codes[positions]], np.float64),
    )


@dataclass(frozen=True)
class SetIssues:
    """Texts of several labels with a suspected one, worst first.

    `label` is the label in doubt, `given` whether the text has it, `confidence` the probability of that.
    """

    positions: IntArray
    label: IntArray
    given: NDArray[np.bool_]
    confidence: FloatArray


def probabilities_of_each(
    embeddings: NDArray[np.floating],
    given: NDArray[np.bool_],
    groups: IntArray,
    seed: int = 0,
    report: Callable[[float], None] = lambda share: None,
) -> FloatArray | None:
    """Return the probability that each text has each label, by models that have not seen it nor any of its group.

    One logistic regression for each label against its absence; folds and groups as in `out_of_sample_probabilities`.

    Parameters
    ----------
    embeddings : (n, d) float array
    given : (n, k) bool array
        Which labels each text has.
    groups : (n,) int array
    seed : int
    report : callable

    Returns
    -------
    (n, k) float array or None
        A label that all or no texts of a training part have keeps that as its probability. None where there are fewer
        groups than folds.
    """
    if len(np.unique(groups)) < FOLDS:
        return None
    rng = np.random.default_rng(seed)
    found = np.zeros(given.shape)
    vectors = np.asarray(embeddings)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    for at, (train, test) in enumerate(folds.split(vectors, groups=groups)):
        if len(train) > MOST_TO_TRAIN:
            train = np.sort(rng.choice(train, MOST_TO_TRAIN, replace=False))  # noqa: PLW2901
        for label in range(given.shape[1]):
            has = given[train, label]
            if has.all() or not has.any():
                found[test, label] = float(has.all())
                continue
            model = LogisticRegression(C=10.0, max_iter=300).fit(vectors[train], has)
            found[test, label] = model.predict_proba(vectors[test])[:, 1]
        report((at + 1) / FOLDS)
    return found


def set_issues(given: NDArray[np.bool_], probabilities: FloatArray) -> SetIssues:
    """Return the texts of which confident learning suspects a label, each label against its absence.

    Of several doubtful labels of a text, the one that is least probable as it is. Labels that all texts or none have
    are not judged.

    Parameters
    ----------
    given : (n, k) bool array
    probabilities : (n, k) float array
        Out-of-sample, that a text has a label.

    Examples
    --------
    One text has a second label that the model does not believe:

    >>> given = np.zeros((41, 2), dtype=bool)
    >>> given[:20, 0] = given[20:40, 1] = given[40] = True
    >>> sure = np.where(given, 0.95, 0.05)
    >>> sure[40] = [0.95, 0.02]
    >>> found = set_issues(given, sure)
    >>> found.positions.tolist(), found.label.tolist(), found.given.tolist()
    ([40], [1], [True])

    References
    ----------
    Thyagarajan et al. (2022), Identifying Incorrect Annotations in Multi-Label Classification Data, arXiv:2211.13895.
    """
    judged = np.flatnonzero(given.any(axis=0) & ~given.all(axis=0))
    nothing = np.zeros(0, np.int64)
    if not len(judged):
        return SetIssues(nothing, nothing, np.zeros(0, bool), np.zeros(0))
    rows = [np.flatnonzero(row).tolist() for row in given[:, judged]]
    doubted = np.asarray(find_multilabel_issues_per_class(rows, probabilities[:, judged], n_jobs=1), bool)
    as_given = np.where(given, probabilities, 1 - probabilities)[:, judged]
    worst = np.where(doubted, as_given, np.inf).argmin(axis=1)
    positions = np.flatnonzero(doubted.any(axis=1))
    confidence = as_given[positions, worst[positions]]
    order = np.lexsort((positions, confidence))
    positions, confidence = positions[order], confidence[order]
    label = judged[worst[positions]]
    return SetIssues(positions, label.astype(np.int64), given[positions, label], confidence)


def disagreement(
    items: IntArray, codes: IntArray, distance: Callable[[int, int], float]
) -> list[tuple[int, float, int]]:
    """Return (item, mean distance between two of its answers, answers) of all items with two answers or more.

    Parameters
    ----------
    items, codes : (n,) int arrays
        Whose answer, and which; equal codes are equal answers.
    distance : callable
        Between two codes; asked once for each two.

    Examples
    --------
    >>> disagreement(np.array([7, 7, 7, 8]), np.array([0, 0, 1, 1]), lambda a, b: 1.0)
    [(7, 0.6666666666666666, 3)]
    """
    order = np.argsort(items, kind="stable")
    items, codes = items[order], codes[order]
    starts = np.flatnonzero(np.diff(items, prepend=items[:1] - 1))
    known: dict[tuple[int, int], float] = {}
    found = []
    for start, end in pairwise([*starts.tolist(), len(items)]):
        if end - start < 2:
            continue
        apart = []
        for pair in combinations(sorted(codes[start:end].tolist()), 2):
            if pair[0] != pair[1] and pair not in known:
                known[pair] = distance(*pair)
            apart.append(known.get(pair, 0.0))
        found.append((int(items[start]), float(np.mean(apart)), end - start))
    return found


def set_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Return how far two sets are apart: 1 minus what they share of all that is in them, 0 for two empty ones.

    >>> set_distance([1, 2], [2, 3, 4])
    0.75
    """
    one, other = set(a), set(b)
    return 1 - len(one & other) / len(one | other) if one | other else 0.0
