"""Texts whose given label is probably wrong, by confident learning on out-of-sample probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

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
