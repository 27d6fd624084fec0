"""Patterns in people's answers: what was planted is named, and honest people are not."""

import datetime
import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from evaluation.demo.annotators import SITTING, answer, people
from evaluation.demo.texts import NAMES, write_texts
from qc.algorithms.answer_scores import score_labels
from qc.algorithms.label_counts import count_labels
from qc.algorithms.patterns import Answers, Pattern, find_patterns
from qc.algorithms.sittings import minutes_into_sitting

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]


def scored(
    items: Codes, annotators: Codes, labels: Codes, seconds: Numbers, moments: Numbers, n_labels: int
) -> tuple[Answers, sparse.csr_array]:
    counts = count_labels(items, labels, n_labels)
    minutes = minutes_into_sitting(annotators, moments)
    score = score_labels(items, labels, counts)
    return Answers(items, annotators, labels, score, seconds, moments, minutes), counts


def honest(
    seed: int, people: int = 200, texts: int = 4000, n_labels: int = 6
) -> tuple[Answers, sparse.csr_array]:
    """People of different skill, pace and taste, three to a text; a quarter of the texts is hard for all alike."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(n_labels, texts, p=rng.dirichlet(np.full(n_labels, 2.0)))
    hard = rng.random(texts) < 0.25
    near = (truth + 1 + rng.integers(n_labels - 1, size=texts)) % n_labels
    skill, pace = rng.normal(0.85, 0.07, people).clip(0.5, 0.98), rng.normal(2, 0.35, people)
    taste = rng.dirichlet(np.full(n_labels, 3.0), people).cumsum(axis=1)
    share = rng.gamma(2, 1, people)
    items = np.repeat(np.arange(texts), 3)
    who = np.concatenate([rng.choice(people, 3, replace=False, p=share / share.sum()) for _ in range(texts)])
    right = rng.random(len(items)) < skill[who] - 0.3 * hard[items]
    liked = (rng.random(len(items))[:, None] > taste[who]).sum(axis=1).clip(0, n_labels - 1)
    wrong = np.where(rng.random(len(items)) < 0.5, near[items], liked)
    seconds, moments = np.zeros(len(items)), np.zeros(len(items))
    order = rng.permutation(texts)[items]
    for person in range(people):
        mine = np.flatnonzero(who == person)
        mine = mine[np.argsort(order[mine])]
        practice = 0.1 * np.arange(len(mine)) / max(1, len(mine))
        seconds[mine] = np.exp(pace[person] + rng.normal(0, 0.5, len(mine)) - practice)
        moments[mine] = np.arange(len(mine)) // 40 * 86400 + np.cumsum(seconds[mine])
    return scored(items, who, np.where(right, truth[items], wrong), seconds, moments, n_labels)


def named(found: list[Pattern]) -> set[tuple[int, str]]:
    return {(pattern.annotator, pattern.kind) for pattern in found if pattern.named}


def test_of_200_honest_people_fewer_than_one_in_a_hundred_is_named() -> None:
    accused = [len({who for who, _ in named(find_patterns(*honest(seed)))}) for seed in range(3)]
    assert sum(accused) < 0.01 * 200 * 3


@pytest.fixture(scope="module")
def demo() -> tuple[Answers, sparse.csr_array, list[str]]:
    """The demo's nine people at 1,000 of its texts, three to a text, each in sittings as they tire in."""
    texts, _ = write_texts(3000, datetime.date(2026, 11, 1), 20261123)
    everybody = people()
    known = {person.username: person for person in everybody}
    names = list(known)
    rng = random.Random(7)
    open_slots = {text.id: 3 for text in texts[:1000]}
    taken: set[tuple[str, str]] = set()
    place = {text.id: at for at, text in enumerate(texts[:1000])}
    rows: list[tuple[int, int, int, float, float]] = []
    given = dict.fromkeys(names, 0)
    willing = list(everybody)
    queue = texts[:1000]
    while willing:
        person = rng.choice(willing)
        for _ in range(rng.randint(5, 10)):
            free = (text for text in queue if open_slots[text.id] and (person.username, text.id) not in taken)
            text = next(free, None)
            if text is None:
                willing.remove(person)
                break
            open_slots[text.id] -= 1
            taken.add((person.username, text.id))
            if not open_slots[text.id]:
                queue = [other for other in queue if other.id != text.id]
            if given[person.username] % SITTING == SITTING - 1:
                person.sitting = 0
            label, seconds = answer(person, text, known, rng)
            given[person.username] += 1
            sitting, nth = divmod(given[person.username], SITTING)
            moment = sitting * 86400 + nth * 40 + len(rows) * 0.001
            rows.append((place[text.id], names.index(person.username), NAMES.index(label), seconds, moment))
    items, who, labels = (np.array([row[at] for row in rows]) for at in range(3))
    taken_for, given_at = (np.array([row[at] for row in rows]) for at in (3, 4))
    answers, counts = scored(items, who, labels, taken_for, given_at, len(NAMES))
    # Who was first at a text is the order of the rows; the sitting is each person's own
    return replace(answers, moments=np.arange(len(rows), dtype=np.float64)), counts, names


def test_the_planted_people_of_the_demo_are_named_and_nobody_else(
    demo: tuple[Answers, sparse.csr_array, list[str]],
) -> None:
    answers, counts, names = demo
    found = find_patterns(answers, counts)
    assert {(names[who], kind) for who, kind in named(found)} == {
        ("tomas", "too_fast"),
        ("lena", "tires"),
        ("noor", "copies"),
    }
    [copies] = [pattern for pattern in found if pattern.kind == "copies" and pattern.named]
    assert names[copies.evidence["other"]] == "jonas"


def test_who_labels_beside_somebody_that_tires_is_not_named() -> None:
    rng = np.random.default_rng(3)
    texts, minute = 900, np.tile(np.arange(30.0), 30)
    truth = rng.integers(0, 5, texts)
    labels = np.stack([truth, truth, truth], axis=1)
    tired = rng.random(texts) < 0.03 * minute  # the third one, towards the end of each sitting nearly always
    labels[tired, 2] = (truth[tired] + rng.integers(1, 5, tired.sum())) % 5
    slip = rng.random((texts, 2)) < 0.05
    labels[:, :2] = np.where(slip, (labels[:, :2] + 1) % 5, labels[:, :2])
    answers, counts = scored(
        np.repeat(np.arange(texts), 3),
        np.tile(np.arange(3), texts),
        labels.ravel(),
        np.full(3 * texts, 9.0),
        np.repeat(np.repeat(np.arange(30.0), 30) * 86400 + minute * 60, 3),
        5,
    )
    found = find_patterns(answers, counts)
    assert {who for who, kind in named(found) if kind == "tires"} == {2}
    drops = [p.evidence["first"] - p.evidence["last"] for p in found if p.kind == "tires" and p.annotator < 2]
    assert min(drops) > 0.15  # their own agreement with the rest falls too


def changed(answers: Answers, rows: Codes, labels: Codes) -> tuple[Answers, sparse.csr_array]:
    """The same with other labels in some rows."""
    made = answers.labels.copy()
    made[rows] = labels
    return scored(answers.items, answers.annotators, made, answers.seconds, answers.moments, 6)


def test_one_label_nearly_always_is_named() -> None:
    answers, _ = honest(5, people=12, texts=400)
    mine = np.flatnonzero(answers.annotators == 3)
    rng = np.random.default_rng(0)
    rare = int(np.bincount(answers.labels).argmin())
    pressed = np.where(rng.random(len(mine)) < 0.95, rare, answers.labels[mine])
    assert named(find_patterns(*changed(answers, mine, pressed))) == {(3, "one_label")}


def test_a_fixed_order_is_named() -> None:
    answers, _ = honest(6, people=12, texts=400)
    busiest = int(np.bincount(answers.annotators).argmax())
    mine = np.flatnonzero(answers.annotators == busiest)
    mine = mine[np.argsort(answers.moments[mine])]
    found = named(find_patterns(*changed(answers, mine, np.arange(len(mine)) % 6)))
    assert found == {(busiest, "fixed_order")}


def test_texts_in_the_order_of_their_labels_accuse_nobody() -> None:
    """Everybody's answers come in runs where the texts do, as in an import sorted by topic."""
    answers, _ = honest(8, people=12, texts=400)
    order = np.argsort(answers.labels, kind="stable")
    first = np.zeros(400)
    first[answers.items[order[::-1]]] = answers.labels[order[::-1]]
    sorted_answers = replace(answers, moments=first[answers.items] * 1000 + answers.items)
    counts = count_labels(answers.items, answers.labels, 6)
    assert not [kind for _, kind in named(find_patterns(sorted_answers, counts)) if kind == "fixed_order"]


def test_without_times_and_seconds_only_what_can_be_known_is_tested() -> None:
    answers, counts = honest(9, people=12, texts=300)
    nothing = np.full(len(answers.items), np.nan)
    untimed = replace(answers, seconds=nothing, moments=np.zeros(len(nothing)), minutes=nothing)
    assert {pattern.kind for pattern in find_patterns(untimed, counts)} == {"one_label", "copies"}


def test_nobody_is_tested_where_nobody_answered() -> None:
    none, nothing = np.zeros(0, np.int64), np.zeros(0)
    empty = Answers(none, none, none, nothing, nothing, nothing, nothing)
    assert find_patterns(empty, count_labels(none, none, 2)) == []
