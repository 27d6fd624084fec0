"""Every address against every role: an outsider gets 404, a member without the right 403, others neither.

A new address fails here until it is written down in ROUTES.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_django
from django.core.files.base import ContentFile
from django.db import transaction
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from annotation.models import (
    Annotation,
    Assignment,
    GoldItem,
    Invitation,
    Item,
    Job,
    MetadataField,
    Project,
    Role,
    Round,
    RoundItem,
    Suggestion,
    SuggestionSource,
    User,
)
from annotation.queries.people import annotator_of
from annotation.services import imports
from annotation.services.suggestion_figures import measure_suggestions
from annotation.services.watching import unwatched
from evaluation.models import LeakagePair, Run
from evaluation.services import leakage, splits
from qc.models import Case, GuidelineProposal, Sample, SampleItem, SuspectReport
from tests.conftest import make_project, make_user

People = dict[str, User]
World = dict[str, dict[str, Any]]

ANYBODY, SIGNED_IN, OWN = "anybody", "signed in", "own"
ANN, ADJ, LEAD, OWNER = Role.ANNOTATOR, Role.ADJUDICATOR, Role.LEAD, Role.OWNER

# name → {method: least role}; OWN is for the object's author alone
ROUTES: dict[str, dict[str, str]] = {
    "healthz": {"get": ANYBODY},
    "invitation": {"get": ANYBODY},
    "account": {"get": SIGNED_IN},
    "theme": {"post": SIGNED_IN},
    "make-key": {"post": SIGNED_IN},
    "revoke-key": {"post": SIGNED_IN},
    "projects": {"get": SIGNED_IN},
    "new-project": {"get": SIGNED_IN, "post": SIGNED_IN},
    "restore-archive": {"get": SIGNED_IN, "post": SIGNED_IN},
    "name-archive": {"get": OWN, "post": OWN},
    "project": {"get": ANN},
    "settings": {"get": LEAD, "post": LEAD},
    "audit": {"get": LEAD},
    "audit-file": {"get": LEAD},
    "new-label": {"get": LEAD, "post": LEAD},
    "label": {"get": LEAD, "post": LEAD},
    "merge-label": {"post": LEAD},
    "retire-label": {"post": LEAD},
    "restore-label": {"post": LEAD},
    "delete-project": {"post": OWNER},
    "restore-project": {"post": OWNER},
    "restore-item": {"post": LEAD},
    "team": {"get": LEAD},
    "team-file": {"get": LEAD},
    "invite": {"post": LEAD},
    "withdraw-invitation": {"post": LEAD},
    "set-quota": {"post": LEAD},
    "change-member": {"post": LEAD},
    "own-work": {"get": ANN},
    "gold": {"get": LEAD, "post": LEAD},
    "promote-gold": {"post": LEAD},
    "change-gold": {"post": LEAD},
    "rounds": {"get": LEAD, "post": LEAD},
    "change-round": {"post": LEAD},
    "open-round": {"post": LEAD},
    "close-round": {"post": LEAD},
    "delete-round": {"post": LEAD},
    "restore-round": {"post": LEAD},
    "compare-round": {"post": LEAD},
    "suggestions": {"get": LEAD},
    "delete-suggestions": {"post": LEAD},
    "restore-suggestions": {"post": LEAD},
    "measure-round": {"post": LEAD},
    "guideline": {"get": LEAD, "post": LEAD},
    "guideline-preview": {"post": LEAD},
    "restore-guideline": {"post": LEAD},
    "discard-guideline": {"post": LEAD},
    "guideline-file": {"get": LEAD},
    "jobs": {"get": LEAD},
    "job": {"get": LEAD},
    "cancel-job": {"post": LEAD},
    "annotate": {"get": ANN, "post": ANN},
    "annotate-skip": {"post": ANN},
    "annotate-flag": {"post": ANN},
    "annotate-read": {"post": ANN},
    "annotate-suggestion": {"post": ANN},
    "items": {"get": LEAD},
    "item": {"get": LEAD},
    "change-items": {"post": LEAD},
    "make-gold": {"post": LEAD},
    "import": {"get": LEAD, "post": LEAD},
    "import-map": {"get": LEAD, "post": LEAD},
    "import-result": {"get": LEAD},
    "import-rejected": {"get": LEAD},
    "import-duplicates": {"get": LEAD},
    "import-undo": {"post": LEAD},
    "agreement": {"get": LEAD},
    "compute-agreement": {"post": LEAD},
    "quality-settings": {"post": LEAD},
    "annotator": {"get": LEAD},
    "decide-on-annotator": {"post": LEAD},
    "annotator-file": {"get": LEAD},
    "agreement-file": {"get": LEAD},
    "truth": {"get": LEAD},
    "compute-truth": {"post": LEAD},
    "adjudicate": {"get": ADJ},
    "open-cases": {"post": LEAD},
    "case": {"get": ADJ},
    "vote": {"post": ADJ},
    "decide": {"post": ADJ},
    "stand-aside": {"post": LEAD},
    "reopen-case": {"post": ADJ},
    "settle-proposal": {"post": LEAD},
    "review-settings": {"get": LEAD, "post": LEAD},
    "compute-meta-labels": {"post": LEAD},
    "told-decisions": {"get": ANN},
    "explore": {"get": LEAD},
    "look-at-texts": {"post": LEAD},
    "suspects": {"get": LEAD},
    "suspect-cases": {"post": LEAD},
    "mark-text": {"post": ADJ},
    "draw-sample": {"post": LEAD},
    "sample": {"get": ADJ},
    "answer-sample": {"post": ADJ},
    "mark-sample": {"post": ADJ},
    "sample-cases": {"post": LEAD},
    "leakage": {"get": LEAD, "post": LEAD},
    "decide-pair": {"post": LEAD},
    "keep-pairs-together": {"post": LEAD},
    "splits": {"get": LEAD, "post": LEAD},
    "split-set": {"get": LEAD},
    "freeze-split-set": {"post": LEAD},
    "delete-split-set": {"post": LEAD},
    "runs": {"get": LEAD, "post": LEAD},
    "run": {"get": LEAD},
    "compute-report": {"post": LEAD},
    "run-errors": {"get": LEAD},
    "offer-run": {"post": LEAD},
    "api-schema": {"get": ANYBODY},
    "api-docs": {"get": ANYBODY},
    "api-projects": {"get": SIGNED_IN, "post": SIGNED_IN},
    "api-project": {"get": ANN, "patch": LEAD, "delete": OWNER},
    "api-restore-project": {"post": OWNER},
    "api-labels": {"get": ANN, "post": LEAD},
    "api-label": {"patch": LEAD},
    "api-merge-label": {"post": LEAD},
    "api-retire-label": {"post": LEAD},
    "api-restore-label": {"post": LEAD},
    "api-item": {"delete": LEAD},
    "api-restore-item": {"post": LEAD},
    "api-members": {"get": LEAD, "post": LEAD},
    "api-member": {"patch": LEAD},
    "api-rounds": {"get": ANN, "post": LEAD},
    "api-round": {"get": ANN, "patch": LEAD, "delete": LEAD},
    "api-open-round": {"post": LEAD},
    "api-close-round": {"post": LEAD},
    "api-restore-round": {"post": LEAD},
    "api-suggestions-of-round": {"get": LEAD, "post": LEAD},
    "api-suggestions": {"get": LEAD, "post": LEAD},
    "api-suggestion-source": {"delete": LEAD},
    "api-restore-suggestions": {"post": LEAD},
    "api-guidelines": {"get": ANN, "post": LEAD},
    "api-guideline-read": {"post": ANN},
    "api-job": {"get": LEAD},
    "api-cancel-job": {"post": LEAD},
    "api-next": {"post": ANN},
    "api-answer": {"post": OWN},
    "api-skip": {"post": OWN},
    "api-annotation": {"patch": OWN},
    "api-suggestion": {"post": OWN},
    "api-flags": {"post": ANN},
    "api-imports": {"get": LEAD, "post": LEAD},
    "api-import": {"get": LEAD},
    "api-rejected": {"get": LEAD},
    "api-duplicates": {"get": LEAD},
    "api-undo-import": {"post": LEAD},
    "api-items": {"get": LEAD},
    "api-annotations": {"get": LEAD},
    "api-item-export": {"get": LEAD},
    "archive": {"get": LEAD, "post": LEAD},
    "api-archive": {"post": LEAD},
    "api-archive-file": {"get": LEAD},
    "api-restore-archive": {"post": SIGNED_IN},
    "api-change-items": {"post": LEAD},
    "api-dataset": {"get": LEAD},
    "api-agreement": {"get": LEAD, "post": LEAD},
    "api-quality-settings": {"get": LEAD, "patch": LEAD},
    "api-annotator": {"get": LEAD},
    "api-truth-of-text": {"get": LEAD},
    "api-truth": {"get": LEAD, "post": LEAD},
    "api-human-ceiling": {"get": LEAD},
    "api-resolved-labels": {"get": LEAD},
    "api-gold": {"get": LEAD, "post": LEAD},
    "api-promote-gold": {"post": LEAD},
    "api-change-gold": {"patch": LEAD},
    "api-cases": {"get": ADJ, "post": ADJ},
    "api-case": {"get": ADJ},
    "api-votes": {"post": ADJ},
    "api-decision": {"post": ADJ},
    "api-stand-aside": {"post": LEAD},
    "api-reopen-case": {"post": ADJ},
    "api-guideline-proposal": {"post": LEAD},
    "api-meta-labels": {"get": ADJ, "post": ADJ},
    "api-meta-label-agreement": {"get": LEAD, "post": LEAD},
    "api-review-settings": {"get": LEAD, "patch": LEAD},
    "api-feedback": {"get": ANN},
    "api-suspects": {"get": LEAD, "post": LEAD},
    "api-samples": {"get": ADJ, "post": LEAD},
    "api-sample": {"get": ADJ},
    "api-next-review": {"post": ADJ},
    "api-blind-answer": {"post": ADJ},
    "api-review-marks": {"post": ADJ},
    "cleaning": {"get": LEAD, "post": LEAD},
    "near-pairs": {"get": LEAD},
    "drop-new-copies": {"post": LEAD},
    "api-cleaning": {"get": LEAD, "post": LEAD},
    "metadata": {"get": LEAD},
    "look-at-metadata": {"post": LEAD},
    "correct-metadata": {"post": LEAD},
    "api-metadata-fields": {"get": LEAD},
    "api-metadata-field": {"get": LEAD, "patch": LEAD},
    "api-leakage": {"post": LEAD},
    "api-leakage-report": {"get": LEAD},
    "api-leakage-pairs": {"get": LEAD},
    "api-split-sets": {"get": LEAD, "post": LEAD},
    "api-split-set": {"get": LEAD, "patch": LEAD, "delete": LEAD},
    "api-freeze-split-set": {"post": LEAD},
    "api-split-file": {"get": LEAD},
    "api-runs": {"get": LEAD, "post": LEAD},
    "api-run": {"get": LEAD},
    "api-predictions": {"post": LEAD},
    "api-run-report": {"get": LEAD, "post": LEAD},
    "api-run-errors": {"get": LEAD},
    "api-offer-run": {"post": LEAD},
}

EXPLORED: dict[str, Any] = {
    "texts": 0,
    "length": {"width": 1, "counts": [0], "median": 0, "longest": 0},
    "labels": [],
    "meta": [],
    "fringe": [],
    "dense": [],
    "copies": {"groups": 0, "texts": 0, "largest": []},
    "suspects": {"model": {"listed": 0}, "disagreement": {"listed": 0}},
}


def addresses() -> Iterator[str]:
    """The names of all addresses of our own."""

    def walk(patterns: list[Any]) -> Iterator[URLPattern]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            else:
                yield pattern

    for pattern in walk(get_resolver().url_patterns):
        module = pattern.callback.__module__
        if module.split(".")[0] in {"annotation", "qc", "evaluation"} or (pattern.name or "").startswith(
            "api-"
        ):
            yield str(pattern.name)


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[People]:
    """The named people, for all tests of this file: a test's changes are rolled back after it, and they at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield {name: make_user(name) for name in ("olga", "lea", "ada", "ann", "ben", "otto")}
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def world(people: People) -> World:
    """One of everything."""
    project = make_project(*(people[name] for name in ("olga", "lea", "ada", "ann", "ben")))
    return make_world(project, people["lea"], people["ann"])


def make_world(project: Project, lea: User, ann: User) -> World:
    """One of everything in the project; the arguments of each address."""
    made = Round.objects.get(project=project)
    label = project.labels.first()
    assert label is not None
    file = ContentFile(b"id,text\na,some words\n", name="a.csv")
    source = imports.store_upload(project, lea, file)
    items = [
        Item.objects.create(
            project=project, text="the same words", digest=uuid4(), external_id=f"e{n}", imported_label=label
        )
        for n in range(3)
    ]
    for at, item in enumerate(items):
        RoundItem.objects.create(
            round=made, item=item, position=at, overlap=3, open_slots=[2, 2, 3][at], answers=[1, 0, 0][at]
        )
    Round.objects.filter(pk=made.pk).update(items_total=3, answers_total=1)
    field = MetadataField.objects.create(project=project, name="channel", type="category")
    author = annotator_of(project, ann)
    annotation = Annotation.objects.create(round=made, item=items[0], annotator=author, label=label)
    suggesting = SuggestionSource.objects.create(project=project, name="tfidf", suggestions_total=1)
    suggestion = Suggestion.objects.create(source=suggesting, item=items[1], label=label, score=0.9)
    assignment = Assignment.objects.create(
        round=made,
        item=items[1],
        annotator=author,
        expires=timezone.now() + timedelta(hours=1),
        suggestion=suggestion,
        suggested="hidden",
    )
    made.suggestions, made.suggestion_source = "hidden", suggesting
    measure_suggestions(made)
    known = GoldItem.objects.create(project=project, item=items[1], label=label)
    case = Case.objects.create(project=project, item=items[0])
    proposal = GuidelineProposal.objects.create(case=case, user=lea, text="Say so.")
    SuspectReport.objects.create(project=project, result=EXPLORED)
    sample = Sample.objects.create(
        project=project, recipe={"parts": []}, seed=0, total=1, drawn=timezone.now(), created_by=lea
    )
    drawn = SampleItem.objects.create(sample=sample, item=items[0], position=0, drawn_by=["random"])
    job = Job.objects.create(project=project, kind="agreement", title="Agreement", fingerprint="x")
    recipe = {"splits": {"train": 0.5, "test": 0.5}, "group": []}
    split_set = splits.create_split_set(project, lea, name="s", recipe=recipe)
    splits.build_split_set(split_set.pk, unwatched)
    report = leakage.open_report(project, None, 0.7, 3)
    leakage.find_copies(report.pk, unwatched)
    pair = LeakagePair.objects.filter(report=report).earliest("id")
    run = Run.objects.create(project=project, split_set=split_set, split="test", name="r", created_by=lea)
    invitation = Invitation.objects.create(
        project=project, created_by=lea, expires=timezone.now() + timedelta(days=1)
    )
    return {
        "slug": {"": project.slug},
        "username": {"": "ben"},
        "token": {"": invitation.token},
        "job_id": {"": job.pk},
        "case_id": {"": case.pk},
        "annotator_id": {"": author.pk},
        "proposal_id": {"": proposal.pk},
        "sample_id": {"": sample.pk},
        "sample_item_id": {"": drawn.pk},
        "place": {"": drawn.position},
        "split_set_id": {"": split_set.pk},
        "report_id": {"": report.pk},
        "pair_id": {"": pair.pk},
        "run_id": {"": run.pk},
        "pk": {
            "": source.pk,
            "item": items[0].pk,
            "withdraw-invitation": invitation.pk,
            **dict.fromkeys((name for name in ROUTES if name.endswith("-round")), made.pk),
            **dict.fromkeys(["api-item", "api-restore-item", "restore-item"], items[2].pk),
            **dict.fromkeys(
                ["api-label", "api-merge-label", "api-retire-label", "api-restore-label"], label.pk
            ),
            **dict.fromkeys(["label", "merge-label", "retire-label", "restore-label"], label.pk),
            "correct-metadata": field.pk,
            "api-metadata-field": field.pk,
            "api-flags": items[0].pk,
            "change-gold": known.pk,
            "api-change-gold": known.pk,
            "api-meta-labels": items[0].pk,
            "api-truth-of-text": items[0].pk,
            "mark-text": items[0].pk,
            "api-answer": assignment.pk,
            "api-skip": assignment.pk,
            "api-suggestion": assignment.pk,
            **dict.fromkeys(
                [
                    "delete-suggestions",
                    "restore-suggestions",
                    "api-suggestion-source",
                    "api-restore-suggestions",
                ],
                suggesting.pk,
            ),
            "api-annotation": annotation.pk,
        },
        "form": {"": "csv"},
        "key": {"": uuid4()},
        "extension": {"": "csv"},
        "split": {"": "test"},
        "version": {"": 1},
    }


def address(name: str, world: World) -> str:
    """The address with the world's objects in it."""
    possibilities = get_resolver().reverse_dict.getlist(name)
    names = possibilities[0][0][0][1]
    kwargs = {}
    for argument in names:
        known = world[argument]
        kwargs[argument] = known.get(name, known.get(""))
    return reverse(name, kwargs=kwargs)


def test_every_address_is_written_down() -> None:
    assert sorted(set(addresses())) == sorted(ROUTES)


CALLS = [(name, method, least) for name, methods in ROUTES.items() for method, least in methods.items()]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method", "least"), CALLS, ids=[f"{m} {n}" for n, m, _ in CALLS])
def test_who_may(
    name: str,
    method: str,
    least: str,
    people: People,
    world: World,
    page: Callable[[User | None], Client],
) -> None:
    url = address(name, world)

    def status(user: User | None) -> int:
        answer = (
            getattr(page(user), method)(url, content_type="application/json")
            if method != "get"
            else page(user).get(url)
        )
        if isinstance(answer, StreamingHttpResponse):
            b"".join(answer.streaming_content)  # type: ignore[arg-type]
        return int(answer.status_code)

    visitor = status(None)
    if least == ANYBODY:
        assert visitor == 200
        return
    assert visitor in {302, 401, 403}
    if least == SIGNED_IN:
        assert status(people["otto"]) not in {302, 401, 403, 404} or name in {
            "theme",
            "make-key",
            "revoke-key",
        }
        return
    assert status(people["otto"]) == 404
    if least == OWN:
        assert status(people["ben"]) == 404
        assert status(people["ann"]) < 500
        return
    for who, role in [("ann", ANN), ("ada", ADJ), ("lea", LEAD), ("olga", OWNER)]:
        got = status(people[who])
        if Role(role).rank < Role(least).rank:
            assert got == 403, f"{role} got {got}"
            continue
        assert got not in {401, 403}, f"{role} got {got}"
        assert got < 500
