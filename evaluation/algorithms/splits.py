"""Dividing items into splits: duplicates and groups stay together, labels are spread evenly, seeded and repeatable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from annotation.algorithms.duplicates import clusters
from evaluation.algorithms.exchange import settle
from evaluation.algorithms.stratify import Dealer, IntArray


def join(
    n: int,
    pairs: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]] = (),
    groupings: Iterable[Sequence[object] | npt.NDArray[np.generic]] = (),
) -> IntArray:
    """Return the components of n items under pairs (duplicates) and groupings (equal values of a field).

    Parameters
    ----------
    n : int
        The number of items.
    pairs : iterable of (a, b)
        Arrays of indices; a[i] and b[i] stay together.
    groupings : iterable of n values each
        Items with the same value stay together; a missing value (None, NaN) ties nothing.

    Returns
    -------
    (n,) int array
        Components, numbered by their first item.

    Examples
    --------
    >>> join(5, pairs=[([0], [3])], groupings=[["ann", "bob", None, "bob", None]]).tolist()
    [0, 0, 1, 0, 2]
    """
    left = [np.empty(0, np.int64)]
    right = [np.empty(0, np.int64)]
    for a, b in pairs:
        left.append(np.asarray(a, np.int64))
        right.append(np.asarray(b, np.int64))
    for values in groupings:
        codes, _ = pd.factorize(np.asarray(values, object))
        if len(codes) != n:
            raise ValueError(f"There are {n} items but a grouping has {len(codes)} values.")
        order = np.argsort(codes, kind="stable")
        same = (codes[order][1:] == codes[order][:-1]) & (codes[order][1:] >= 0)
        left.append(order[:-1][same])
        right.append(order[1:][same])
    return clusters(n, np.concatenate(left), np.concatenate(right))


def build(
    components: npt.ArrayLike,
    labels: npt.ArrayLike | sparse.csr_array,
    shares: Sequence[float],
    seed: int = 0,
    ids: npt.ArrayLike | None = None,
) -> IntArray:
    """Deal whole components to splits so that each split has its share of the items and of every label.

    Single items are dealt exactly by label up to rounding. Components make sizes and label shares deviate as far
    as they must. A label with at least as many components as there are splits is brought into each split where
    that leaves the sizes as they are; for that, an item of a commoner label may go back.

    Parameters
    ----------
    components : (n,) array
        Items with the same component stay together. Only equality matters.
    labels : (n,) array, (n, f) array or (n, L) sparse array
        One value per item; or one per item and field to stratify by, each field for itself; or, sparse, which of
        L labels an item has (multi-label). Values of one array are of one kind; "no label" is a value like others.
    shares : S floats
        The splits in proportion to their sum, none negative; a split with share 0 stays empty.
    seed : int
        The same items, recipe and seed give the same splits.
    ids : (n,) array, optional
        Distinct ids; the result for an item then does not depend on the order in which the items come.

    Returns
    -------
    (n,) int array
        The number of each item's split.

    Raises
    ------
    ValueError
        If the lengths differ, ids repeat, or the shares cannot be shares.

    Examples
    --------
    >>> build(range(10), ["a", "b"] * 5, [0.6, 0.4]).tolist().count(0)
    6
    >>> len(set(build([0, 0, 1, 1, 2, 3], ["x"] * 6, [0.5, 0.5])[:2].tolist()))
    1
    """
    component = np.asarray(components)
    n = len(component)
    share = _checked(shares)
    matrix = _indicator(labels)
    if matrix.shape[0] != n:
        raise ValueError(f"There are {n} components but {matrix.shape[0]} labels.")
    order = np.arange(n)
    if ids is not None:
        names = np.asarray(ids)
        order = np.argsort(names, kind="stable")
        if len(names) != n or (names[order][1:] == names[order][:-1]).any():
            raise ValueError(f"There have to be {n} different ids.")
    if not n:
        return np.empty(0, np.int64)
    unit = pd.factorize(component[order])[0].astype(np.int64)  # numbered by first item in id order
    if (unit < 0).any():
        raise ValueError("Every item needs a component.")
    units = int(unit.max()) + 1
    together = sparse.csr_array((np.ones(n, np.int64), (unit, np.arange(n))), shape=(units, n))
    counts = sparse.csr_array(together @ matrix[order])
    counts.sort_indices()
    size = np.bincount(unit, minlength=units)
    dealer = Dealer(counts, size, share, np.random.default_rng(seed).permutation(units))
    split = settle(dealer.deal(), counts, size, share)
    result = np.empty(n, np.int64)
    result[order] = split[unit]
    return result


def folds(
    components: npt.ArrayLike,
    labels: npt.ArrayLike | sparse.csr_array,
    k: int,
    seed: int = 0,
    ids: npt.ArrayLike | None = None,
) -> IntArray:
    """Return the fold, 0 to k - 1, in which each item is evaluated; as `build` with k equal shares.

    Examples
    --------
    >>> sorted(folds(range(6), ["x"] * 6, k=3).tolist())
    [0, 0, 1, 1, 2, 2]
    """
    if k < 2:
        raise ValueError(f"{k} folds are not possible; it needs at least 2.")
    return build(components, labels, [1 / k] * k, seed, ids)


def _checked(shares: Sequence[float]) -> npt.NDArray[np.float64]:
    share = np.asarray(shares, np.float64)
    if share.ndim != 1 or not np.isfinite(share).all() or (share < 0).any() or not share.sum() > 0:
        raise ValueError("Shares are numbers of 0 or more, and at least one is above 0.")
    normalised: npt.NDArray[np.float64] = share / share.sum()
    return normalised


def _indicator(labels: npt.ArrayLike | sparse.csr_array) -> sparse.csr_array:
    """Return which item (row) has which label (column); items without any share a column of their own."""
    if isinstance(labels, sparse.csr_array):
        held = labels.astype(bool).astype(np.int64)
        held.eliminate_zeros()
        without = np.flatnonzero(np.diff(held.indptr) == 0)
        none = sparse.csr_array(
            (np.ones(len(without), np.int64), (without, np.zeros(len(without), np.int64))),
            shape=(held.shape[0], 1),
        )
        return sparse.csr_array(sparse.hstack([held, none]))
    values = np.asarray(labels)
    columns = []
    for field in values.reshape(len(values), values.shape[1] if values.ndim > 1 else 1).T:
        found, code = np.unique(field, return_inverse=True)
        columns.append(
            sparse.csr_array(
                (np.ones(len(code), np.int64), (np.arange(len(code)), code)), shape=(len(code), len(found))
            )
        )
    if not columns:
        raise ValueError("There has to be at least one field to stratify by.")
    return sparse.csr_array(sparse.hstack(columns))
