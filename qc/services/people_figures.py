"""Reports of people: gold, consistency, agreement with the rest, pace, labels, time, and patterns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import wilson
from qc.algorithms.patterns import Answers as TestedAnswers
from qc.algorithms.patterns import Pattern, find_patterns
from qc.algorithms.people import FALSE_DISCOVERY, LabelMix, cohen_kappa, group_means, group_medians, label_mix
from qc.algorithms.sittings import minutes_into_sitting
from qc.queries.answers import Answers, Checks
from qc.services.measuring import Measured, coded_checks
from qc.services.pattern_words import in_words
from qc.services.people_over_time import NO_GOLD, NO_REPEATS, Stretches, Weeks, known_or_none, place_of
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
) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """(annotator id, what lists show, the rest of the report) of everybody, in the order of the ids.

    `floor` is the gold accuracy that the project wants.
    """
    size = len(measured.person_ids)
    who = place_of(measured.person_ids, checks.annotators)
    said = coded_checks(measured, checks, checks.labels)
    repeats = Repeats(measured, answers, checks, said, who)
    tested = TestedAnswers(
        measured.items,
        measured.persons,
        measured.codes,
        measured.score,
        answers.seconds,
        answers.moments,
        minutes_into_sitting(measured.persons, answers.moments, measured.long_break),
    )
    patterns = find_patterns(tested, measured.counts)
    mean, shared = group_means(measured.persons, measured.score, size)
    seconds = group_medians(measured.persons, answers.seconds, size)
    given = np.bincount(measured.persons, minlength=size)
    mix = label_mix(measured.items, measured.persons, measured.codes, measured.counts, measured.given)
    names = [people[int(pk)][0] for pk in measured.person_ids]
    stretches = Stretches(tested, checks, repeats, who, size, measured.long_break)
    weeks = Weeks(tested, checks, who, size)
    with_whom = _by_person(pairs)
    reports = []
    for at, pk in enumerate(measured.person_ids.tolist()):
        gold = checks.gold & (who == at)
        mine = repeats.person == at
        own_patterns = [pattern for pattern in patterns if pattern.annotator == at]
        brief = {
            "username": names[at],
            "annotator": pk,
            "annotations": int(given[at]),
            "gold": _gold(int(checks.correct[gold].sum()), int(gold.sum())),
            "consistency": _consistency(repeats, mine),
            "agreement_with_rest": known_or_none(mean[at]),
            "median_seconds": known_or_none(seconds[at]),
            "state": people[pk][1],
            "patterns": [pattern.kind for pattern in own_patterns if pattern.named],
            "sitting": stretches.brief(at),
        }
        full = {
            "others": {
                "agreement_with_rest": _mean_of_others(mean, shared, at),
                "median_seconds": _median_of_others(seconds, at),
                "gold": _others_share(checks.correct[checks.gold], who[checks.gold], at),
                "consistency": _others_share(repeats.same, repeats.person, at),
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
            "with": with_whom.get(names[at], [])[:MOST_WITH],
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


def _gold(right: int, n: int) -> dict[str, Any]:
    found = wilson(right, n, reason=NO_GOLD)
    return {"n": n, "accuracy": found.value, "low": found.low, "high": found.high, "reason": found.reason}


def _consistency(repeats: Repeats, mine: NDArray[np.bool_]) -> dict[str, Any]:
    n = int(mine.sum())
    found = wilson(int(repeats.same[mine].sum()), n, reason=NO_REPEATS)
    return {
        "n": n,
        "agreement": found.value,
        "low": found.low,
        "high": found.high,
        "kappa": cohen_kappa(repeats.first[mine], repeats.second[mine]),
        "reason": found.reason,
    }


def _mean_of_others(mean: Floats, n: Integers, at: int) -> float | None:
    others = (np.arange(len(mean)) != at) & (n > 0)
    return float(np.average(mean[others], weights=n[others])) if others.any() else None


def _median_of_others(seconds: Floats, at: int) -> float | None:
    others = np.delete(seconds, at)
    others = others[~np.isnan(others)]
    return float(np.median(others)) if len(others) else None


def _others_share(right: NDArray[np.bool_], who: Integers, at: int) -> dict[str, Any]:
    others = (who != at) & (who >= 0)
    n = int(others.sum())
    return {"n": n, "value": float(right[others].mean()) if n else None}


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


def _gold_blocks(checks: Checks, gold: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Gold accuracy in blocks of 20 gold answers, oldest first; a rest of fewer than 10 goes with the block before."""
    rows = np.flatnonzero(gold)
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


def _missed(
    measured: Measured, checks: Checks, said: Integers, gold: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    known = coded_checks(measured, checks, checks.known)
    rows = np.flatnonzero(gold & ~checks.correct)
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
        other = np.flatnonzero(tested.annotators == evidence["other"])
        both = np.isin(tested.items[mine], tested.items[other])
        texts = mine[both]
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


def _by_person(pairs: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """name → pairs with others, the most shared texts first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for pair in sorted(pairs, key=lambda row: -row["items"]):
        for own, other in (("a", "b"), ("b", "a")):
            rows = found.setdefault(pair[own], [])
            if len(rows) < MOST_WITH:
                rows.append({"with": pair[other]} | {k: v for k, v in pair.items() if k not in {"a", "b"}})
    return found
