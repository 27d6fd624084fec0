"""The demo's nine annotators: how each of them answers."""

import random
from dataclasses import dataclass, field

from evaluation.demo.texts import HARD_PAIR, NAMES, Text


@dataclass
class Person:
    """Somebody who answers correctly with probability `skill`, less on what is hard. `sitting` counts today's answers.

    A careless one presses whatever is under the finger; a tiring one gets worse within a sitting; a copying one
    gives the answer of `copies` where there is one.
    """

    username: str
    name: str
    skill: float
    habit: str = ""
    copies: str = ""
    given: dict[str, str] = field(default_factory=dict)  # text id → label
    sitting: int = 0


PEOPLE = [
    ("amara", "Amara Diallo", 0.95, "", ""),
    ("jonas", "Jonas Weber", 0.93, "", ""),
    ("mei", "Mei Tanaka", 0.92, "", ""),
    ("priya", "Priya Raman", 0.9, "", ""),
    ("ida", "Ida Holm", 0.89, "", ""),
    ("kofi", "Kofi Mensah", 0.87, "", ""),
    ("tomas", "Tomás Reyes", 0.88, "careless", ""),
    ("lena", "Lena Kask", 0.93, "tiring", ""),
    ("noor", "Noor Aziz", 0.8, "copying", "jonas"),
]
SITTING = 30  # answers after which a tiring annotator is as tired as can be


def people() -> list[Person]:
    """All nine, fresh."""
    return [Person(*facts) for facts in PEOPLE]


def answer(person: Person, text: Text, everybody: dict[str, Person], rng: random.Random) -> tuple[str, float]:
    """The label that the person chooses, and the seconds it takes."""
    person.sitting += 1
    seconds = rng.lognormvariate(2.0, 0.4) + len(text.text) / 60
    skill = person.skill - (0.4 if text.hard else 0)
    if person.habit == "tiring":
        skill -= 0.65 * min(1.0, person.sitting / SITTING)
    if person.habit == "careless":
        seconds *= 0.25
        if rng.random() < 0.45:
            return _keep(person, text, rng.choice(NAMES[:3])), seconds
    if person.habit == "copying":
        seen = everybody[person.copies].given.get(text.id)
        if seen and rng.random() < 0.92:
            return _keep(person, text, seen), seconds * 0.4
    if rng.random() < skill:
        return _keep(person, text, text.truth), seconds
    if text.truth in HARD_PAIR and rng.random() < 0.8:
        return _keep(person, text, HARD_PAIR[1 - HARD_PAIR.index(text.truth)]), seconds
    return _keep(person, text, rng.choice([name for name in NAMES if name != text.truth])), seconds


def _keep(person: Person, text: Text, label: str) -> str:
    person.given[text.id] = label
    return label
