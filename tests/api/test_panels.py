"""Panels over REST: every kind of task, blindness, ties, proposals, meta-labels, and what annotators are told."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Annotation, Flag, GoldItem, Guideline, Item, Membership, Project, Role, User
from annotation.queries.people import annotator_of
from qc.models import Case, Decision, MetaLabelVote
from qc.services.cases import open_cases
from qc.services.review import change_review_settings
from tests.conftest import make_user
from tests.qc.conftest import Answer, answer, answer_as

__all__ = ["answer", "answer_as"]

Api = Callable[[User | None], APIClient]


@pytest.fixture
def eve(project: Project) -> User:
    """A second adjudicator."""
    user = make_user("eve")
    Membership.objects.create(project=project, user=user, role=Role.ADJUDICATOR)
    return user


def valued(project: Project, text: str, **given: Any) -> Item:
    """A text with these members' answers, in the shape of the project's task (labels by name)."""
    item = Item.objects.create(project=project, text=text, digest="0" * 32, external_id=text)
    ids = {label.name: label.pk for label in project.labels.all()}
    for name, value in given.items():
        shaped: dict[str, Any] = (
            {"spans": [[start, end, ids[label]] for start, end, label in value]}
            if project.task == Project.Task.SPANS
            else {"labels": sorted(ids[label] for label in value)}
        )
        author = annotator_of(project, User.objects.get(username=name))
        Annotation.objects.create(
            round=project.rounds.get(name="main"), item=item, annotator=author, **shaped
        )
    return item


def vote(client: APIClient, case: Case, **body: Any) -> dict[str, Any]:
    sent = client.post(f"/api/v1/cases/{case.pk}/votes/", body, format="json")
    assert sent.status_code == 201, sent.json()
    found: dict[str, Any] = sent.json()
    return found


def test_a_panel_settles_several_labels(
    project: Project, lea: User, ada: User, eve: User, ann: User, ben: User, api: Api
) -> None:
    project.task = Project.Task.MULTILABEL
    project.save()
    [case] = open_cases(
        project, lea, [valued(project, "rain", ann=["bad"], ben=["bad", "good"]).pk], quorum=2
    )
    seen = api(ada).get(f"/api/v1/cases/{case.pk}/").json()
    assert sorted(a["labels"] for a in seen["answers"]) == [["bad"], ["good", "bad"]]
    vote(api(ada), case, labels=["bad", "neither"])
    ended = vote(api(eve), case, labels=["neither", "bad", "bad"])
    assert ended["state"] == "decided"
    assert (ended["decision"]["labels"], ended["decision"]["label"]) == (["bad", "neither"], None)
    [none_fits] = open_cases(project, lea, [valued(project, "fog", ann=["bad"]).pk])
    assert vote(api(ada), none_fits, labels=[])["decision"]["labels"] == []


def test_a_panel_settles_spans(
    project: Project, lea: User, ada: User, ann: User, ben: User, api: Api
) -> None:
    project.task = Project.Task.SPANS
    project.save()
    item = valued(project, "Ann met Bo", ann=[(0, 3, "good")], ben=[(0, 3, "good"), (8, 10, "bad")])
    [case] = open_cases(project, lea, [item.pk])
    spans = [{"start": 8, "end": 10, "label": "bad"}, {"start": 0, "end": 3, "label": "good"}]
    outside = [{"start": 0, "end": 11, "label": "good"}]
    refused = api(ada).post(f"/api/v1/cases/{case.pk}/votes/", {"spans": outside}, format="json")
    assert refused.status_code == 400
    assert "end of the text" in refused.json()["errors"][0]["message"]
    nothing = api(ada).post(f"/api/v1/cases/{case.pk}/votes/", {"spans": [None]}, format="json")
    assert nothing.status_code == 400
    ended = vote(api(ada), case, spans=spans)
    assert ended["decision"]["spans"] == spans[::-1]
    overruled = {a["annotator"]: a for a in api(lea).get(f"/api/v1/cases/{case.pk}/").json()["answers"]}
    assert set(overruled) == {"ann", "ben"}


def test_the_value_must_have_the_shape_of_the_task(
    project: Project, lea: User, ada: User, api: Api, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("rain", ann="good").pk])
    bodies: list[dict[str, Any]] = [
        {"labels": ["good"]},
        {"spans": []},
        {"label": "good", "labels": ["good"]},
    ]
    for body in bodies:
        refused = api(ada).post(f"/api/v1/cases/{case.pk}/votes/", body, format="json")
        assert refused.status_code == 400, body
    hard = {"outcome": "label", "label": "good", "acceptable": ["bad"]}
    assert api(ada).post(f"/api/v1/cases/{case.pk}/decision/", hard, format="json").status_code == 400
    assert Case.objects.get().state == "open"


def test_nothing_tells_an_adjudicator_names_or_votes_before_voting(
    project: Project, lea: User, ada: User, eve: User, api: Api, page: Callable[..., Any], answer: Answer
) -> None:
    item = answer("warm rain", annegret="good", benedikt="bad")
    [case] = open_cases(project, lea, [item.pk], quorum=3)
    vote(api(ada), case, outcome="guideline", rationale="a secret reason", proposal="secret words")
    api(ada).post(f"/api/v1/items/{item.pk}/meta-labels/", {"kind": "noisy", "note": "secret note"})
    for path in (
        f"cases/{case.pk}/",
        "projects/weather/cases/",
        "projects/weather/cases/?state=open&source=manual",
        f"items/{item.pk}/meta-labels/",
    ):
        body = api(eve).get(f"/api/v1/{path}").content.decode()
        assert "secret" not in body, path
        assert "annegret" not in body, path
        assert '"ada"' not in body, path
    gave = api(eve).post(f"/api/v1/items/{item.pk}/meta-labels/", {"kind": "noisy"}).json()
    assert (gave["votes"], gave["kinds"]) == (None, None)  # the case is still to be voted on
    for path in ("", f"{case.pk}/", "?source=manual"):
        shown = page(eve).get(f"/projects/weather/adjudicate/{path}", follow=True).content.decode()
        assert "warm rain" in shown
        for hidden in ("secret", "annegret", "benedikt", ">Ada"):
            assert hidden not in shown, (path, hidden)
    after = vote(api(eve), case, hard=True, acceptable=["good", "bad"])
    assert [v["username"] for v in after["votes"]] == ["ada", "eve"]
    assert after["votes"][1]["acceptable"] == ["good", "bad"]
    assert not any(a["annotator"] for a in after["answers"])
    assert "secret note" in api(eve).get(f"/api/v1/items/{item.pk}/meta-labels/").content.decode()


def test_where_a_lead_ends_ties_no_adjudicator_does(
    project: Project, lea: User, ada: User, eve: User, api: Api, answer: Answer
) -> None:
    change_review_settings(project, lea, {"tie_rule": "lead"})
    [case] = open_cases(project, lea, [answer("rain", ann="good").pk], quorum=2)
    vote(api(ada), case, label="good")
    assert vote(api(eve), case, label="bad")["state"] == "open"
    decision = {"outcome": "label", "label": "good"}
    refused = api(ada).post(f"/api/v1/cases/{case.pk}/decision/", decision)
    assert refused.status_code == 409
    assert "a lead decides" in refused.json()["detail"]
    assert api(lea).post(f"/api/v1/cases/{case.pk}/decision/", decision).status_code == 201


def test_votes_that_were_cast_are_not_cut_short_by_one_of_the_panel(
    lea: User, ada: User, eve: User, api: Api, project: Project, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("rain", ann="good").pk], quorum=3)
    vote(api(ada), case, label="good")
    vote(api(lea), case, label="good")
    decision = {"outcome": "label", "label": "bad"}
    refused = api(eve).post(f"/api/v1/cases/{case.pk}/decision/", decision)
    assert refused.status_code == 409
    assert "The panel is voting" in refused.json()["detail"]
    assert api(lea).post(f"/api/v1/cases/{case.pk}/decision/", decision).status_code == 201


def test_where_one_more_vote_ends_ties_the_panel_grows(
    project: Project, lea: User, ada: User, eve: User, api: Api, answer: Answer
) -> None:
    change_review_settings(project, lea, {"tie_rule": "vote"})
    [case] = open_cases(project, lea, [answer("rain", ann="good").pk], quorum=2)
    vote(api(ada), case, label="good")
    assert vote(api(eve), case, label="bad")["quorum"] == 3
    assert api(ada).post(f"/api/v1/cases/{case.pk}/decision/", {"outcome": "hard"}).status_code == 409
    ended = vote(api(lea), case, label="bad")
    assert (ended["state"], ended["decision"]["label"], ended["decision"]["by_votes"]) == (
        "decided",
        "bad",
        True,
    )


def test_a_hard_example_keeps_the_labels_that_most_would_accept(
    project: Project, lea: User, ada: User, eve: User, api: Api, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("rain", ann="good").pk], quorum=2)
    vote(api(ada), case, hard=True, acceptable=["good", "bad"])
    ended = vote(api(eve), case, hard=True, acceptable=["bad"])
    assert ended["decision"]["acceptable"] == ["bad"]


def test_a_reopened_case_keeps_its_history_over_rest(
    project: Project, lea: User, ada: User, api: Api, answer: Answer
) -> None:
    [case] = open_cases(project, lea, [answer("rain", ann="good").pk])
    vote(api(ada), case, label="bad")
    path = f"/api/v1/cases/{case.pk}/reopen/"
    assert api(ada).post(path, {}).status_code == 400
    opened = api(ada).post(path, {"because": "a new clause"})
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    assert api(ada).post(path, {"because": "again"}).status_code == 409
    assert vote(api(ada), case, label="good")["decision"]["label"] == "good"
    history = api(ada).get(f"/api/v1/cases/{case.pk}/").json()["history"]
    assert [event["what"] for event in history] == [
        "Decided by the votes: good",
        "Ada voted: good",
        "Reopened by Ada",
        "Decided by the votes: bad",
        "Ada voted: bad",
        "Opened: by hand",
    ]


def test_a_proposed_clause_goes_into_the_draft_once(
    project: Project, lea: User, ada: User, api: Api, answer: Answer
) -> None:
    Guideline.objects.filter(project=project).update(body="# Weather\n\n## Good\n\nSun.\n\n## Bad\n\nRain.")
    [case] = open_cases(project, lea, [answer("drizzle", ann="good").pk])
    ended = vote(
        api(ada),
        case,
        outcome="guideline",
        rationale="Is drizzle rain?",
        clause="2 Bad",
        proposal="Drizzle too.",
    )
    [proposal] = ended["proposals"]
    path = f"/api/v1/guideline-proposals/{proposal['id']}/"
    assert api(ada).post(path, {"keep": True}).status_code == 403
    kept = api(lea).post(path, {"keep": True})
    assert kept.status_code == 200, kept.json()
    assert kept.json()["proposals"][0]["state"] == "kept"
    draft = Guideline.objects.get(project=project, published__isnull=True)
    assert draft.body == "# Weather\n\n## Good\n\nSun.\n\n## Bad\n\nRain.\n\nDrizzle too."
    assert api(lea).post(path, {"keep": True}).status_code == 400
    assert Guideline.objects.filter(project=project).count() == 2


def test_overruled_annotators_are_told_if_the_project_allows_and_never_about_gold(
    project: Project,
    lea: User,
    ada: User,
    ann: User,
    ben: User,
    api: Api,
    answer_as: Callable[..., Annotation],
) -> None:
    items = [
        Item.objects.create(project=project, text=text, digest="0" * 32)
        for text in ("plain", "known", "disputed gold")
    ]
    for item in items:
        answer_as(ann, item, "good")
        answer_as(ben, item, "bad")
    GoldItem.objects.create(project=project, item=items[1], label=project.labels.get(name="bad"))
    sources = ["disagreement", "disagreement", "gold"]
    for item, source in zip(items, sources, strict=True):
        [case] = open_cases(project, lea, [item.pk], source)
        vote(api(ada), case, label="bad", rationale="Rain is rain.")
    path = "/api/v1/projects/weather/feedback/"
    assert api(ann).get(path).json()["results"] == []
    change_review_settings(project, lea, {"tells_annotators": True})
    answered = api(ann).get(path)
    [row] = answered.json()["results"]
    assert (row["text"], row["answered"], row["decided"], row["overruled"]) == ("plain", "good", "bad", True)
    assert row["reason"] == "Rain is rain."
    for name in ("ada", "ben"):
        assert f'"{name}"' not in answered.content.decode()
    assert [r["overruled"] for r in api(ben).get(path).json()["results"]] == [False]
    assert api(lea).get(path).json()["results"] == []


def test_a_text_has_the_meta_label_that_more_than_half_gave(
    project: Project, lea: User, ada: User, eve: User, ann: User, api: Api, answer: Answer
) -> None:
    item = answer("rain", ann="good")
    path = f"/api/v1/items/{item.pk}/meta-labels/"
    assert api(ada).get(path).json()["meta_labels"] == []
    assert api(ada).post(path, {"kind": "noisy", "note": "cut off"}).json()["meta_labels"] == ["noisy"]
    half = api(eve).post(path, {"kind": "fine"})
    assert (half.status_code, half.json()["meta_labels"]) == (201, [])
    Flag.objects.create(item=item, user=ann, kind="noisy")
    found = api(eve).get(path).json()
    assert (found["meta_labels"], found["by"]) == (["noisy"], "votes")
    assert {row["kind"]: (row["votes"], row["of"]) for row in found["kinds"]}["noisy"] == (2, 3)
    assert api(ada).post(path, {"kind": "fine"}).json()["mine"] == ["fine"]
    assert api(ada).get(path).json()["meta_labels"] == []
    assert MetaLabelVote.objects.count() == 3  # what was taken back is kept
    assert {v["username"] for v in api(ada).get(path).json()["votes"]} == {None}
    api(lea).post(path, {"kind": "noisy"})
    assert {v["username"] for v in api(lea).get(path).json()["votes"]} == {"ada", "eve", "ann", "lea"}


def test_a_decision_says_what_meta_label_a_text_has(
    project: Project, lea: User, ada: User, eve: User, api: Api, answer: Answer
) -> None:
    item = answer("rain", ann="good")
    path = f"/api/v1/items/{item.pk}/meta-labels/"
    api(eve).post(path, {"kind": "noisy"})
    [case] = open_cases(project, lea, [item.pk])
    vote(api(ada), case, exclude=True, meta_label="unsolvable")
    found = api(ada).get(path).json()
    assert (found["meta_labels"], found["by"]) == (["unsolvable"], "decision")


@pytest.mark.parametrize("body", [{}, {"kind": "boring"}, {"kind": "noisy", "note": "x" * 2001}, {"kind": 3}])
def test_what_is_no_meta_label_is_refused(
    project: Project, ada: User, api: Api, answer: Answer, body: dict[str, Any]
) -> None:
    item = answer("rain", ann="good")
    assert api(ada).post(f"/api/v1/items/{item.pk}/meta-labels/", body, format="json").status_code == 400
    assert not MetaLabelVote.objects.exists()


def test_agreement_on_meta_labels_has_an_interval(
    project: Project, lea: User, ada: User, eve: User, api: Api, work: Callable[[], Any], answer: Answer
) -> None:
    path = "/api/v1/projects/weather/meta-labels/agreement/"
    assert api(lea).get(path).status_code == 404
    for at in range(8):
        item = answer(f"text {at}", ann="good")
        for user, noisy in ((ada, at % 2), (eve, at % 2 if at else 1)):
            kind = "noisy" if noisy else "fine"
            assert api(user).post(f"/api/v1/items/{item.pk}/meta-labels/", {"kind": kind}).status_code == 201
    assert api(lea).post(path).status_code == 202
    work()
    kinds = {row["kind"]: row for row in api(lea).get(path).json()["kinds"]}
    # 16 values, 9 of them yes; one of 8 pairs disagrees: alpha = 1 - 15 * 2 / (2 * 9 * 7) = 0.762
    assert kinds["noisy"]["alpha"]["value"] == pytest.approx(1 - 15 * 2 / (2 * 9 * 7))
    assert kinds["noisy"]["alpha"]["low"] < kinds["noisy"]["alpha"]["value"]
    assert (kinds["ambiguous"]["alpha"]["value"], kinds["ambiguous"]["given"]) == (None, 0)
    assert kinds["ambiguous"]["alpha"]["reason"] == "undefined, because everybody or nobody gave it"


def test_rules_are_changed_over_rest(project: Project, lea: User, api: Api) -> None:
    path = "/api/v1/projects/weather/review-settings/"
    assert api(lea).get(path).json()["noisy"] == "drop"
    changed = api(lea).patch(path, {"noisy": "keep", "quorum": 3}, format="json")
    assert (changed.status_code, changed.json()["noisy"], changed.json()["quorum"]) == (200, "keep", 3)
    for wrong in ({"quorum": 0}, {"quorum": 99}, {"noisy": "burn"}, {"tie_rule": "dice"}):
        assert api(lea).patch(path, wrong, format="json").status_code == 400
    assert Decision.objects.count() == 0
