"""Answers of all tasks in one form: codes, counts, a score for each answer, and alpha of any part of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate
from annotation.models import Label, Project
from annotation.services.timekeeping import break_of
from qc.algorithms.answer_scores import score_labels, score_with_distance
from qc.algorithms.distances import Distance, Interval, Nominal, Sets
from qc.algorithms.label_counts import count_labels
from qc.algorithms.sittings import minutes_into_sitting
from qc.algorithms.span_agreement import SpanAgreement, span_agreement
from qc.algorithms.weighted_alpha import alpha_with_distance, ordinal_alpha
from qc.models import QualitySettings
from qc.queries.answers import Answers, Checks
from qc.queries.texts import texts_of

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

REPLICATES = 1000
SEED = 0
NOT_NUMBERS = "undefined, because not every label is a number; choose another scale or rename the labels"


@dataclass(frozen=True)
class Measured:
    """The answers of a scope, coded from 0.

    `items`, `persons`, `codes`: (n,) of each answer, standing for `item_ids`, `person_ids` and, where one label is
    asked for, the place of the label in `labels`; else that of the value in `values`. `counts`: (items, codes).
    `score`: (n,), agreement of each answer with the others on its text. `given`: (codes, labels), how often the value
    holds the label. `spans`: where spans are asked for, what agreement on them is. `minutes`: (n,), into the
    sitting. `long_break`: seconds without an answer that end a sitting.
    """

    metric: str
    labels: list[Label]
    item_ids: Integers
    person_ids: Integers
    items: Integers
    persons: Integers
    codes: Integers
    values: list[Any]
    counts: sparse.csr_array
    score: Floats
    given: sparse.csr_array
    minutes: Floats
    long_break: float
    alpha_of: Callable[[sparse.csr_array], Estimate]
    spans: SpanAgreement | None
    alpha_of_rows: Callable[[Integers], Estimate] | None = None

    @property
    def one_label(self) -> bool:
        """Whether an answer is one label."""
        return self.metric in QualitySettings.Scale.values

    @property
    def names(self) -> list[str]:
        """The labels' names."""
        return [label.name for label in self.labels]

    def alpha_where(self, rows: NDArray[np.bool_]) -> Estimate:
        """Alpha over some of the answers."""
        if self.alpha_of_rows is not None:
            return self.alpha_of_rows(np.flatnonzero(rows))
        return self.alpha_of(
            count_labels(self.items[rows], self.codes[rows], self.counts.shape[1], self.counts.shape[0])
        )

    def value_in_words(self, code: int) -> str:
        """What a code stands for, in a line."""
        if code < 0:
            return "not known"
        if self.one_label:
            return self.labels[code].name
        value, names = self.values[code], {label.pk: label.name for label in self.labels}
        if isinstance(value, tuple):
            return ", ".join(names[pk] for pk in value) or "none of these"
        return f"{len(value)} span{'' if len(value) == 1 else 's'}" if value else "no spans"


def measure(project: Project, settings: QualitySettings, answers: Answers) -> Measured:
    """Code the answers as the project's task and settings want them compared."""
    labels = list(Label.objects.filter(project=project).order_by("position", "id"))
    item_ids, items = np.unique(answers.items, return_inverse=True)
    person_ids, persons = np.unique(answers.annotators, return_inverse=True)
    codes = (
        codes_of(labels, answers.labels) if project.task == Project.Task.CLASSIFICATION else answers.labels
    )
    size = len(labels) if project.task == Project.Task.CLASSIFICATION else max(1, len(answers.values))
    counts = count_labels(items, codes, size, len(item_ids))
    given = _labels_given(project, labels, answers.values)
    long_break = break_of(project).total_seconds()
    common: dict[str, Any] = {
        "labels": labels,
        "item_ids": item_ids,
        "person_ids": person_ids,
        "items": items,
        "persons": persons,
        "codes": codes,
        "values": answers.values,
        "counts": counts,
        "given": given,
        "minutes": minutes_into_sitting(persons, answers.moments, long_break),
        "long_break": long_break,
    }
    if project.task == Project.Task.SPANS:
        return _measure_spans(answers, common)
    if project.task == Project.Task.MULTILABEL:
        kind = settings.set_distance
        distance = Sets(np.asarray(given.toarray() > 0), "masi" if kind == "masi" else "jaccard")
        score = score_with_distance(items, codes, counts, distance)
        return Measured(metric=kind, score=score, spans=None, alpha_of=_with(distance), **common)
    alpha_of: Callable[[sparse.csr_array], Estimate] = _with(Nominal())
    if settings.scale == QualitySettings.Scale.ORDINAL:
        alpha_of = _ordinal
    elif settings.scale == QualitySettings.Scale.INTERVAL:
        numbers = as_numbers(labels, np.unique(codes))
        alpha_of = _not_numbers if numbers is None else _with(Interval(numbers))
    score = score_labels(items, codes, counts)
    return Measured(metric=settings.scale, score=score, spans=None, alpha_of=alpha_of, **common)


def codes_of(labels: list[Label], ids: Integers) -> Integers:
    """Label ids as places in `labels`; -1 for -1."""
    if not labels:
        return np.full(len(ids), -1, np.int64)
    known = np.array([label.pk for label in labels], dtype=np.int64)
    order = np.argsort(known)
    place = order[np.minimum(np.searchsorted(known[order], ids), len(known) - 1)]
    return np.where(ids < 0, -1, place).astype(np.int64)


def coded_checks(measured: Measured, checks: Checks, of: Integers) -> Integers:
    """A column of `checks` in the codes of `measured`."""
    return codes_of(measured.labels, of) if measured.one_label else of


def as_numbers(labels: list[Label], used: Integers) -> Floats | None:
    """The labels' names as numbers (a comma may be the decimal sign); None if one that was used is none."""
    found = np.zeros(len(labels))
    for at, label in enumerate(labels):
        try:
            found[at] = float(label.name.strip().replace(",", ".").replace("\u2212", "-"))
        except ValueError:
            if at in used:
                return None
        if not np.isfinite(found[at]):
            return None
    return found


def _with(distance: Distance) -> Callable[[sparse.csr_array], Estimate]:
    return lambda counts: alpha_with_distance(counts, distance, seed=SEED, replicates=REPLICATES)


def _ordinal(counts: sparse.csr_array) -> Estimate:
    return ordinal_alpha(counts, seed=SEED, replicates=REPLICATES)


def _not_numbers(counts: sparse.csr_array) -> Estimate:
    return Estimate.undefined(NOT_NUMBERS)


def _labels_given(project: Project, labels: list[Label], values: list[Any]) -> sparse.csr_array:
    """(codes, labels): how often each value holds each label."""
    if project.task == Project.Task.CLASSIFICATION:
        return sparse.csr_array(sparse.eye_array(len(labels), dtype=np.int64, format="csr"))
    place = {label.pk: at for at, label in enumerate(labels)}
    rows: list[int] = []
    columns: list[int] = []
    for code, value in enumerate(values):
        held = value if isinstance(value, tuple) else [label for _, _, label in value]
        rows += [code] * len(held)
        columns += [place[pk] for pk in held]
    shape = (max(1, len(values)), len(labels))
    matrix = sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _measure_spans(answers: Answers, common: dict[str, Any]) -> Measured:
    items, persons, codes = common["items"], common["persons"], common["codes"]
    overlapping = np.flatnonzero(np.bincount(items, minlength=1) >= 2)
    texts = texts_of(common["item_ids"][overlapping])
    by_code = {int(at): texts[int(common["item_ids"][at])] for at in overlapping}

    def compare(rows: Integers) -> SpanAgreement:
        marked = [answers.values[code] for code in codes[rows].tolist()]
        return span_agreement(items[rows], persons[rows], marked, by_code, seed=SEED, replicates=REPLICATES)

    found = compare(np.arange(len(items)))
    return Measured(
        metric="token-nominal",
        score=found.score,
        spans=found,
        alpha_of=lambda counts: found.token_alpha,
        alpha_of_rows=lambda rows: compare(rows).token_alpha,
        **common,
    )
