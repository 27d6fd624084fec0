"""Two small projects beside the big one: reviews that get several labels, and notes in which names are marked."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.db.models import F

from annotation.jobs import start_import
from annotation.models import Annotation, Assignment, Item, Membership, Project, Role, Round, User
from annotation.services import answers, gold, imports, labelling, projects
from evaluation.demo.project import LEADS, SEED, Say
from evaluation.demo.running import run_job

TOPICS, NAMES = "app-topics", "delivery-names"
LABELLERS = ["amara", "jonas", "mei"]
GOLD = 6  # texts of each whose answer is known

ASPECTS = {
    "Price": ["two euros a month is fair", "it costs more than last year", "the free plan is enough for me"],
    "Speed": ["it opens in no time", "scrolling has become slow", "search takes ages on my old phone"],
    "Crashes": ["it closes by itself when I share", "since the update it freezes", "not one crash in a year"],
    "Design": ["the new colours are hard to read", "I like how tidy it looks", "the buttons are too small"],
    "Support": ["nobody answers my mails", "the help desk wrote back within an hour", "their manual is good"],
    "Privacy": [
        "why does it want my contacts",
        "it works without an account",
        "too many trackers for my taste",
    ],
}
DEFINITIONS = {
    "Price": "What it costs, plans, refunds",
    "Speed": "Fast or slow",
    "Crashes": "Closes, freezes, or never does",
    "Design": "How it looks and is laid out",
    "Support": "People and pages that help",
    "Privacy": "Data, accounts, permissions",
}
ABOUT_NOTHING = ["Downloaded it yesterday.", "My sister uses it too.", "Five stars.", "Will see."]

KINDS = {
    "Person": "Who gives, takes or signs",
    "Place": "Where it goes or waits",
    "Thing": "What is delivered",
    "Time": "When",
}
SLOTS = {
    "Person": ["Ada Brook", "Mr Okoro", "Zoë Lind", "Tomas Vrba", "the Hallers"],
    "Place": ["12 Mill Lane", "the yellow shed", "Hafenstraße 4", "gate B", "the corner café"],
    "Thing": ["two crates of apples", "a bicycle 🚲", "the blue folder", "six chairs", "a parcel"],
    "Time": ["Monday noon", "before eight", "the 3rd of May", "tonight", "after the rain"],
}
NOTES = [
    "Leave {Thing} with {Person} at {Place}.",
    "{Person} signs for {Thing}, not {Person}.",
    "{Time}: ring at {Place}, ask for {Person}.",
    "Nobody at {Place} {Time}. Took {Thing} back.",
    "👋 {Thing} for {Person}, {Time} if you can.",
    "{Place} is closed. {Person} takes it at {Place}.",
]

Mistaken = Callable[[Any, random.Random], Any]


@dataclass
class SmallText:
    """One text and its true answer, by label names."""

    id: str
    text: str
    truth: Any


def reviews(n: int, rng: random.Random) -> list[SmallText]:
    """Reviews about none to three things."""
    made = []
    for at in range(n):
        chosen = rng.sample(list(ASPECTS), rng.choices([0, 1, 2, 3], [1, 4, 4, 1])[0])
        parts = [rng.choice(ASPECTS[aspect]) for aspect in chosen]
        said = (
            ". ".join(part[0].upper() + part[1:] for part in parts) + "."
            if parts
            else rng.choice(ABOUT_NOTHING)
        )
        made.append(SmallText(f"R{at + 1:03d}", f"{said} ({at + 1})", sorted(chosen)))
    return made


def notes(n: int, rng: random.Random) -> list[SmallText]:
    """A driver's notes, with the place of each name in them, in code points."""
    made = []
    for at in range(n):
        text, spans = f"#{at + 1} ", []
        rest = rng.choice(NOTES)
        while rest:
            before, _, after = rest.partition("{")
            text += before
            kind, _, rest = after.partition("}")
            if kind:
                name = rng.choice(SLOTS[kind])
                spans.append({"start": len(text), "end": len(text) + len(name), "label": kind})
                text += name
        made.append(SmallText(f"N{at + 1:03d}", text, spans))
    return made


def wrong_topics(truth: list[str], rng: random.Random) -> list[str]:
    """One topic is overlooked, or one too many is seen."""
    if truth and rng.random() < 0.6:
        overlooked = rng.choice(truth)
        return [name for name in truth if name != overlooked]
    return sorted({*truth, rng.choice(list(ASPECTS))})


def wrong_spans(truth: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """One span begins a word too late, has another label, or is overlooked."""
    at = rng.randrange(len(truth))
    span = dict(truth[at])
    others = truth[:at] + truth[at + 1 :]
    mistake = rng.random()
    if mistake < 0.4:
        return others
    if mistake < 0.7:
        return [*others, span | {"label": rng.choice([kind for kind in KINDS if kind != span["label"]])}]
    return [*others, span | {"start": min(span["start"] + 4, span["end"] - 1)}]


def make_small_projects(users: Mapping[str, User], say: Say) -> None:
    """Both projects with texts, gold, three people and some answers."""
    rng = random.Random(SEED + 1)
    say("a small project with several labels for each text, and one with marked spans")
    topics = projects.create_project(
        users["hanna"],
        slug=TOPICS,
        name="App review topics",
        task=Project.Task.MULTILABEL,
        question="What is the review about?",
        labels=[
            {"name": name, "description": DEFINITIONS[name], "examples": phrases[:2]}
            for name, phrases in ASPECTS.items()
        ],
        guideline="# Topics\n\nTick all that the review says something about. *None* is an answer too.\n",
        overlap=2,
        gold_rate=0.1,
        asks_confidence=True,
    )
    _fill(users, topics, reviews(60, rng), 84, "labels", wrong_topics, rng)
    names = projects.create_project(
        users["hanna"],
        slug=NAMES,
        name="Names in delivery notes",
        task=Project.Task.SPANS,
        question="Who, where, what, when?",
        labels=[
            {"name": name, "description": said, "examples": SLOTS[name][:2]} for name, said in KINDS.items()
        ],
        guideline="# Names\n\nMark whole names, with their articles and numbers, without the full stop.\n",
        overlap=2,
        gold_rate=0.1,
    )
    _fill(users, names, notes(48, rng), 64, "spans", wrong_spans, rng)


def _fill(
    users: Mapping[str, User],
    project: Project,
    texts: Sequence[SmallText],
    most: int,
    shape: str,
    mistaken: Mistaken,
    rng: random.Random,
) -> None:
    """People, texts, gold, and up to `most` answers."""
    owner = users["hanna"]
    for username, _, role in LEADS[1:]:
        Membership.objects.create(project=project, user=users[username], role=role)
    for username in LABELLERS:
        Membership.objects.create(project=project, user=users[username], role=Role.ANNOTATOR)
    known, others = texts[:GOLD], texts[GOLD:]
    main = Round.objects.get(project=project)
    _import(project, owner, known, None, "known.jsonl")
    _import(project, owner, others, main, "texts.jsonl")
    for text in known:
        item = Item.objects.get(project=project, external_id=text.id)
        gold.set_gold(project, owner, item, **{shape: text.truth}, explanation="As the guideline has it.")
    truths = {text.id: text.truth for text in texts}
    people = [users[username] for username in LABELLERS]
    given = 0
    while people and given < most:
        user = rng.choice(people)
        handout = labelling.next_items(project, user, 4)
        if not handout.leases:
            people.remove(user)
        given += _answer([lease.id for lease in handout.leases], truths, shape, mistaken, rng)
    # The seconds that the imagined people took become the measured ones
    Annotation.objects.filter(round=main).update(seconds=F("client_seconds"))


def _import(project: Project, owner: User, texts: Sequence[SmallText], into: Round | None, name: str) -> None:
    lines = "".join(
        json.dumps({"id": text.id, "text": text.text}, ensure_ascii=False) + "\n" for text in texts
    )
    source = imports.store_upload(project, owner, ContentFile(lines.encode(), name=name), into=into)
    imports.choose_mapping(source, {"text": "text", "id": "id"})
    run_job(start_import(source, owner))


def _answer(
    leases: Sequence[int],
    truths: Mapping[str, Any],
    shape: str,
    mistaken: Mistaken,
    rng: random.Random,
) -> int:
    held = Assignment.objects.select_related("round__project", "item", "annotator").filter(pk__in=leases)
    for assignment in held.order_by("pk"):
        truth = truths[assignment.item.external_id or ""]
        said = mistaken(truth, rng) if rng.random() < 0.2 else truth
        answers.answer_item(
            assignment,
            key=UUID(int=rng.getrandbits(128)),
            seconds=round(rng.uniform(3, 14), 1),
            **{shape: said},
        )
    return len(leases)
