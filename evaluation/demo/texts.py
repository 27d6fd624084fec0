"""Writes the demo's texts: seeded, with what was planted kept beside them."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from evaluation.demo.phrases import (
    CLOSINGS,
    COLOURS,
    CORES,
    DAYS,
    LABELS,
    OPENINGS,
    PHONE,
    PLACES,
    PRODUCTS,
    WALLET,
)

NAMES = [name for name, _ in LABELS]
SHARES = [0.21, 0.15, 0.13, 0.14, 0.11, 0.1, 0.08, 0.08]
SOURCES = {"chat": 0.42, "e-mail": 0.34, "app review": 0.12, "phone note": 0.12}
CUSTOMERS = {"new": 0.3, "returning": 0.55, "business": 0.15}
HARD_PAIR = ("Return or exchange", "Refund not received")
DRIFT_DAYS = 21  # from the end: the wallet appears


@dataclass
class Text:
    """One text with its true label, what the old system said of it, and its metadata."""

    id: str
    text: str
    truth: str
    old_label: str
    source: str
    day: date
    customer: str
    hard: bool = False


@dataclass
class Planted:
    """What was planted, for whoever wants to see it found."""

    wrong_labels: list[str] = field(default_factory=list)
    exact: list[tuple[str, str]] = field(default_factory=list)
    near: list[tuple[str, str]] = field(default_factory=list)


def write_texts(n: int, last_day: date, seed: int) -> tuple[list[Text], Planted]:
    """`n` texts over the 120 days up to `last_day`, the last 3 % of them copies of others."""
    rng = random.Random(seed)
    planted = Planted()
    texts: list[Text] = []
    seen: set[str] = set()
    originals = n - n // 33
    while len(texts) < originals:
        made = _write(rng, f"S{len(texts) + 1:05d}", last_day)
        if made.text not in seen:
            seen.add(made.text)
            texts.append(made)
    while len(texts) < n:
        texts.append(_copy(rng, f"S{len(texts) + 1:05d}", texts[:originals], planted))
    for made in texts:
        if rng.random() < 0.06:
            made.old_label = rng.choice([name for name in NAMES if name != made.truth])
            planted.wrong_labels.append(made.id)
    rng.shuffle(texts)
    return texts, planted


def _pick(rng: random.Random, shares: dict[str, float]) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


def _fill(rng: random.Random, phrase: str) -> str:
    colour, colour2 = rng.sample(COLOURS, 2)
    return phrase.format(
        product=rng.choice(PRODUCTS),
        place=rng.choice(PLACES),
        colour=colour,
        colour2=colour2,
        day=rng.choice(DAYS),
        days=rng.randint(3, 29),
        number=rng.randint(100_000, 999_999),
        amount=f"{rng.randint(9, 240)}.{rng.choice(['00', '50', '90', '95'])}",
        years=rng.randint(2, 15),
    )


def _write(rng: random.Random, identity: str, last_day: date) -> Text:
    ago = rng.randint(0, 119)
    recent = ago < DRIFT_DAYS
    weights = [
        share * (2.6 if recent and name == "Payment problem" else 1)
        for name, share in zip(NAMES, SHARES, strict=True)
    ]
    truth = rng.choices(NAMES, weights)[0]
    source, customer = _pick(rng, SOURCES), _pick(rng, CUSTOMERS)
    core = rng.choice(
        WALLET if recent and truth == "Payment problem" and rng.random() < 0.7 else CORES[truth]
    )
    hard = truth in HARD_PAIR and "money" in core
    if source == "phone note":
        hard = rng.random() < 0.55
        phrase = rng.choice(PHONE) if hard else f"cust: {core}"
    else:
        opening, closing = rng.choice(OPENINGS), rng.choice(CLOSINGS)
        sentence = core if opening else core[0].upper() + core[1:]
        phrase = f"{opening} {sentence}. {closing}"
    day = last_day - timedelta(days=ago)
    return Text(identity, _fill(rng, " ".join(phrase.split())), truth, truth, source, day, customer, hard)


def _copy(rng: random.Random, identity: str, originals: list[Text], planted: Planted) -> Text:
    """An exact copy (up to case and spaces), or a near one (a word more at the end of a long text)."""
    exact = rng.random() < 0.45
    original = rng.choice([t for t in originals if exact or len(t.text.split()) >= 16])
    if exact:
        text = original.text.upper() if rng.random() < 0.3 else f"  {original.text.replace('. ', '.  ')} "
        planted.exact.append((original.id, identity))
    else:
        text = f"{original.text} {rng.choice(['Please!', 'Urgent.', 'Thanks!', 'Again.'])}"
        planted.near.append((original.id, identity))
    return Text(
        identity,
        text,
        original.truth,
        original.old_label,
        original.source,
        original.day,
        original.customer,
        original.hard,
    )
