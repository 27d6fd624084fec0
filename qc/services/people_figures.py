"""Reports of people: gold, consistency, agreement with the rest, pace, labels, time, and patterns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.algorithms.intervals import wilson
from qc.algorithms.patterns import Answers as TestedAnswers
from qc.algorithms.patterns import Pattern, find_patterns
from qc.algorithms.people import FALSE_DISCOVERY, LabelMix, cohen_kappa, group_means, group_medians, label_mix
from qc.algorithms.sittings import EDGES, minutes_into_sitting, stretch_of
from qc.queries.answers import Answers, Checks
from qc.services.agreement_parts import monday_of, weeks_of
from qc.services.measuring import Measured, coded_checks
from qc.services.pattern_words import in_words

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_GOLD = "no gold answers yet"
NO_REPEATS = "no repeats yet"
MOST_KEPT = 200  # texts of a pattern, gold texts missed
GOLD_BLOCK = 20  # gold answers in one point of the figure over time
MOST_WEEKS = 26
MOST_WITH = 30  # pairs of one person, the most shared texts first


class Repeats:
    """Each repeat with the answer of the same person to the same text before it: codes and moments, (n,)."""

    def __init__(
        self, measured: Measured, answers: Answers, checks: Checks, said: Integers, who: Integers
    ) -> None:
        repeats = ~checks.gold & (who >= 0)
        items = np.concatenate([answers.items, checks.items[repeats]])
        people = np.concatenate([measured.persons, who[repeats]])
        codes = np.concatenate([measured.codes, said[repeats]])
        moments = np.concatenate([answers.moments, checks.moments[repeats]])
        again = np.append(np.zeros(len(answers), np.bool_), np.ones(int(repeats.sum()), np.bool_))
        wanted = np.isin(items, checks.items[repeats])
        items, people, codes, moments, again = (
            column[wanted] for column in (items, people, codes, moments, again)
        )
        order = np.lexsort((again, moments, people, items))
        items, people, codes, moments, again = (
            column[order] for column in (items, people, codes, moments, again)
        )
        follows = (items[1:] == items[:-1]) & (people[1:] == people[:-1]) & again[1:]
        self.person = people[1:][follows]
        self.first, self.second = codes[:-1][follows], codes[1:][follows]
        self.moment = moments[1:][follows]
        self.same = self.first == self.second


def people_reports(
    measured: Measured,
    answers: Answers,
    checks: Checks,
    people: dict[int, tuple[str, str]],
    pairs: Sequence[dict[str, Any]],
) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """(annotator id, what lists show, the rest of the report) of everybody, in the order of the ids."""
    size = len(measured.person_ids)
    who = _place(measured.person_ids, checks.annotators)
    said = coded_checks(measured, checks, checks.labels)
    repeats = Repeats(measured, answers, checks, said, who)
    tested = TestedAnswers(
        measured.items,
        measured.persons,
        measured.codes,
        measured.score,
        answers.seconds,
        answers.moments,
        minutes_into_sitting(measured.persons, answers.moments),
    )
    patterns = find_patterns(tested, measured.counts)
    mean, shared = group_means(measured.persons, measured.score, size)
    seconds = group_medians(measured.persons, answers.seconds, size)
    given = np.bincount(measured.persons, minlength=size)
    mix = label_mix(measured.items, measured.persons, measured.codes, measured.counts, measured.given)
    names = [people[int(pk)][0] for pk in measured.person_ids]
    stretches = _Stretches(tested, checks, repeats, who, size)
    weeks = _Weeks(tested, checks, who, size)
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
            "agreement_with_rest": _known(mean[at]),
            "median_seconds": _known(seconds[at]),
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
            "over_weeks": weeks.rows(at),
            "gold_over_time": _gold_blocks(checks, gold),
            "gold_missed": _missed(measured, checks, said, gold),
            "tests": [_test(pattern, measured, names, tested) for pattern in own_patterns],
            "with": with_whom.get(names[at], [])[:MOST_WITH],
        }
        reports.append((pk, brief, full))
    return reports


def _place(ids: Integers, wanted: Integers) -> Integers:
    """Where each wanted id is in the ascending `ids`; -1 where it is not."""
    if len(ids) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1).astype(np.int64)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


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


class _Stretches:
    """Everybody's figures by minutes into the sitting, gold and repeats placed by the moment in which they came."""

    def __init__(
        self, tested: TestedAnswers, checks: Checks, repeats: Repeats, who: Integers, size: int
    ) -> None:
        self.size = size
        known = who >= 0
        people = np.concatenate([tested.annotators, who[known], repeats.person])
        moments = np.concatenate([tested.moments, checks.moments[known], repeats.moment])
        stretch = stretch_of(minutes_into_sitting(people, moments))
        n, m = len(tested.annotators), int(known.sum())
        of_answer, of_check, of_repeat = stretch[:n], stretch[n : n + m], stretch[n + m :]
        gold = checks.gold[known]
        cells = size * len(EDGES)
        self.score, self.n = group_means(self._cell(tested.annotators, of_answer), tested.score, cells)
        self.seconds = group_medians(self._cell(tested.annotators, of_answer), tested.seconds, cells)
        right = checks.correct[known][gold].astype(np.float64)
        self.gold, self.gold_n = group_means(self._cell(who[known][gold], of_check[gold]), right, cells)
        self.same, self.same_n = group_means(
            self._cell(repeats.person, of_repeat), repeats.same.astype(np.float64), cells
        )

    def _cell(self, people: Integers, stretch: Integers) -> Integers:
        return np.where(stretch < 0, -1, people * len(EDGES) + stretch)

    def rows(self, at: int) -> list[dict[str, Any]]:
        """One row for each stretch in which there are answers, with the others' figures."""
        found = []
        for stretch, start in enumerate(EDGES):
            cell = at * len(EDGES) + stretch
            if not (self.n[cell] or self.gold_n[cell] or self.same_n[cell]):
                continue
            rest = np.arange(stretch, self.size * len(EDGES), len(EDGES))
            rest = rest[rest != cell]
            found.append(
                {
                    "from": start,
                    "to": EDGES[stretch + 1] if stretch + 1 < len(EDGES) else None,
                    "n": int(self.n[cell]),
                    "agreement": _known(self.score[cell]),
                    "others_agreement": _weighted(self.score[rest], self.n[rest]),
                    "seconds": _known(self.seconds[cell]),
                    "others_seconds": _middle(self.seconds[rest]),
                    "gold": wilson(
                        round(float(np.nan_to_num(self.gold[cell])) * int(self.gold_n[cell])),
                        int(self.gold_n[cell]),
                        reason=NO_GOLD,
                    ).as_dict(),
                    "others_gold": _weighted(self.gold[rest], self.gold_n[rest]),
                    "same": wilson(
                        round(float(np.nan_to_num(self.same[cell])) * int(self.same_n[cell])),
                        int(self.same_n[cell]),
                        reason=NO_REPEATS,
                    ).as_dict(),
                    "others_same": _weighted(self.same[rest], self.same_n[rest]),
                }
            )
        return found

    def brief(self, at: int) -> list[float | None]:
        """Agreement with the rest in each stretch, for a small figure."""
        cells = slice(at * len(EDGES), (at + 1) * len(EDGES))
        return [None if np.isnan(value) else round(float(value), 4) for value in self.score[cells]]


class _Weeks:
    """Everybody's figures by week."""

    def __init__(self, tested: TestedAnswers, checks: Checks, who: Integers, size: int) -> None:
        known = who >= 0
        weeks = weeks_of(np.concatenate([tested.moments, checks.moments[known]]))
        self.weeks = np.unique(weeks)[-MOST_WEEKS:]
        place = _place(self.weeks, weeks)
        n = len(tested.annotators)
        cells = size * max(1, len(self.weeks))
        own = self._cell(tested.annotators, place[:n])
        self.answers = np.bincount(own[own >= 0], minlength=cells)
        self.score, self.n = group_means(own, tested.score, cells)
        self.seconds = group_medians(own, tested.seconds, cells)
        gold = checks.gold[known]
        right = checks.correct[known][gold].astype(np.float64)
        self.gold, self.gold_n = group_means(self._cell(who[known][gold], place[n:][gold]), right, cells)

    def _cell(self, people: Integers, week: Integers) -> Integers:
        return np.where(week < 0, -1, people * len(self.weeks) + week)

    def rows(self, at: int) -> list[dict[str, Any]]:
        """One row for each week in which there are answers."""
        found = []
        for place, week in enumerate(self.weeks.tolist()):
            cell = at * len(self.weeks) + place
            if not (self.answers[cell] or self.gold_n[cell]):
                continue
            n = int(self.n[cell])
            right = round(float(np.nan_to_num(self.gold[cell])) * int(self.gold_n[cell]))
            found.append(
                {
                    "week": monday_of(week),
                    "annotations": int(self.answers[cell]),
                    "n": n,
                    "agreement": _known(self.score[cell]),
                    "seconds": _known(self.seconds[cell]),
                    "gold": wilson(right, int(self.gold_n[cell]), reason=NO_GOLD).as_dict(),
                }
            )
        return found


def _weighted(values: Floats, n: Integers) -> float | None:
    some = n > 0
    return float(np.average(values[some], weights=n[some])) if some.any() else None


def _middle(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


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
            "seconds": _known(checks.seconds[row]),
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
