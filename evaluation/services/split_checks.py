"""What is tested of a split set when it is built."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.duplicates import IntArray
from annotation.algorithms.text import digest
from evaluation.recipes import TRAIN

FEW = 30  # evaluation texts of a label, below which intervals get very wide
SIZE_OFF = 0.02
DRIFT = 0.1
Texts = NDArray[Any]
Check = dict[str, str]


def check_split_set(
    recipe: dict[str, Any],
    names: list[str],
    splits: Texts,
    labels: Texts,
    texts: list[str],
    copies: IntArray,
    groups: IntArray,
) -> list[Check]:
    """The checks of a division of n texts, each {"code", "state", "detail"}; all arrays are parallel."""
    equal = np.unique(
        [f"{number} {digest(text)}" for number, text in zip(copies, texts, strict=True)], return_inverse=True
    )[1]
    table = {
        name: {
            str(label): int(n)
            for label, n in zip(
                *np.unique(labels[splits == name].astype(str), return_counts=True), strict=True
            )
        }
        for name in names
    }
    return [
        _leak("exact_copies", "exact copy", equal, splits, np.zeros(len(equal), bool)),
        _leak("near_copies", "near copy (0.995 or more)", copies, splits, _crossing(equal, splits)),
        _torn(recipe, groups, splits),
        _sizes(recipe, table),
        _coverage(table),
        _support(table),
        _drift(names, table),
    ]


def _check(code: str, state: str, detail: str) -> Check:
    return {"code": code, "state": state, "detail": detail}


def _crossing(groups: NDArray[np.int64], splits: Texts) -> NDArray[np.bool_]:
    """Which texts have another one of their group in another split."""
    numbers = np.unique(splits.astype(str), return_inverse=True)[1]
    size = int(groups.max()) + 1 if len(groups) else 0
    low, high = np.full(size, len(splits)), np.full(size, -1)
    np.minimum.at(low, groups, numbers)
    np.maximum.at(high, groups, numbers)
    crossing: NDArray[np.bool_] = (low != high)[groups]
    return crossing


def _leak(code: str, kind: str, groups: NDArray[np.int64], splits: Texts, known: NDArray[np.bool_]) -> Check:
    leaking = _crossing(groups, splits) & ~known
    if not leaking.any():
        return _check(code, "pass", f"No {kind} crosses splits: 0 of {len(splits):,} texts.")
    return _check(
        code,
        "fail",
        f"{int(leaking.sum()):,} of {len(splits):,} texts have an {kind} in another split. ".replace(
            "an near", "a near"
        )
        + "Scores will be too good; group duplicates, or decide on these pairs.",
    )


def _torn(recipe: dict[str, Any], groups: IntArray, splits: Texts) -> Check:
    if not recipe["group"]:
        return _check("groups", "warn", "Nothing is kept together: the recipe names no groups.")
    several = int((np.bincount(groups) > 1).sum()) if len(groups) else 0
    torn = len(np.unique(groups[_crossing(groups, splits)])) if len(groups) else 0
    if torn:
        return _check("groups", "fail", f"{torn:,} of {several:,} groups are torn apart by what is held out.")
    return _check("groups", "pass", f"No group is torn apart: {several:,} groups of two and more texts.")


def _sizes(recipe: dict[str, Any], table: dict[str, dict[str, int]]) -> Check:
    sizes = {name: sum(counts.values()) for name, counts in table.items()}
    empty = [name for name, size in sizes.items() if not size]
    if empty:
        have = "has" if len(empty) == 1 else "have"
        return _check("sizes", "fail", f"{', '.join(empty)} {have} no texts. Correct the recipe.")
    divided = sum(sizes[name] for name in recipe["splits"])
    off = {name: sizes[name] / divided - share for name, share in recipe["splits"].items()}
    worst = max(off, key=lambda name: abs(off[name]))
    if abs(off[worst]) > SIZE_OFF:
        asked = recipe["splits"][worst]
        return _check(
            "sizes", "warn", f"{worst} has {asked + off[worst]:.1%} of the texts; {asked:.1%} was asked for."
        )
    return _check(
        "sizes",
        "pass",
        "Sizes as asked: " + ", ".join(f"{name} {size:,}" for name, size in sizes.items()) + ".",
    )


def _labels(table: dict[str, dict[str, int]]) -> list[str]:
    return sorted({label for counts in table.values() for label in counts})


def _coverage(table: dict[str, dict[str, int]]) -> Check:
    labels = _labels(table)
    missing = [
        f"{name} has no “{label}”"
        for name, counts in table.items()
        for label in labels
        if label not in counts
    ]
    if missing:
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        return _check(
            "label_coverage", "fail", "; ".join(missing[:3]) + more + ". Scores there say nothing about it."
        )
    return _check("label_coverage", "pass", f"Every split has all {len(labels):,} labels.")


def _support(table: dict[str, dict[str, int]]) -> Check:
    found = [
        (n, label, name) for name, counts in table.items() if name != TRAIN for label, n in counts.items()
    ]
    if not found:
        return _check("label_support", "warn", "There is nothing to evaluate on.")
    n, label, name = min(found)
    detail = f"The smallest label to evaluate on is “{label}” in {name}: {n:,} texts"
    if n < FEW:
        return _check("label_support", "warn", f"{detail}, under {FEW}. Its intervals will be wide.")
    return _check("label_support", "pass", f"{detail}.")


def _drift(names: list[str], table: dict[str, dict[str, int]]) -> Check:
    """Total variation distance between the label shares of a split and those of all other splits together."""
    labels = _labels(table)
    counts = np.array([[table[name].get(label, 0) for label in labels] for name in names], float).reshape(
        len(names), -1
    )
    filled = [at for at in range(len(names)) if counts[at].sum() and counts.sum() > counts[at].sum()]
    if not filled:
        return _check("label_drift", "pass", "There is one split, nothing to compare.")
    distances = {}
    for at in filled:
        rest = counts.sum(axis=0) - counts[at]
        distances[names[at]] = float(np.abs(counts[at] / counts[at].sum() - rest / rest.sum()).sum() / 2)
    worst = max(distances, key=lambda name: distances[name])
    detail = f"{distances[worst]:.1%} of the labels in {worst} would have to change to match the rest"
    return _check(
        "label_drift", "warn" if distances[worst] > DRIFT else "pass", f"{detail} (the largest difference)."
    )
