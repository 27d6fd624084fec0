"""The figures of agreement over a scope, as REST clients get them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import Estimate
from qc.algorithms.agreement import (
    ONE_LABEL,
    UNUSED_LABEL,
    AgreementEstimates,
    detectable_drop,
    estimate_agreement,
)
from qc.algorithms.annotator_pairs import annotator_pairs
from qc.algorithms.label_counts import (
    confused_labels,
    count_labels,
    disputed_items,
    entropy_of_answers,
)
from qc.algorithms.span_agreement import NOT_MARKED
from qc.services.measuring import REPLICATES, SEED, Measured

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_DISPUTED = 500  # kept in a report
MOST_CONFUSED = 10  # pairs of labels whose texts are kept in a report
MOST_OF_A_PAIR = 100
MOST_IN_HEAT = 15  # people; above it, pages show the pairs that agree least
MOST_SHOWN = 20
ENOUGH_SHARED = 10  # texts that a pair must share to be among them
NOT_FOR_SETS = "AC1 is for answers of one label"
ALWAYS_USED = "undefined, because all answers have this label"
SEE_F1 = "spans have F1 for each label"


def agreement_result(measured: Measured, usernames: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The figures, and those of every two annotators."""
    counts = measured.counts
    answers = counts.sum(axis=1)
    exact = estimate_agreement(counts, seed=SEED, replicates=REPLICATES)
    nominal = measured.metric == "nominal"
    alpha = exact.alpha if nominal else measured.alpha_of(counts)
    entropy = entropy_of_answers(counts)
    disputed = disputed_items(counts)
    result = {
        "items": int((answers >= 1).sum()),
        "items_with_overlap": int((answers >= 2).sum()),
        "annotators": len(measured.person_ids),
        "annotations": len(measured.items),
        "metric": measured.metric,
        "alpha": alpha.as_dict(),
        "nominal_alpha": None if nominal or not measured.one_label else exact.alpha.as_dict(),
        "detectable_drop": detectable_drop(alpha),
        "ac1": (exact.ac1 if measured.one_label else Estimate.undefined(NOT_FOR_SETS)).as_dict(),
        "percent_agreement": exact.percent_agreement.value,
        "percent_agreement_interval": exact.percent_agreement.as_dict(),
        "per_label": _per_label(measured, exact),
        "confused_labels": _confused(measured, entropy),
        "disputed_items": [
            {"item_id": int(measured.item_ids[at]), "entropy": round(float(entropy[at]), 12)}
            for at in disputed[:MOST_DISPUTED]
        ],
        "disputed_total": len(disputed),
        "spans": None,
    }
    if measured.spans is not None:
        result["spans"] = {
            "entity_f1": measured.spans.entity_f1.as_dict(),
            "token_alpha": measured.spans.token_alpha.as_dict(),
        }
    return result, _pairs(measured, usernames)


def _per_label(measured: Measured, exact: AgreementEstimates) -> list[dict[str, Any]]:
    """Each label against the rest; retired ones only where they were used. `n` counts the answers that give it."""
    used = np.bincount(measured.codes, minlength=measured.counts.shape[1]) @ measured.given
    shown = [at for at, label in enumerate(measured.labels) if label.retired is None or used[at]]
    rows = []
    for at in shown:
        row: dict[str, Any] = {"label": measured.labels[at].name, "n": int(used[at])}
        if measured.spans is not None:
            f1 = measured.spans.per_label.get(measured.labels[at].pk)
            row["alpha"] = Estimate.undefined(SEE_F1).as_dict()
            row["f1"] = (f1 or Estimate.undefined(NOT_MARKED)).as_dict()
        elif not measured.one_label:
            row["alpha"] = _holds(measured, at).as_dict()
        else:
            row["alpha"] = exact.per_label[at].alpha.as_dict()
        rows.append(row)
    return rows


def _holds(measured: Measured, label: int) -> Estimate:
    """Nominal alpha of whether an answer holds the label."""
    holds = (measured.given[:, [label]].toarray().ravel() > 0).astype(np.int64)
    counts = count_labels(measured.items, holds[measured.codes], 2, measured.counts.shape[0])
    found = estimate_agreement(counts, seed=SEED, replicates=REPLICATES).alpha
    if found.reason == ONE_LABEL:
        return Estimate.undefined(UNUSED_LABEL if not holds[measured.codes].any() else ALWAYS_USED, found.n)
    return found


def _confused(measured: Measured, entropy: Floats) -> list[dict[str, Any]]:
    """The pairs of labels; of the most frequent ones also the texts, most disputed first."""
    names = measured.names
    by_code = measured.counts.tocsc()
    rows = []
    for at, (a, b, n) in enumerate(_confused_pairs(measured)):
        both = _items_confused(measured, by_code, a, b)
        listed = both if at < MOST_CONFUSED else both[:0]
        order = np.lexsort((listed, -entropy[listed]))[:MOST_OF_A_PAIR]
        rows.append(
            {
                "a": names[a],
                "b": names[b],
                "n": n,
                "texts": len(both),
                "items": measured.item_ids[listed[order]].tolist(),
            }
        )
    return rows


def _confused_pairs(measured: Measured) -> list[tuple[int, int, int]]:
    """(label, label, pairs of answers to one text of which one has the first and the other the second in its place)."""
    if measured.spans is not None:
        place = {label.pk: at for at, label in enumerate(measured.labels)}
        counted = measured.spans.confused.most_common()
        both = [(min(place[a], place[b]), max(place[a], place[b]), n) for (a, b), n in counted]
        return sorted(both, key=lambda row: (-row[2], row[0], row[1]))
    found = confused_labels(measured.counts)
    if measured.one_label:
        return [(pair.a, pair.b, pair.n) for pair in found]
    holds = measured.given.toarray() > 0
    totals = np.zeros((holds.shape[1], holds.shape[1]), np.int64)
    for pair in found:
        only_a = np.flatnonzero(holds[pair.a] & ~holds[pair.b])
        only_b = np.flatnonzero(holds[pair.b] & ~holds[pair.a])
        totals[np.ix_(only_a, only_b)] += pair.n
    totals += totals.T
    a, b = np.nonzero(np.triu(totals, 1))
    order = np.lexsort((b, a, -totals[a, b]))
    return [(int(a[at]), int(b[at]), int(totals[a[at], b[at]])) for at in order]


def _items_confused(measured: Measured, by_code: sparse.csc_array, a: int, b: int) -> Integers:
    """The texts to which one person gave label a and another one b in its place."""
    if measured.spans is not None:
        pks = measured.labels[a].pk, measured.labels[b].pk
        return np.array(sorted(measured.spans.confused_in[min(pks), max(pks)]), dtype=np.int64)
    holds = measured.given[:, [a, b]].toarray() > 0
    with_a, with_b = (
        [by_code.indices[by_code.indptr[code] : by_code.indptr[code + 1]] for code in np.flatnonzero(only)]
        for only in (holds[:, 0] & ~holds[:, 1], holds[:, 1] & ~holds[:, 0])
    )
    has_a = np.zeros(by_code.shape[0], np.bool_)
    for items in with_a:
        has_a[items] = True
    both = np.concatenate([items[has_a[items]] for items in with_b])
    return np.asarray(both if len(with_b) == 1 else np.unique(both), dtype=np.int64)


def _pairs(measured: Measured, usernames: list[str]) -> list[dict[str, Any]]:
    """Every two annotators with a text in common: Cohen's kappa, or for spans F1 in the place of agreement.

    Names may be there twice, as a member's and as one that came with a file; the ids of the annotators tell them apart.
    """

    def named(a: int, b: int) -> dict[str, Any]:
        ids = {"a_id": int(measured.person_ids[a]), "b_id": int(measured.person_ids[b])}
        return {"a": usernames[a], "b": usernames[b], **ids}

    if measured.spans is not None:
        return [
            named(a, b)
            | {
                "items": texts,
                "kappa": None,
                "low": None,
                "high": None,
                "agreement": 2 * both / sizes if sizes else None,
            }
            for (a, b), (texts, both, sizes) in measured.spans.pairs.items()
        ]
    found = annotator_pairs(measured.items, measured.persons, measured.codes, measured.counts.shape[1])
    return [{**row, **named(row["a"], row["b"])} for row in found.rows()]


def shown_pairs(pairs: list[dict[str, Any]], measured: Measured) -> list[dict[str, Any]]:
    """The pairs that pages show, each with the texts on which the two differ (`apart`), the most disputed first."""
    people = len(measured.person_ids)
    shown = _most_worth_showing(pairs, people)
    order = np.argsort(measured.persons, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(measured.persons, minlength=people))[:-1])
    of_each = dict(zip(measured.person_ids.tolist(), rows, strict=True)) if people else {}
    entropy = entropy_of_answers(measured.counts)

    said = np.full(measured.counts.shape[0], -1, np.int64)

    def apart(one: Integers, other: Integers) -> list[int]:
        said[measured.items[one]] = measured.codes[one]
        theirs = measured.items[other]
        texts = theirs[(said[theirs] >= 0) & (said[theirs] != measured.codes[other])]
        said[measured.items[one]] = -1
        first = texts[np.lexsort((texts, -entropy[texts]))][:MOST_OF_A_PAIR]
        found: list[int] = measured.item_ids[first].tolist()
        return found

    return [pair | {"apart": apart(of_each[pair["a_id"]], of_each[pair["b_id"]])} for pair in shown]


def _most_worth_showing(pairs: list[dict[str, Any]], people: int) -> list[dict[str, Any]]:
    """All pairs of a small team, else those that agree least on enough texts."""
    if people <= MOST_IN_HEAT:
        return pairs
    known = [pair for pair in pairs if pair["kappa"] is not None or pair["agreement"] is not None]
    enough = [pair for pair in known if pair["items"] >= ENOUGH_SHARED] or known
    return sorted(enough, key=lambda pair: pair["agreement"] if pair["kappa"] is None else pair["kappa"])[
        :MOST_SHOWN
    ]
