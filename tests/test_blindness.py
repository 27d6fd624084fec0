"""Nobody who may still vote on a case learns by page or REST who answered its text, or what others voted.

Every address that an adjudicator or a lead may read is asked, those of `tests.test_permissions`, and what it answers
is searched. Names stand where people are listed; beside the text of an open case they may not.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from annotation.models import (
    Annotation,
    AnnotationVersion,
    Flag,
    GoldItem,
    Item,
    Job,
    Membership,
    Project,
    Role,
    Round,
    User,
)
from annotation.queries.people import annotator_of
from qc.models import Case, MetaLabelVote, Review, Sample, SampleItem
from qc.services.cases import open_cases, reopen_case
from qc.services.votes import cast_vote, stand_aside
from tests.conftest import make_user
from tests.test_permissions import ADJ, ANN, ANYBODY, LEAD, ROUTES, SIGNED_IN, World, address, make_world

Page = Callable[[User | None], Client]
TEXT, SECRET = "a drizzle that nobody expected", "hush"
ANNOTATORS = ("annegret", "benedikt")
# Files that leads take out whole: with holes they would be no copy of the data
FILES = {"api-annotations", "api-dataset", "api-split-file", "api-archive-file", "audit-file"}


@pytest.fixture
def world(project: Project, lea: User, ann: User) -> World:
    """One of everything, to which each test adds."""
    return make_world(project, lea, ann)


@pytest.fixture
def case(project: Project, lea: User, world: World, work: Callable[[], list[Job]], page: Page) -> Case:
    """An open case with everything on its text that could tell: answers, flags, marks, votes, an older decision."""
    item = Item.objects.create(project=project, text=TEXT, digest=uuid4(), external_id="drizzle")
    good, bad = project.labels.get(name="good"), project.labels.get(name="bad")
    GoldItem.objects.create(project=project, item=item, label=good)
    for name, label in zip(ANNOTATORS, (good, bad), strict=True):
        author = make_user(name)
        Membership.objects.create(project=project, user=author, role=Role.ANNOTATOR)
        for kind in (Annotation.Kind.NORMAL, Annotation.Kind.GOLD):
            answer = Annotation.objects.create(
                round=Round.objects.get(project=project),
                item=item,
                annotator=annotator_of(project, author),
                label=label,
                kind=kind,
            )
        AnnotationVersion.objects.create(annotation=answer, label=bad, replaced=timezone.now())
        Flag.objects.create(item=item, user=author, kind="ambiguous", note="unclear")
        world["annotator_id"] = {"": annotator_of(project, author).pk}
    judges = [make_user(name) for name in ("eve", "fay")]
    for judge in judges:
        Membership.objects.create(project=project, user=judge, role=Role.ADJUDICATOR)
    MetaLabelVote.objects.create(item=item, user=judges[0], kind="noisy", note=SECRET)
    [case] = open_cases(project, lea, [item.pk], quorum=1)
    cast_vote(case, judges[0], outcome="label", label="bad", rationale=f"{SECRET} first")
    reopen_case(case, judges[1], "the guideline has changed")
    Case.objects.filter(pk=case.pk).update(quorum=3)
    for judge in judges:
        cast_vote(case, judge, outcome="label", label="good", rationale=SECRET, proposal=f"{SECRET} again")
    sample = Sample.objects.get()
    SampleItem.objects.all().delete()
    drawn = SampleItem.objects.create(sample=sample, item=item, position=0, drawn_by=["random"], label=good)
    review = {"label": bad, "agrees": False, "kinds": ["noisy"], "note": SECRET, "marked": timezone.now()}
    Review.objects.create(sample_item=drawn, user=judges[0], **review)
    Job.objects.update(state=Job.State.DONE)
    page(lea).post(f"/projects/{project.slug}/agreement/compute/")
    work()
    world["case_id"], world["sample_item_id"] = {"": case.pk}, {"": drawn.pk}
    for name in ("item", "api-meta-labels", "api-truth-of-text", "mark-text", "api-flags"):
        world["pk"][name] = item.pk
    return case


def bodies(client: Client, world: World, *rights: str) -> Iterator[tuple[str, str]]:
    """(name, what it answers) of every address that somebody with these rights may read."""
    for name, methods in ROUTES.items():
        if methods.get("get") in rights and name != "api-schema":  # slow, and knows no data
            answer = client.get(address(name, world), follow=True)
            yield name, _text(answer)
    for name in ("api-next-review", "api-next"):
        yield name, _text(client.post(address(name, world)))
    for name in ("?state=open", "?state=decided", "?source=manual"):
        yield f"api-cases{name}", _text(client.get(address("api-cases", world) + name))


def _text(answer: Any) -> str:
    content: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


def told(body: str) -> list[str]:
    """What the body tells of who answered the text, and of what others voted."""
    lowered = body.lower()
    votes = [SECRET] if SECRET in lowered else []
    return votes + [name for name in ANNOTATORS if name in lowered]


def test_an_adjudicator_who_has_not_voted_learns_neither_names_nor_votes_anywhere(
    project: Project, ada: User, case: Case, world: World, page: Page
) -> None:
    found = dict(bodies(page(ada), world, ANYBODY, SIGNED_IN, ANN, ADJ))
    assert TEXT in found["case"]
    assert TEXT in found["api-case"]
    assert TEXT in found["api-next-review"]
    assert {name: told(body) for name, body in found.items() if told(body)} == {}


def test_a_lead_who_has_not_voted_learns_them_from_files_alone(
    project: Project, lea: User, case: Case, world: World, page: Page
) -> None:
    found = dict(bodies(page(lea), world, ANYBODY, SIGNED_IN, ANN, ADJ, LEAD))
    beside = {
        name
        for name, body in found.items()
        if SECRET in body or ((TEXT in body or f'"item_id":{case.item_id}' in body) and told(body))
    }
    people = {"agreement", "api-agreement"}  # lists people and, elsewhere, disputed texts
    assert beside - FILES - people == set()
    assert TEXT in found["item"]
    assert TEXT not in found["annotator"]
    assert '"gold_missed":[]' in found["api-annotator"]


def test_a_lead_who_stands_aside_sees_names_and_does_not_vote(
    project: Project, lea: User, ada: User, case: Case, world: World, page: Page
) -> None:
    text_page = address("item", world)
    assert "Stand aside" in page(lea).get(text_page).content.decode()
    assert page(ada).post(address("stand-aside", world)).status_code == 403
    shown = page(lea).post(address("stand-aside", world), follow=True).content.decode()
    assert "annegret" in shown.lower()
    assert "Stand aside" not in shown
    refused = page(lea).post(address("api-votes", world), {"label": "good"}, content_type="application/json")
    assert refused.status_code == 409
    assert "stand aside" in refused.json()["detail"]
    of_case = page(lea).get(address("case", world)).content.decode()
    assert "Cast vote <kbd>" not in of_case
    assert SECRET in of_case
    assert case.votes.filter(user=lea).count() == 0


def test_who_has_voted_sees_names_at_once_and_need_not_stand_aside(
    lea: User, case: Case, world: World, page: Page
) -> None:
    Case.objects.filter(pk=case.pk).update(quorum=5)
    cast_vote(case, lea, outcome="label", label="bad")
    assert "annegret" in page(lea).get(address("item", world)).content.decode().lower()
    stand_aside(case, lea)
    assert not case.standing_aside.exists()
