"""Reports of people: gold, consistency, agreement with the rest, pace, labels, time, and patterns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import wilson
from qc.algorithms.patterns import Answers as TestedAnswers
from qc.algorithms.patterns import Pattern, find_patterns
from qc.algorithms.people import (
    FALSE_DISCOVERY,
    LabelMix,
    cohen_kappa,
    group_means,
    group_medians,
    label_mix,
    means_of_others,
    medians_of_others,
)
from qc.queries.answers import Answers, Checks
from qc.services.measuring import Measured, coded_checks
from qc.services.pattern_words import in_words
from qc.services.people_over_time import (
    NO_GOLD,
    NO_REPEATS,
    Clock,
    Stretches,
    Weeks,
    agreement_of,
    known_or_none,
)
from qc.services.repeats import Repeats

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_KEPT = 200  # texts of a pattern, gold texts missed
GOLD_BLOCK = 20  # gold answers in one point of the figure over time
MOST_WITH = 30  # pairs of one person, the most shared texts first
MOST_WITHOUT = 10  # people of whom it is computed what alpha is without their answers


def people_reports(
    measured: Measured,
    answers: Answers,
    checks: Checks,
    people: dict[int, tuple[str, str]],
    pairs: Sequence[dict[str, Any]],
    floor: float,
    clock: Clock,
) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """(annotator id, what lists show, the rest of the report) of everybody, in the order of the ids.

    `floor` is the gold accuracy that the project wants.
    """
    size = len(measured.person_ids)
    who = clock.who
    said = coded_checks(measured, checks, checks.labels)
    repeats = Repeats(measured, answers, checks, said, who)
    tested = TestedAnswers(
        measured.items,
        measured.persons,
        measured.codes,
        measured.score,
        answers.seconds,
        answers.moments,
        measured.minutes,
    )
    patterns_of: dict[int, list[Pattern]] = {}
    for pattern in find_patterns(tested, measured.counts):
        patterns_of.setdefault(pattern.annotator, []).append(pattern)
    mean, shared = group_means(measured.persons, measured.score, size)
    square, _ = group_means(measured.persons, measured.score**2, size)
    seconds = group_medians(measured.persons, answers.seconds, size)
    given = np.bincount(measured.persons, minlength=size)
    others_mean, others_seconds = means_of_others(mean, shared), medians_of_others(seconds)
    gold_sums = _right_and_all(checks.correct[checks.gold], who[checks.gold], size)
    repeat_sums = _right_and_all(repeats.same, repeats.person, size)
    mix = label_mix(measured.items, measured.persons, measured.codes, measured.counts, measured.given)
    names = [people[int(pk)][0] for pk in measured.person_ids]
    stretches = Stretches(tested, checks, repeats, clock, size)
    weeks = Weeks(tested, checks, repeats, who, size)
    with_whom = _by_person(pairs)
    gold_rows = _rows_of(np.where(checks.gold, who, -1), size)
    repeat_rows = _rows_of(repeats.person, size)
    reports = []
    for at, pk in enumerate(measured.person_ids.tolist()):
        gold = gold_rows[at]
        mine = repeat_rows[at]
        own_patterns = patterns_of.get(at, [])
        brief = {
            "username": names[at],
            "annotator": pk,
            "annotations": int(given[at]),
            "gold": _gold(int(checks.correct[gold].sum()), len(gold)),
            "consistency": _consistency(repeats, mine),
            "agreement_with_rest": known_or_none(mean[at]),
            "agreement_interval": agreement_of(mean[at], square[at], shared[at]),
            "median_seconds": known_or_none(seconds[at]),
            "state": people[pk][1],
            "patterns": [pattern.kind for pattern in own_patterns if pattern.named],
            "sitting": stretches.brief(at),
        }
        full = {
            "others": {
                "agreement_with_rest": known_or_none(others_mean[at]),
                "median_seconds": known_or_none(others_seconds[at]),
                "gold": _others_share(*gold_sums, at),
                "consistency": _others_share(*repeat_sums, at),
            },
            "shared_texts": int(shared[at]),
            "kappa_with_rest": _kappa_with_rest(mean[at], mix, at) if measured.one_label else None,
            "label_mix": _mix_rows(measured, mix, at),
            "over_sitting": stretches.rows(at),
            "break_minutes": measured.long_break / 60,
            "alpha_without": None,
            "over_weeks": weeks.rows(at),
            "gold_over_time": _gold_blocks(checks, gold),
            "gold_missed": _missed(measured, checks, said, gold),
            "tests": [_test(pattern, measured, names, tested) for pattern in own_patterns],
            "with": with_whom.get(pk, [])[:MOST_WITH],
        }
        reports.append((pk, brief, full))
    for at in _worrying([brief for _, brief, _ in reports], floor):
        reports[at][2]["alpha_without"] = measured.alpha_where(measured.persons != at).as_dict()
    return reports


def _worrying(briefs: list[dict[str, Any]], floor: float) -> list[int]:
    """Those on whom a lead has to decide: surely below the floor on gold, paused, or with a pattern, at most some."""

    def below(brief: dict[str, Any]) -> bool:
        high = brief["gold"]["high"]
        return high is not None and high < floor

    found = [
        at
        for at, brief in enumerate(briefs)
        if below(brief) or brief["state"] == "paused" or brief["patterns"]
    ]
    found.sort(
        key=lambda at: (not below(briefs[at]), briefs[at]["state"] != "paused", -briefs[at]["annotations"])
    )
    return found[:MOST_WITHOUT]


def _rows_of(who: Integers, size: int) -> list[Integers]:
    """Where the rows of each person are, in their order; those of nobody (-1) are left out."""
    order = np.argsort(who, kind="stable")
    ends = np.cumsum(np.bincount(who[who >= 0], minlength=size)) + int((who < 0).sum())
    starts = np.append(int((who < 0).sum()), ends)[: len(ends)]
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]


def _gold(right: int, n: int) -> dict[str, Any]:
    found = wilson(right, n, reason=NO_GOLD)
    return {"n": n, "accuracy": found.value, "low": found.low, "high": found.high, "reason": found.reason}


def _consistency(repeats: Repeats, mine: Integers) -> dict[str, Any]:
    n = len(mine)
    found = wilson(int(repeats.same[mine].sum()), n, reason=NO_REPEATS)
    return {
        "n": n,
        "agreement": found.value,
        "low": found.low,
        "high": found.high,
        "kappa": cohen_kappa(repeats.first[mine], repeats.second[mine]),
        "reason": found.reason,
    }


def _right_and_all(right: NDArray[np.bool_], who: Integers, size: int) -> tuple[Integers, Integers]:
    """Of each person, how many are right, and how many there are."""
    known = who >= 0
    return np.bincount(who[known & right], minlength=size), np.bincount(who[known], minlength=size)


def _others_share(right: Integers, n: Integers, at: int) -> dict[str, Any]:
    rest = int(n.sum() - n[at])
    return {"n": rest, "value": float(right.sum() - right[at]) / rest if rest else None}


def _kappa_with_rest(agreement: float, mix: LabelMix, at: int) -> float | None:
    """Agreement with the rest beyond what both label mixes alone would give."""
    n = mix.answers[at]
    if n == 0 or np.isnan(agreement):
        return None
    chance = float((mix.given[at] / n) @ (mix.expected[at] / n))
    return None if chance >= 1 else float((agreement - chance) / (1 - chance))


def _mix_rows(measured: Measured, mix: LabelMix, at: int) -> list[dict[str, Any]]:
    n = int(mix.answers[at])
    if n == 0:
        return []
    q = mix.tests(at) if measured.spans is None else np.ones(len(measured.labels))
    rows = []
    for label, name in enumerate(measured.names):
        given, expected = int(mix.given[at, label]), float(mix.expected[at, label]) / n
        if measured.labels[label].retired is not None and not given and not expected:
            continue
        share = wilson(min(given, n), n)
        different = bool(q[label] <= FALSE_DISCOVERY)
        rows.append(
            {
                "label": name,
                "n": given,
                "share": share.as_dict() | ({"value": given / n} if given > n else {}),
                "others": expected,
                "q": float(q[label]),
                "verdict": ("more" if given / n > expected else "less") if different else "",
            }
        )
    return sorted(rows, key=lambda row: -row["n"])


def _gold_blocks(checks: Checks, rows: Integers) -> list[dict[str, Any]]:
    """Gold accuracy in blocks of 20 gold answers, oldest first; a rest of fewer than 10 goes with the block before."""
    rows = rows[np.argsort(checks.moments[rows], kind="stable")]
    found = []
    start = 0
    while start < len(rows):
        end = start + GOLD_BLOCK if len(rows) - start - GOLD_BLOCK >= GOLD_BLOCK // 2 else len(rows)
        block = rows[start:end]
        accuracy = wilson(int(checks.correct[block].sum()), len(block))
        found.append(accuracy.as_dict() | {"until": float(checks.moments[block[-1]])})
        start = end
    return found


def _missed(measured: Measured, checks: Checks, said: Integers, gold: Integers) -> list[dict[str, Any]]:
    known = coded_checks(measured, checks, checks.known)
    rows = gold[~checks.correct[gold]]
    rows = rows[np.argsort(-checks.moments[rows], kind="stable")][:MOST_KEPT]
    return [
        {
            "item": int(checks.items[row]),
            "known": measured.value_in_words(int(known[row])),
            "answer": measured.value_in_words(int(said[row])),
            "seconds": known_or_none(checks.seconds[row]),
        }
        for row in rows
    ]


def _test(pattern: Pattern, measured: Measured, names: list[str], tested: TestedAnswers) -> dict[str, Any]:
    """One test with its sentence and the texts that it is about."""
    evidence = dict(pattern.evidence)
    mine = np.flatnonzero(tested.annotators == pattern.annotator) if pattern.named else np.zeros(0, np.int64)
    texts = mine[:0]
    if pattern.kind == "too_fast":
        texts = mine[tested.seconds[mine] < evidence.get("limit", 0)]
        texts = texts[np.argsort(tested.seconds[texts])]
    if pattern.kind == "one_label":
        texts = mine[tested.labels[mine] == evidence["label"]]
        evidence["label"] = measured.value_in_words(evidence["label"])
    if pattern.kind == "copies":
        if pattern.named:
            other = np.flatnonzero(tested.annotators == evidence["other"])
            texts = mine[np.isin(tested.items[mine], tested.items[other])]
        evidence["other"] = names[evidence["other"]]
    if pattern.kind == "fixed_order":
        evidence |= {
            step: measured.value_in_words(evidence[step]) for step in ("before", "after") if step in evidence
        }
        texts = mine
    if pattern.kind == "tires":
        texts = mine[tested.minutes[mine] >= evidence["after"]]
    return {
        "kind": pattern.kind,
        "named": pattern.named,
        "p": pattern.p,
        "q": pattern.q,
        "evidence": evidence,
        **in_words(pattern.kind, pattern.named, evidence, pattern.q),
        "texts": len(texts),
        "items": measured.item_ids[tested.items[texts[:MOST_KEPT]]].tolist(),
    }


def _by_person(pairs: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Annotator id → pairs with others, the most shared texts first."""
    found: dict[int, list[dict[str, Any]]] = {}
    for pair in sorted(pairs, key=lambda row: -row["items"]):
        figures = {k: v for k, v in pair.items() if k not in {"a", "b", "a_id", "b_id"}}
        for own, other in (("a", "b"), ("b", "a")):
            rows = found.setdefault(pair[f"{own}_id"], [])
            if len(rows) < MOST_WITH:
                rows.append({"with": pair[other], "annotator": pair[f"{other}_id"], **figures})
    return found
