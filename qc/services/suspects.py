"""Suspected label errors: searched for, ranked, and made into cases. What people say of them is in `judging`.

One job looks at all texts once: how long they are, what stands far from the rest, which labels look wrong.
"""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from annotation.algorithms.duplicates import duplicate_clusters
from annotation.models import Item, Label, MetadataField, Project, User
from annotation.queries.metadata import field_names
from annotation.queries.projects import newest_annotation_id
from annotation.services.embeddings import embed_texts
from annotation.services.watching import Progress
from qc.algorithms.samples import draw_dense, draw_fringe, mean_similarity
from qc.algorithms.suspects import (
    FOLDS,
    disagreement,
    label_issues,
    out_of_sample_probabilities,
    probabilities_of_each,
    set_distance,
    set_issues,
)
from qc.models import Case, Suspect, SuspectReport
from qc.queries.answers import Answers, read_answers
from qc.queries.pool import Pool, read_pool
from qc.queries.resolved import resolved_labels
from qc.queries.review import review_settings
from qc.services.cases import open_cases

COPY = 0.8  # share of three-word pieces from which two texts are kept in one fold
MOST_LISTED = 5_000
SHOWN = 20
SETTLED = ["adjudicated", "gold"]  # where the label of such a text comes from, it is not suspected
SPANS_BY_PEOPLE = (
    "A model is asked about labels of whole texts. Spans are suspected where people mark a text differently."
)
TOO_FEW = "There are too few texts with labels, or all have the same one."
BINS = 20
MOST_FIELDS, MOST_VALUES, FEW_VALUES = 6, 8, 24


def explore_texts(project: Project, progress: Progress) -> None:
    """Looks at all texts and stores what there is to see. Done again, the newer result replaces the older."""
    progress(0.02, "reading texts")
    revision = newest_annotation_id(project)
    categories = field_names(project, MetadataField.Type.CATEGORY)
    pool = read_pool(project, categories)
    progress(0.1, f"measuring {len(pool):,} texts")
    clusters = duplicate_clusters(pool.texts, COPY) if len(pool) else np.zeros(0, np.int64)
    progress(0.25, f"placing {len(pool):,} texts")
    vectors = embed_texts(pool.texts, lambda share: progress(0.25 + 0.25 * share, "placing texts"))
    labels = resolved_labels(project)
    out = Item.objects.filter(project=project, excluded__isnull=False).values_list("pk", flat=True)
    labels = labels[~labels["item_id"].isin(list(out))]
    names = dict(Label.objects.filter(project=project).values_list("pk", "name"))
    result = {
        "texts": len(pool),
        "length": _lengths(pool.texts),
        "labels": _balance(labels, names),
        "meta": _values(pool, categories),
        **_distances(pool, vectors, clusters),
    }
    progress(0.5, "searching for label errors")
    model, about = _by_model(
        project, pool, vectors, clusters, labels, lambda share: progress(0.5 + 0.4 * share, "asking a model")
    )
    if project.task == Project.Task.CLASSIFICATION:
        people = _by_disagreement(labels)
    else:
        people = _by_distance(read_answers(project), labels)
    result["suspects"] = {"model": about, "disagreement": {"listed": len(people), "reason": None}}
    progress(0.95, "storing")
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        _store(project, Suspect.Reason.MODEL, model)
        _store(project, Suspect.Reason.DISAGREEMENT, people)
        values = {"result": result, "revision": revision, "computed": timezone.now()}
        SuspectReport.objects.update_or_create(project=project, defaults=values)


def _lengths(texts: list[str]) -> dict[str, Any]:
    """How many texts have how many words: bins of one width, the last of which holds all that is longer."""
    words = np.array([len(text.split()) for text in texts] or [0])
    width = max(1, int(np.ceil(np.quantile(words, 0.99) / BINS)))
    counts = np.bincount(np.minimum(words // width, BINS), minlength=BINS + 1)
    return {
        "width": width,
        "counts": counts.tolist(),
        "median": float(np.median(words)),
        "longest": int(words.max()),
    }


def _balance(labels: pd.DataFrame, names: dict[int, str]) -> list[dict[str, Any]]:
    """Texts of each label, most frequent first, labels without any too. A text of several counts for each."""
    ids = {name: pk for pk, name in names.items()}
    counts = Counter(labels["label_id"].dropna().astype(int).tolist())
    counts.update(ids[name] for given in labels["labels"].dropna() for name in given)
    counts.update(ids[name] for given in labels["spans"].dropna() for name in {s["label"] for s in given})
    return [{"label": names[pk], "n": counts[pk]} for pk in sorted(names, key=lambda pk: (-counts[pk], pk))]


def _values(pool: Pool, fields: list[str]) -> list[dict[str, Any]]:
    """The categories that have few values, with how many texts have each."""
    found = []
    for name in fields:
        counts = Counter(value for value in pool.meta.get(name, []) if value is not None)
        if 0 < len(counts) <= FEW_VALUES:
            top = [{"value": value, "n": n} for value, n in counts.most_common(MOST_VALUES)]
            found.append({"field": name, "values": top, "others": len(counts) - len(top)})
    return found[:MOST_FIELDS]


def _distances(pool: Pool, vectors: NDArray[np.float32], clusters: NDArray[np.int64]) -> dict[str, Any]:
    """The texts farthest from the rest, those nearest to it, and the largest groups of copies."""
    similarity = mean_similarity(vectors)

    def listed(positions: NDArray[np.int64]) -> list[dict[str, Any]]:
        return [
            {"item": int(pool.items[at]), "similarity": round(float(similarity[at]), 4)}
            for at in positions.tolist()
        ]

    numbers, sizes = np.unique(clusters, return_counts=True)
    numbers, sizes = numbers[sizes > 1], sizes[sizes > 1]
    largest = [
        {"items": pool.items[clusters == numbers[at]][:SHOWN].tolist(), "n": int(sizes[at])}
        for at in np.argsort(-sizes, kind="stable")[: SHOWN // 2].tolist()
    ]
    return {
        "fringe": listed(draw_fringe(similarity, SHOWN)),
        "dense": listed(draw_dense(similarity, SHOWN)),
        "copies": {"groups": len(numbers), "texts": int(sizes.sum()), "largest": largest},
    }


def _by_model(
    project: Project,
    pool: Pool,
    vectors: NDArray[np.float32],
    clusters: NDArray[np.int64],
    labels: pd.DataFrame,
    report: Any,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The texts whose label a model doubts, worst first, and what the search rests on.

    Decided texts and gold teach the model and are not suspected themselves.
    """
    about: dict[str, Any] = {"texts": 0, "folds": FOLDS, "listed": 0, "accuracy": None, "reason": None}
    if project.task == Project.Task.SPANS:
        return [], about | {"reason": SPANS_BY_PEOPLE}
    several = project.task == Project.Task.MULTILABEL
    known = labels.dropna(subset=["labels" if several else "label_id"])
    at = np.searchsorted(pool.items, known["item_id"].to_numpy())
    there = at < len(pool)
    there[there] = pool.items[at[there]] == known["item_id"].to_numpy()[there]
    known, at = known[there], at[there]
    search = _doubted_sets if several else _doubted_labels
    found, accuracy = search(project, vectors[at], clusters[at], known, report)
    about |= {"texts": len(known), "accuracy": accuracy, "reason": TOO_FEW if accuracy is None else None}
    open_ones = (~known["source"].isin(SETTLED)).to_numpy()
    items = known["item_id"].to_numpy()
    listed = [{"item_id": int(items[position]), **row} for position, row in found if open_ones[position]]
    about["listed"] = len(listed)
    return listed[:MOST_LISTED], about


Doubted = tuple[list[tuple[int, dict[str, Any]]], float | None]  # rows by position, and the model's accuracy


def _doubted_labels(
    project: Project,
    vectors: NDArray[np.float32],
    clusters: NDArray[np.int64],
    known: pd.DataFrame,
    report: Any,
) -> Doubted:
    """Where a text has one label: that label, and the likelier one."""
    ids = np.unique(known["label_id"].astype(int).to_numpy())
    codes = np.searchsorted(ids, known["label_id"].astype(int).to_numpy())
    shares = out_of_sample_probabilities(vectors, codes, clusters, len(ids), report=report)
    if shares is None:
        return [], None
    issues = label_issues(codes, shares)
    rows = [
        (position, {"given_id": int(ids[codes[position]]), "likely_id": int(ids[likely]), "score": score})
        for position, likely, score in zip(
            issues.positions.tolist(), issues.likely.tolist(), issues.confidence.tolist(), strict=True
        )
    ]
    return rows, float((shares.argmax(axis=1) == codes).mean())


def _doubted_sets(
    project: Project,
    vectors: NDArray[np.float32],
    clusters: NDArray[np.int64],
    known: pd.DataFrame,
    report: Any,
) -> Doubted:
    """Where a text can have several: the label that it has and should not, or has not and should."""
    names = dict(Label.objects.filter(project=project).values_list("name", "pk"))
    ids = sorted({names[name] for given in known["labels"] for name in given})
    given = np.array([[pk in {names[name] for name in row} for pk in ids] for row in known["labels"]], bool)
    given = given.reshape(len(known), len(ids))
    shares = probabilities_of_each(vectors, given, clusters, report=report) if ids else None
    if shares is None:
        return [], None
    issues = set_issues(given, shares)
    rows = [
        (
            position,
            {"given_id": ids[at] if has else None, "likely_id": None if has else ids[at], "score": score},
        )
        for position, at, has, score in zip(
            issues.positions.tolist(),
            issues.label.tolist(),
            issues.given.tolist(),
            issues.confidence.tolist(),
            strict=True,
        )
    ]
    return rows, float(((shares >= 0.5) == given).all(axis=1).mean())


def _by_distance(answers: Answers, labels: pd.DataFrame) -> list[dict[str, Any]]:
    """The texts on which people's labels, or spans, differ most: by the mean distance of two answers."""
    settled = set(labels.loc[labels["source"].isin(SETTLED), "item_id"])
    values = answers.values
    found = disagreement(answers.items, answers.labels, lambda a, b: set_distance(values[a], values[b]))
    rows = [(-apart, -n, item) for item, apart, n in found if apart > 0 and item not in settled]
    return [
        {"item_id": item, "given_id": None, "likely_id": None, "score": -apart}
        for apart, _, item in sorted(rows)[:MOST_LISTED]
    ]


def _by_disagreement(labels: pd.DataFrame) -> list[dict[str, Any]]:
    """The texts on which people differ most, by the entropy of their answers in bits; decided ones left out."""
    rows = []
    open_ones = labels[~labels["source"].isin(SETTLED) & (labels["n"] >= 2)]
    columns = zip(
        open_ones["item_id"], open_ones["label_id"], open_ones["distribution"], open_ones["n"], strict=True
    )
    for item, label, distribution, n in columns:
        if len(distribution) > 1:
            parts = np.array(list(distribution.values()))
            given = None if pd.isna(label) else int(label)
            entropy = float(-(parts * np.log2(parts)).sum())
            rows.append((-entropy, -int(n), int(item), given))
    return [
        {"item_id": item, "given_id": given, "likely_id": None, "score": -entropy}
        for entropy, _, item, given in sorted(rows)[:MOST_LISTED]
    ]


def _store(project: Project, reason: str, found: list[dict[str, Any]]) -> None:
    """The new ranking; what people have judged stays, with or without a place in it."""
    old = Suspect.objects.filter(project=project, reason=reason)
    old.filter(verdict="").delete()
    old.update(rank=None)
    rows = [Suspect(project=project, reason=reason, rank=at + 1, **row) for at, row in enumerate(found)]
    Suspect.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        update_fields=["rank", "likely", "score"],
        unique_fields=["project", "reason", "item"],
    )


def open_cases_of_suspects(
    project: Project, user: User, reason: str, most: int, quorum: int | None = None
) -> list[Case]:
    """Opens cases on the worst suspects that nobody has looked at and that have no case, saying why."""
    busy = Case.objects.filter(project=project, state=Case.State.OPEN).values("item")
    chosen = (
        Suspect.objects.filter(
            project=project,
            reason=reason,
            rank__isnull=False,
            verdict="",
            item__deleted=None,
            item__excluded=None,
        )
        .exclude(item__in=busy)
        .select_related("given", "likely", "project")
        .order_by("rank")[:most]
    )
    notes = {suspect.item_id: why(suspect) for suspect in chosen}
    if not notes:
        return []
    votes = quorum or review_settings(project).quorum
    return open_cases(project, user, list(notes), Case.Source.SUSPECT, votes, notes)


def why(suspect: Suspect) -> str:
    """In a sentence, why a text's label is suspected."""
    task = suspect.project.task
    if suspect.reason == Suspect.Reason.DISAGREEMENT:
        if task == Project.Task.CLASSIFICATION:
            return f"People answer it differently: {suspect.score:.2f} bits of entropy."
        return f"People answer it differently: two answers have {_percent(1 - suspect.score)} in common on average."
    likely = suspect.likely.name if suspect.likely else "another label"
    given = suspect.given.name if suspect.given else "its label"
    if task == Project.Task.MULTILABEL:
        if suspect.given:
            return f"A model that has not seen it finds “{given}” improbable ({_percent(suspect.score)})."
        return f"A model that has not seen it misses “{likely}” ({_percent(1 - suspect.score)} probable)."
    return f"A model that has not seen it gives “{given}” {_percent(suspect.score)}, and finds “{likely}” likelier."


def _percent(share: float) -> str:
    """A share in words: one that is something is not called 0%, nor one that is not all 100%."""
    if 0 < share < 0.005:
        return "under 1%"
    return "99%" if 0.995 <= share < 1 else f"{share:.0%}"
