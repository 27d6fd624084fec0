"""Rounds: what they are filled with, their overlap, opening, closing, deleting; and what a relaunch changed."""

import json
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import (
    Annotation,
    AnswerTally,
    Assignment,
    AuditEntry,
    Flag,
    Guideline,
    Item,
    Job,
    Label,
    Project,
    ReturnedItem,
    Round,
    RoundItem,
    User,
)
from annotation.queries.people import annotator_of
from annotation.queries.rounds import chosen_items, paces
from annotation.services import comparisons, rounds
from annotation.services.labelling import skip_item
from tests.annotation.labelling_steps import answer, at_hand, check_slots, fill, take

Api = Callable[[User | None], APIClient]


@pytest.fixture
def main(project: Project) -> Round:
    return fill(project, 6)


def post(api: Api, user: User, project: Project, **body: Any) -> Any:
    return api(user).post(
        f"/api/v1/projects/{project.slug}/rounds/", {"name": "again", **body}, format="json"
    )


def texts_in(made_id: int) -> list[str]:
    places = RoundItem.objects.filter(round=made_id).select_related("item")
    return sorted(place.item.text for place in places)


def said(item: Item, user: User, label: str, into: Round, *, version: int | None = None) -> Annotation:
    project = into.project
    guideline = Guideline.objects.get(project=project, version=version) if version else None
    return Annotation.objects.create(
        round=into,
        item=item,
        annotator=annotator_of(project, user),
        label=Label.objects.get(project=project, name=label),
        guideline=guideline,
    )


def test_a_round_over_rest_holds_the_chosen_ids_at_its_overlap(
    project: Project, main: Round, lea: User, api: Api
) -> None:
    two = list(Item.objects.order_by("id").values_list("pk", flat=True)[:2])
    made = post(api, lea, project, kind="relaunch", overlap=2, maximum_overlap=4, items=two)
    assert made.status_code == 201
    assert made.data["items_total"] == 2
    assert made.data["job"] is None
    places = RoundItem.objects.filter(round=made.data["id"])
    assert [(place.overlap, place.open_slots) for place in places] == [(2, 2), (2, 2)]
    assert Round.objects.get(pk=main.pk).items_total == 6


@pytest.mark.parametrize(
    "body",
    [
        {"items": [10**12]},
        {"items": ["x"]},
        {"items": "1"},
        {"items": [10**30]},
        {"texts": {"label": "no such label"}},
        {"texts": {"nonsense": "1"}},
        {"texts": {"sample": "many"}},
        {"texts": {"sample": -1}},
        {"texts": {"answered_with": ["no such label"]}},
        {"texts": {"before_version": "first"}},
        {"texts": {"q": {"a": 1}}},
        {"texts": {"meta.a\x00b": "x"}},
        {"texts": {"disagreement": "\x00"}},
        {"texts": {"any": 1}},
        {"name": "main"},
        {"name": ""},
        {"name": "x" * 81},
        {"overlap": 0},
        {"overlap": 3, "maximum_overlap": 2},
        {"gold_rate": 1.5},
        {"kind": "final"},
        {"state": "closed"},
        {"audience": "chosen"},
        {"audience": "chosen", "people": ["otto"]},
        {"ends": "soon"},
    ],
)
def test_a_round_that_cannot_be_is_refused_and_nothing_is_made(
    project: Project, main: Round, lea: User, otto: User, api: Api, body: dict[str, Any]
) -> None:
    made = post(api, lea, project, **body)
    assert made.status_code == 400
    assert made.data["errors"] or made.data["detail"]
    assert Round.objects.count() == 1


@pytest.mark.parametrize("name", ["q", "meta.a", "label", "state"])
def test_half_a_character_in_a_filter_is_refused(
    project: Project, main: Round, lea: User, api: Api, name: str
) -> None:
    body = json.dumps({"name": "half", "texts": {name: "\ud800"}})
    made = api(lea).post(f"/api/v1/projects/{project.slug}/rounds/", body, content_type="application/json")
    assert made.status_code == 400
    assert Round.objects.count() == 1


def test_texts_are_chosen_by_metadata_flag_round_and_at_random(
    project: Project, main: Round, lea: User, ann: User, api: Api
) -> None:
    spare = Item.objects.create(project=project, text="spare", digest=uuid.uuid4())
    flagged = Item.objects.get(text="text 3")
    Flag.objects.create(item=flagged, user=ann, kind="noisy")
    chosen = {
        "a": ({"meta.k": "2"}, ["text 2"]),
        "b": ({"flagged": "true"}, ["text 3"]),
        "c": ({"round": "none"}, ["spare"]),
        "d": ({"round": "main", "q": "text"}, [f"text {k}" for k in range(6)]),
        "e": ({"items": [spare.pk]}, ["spare"]),
        "f": ({"items": []}, []),
    }
    for name, (texts, expected) in chosen.items():
        made = post(api, lea, project, name=name, state="draft", texts=texts)
        assert texts_in(made.data["id"]) == expected, texts
    drawn = [
        texts_in(post(api, lea, project, name=f"s{n}", texts={"sample": 3, "seed": seed}).data["id"])
        for n, seed in enumerate([7, 7, 8])
    ]
    assert len(drawn[0]) == 3
    assert drawn[0] == drawn[1]


def test_texts_are_chosen_by_what_people_answered(
    project: Project, main: Round, lea: User, ann: User, ben: User
) -> None:
    zero, one, two, three = (Item.objects.get(text=f"text {k}") for k in range(4))
    Guideline.objects.create(project=project, version=2, body="x", created_by=lea)
    said(zero, ann, "good", main, version=1)
    said(zero, ben, "bad", main, version=2)
    said(one, ann, "good", main, version=2)
    said(one, ben, "good", main, version=2)
    said(two, ann, "bad", main, version=1)
    aside = said(three, ann, "bad", main, version=1)
    Annotation.objects.filter(pk=aside.pk).update(set_aside=timezone.now())

    def found(**texts: Any) -> list[str]:
        return sorted(item.text for item in chosen_items(project, texts))

    assert found(disagreement=True) == ["text 0"]
    assert found(answered_with=["bad"]) == ["text 0", "text 2"]
    assert found(before_version=2) == ["text 0", "text 2"]
    assert found(answered_with=["good"], before_version=2) == ["text 0"]
    assert found(answered_with=["good"], before_version=2, any=True) == ["text 0", "text 1", "text 2"]


def test_answers_of_several_labels_and_spans_are_found_by_label(
    project: Project, main: Round, ann: User
) -> None:
    good, bad, _ = Label.objects.filter(project=project).order_by("position")
    zero, one, two = (Item.objects.get(text=f"text {k}") for k in range(3))
    author = annotator_of(project, ann)
    values: list[tuple[Item, dict[str, Any]]] = [
        (zero, {"labels": [good.pk, bad.pk]}),
        (one, {"spans": [[0, 2, bad.pk]]}),
        (two, {"spans": [[bad.pk, bad.pk + 1, good.pk]]}),
    ]
    for item, value in values:
        Annotation.objects.create(round=main, item=item, annotator=author, **value)
    assert sorted(item.text for item in chosen_items(project, {"answered_with": ["bad"]})) == [
        "text 0",
        "text 1",
    ]


def test_many_texts_are_put_in_by_a_job_once(
    project: Project,
    main: Round,
    lea: User,
    api: Api,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "INLINE", 3)
    made = post(api, lea, project, texts={"round": "main"})
    assert made.data["job"]
    assert made.data["items_total"] == 0
    (job,) = work()
    assert job.state == Job.State.DONE
    again = Round.objects.get(pk=made.data["id"])
    assert again.items_total == RoundItem.objects.filter(round=again).count() == 6
    rounds.fill_round(again)  # a worker that died at the end is taken over
    assert again.items_total == 6


def test_a_changed_overlap_opens_or_takes_slots_but_never_what_was_used(
    project: Project, main: Round, lea: User, ann: User, ben: User, api: Api
) -> None:
    for person in (ann, ben):
        answer(take(project, person)[0])
    take(project, ann)
    address = f"/api/v1/projects/{project.slug}/rounds/{main.pk}/"
    assert api(lea).patch(address, {"overlap": 5}, format="json").status_code == 200
    check_slots()
    assert set(RoundItem.objects.values_list("overlap", flat=True)) == {5}
    assert api(lea).patch(address, {"overlap": 1}, format="json").status_code == 200
    check_slots()
    first = RoundItem.objects.order_by("-answers")[0]
    assert (first.answers, first.overlap, first.open_slots) == (2, 2, 0)
    main.refresh_from_db()
    done = [place for place in RoundItem.objects.filter(round=main) if place.answers >= place.overlap]
    assert main.items_done == len(done) == 1


def test_a_text_that_was_given_back_waits_for_nobody_once_a_smaller_overlap_has_filled_it(
    project: Project, main: Round, lea: User, ann: User, ben: User
) -> None:
    held, same = take(project, ann)[0], take(project, ben)[0]
    assert held.item == same.item
    skip_item(at_hand(ben, same))
    assert ReturnedItem.objects.get().round_item.item == held.item
    rounds.change_round(main, lea, {"overlap": 1})
    rounds.resize_round(main, before=3)
    assert RoundItem.objects.get(item=held.item).open_slots == 0
    assert not ReturnedItem.objects.exists()


def test_an_overlap_that_grew_by_itself_is_not_cut(project: Project, main: Round) -> None:
    RoundItem.objects.filter(item__text="text 0").update(overlap=4, open_slots=4)
    Round.objects.filter(pk=main.pk).update(overlap=2)
    rounds.resize_round(main, before=3)
    assert RoundItem.objects.get(item__text="text 0").overlap == 4
    assert RoundItem.objects.get(item__text="text 1").overlap == 2
    check_slots()


def test_closing_gives_back_what_people_hold_and_opening_again_hands_it_out(
    project: Project, main: Round, lea: User, ann: User, api: Api
) -> None:
    held = take(project, ann, 2)
    address = f"/api/v1/projects/{project.slug}/rounds/{main.pk}/"
    closed = api(lea).post(f"{address}close/")
    assert (closed.status_code, closed.data["state"]) == (200, "closed")
    assert closed.data["closed"] is not None
    check_slots()
    assert not Assignment.objects.filter(state="leased").exists()
    sent = api(ann).post(
        f"/api/v1/assignments/{held[0].pk}/answer/",
        {"key": str(uuid.uuid4()), "label": "good"},
        format="json",
    )
    assert sent.status_code == 409
    assert take(project, ann) == []
    assert api(lea).post(f"{address}open/").data["state"] == "open"
    assert len(take(project, ann, 2)) == 2
    check_slots()
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions[-2:] == ["close round", "open round again"]


def test_a_draft_is_not_closed_and_an_open_round_is_no_draft_again(
    project: Project, main: Round, lea: User, api: Api
) -> None:
    draft = post(api, lea, project, state="draft").data
    address = f"/api/v1/projects/{project.slug}/rounds/"
    assert api(lea).post(f"{address}{draft['id']}/close/").status_code == 400
    assert api(lea).patch(f"{address}{main.pk}/", {"state": "draft"}, format="json").status_code == 400
    assert (
        api(lea).patch(f"{address}{draft['id']}/", {"state": "open"}, format="json").data["state"] == "open"
    )


def test_a_deleted_round_hands_out_nothing_and_comes_back_whole(
    project: Project, main: Round, lea: User, ann: User, api: Api
) -> None:
    answer(take(project, ann)[0])
    take(project, ann)
    address = f"/api/v1/projects/{project.slug}/rounds/{main.pk}/"
    assert api(lea).delete(address).status_code == 204
    assert api(lea).get(f"/api/v1/projects/{project.slug}/rounds/").data["results"] == []
    assert api(lea).get(address).status_code == 404
    assert api(lea).patch(address, {"name": "x"}, format="json").status_code == 400
    assert take(project, ann) == []
    check_slots()
    assert "restore" in str(post(api, lea, project, name="main").data)
    back = api(lea).post(f"{address}restore/")
    assert (back.data["state"], back.data["answers_total"]) == ("closed", 1)


def test_people_can_be_chosen_and_must_be_members(
    project: Project, main: Round, lea: User, ann: User, otto: User, api: Api
) -> None:
    address = f"/api/v1/projects/{project.slug}/rounds/{main.pk}/"
    sent = api(lea).patch(address, {"audience": "chosen", "people": ["ann"]}, format="json")
    assert sent.data["audience"] == "chosen"
    assert list(main.people.all()) == [ann]
    assert api(lea).patch(address, {"people": ["otto"]}, format="json").status_code == 400
    assert list(main.people.all()) == [ann]


def test_pace_and_end_follow_from_the_last_seven_whole_days(
    project: Project, main: Round, ann: User, ben: User
) -> None:
    today = date(2026, 11, 20)
    opened = timezone.now().replace(year=2026, month=11, day=1)
    Round.objects.filter(pk=main.pk).update(
        items_total=100, overlap=2, answers_total=60, items_done=30, opened=opened, ends=date(2026, 11, 25)
    )
    main.refresh_from_db()
    for days_ago, person, n in [(0, ann, 99), (1, ann, 10), (2, ben, 4), (7, ann, 14), (8, ann, 1000)]:
        AnswerTally.objects.create(
            round=main,
            annotator=annotator_of(project, person),
            day=today - timedelta(days=days_ago),
            normal=n,
        )
    pace = paces([main], today)[main.pk]
    assert (pace.answers, pace.days, pace.people, pace.left) == (28, 7, 2, 140)
    assert pace.a_day == 4
    assert pace.end == date(2026, 12, 25)
    assert pace.days_late == 30
    assert pace.needed_a_day == 28


def test_without_answers_there_is_no_end_and_a_done_round_ends_today(project: Project, main: Round) -> None:
    assert paces([main])[main.pk].end is None
    Round.objects.filter(pk=main.pk).update(items_done=6, answers_total=18)
    main.refresh_from_db()
    assert paces([main])[main.pk].end == timezone.now().date()


def test_a_relaunch_is_compared_with_the_older_answers(
    project: Project, main: Round, lea: User, ann: User, ben: User, ada: User
) -> None:
    again = rounds.create_round(project, lea, name="again", kind="relaunch", texts={"round": "main"})
    rounds.fill_round(again)
    zero, one, two, three, *_ = (Item.objects.get(text=f"text {k}") for k in range(6))
    for item, before, after in [
        (zero, ["good", "good", "bad"], ["bad"]),
        (one, ["good"], ["good", "good"]),
        (two, ["good", "bad"], ["good"]),  # a tie before
        (three, ["bad"], []),  # not asked again yet
    ]:
        for user, label in zip((ann, ben, ada), before, strict=False):
            said(item, user, label, main)
        for user, label in zip((ann, ben, ada), after, strict=False):
            said(item, user, label, again)
    comparisons.compare_round(again)
    again.refresh_from_db()
    assert again.comparison is not None
    assert (again.comparison["texts"], again.comparison["ties"]) == (3, 1)
    assert (again.comparison["changed"]["value"], again.comparison["changed"]["n"]) == (0.5, 2)
    (row,) = again.comparison["labels"]
    assert (row["label"], row["mostly"], row["changed"]["n"]) == ("good", "bad", 2)
    assert Annotation.objects.filter(round=main).count() == 7


def test_services_refuse_what_pages_cannot_send(project: Project, main: Round, lea: User) -> None:
    with pytest.raises(ValidationError, match="cannot be changed"):
        rounds.change_round(main, lea, {"items_total": 0})
