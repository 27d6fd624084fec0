"""Red flags of a run: what makes its figures less than they seem, each with evidence and what to do."""

from typing import Any

import numpy as np
from django.urls import reverse
from numpy.typing import NDArray

from evaluation.models import Run, SplitItem

SMALL = 30  # items of a class under which a recall's interval is wider than ± 0.18
# Checks of a split set that fail where something is torn apart
LEAKING = ("exact_copies", "near_copies", "groups")
Finding = dict[str, Any]


def findings(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> list[Finding]:
    """The findings of a report, worst first: {code, severity, message, evidence, action, url}."""
    found = [check(run, result, matrix) for check in CHECKS]
    rank = {"bad": 0, "warn": 1, "info": 2}
    return sorted((f for f in found if f), key=lambda f: rank[f["severity"]])


def _perfect_score(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    right, n = int(np.trace(matrix)), int(matrix.sum())
    if right < 0.99 * n or n < SMALL:
        return None
    return {
        "code": "perfect_score",
        "severity": "bad",
        "message": f"{right:,} of {n:,} predictions are right. That is too good to be true.",
        "evidence": {"right": right, "n": n},
        "action": "Look for copies of these texts in the training data.",
        "url": reverse("leakage", args=[run.project.slug]),
    }


def _leakage(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    """What the checks of the split set found on both sides of it. They say of the whole set, not of which splits."""
    failed = [c for c in run.split_set.checks if c["code"] in LEAKING and c["state"] == "fail"]
    if not failed:
        return None
    return {
        "code": "leakage",
        "severity": "bad",
        "message": f"Texts of this split set stand on both sides. {failed[0]['detail']}",
        "evidence": {"checks": failed},
        "action": "Build a split set that keeps duplicates together, and score the run on it.",
        "url": reverse("split-set", args=[run.project.slug, run.split_set_id]),
    }


def _missing_predictions(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    missing = result["missing"]
    if not missing:
        return None
    return {
        "code": "missing_predictions",
        "severity": "warn",
        "message": f"{missing:,} texts of “{run.split}” have no prediction and are left out."
        if missing > 1
        else f"One text of “{run.split}” has no prediction and is left out.",
        "evidence": {"missing": missing, "n": result["n"]},
        "action": "Upload predictions for them; figures on a part of the split cannot be compared.",
        "url": reverse("run", args=[run.project.slug, run.pk]),
    }


def _missing_class(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    labels = result["confusion"]["labels"]
    never = [name for name, total in zip(labels, matrix.sum(axis=0), strict=True) if not total]
    unseen = [name for name, total in zip(labels, matrix.sum(axis=1), strict=True) if not total]
    if not never and not unseen:
        return None
    # What has no prediction is left out of the matrix, and may still be in the split
    there = set(
        SplitItem.objects.filter(
            split_set=run.split_set_id, split=run.split, label__name__in=unseen
        ).values_list("label__name", flat=True)
    )
    absent = [name for name in unseen if name not in there]
    without = [name for name in unseen if name in there]
    parts = [f"{', '.join(never)} {'is' if len(never) == 1 else 'are'} never predicted."] if never else []
    parts += (
        [f"{', '.join(absent)} {'does' if len(absent) == 1 else 'do'} not occur in “{run.split}”."]
        if absent
        else []
    )
    parts += [f"No text of {', '.join(without)} in “{run.split}” has a prediction."] if without else []
    return {
        "code": "missing_class",
        "severity": "warn",
        "message": " ".join(parts),
        "evidence": {"never_predicted": never, "not_in_split": absent, "without_predictions": without},
        "action": "See how many texts of these labels train and this split have.",
        "url": reverse("splits", args=[run.project.slug]),
    }


def _constant_predictions(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    predicted = matrix.sum(axis=0)
    if np.count_nonzero(predicted) != 1 or matrix.sum() < 2:
        return None
    name = result["confusion"]["labels"][int(predicted.argmax())]
    return {
        "code": "constant_predictions",
        "severity": "bad",
        "message": f"Every prediction is “{name}”.",
        "evidence": {"label": name},
        "action": "The model has learned nothing or the wrong column was uploaded.",
        "url": reverse("run", args=[run.project.slug, run.pk]),
    }


def _small_set(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    support = matrix.sum(axis=1)
    small = {
        name: int(n) for name, n in zip(result["confusion"]["labels"], support, strict=True) if 0 < n < SMALL
    }
    if not small:
        return None
    worst = min(small, key=small.__getitem__)
    others = len(small) - 1
    more = f" and {others} more label{'' if others == 1 else 's'}" if others else ""
    return {
        "code": "small_set",
        "severity": "warn",
        "message": f"“{worst}”{more} rest on fewer than {SMALL} texts."
        if more
        else f"“{worst}” rests on {small[worst]} text{'' if small[worst] == 1 else 's'}.",
        "evidence": {"support": small},
        "action": "Their recall could be almost anything: read the intervals, and label more of them.",
        "url": reverse("run", args=[run.project.slug, run.pk]),
    }


def _hidden_class(run: Run, result: dict[str, Any], matrix: NDArray[np.int64]) -> Finding | None:
    """A class that fails while the overall share of right answers looks fine."""
    n = int(matrix.sum())
    right = float(np.trace(matrix)) / n if n else 0.0
    poor = [
        row["label"]
        for row in result["per_class"]
        if row["recall"]["high"] is not None and row["recall"]["high"] < 0.5 and row["support"]
    ]
    if not poor or right < 0.8:
        return None
    return {
        "code": "hidden_class",
        "severity": "bad",
        "message": f"{right:.0%} of all texts are right, and still more than half of {', '.join(poor)} are missed.",
        "evidence": {"labels": poor, "accuracy": right},
        "action": "Read the labels' own figures; the overall share hides them.",
        "url": reverse("run", args=[run.project.slug, run.pk]),
    }


CHECKS = [
    _perfect_score,
    _leakage,
    _constant_predictions,
    _hidden_class,
    _missing_predictions,
    _missing_class,
    _small_set,
]
