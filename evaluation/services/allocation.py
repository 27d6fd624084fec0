"""Which text goes into which split: the recipe applied from top to bottom, every text placed or given a reason.

Works on a frame of all texts in id order with the columns of `evaluation.queries.splits.candidates` and of
`qc.queries.resolved.resolved_labels`, and `excluded_as`: the meta-label with which the panel excluded the text, ""
for none, missing where it did not. Reads and writes nothing.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotation.algorithms.duplicates import (
    IntArray,
    clusters,
    duplicate_clusters,
    exact_groups,
    exact_pairs,
    near_pairs,
)
from annotation.models import Item
from evaluation.algorithms.splits import build, join
from evaluation.models import LeakagePair
from evaluation.recipes import ADJUDICATED, DUPLICATES, LABEL, TRAIN, split_names

NEAR = 0.995  # as similar as copies are that are always kept together
Decisions = list[tuple[int, int, str]]
Texts = NDArray[np.object_]


class Allocation:
    """Where each of n texts goes: `split` and `reason` are arrays of text, exactly one of which is filled."""

    def __init__(self, frame: pd.DataFrame, recipe: dict[str, Any], seed: int, decisions: Decisions) -> None:
        self.frame, self.recipe, self.seed = frame, recipe, seed
        self.split: Texts = np.full(len(frame), "", object)
        self.reason: Texts = np.full(len(frame), "", object)
        self.decisions = decisions
        self._leave_out()
        self.copies = copy_clusters(frame["text"].tolist(), frame["item_id"].to_numpy(), decisions)
        self.groups = self._groups()
        self.train_only = self._train_only()
        self._hold_out()
        self._divide()
        self._drop_from_train()

    @property
    def open(self) -> NDArray[np.bool_]:
        """The texts that have neither a place nor a reason yet."""
        nowhere: NDArray[np.bool_] = (self.split == "") & (self.reason == "")
        return nowhere

    def _because(self, where: NDArray[np.bool_], reason: str) -> None:
        self.reason[where & self.open] = reason

    def _leave_out(self) -> None:
        """Gives a reason to texts that a lead or the panel excluded, or that have no label."""
        frame = self.frame
        for because in sorted(frame["left_out"].dropna().unique()):
            self._because((frame["left_out"] == because).to_numpy(), f"excluded by hand: {because}")
        unlabelled = frame["label"].isna().to_numpy()
        kinds = frame["excluded_as"]
        for kind in sorted(kinds.dropna().unique()):
            of_kind = (kinds == kind).to_numpy()
            dropped = not kind or kind in self.recipe["exclude"]
            self._because(
                of_kind if dropped else of_kind & unlabelled, f"excluded: {kind}" if kind else "excluded"
            )
        self._because(unlabelled & frame["tie"].eq(True).to_numpy(), "tie")
        self._because(unlabelled, "no answers yet")
        if self.recipe["labels"] == ADJUDICATED:
            self._because((frame["source"] != "adjudicated").to_numpy(), "not adjudicated")

    def _groups(self) -> IntArray:
        """The number of the group in which each text stays: copies and equal values of the chosen fields."""
        groupings: list[Any] = []
        pairs: list[tuple[IntArray, IntArray]] = []
        for name in self.recipe["group"]:
            if name == DUPLICATES:
                a, b = _places(self.frame["item_id"].to_numpy(), self.decisions, LeakagePair.Action.TOGETHER)
                pairs.append((a, b))
                groupings.append(self.copies)
            else:
                groupings.append(self.frame[f"meta.{name}"].replace("", None).to_numpy())
        return join(len(self.frame), pairs, groupings)

    def _train_only(self) -> dict[str, NDArray[np.bool_]]:
        """The texts that may not be evaluated on, by reason."""
        frame = self.frame
        found = {"synthetic": (frame["provenance"] == Item.Provenance.SYNTHETIC).to_numpy()}
        least = self.recipe["minimum_agreement"]
        if least is not None:
            sure = (frame["source"].isin(["adjudicated", "gold"])).to_numpy()
            several = pd.to_numeric(frame["n"]).fillna(0).to_numpy() >= 2
            agreed = pd.to_numeric(frame["confidence"]).fillna(-1).to_numpy() >= least
            found[f"agreement below {least:g}"] = ~(sure | (several & agreed))
        return found

    def _not_evaluated(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.logical_or.reduce(list(self.train_only.values()))
        return found

    def _exclude_train_only(self, where: NDArray[np.bool_]) -> None:
        for reason, mask in self.train_only.items():
            self._because(where & mask, reason)

    def _hold_out(self) -> None:
        """Places held-out texts; what must stay with them but is not held out itself goes nowhere."""
        for part in self.recipe["hold_out"]:
            values = self.frame[f"meta.{part['field']}"]
            chosen = self.open & matches(values, part["values"])
            if part["name"] != TRAIN:
                self._exclude_train_only(chosen)
            self.split[chosen & self.open] = part["name"]
        for part in self.recipe["hold_out"]:
            groups = self.groups[self.split == part["name"]]
            self._because(
                np.isin(self.groups, groups), f"kept together with a text held out as {part['name']}"
            )

    def _divide(self) -> None:
        """Divides the rest by shares. What may not be evaluated on goes to train, or out if its group does not."""
        given: dict[str, float] = self.recipe["splits"]
        shares = {name: given[name] for name in split_names(self.recipe) if name in given}
        if TRAIN not in shares:
            self._exclude_train_only(self.open)
        eligible = self.open & ~self._not_evaluated()
        rest = self.open & ~eligible
        mixed = rest & np.isin(self.groups, self.groups[eligible])
        self.split[rest & ~mixed] = TRAIN
        at = np.flatnonzero(eligible)
        if not len(at):
            return
        shares = _shares_of_eligible(shares, len(at), int((rest & ~mixed).sum()))
        columns = [name if name == LABEL else f"meta.{name}" for name in self.recipe["stratify"]]
        strata = self.frame.loc[at, columns].fillna("").astype(str).to_numpy()
        chosen = build(self.groups[at], strata, list(shares.values()), self.seed)
        self.split[at] = np.array(list(shares), object)[chosen]
        home = dict(zip(self.groups[at].tolist(), self.split[at], strict=True))
        for index in np.flatnonzero(mixed):
            if home[int(self.groups[index])] == TRAIN:
                self.split[index] = TRAIN
        self._exclude_train_only(mixed & self.open)

    def _drop_from_train(self) -> None:
        """Takes one text of every pair marked “drop from train” out of train: the later one if both are there."""
        items = self.frame["item_id"].to_numpy()
        for a, b in _places(items, self.decisions, LeakagePair.Action.DROP).T.tolist():
            if not self.split[a] or not self.split[b]:
                continue
            gone, stays = (a, b) if self.split[a] == TRAIN and self.split[b] != TRAIN else (b, a)
            if self.split[gone] == TRAIN:
                self.reason[gone] = f"dropped from train: copy of text {items[stays]} in {self.split[stays]}"
                self.split[gone] = ""


def matches(values: pd.Series, wanted: list[Any]) -> NDArray[np.bool_]:
    """Which metadata values (as text) are one of those wanted: the same text, or the same number."""
    texts = {str(value).lower() if isinstance(value, bool) else str(value) for value in wanted}
    found = values.isin(texts).to_numpy()
    numbers = [value for value in wanted if isinstance(value, int | float) and not isinstance(value, bool)]
    if numbers:
        found = found | pd.to_numeric(values, errors="coerce").isin(numbers).to_numpy()
    return found


def copy_clusters(texts: list[str], items: IntArray, decisions: Decisions) -> IntArray:
    """The cluster of exact and near copies of each text, without the links that somebody said are none."""
    cluster = duplicate_clusters(texts, NEAR)
    ignored = _places(items, decisions, LeakagePair.Action.IGNORE)
    for number in np.unique(cluster[ignored[0]][cluster[ignored[0]] == cluster[ignored[1]]]):
        members = np.flatnonzero(cluster == number)
        some = [texts[at] for at in members]
        exact_a, exact_b = exact_pairs(exact_groups(some))
        near = near_pairs(some, NEAR)
        a, b = np.concatenate([exact_a, near.a]), np.concatenate([exact_b, near.b])
        no_copy = set(map(tuple, ignored.T.tolist()))
        linked = [(members[i], members[j]) not in no_copy for i, j in zip(a, b, strict=True)]
        parts = clusters(len(some), a[linked], b[linked])
        cluster[members] = np.where(parts > 0, cluster.max() + parts, number)
    return cluster


def _places(items: IntArray, decisions: Decisions, action: str) -> IntArray:
    """The pairs (2 × m) on which this was decided, as positions in `items` (ascending ids); others are left out."""
    pairs = np.array([(a, b) for a, b, decided in decisions if decided == action], np.int64).reshape(-1, 2).T
    if not len(items):
        return pairs[:, :0]
    places = np.minimum(np.searchsorted(items, pairs), len(items) - 1)
    return places[:, (items[places] == pairs).all(axis=0)]


def _shares_of_eligible(shares: dict[str, float], eligible: int, in_train: int) -> dict[str, float]:
    """The shares of what is left to divide, so that the splits have the sizes asked for once train has its own."""
    total = eligible + in_train
    scaled = {name: share * total / eligible for name, share in shares.items() if name != TRAIN}
    wanted = sum(scaled.values())
    if wanted > 1:
        return {name: share / wanted for name, share in scaled.items()}
    if TRAIN in shares and wanted < 1:
        return {name: scaled.get(name, 1 - wanted) for name in shares}
    return scaled
