"""Suggestions in rounds: who is told what and when, what is kept with the answer, and what it did."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.models import (
    Annotation,
    Assignment,
    GoldItem,
    Item,
    Job,
    Project,
    Round,
    Suggestion,
    SuggestionSource,
    User,
)
from annotation.services import gold, labels, requeueing, rounds
from annotation.services.answers import revise_answer
from annotation.services.merging import rewrite_values
from annotation.services.suggestions import add_suggestions, delete_source, restore_source
from tests.annotation.labelling_steps import answer, at_hand, check_slots, expire, fill, take

pytestmark = pytest.mark.django_db

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]


def suggest(
    project: Project, user: User, label: str = "good", name: str = "tfidf", **more: Any
) -> SuggestionSource:
    """The same label for every text."""
    ids = Item.objects.filter(project=project).values_list("pk", flat=True)
    return add_suggestions(project, user, name, [{"id": pk, "label": label, **more} for pk in ids])


def switch(made: Round, user: User, suggestions: str, source: str = "tfidf") -> Round:
    return rounds.change_round(made, user, {"suggestions": suggestions, "suggestion_source": source})


@pytest.fixture
def made(project: Project, lea: User) -> Round:
    """Ten texts, each with the suggestion “good” of tfidf."""
    filled = fill(project, 10)
    suggest(project, lea, score=0.75)
    return filled


def next_lease(client: APIClient, count: int = 1) -> dict[str, Any]:
    given: dict[str, Any] = client.post("/api/v1/projects/weather/next/", {"count": count}).json()[
        "assignments"
    ][0]
    return given


def send(client: APIClient, lease: dict[str, Any], label: str) -> Annotation:
    sent = {"key": str(uuid.uuid4()), "label": label}
    stored = client.post(f"/api/v1/assignments/{lease['id']}/answer/", sent, format="json")
    assert stored.status_code == 201, stored.content
    assert "suggest" not in stored.content.decode() and "followed" not in stored.content.decode()
    return Annotation.objects.get(pk=stored.json()["id"])


def test_a_round_without_suggestions_tells_nothing_of_them(made: Round, ann: User, api: Api) -> None:
    lease = next_lease(api(ann))
    assert lease["suggestion"] is None
    given = send(api(ann), lease, "good")
    assert (given.suggested, given.suggestion_id, given.followed) == ("", None, None)
    again = next_lease(api(ann))
    assert api(ann).post(f"/api/v1/assignments/{again['id']}/suggestion/").status_code == 409


@pytest.mark.parametrize(("label", "followed"), [("good", True), ("bad", False)])
def test_a_shown_suggestion_comes_with_the_text_and_is_kept_with_the_answer(
    made: Round, lea: User, ann: User, api: Api, label: str, followed: bool
) -> None:
    switch(made, lea, "shown")
    lease = next_lease(api(ann))
    told = {
        "state": "shown",
        "source": "tfidf",
        "score": 0.75,
        "label": "good",
        "labels": None,
        "spans": None,
    }
    assert lease["suggestion"] == told
    assert next_lease(api(ann)) == lease | {"expires": next_lease(api(ann))["expires"]}  # as it is held
    given = send(api(ann), lease, label)
    assert (given.suggested, given.followed) == ("shown", followed)
    assert given.suggestion is not None and given.suggestion.item_id == given.item_id


def test_a_hidden_suggestion_is_told_once_it_is_asked_for(
    made: Round, lea: User, ann: User, api: Api
) -> None:
    switch(made, lea, "hidden")
    client = api(ann)
    handed = client.post("/api/v1/projects/weather/next/", {"count": 3})
    assert [lease["suggestion"] for lease in handed.json()["assignments"]] == [{"state": "hidden"}] * 3
    assert "tfidf" not in handed.content.decode()
    first, second, _ = handed.json()["assignments"]
    for _ in range(2):
        told = client.post(f"/api/v1/assignments/{first['id']}/suggestion/")
        assert (told.status_code, told.json()["state"], told.json()["label"]) == (200, "asked", "good")
    assert next_lease(client)["suggestion"]["label"] == "good"  # a reload does not hide it again
    asked, unasked = send(client, first, "good"), send(client, second, "good")
    assert (asked.suggested, asked.followed) == ("asked", True)
    assert (unasked.suggested, unasked.followed) == ("hidden", True)
    late = client.post(f"/api/v1/assignments/{second['id']}/suggestion/")
    assert late.status_code == 409
    assert "good" not in late.content.decode()
    unasked.refresh_from_db()
    assert unasked.suggested == "hidden"


def test_nobody_asks_for_what_another_has_in_hand(
    made: Round, lea: User, ann: User, ben: User, api: Api
) -> None:
    switch(made, lea, "hidden")
    lease = next_lease(api(ann))
    assert api(ben).post(f"/api/v1/assignments/{lease['id']}/suggestion/").status_code == 404
    assert Assignment.objects.get(pk=lease["id"]).suggested == "hidden"


def test_what_is_in_hand_stays_as_it_was_handed_out(made: Round, lea: User, ann: User, api: Api) -> None:
    lease = next_lease(api(ann))
    switch(made, lea, "shown")
    assert next_lease(api(ann))["suggestion"] is None
    assert send(api(ann), lease, "good").suggested == ""
    assert next_lease(api(ann))["suggestion"]["state"] == "shown"


def test_a_lease_that_ran_out_keeps_what_was_asked_for(
    made: Round, project: Project, lea: User, ann: User, api: Api
) -> None:
    switch(made, lea, "hidden")
    (held,) = take(project, ann)
    api(ann).post(f"/api/v1/assignments/{held.pk}/suggestion/")
    expire(held)
    late = answer(at_hand(ann, held))
    assert (Annotation.objects.get(pk=late.pk).suggested, late.item_id) == ("asked", held.item_id)
    check_slots()


def test_a_text_without_a_suggestion_says_so(
    made: Round, project: Project, lea: User, ann: User, api: Api
) -> None:
    Suggestion.objects.all().delete()
    switch(made, lea, "shown")
    lease = next_lease(api(ann))
    assert lease["suggestion"] == {"state": "none"}
    assert api(ann).post(f"/api/v1/assignments/{lease['id']}/suggestion/").status_code == 409
    given = send(api(ann), lease, "good")
    assert (given.suggested, given.suggestion_id, given.followed) == ("none", None, None)


def test_gold_without_a_suggestion_is_not_handed_out_where_there_are_some(
    project: Project, lea: User, ann: User, api: Api
) -> None:
    filled = fill(project, 12, gold_rate=1.0)
    bare, with_one = (
        Item.objects.create(project=project, text=f"gold {k}", digest=uuid.uuid4()) for k in range(2)
    )
    rows = [{"id": item.pk, "label": "good"} for item in Item.objects.exclude(pk=bare.pk)]
    add_suggestions(project, lea, "tfidf", rows)
    for item in (bare, with_one):
        gold.set_gold(project, lea, item, label="good")
    switch(filled, lea, "hidden")
    figures = Round.objects.get(pk=filled.pk)
    held = take(project, ann, 10)
    assert {lease.item_id for lease in held if lease.kind == "gold"} == {with_one.pk}
    assert len(held) == 10
    switch(filled, lea, "off")
    for lease in held:
        answer(at_hand(ann, lease))
    assert bare.pk in {lease.item_id for lease in take(project, ann, 5) if lease.kind == "gold"}
    assert figures.suggestion_figures is None  # the service alone counts nothing


def test_next_costs_as_many_statements_with_suggestions_as_without(
    made: Round, project: Project, lea: User, ann: User, ben: User, api: Api
) -> None:
    def statements(user: User) -> list[int]:
        client, counted = api(user), []
        for _ in range(3):
            with CaptureQueriesContext(connection) as asked:
                lease = next_lease(client)
            with CaptureQueriesContext(connection) as stored:
                send(client, lease, "good")
            counted += [len(asked), len(stored)]
        return counted[2:]  # at the first contact more is made, and statements are planned

    without = statements(ann)
    switch(made, lea, "shown")
    assert statements(ben) == without


def test_a_suggestion_that_is_said_anew_replaces_the_old_one_and_answers_keep_theirs(
    made: Round, project: Project, lea: User, ann: User, api: Api
) -> None:
    switch(made, lea, "shown")
    lease = next_lease(api(ann))
    source = suggest(project, lea, label="bad", score=0.75)
    assert source.suggestions_total == 10
    given = send(api(ann), lease, "good")
    assert given.suggestion is not None
    assert (given.suggestion.label_id, given.followed) == (given.label_id, True)  # as it was seen
    assert next_lease(api(ann))["suggestion"]["label"] == "bad"
    before = Suggestion.objects.count()
    assert suggest(project, lea, label="bad", score=0.75).suggestions_total == 10
    assert Suggestion.objects.count() == before  # the same again changes nothing


def test_revising_an_answer_says_anew_whether_it_followed(
    made: Round, lea: User, ann: User, api: Api
) -> None:
    switch(made, lea, "shown")
    given = send(api(ann), next_lease(api(ann)), "bad")
    assert given.followed is False
    revise_answer(given, {"label": "good"})
    given.refresh_from_db()
    assert (given.followed, given.suggested) == (True, "shown")


def test_merging_labels_says_anew_what_followed(
    made: Round, project: Project, lea: User, ann: User, api: Api
) -> None:
    switch(made, lea, "shown")
    given = send(api(ann), next_lease(api(ann)), "bad")
    bad, good = project.labels.get(name="bad"), project.labels.get(name="good")
    rewrite_values(labels.merge_label(bad, good, lea).pk)
    given.refresh_from_db()
    assert given.followed is True


def test_a_round_needs_a_source_that_is_there(made: Round, project: Project, lea: User) -> None:
    with pytest.raises(ValidationError, match="Choose whose suggestions"):
        rounds.change_round(made, lea, {"suggestions": "shown"})
    with pytest.raises(ValidationError, match="Nobody called"):
        switch(made, lea, "shown", "nobody")
    source = SuggestionSource.objects.get()
    switch(made, lea, "shown")
    with pytest.raises(ValidationError, match="Switch them off"):
        delete_source(source, lea)
    rounds.close_round(made, lea)
    delete_source(source, lea)
    with pytest.raises(ValidationError, match="were deleted"):
        rounds.open_round(made, lea)
    with pytest.raises(ValidationError, match="were deleted"):
        suggest(project, lea)
    restore_source(source, lea)
    rounds.open_round(made, lea)
    assert SuggestionSource.objects.get().suggestions_total == 10


def test_the_figures_tell_what_suggestions_reach_and_did(
    project: Project, lea: User, ann: User, ben: User, api: Api
) -> None:
    filled = fill(project, 6)
    known = [Item.objects.create(project=project, text=f"gold {k}", digest=uuid.uuid4()) for k in range(4)]
    rows = [{"id": item.pk, "label": "good"} for item in Item.objects.exclude(pk=known[3].pk)]
    add_suggestions(project, lea, "tfidf", rows)
    for item, label in zip(known, ["good", "bad", "bad", "good"], strict=True):
        gold.set_gold(project, lea, item, label=label)
    client, url = api(lea), f"/api/v1/projects/weather/rounds/{filled.pk}/"
    assert client.get(f"{url}suggestions/").status_code == 404
    changed = client.patch(url, {"suggestions": "shown", "suggestion_source": "tfidf"}, format="json")
    assert (changed.status_code, changed.json()["suggestion_source"]) == (200, "tfidf")
    told = client.get(f"{url}suggestions/").json()
    assert (told["texts"], told["gold"]) == ({"n": 6, "with": 6}, {"n": 4, "with": 3})
    assert {state["n"] for state in told["states"]} == {0}
    assert told["states"][1]["followed"]["reason"] == "no answer while it was shown"

    Round.objects.filter(pk=filled.pk).update(gold_rate=1.0, repeat_rate=0)
    for lease in take(project, ann, 6):  # three gold texts and three others
        answer(at_hand(ann, lease), "good" if lease.kind == "gold" else "bad")
    assert client.get(f"{url}suggestions/").json()["newer"] == 3
    gold.change_gold(GoldItem.objects.get(item=known[0]), lea, label="bad")
    gold.change_gold(GoldItem.objects.get(item=known[0]), lea, label="good")
    assert client.get(f"{url}suggestions/").json()["changes"] == {"gold_changed": 2}
    assert client.post(f"{url}suggestions/").status_code == 202
    assert GoldItem.objects.filter(exposures=1).count() == 3


@pytest.mark.parametrize("aside", [False, True])
def test_the_figures_are_those_of_the_answers_that_count(
    project: Project, lea: User, ann: User, api: Api, work: Callable[[], list[Job]], aside: bool
) -> None:
    test_the_figures_tell_what_suggestions_reach_and_did(project, lea, ann, ann, api)
    if aside:
        requeueing.set_aside_answers(Annotation.objects.earliest("id").annotator, lea)
    assert [job.error for job in work()] == [""]
    made = Round.objects.get(name="main")
    told = api(lea).get(f"/api/v1/projects/weather/rounds/{made.pk}/suggestions/").json()
    hidden, shown, asked = told["states"]
    assert (hidden["n"], asked["n"]) == (0, 0)
    if aside:
        assert shown["n"] == 0
        return
    assert shown["n"] == shown["followed"]["n"] == 6
    assert shown["followed"]["value"] == 0.5
    right, wrong = shown["accuracy_where_right"], shown["accuracy_where_wrong"]
    assert (right["value"], right["n"], wrong["value"], wrong["n"]) == (1.0, 1, 0.0, 2)
    assert wrong["high"] < 1
    assert hidden["accuracy_where_wrong"]["reason"].startswith("no gold answer while")


def test_the_pages_of_the_lead_say_it(made: Round, lea: User, ann: User, page: Page, api: Api) -> None:
    browser = page(lea)
    assert "Nobody suggests" not in browser.get("/projects/weather/suggestions/").content.decode()
    sent = {"name": "main", "overlap": 3, "gold_rate": 5, "repeat_rate": 5}
    address = f"/projects/weather/rounds/{made.pk}/"
    browser.post(address, sent | {"suggestions": "hidden", "suggestion_source": "tfidf"})
    made.refresh_from_db()
    assert (made.suggestions, made.suggestion_source) == ("hidden", SuggestionSource.objects.get())
    shown = browser.get(f"/projects/weather/rounds/?change={made.pk}").content.decode()
    assert "10 of 10 texts and 0 of 0 gold texts in use have a suggestion of tfidf." in shown
    send(api(ann), next_lease(api(ann)), "good")
    told = browser.get("/projects/weather/suggestions/").content.decode()
    assert "Computed before 1 newer answer." in told
    browser.post(f"{address}suggestions/measure/")
    told = browser.get("/projects/weather/suggestions/").content.decode()
    assert "newer answer" not in told
    item = Annotation.objects.get().item_id
    assert (
        "Suggestion: good by tfidf, hidden, the same"
        in browser.get(f"/projects/weather/items/{item}/").content.decode()
    )
    refused = browser.post(f"/projects/weather/suggestions/{made.suggestion_source_id}/delete/", follow=True)
    assert "Switch them off there first" in refused.content.decode()


def test_a_new_round_is_made_with_suggestions(made: Round, lea: User, api: Api) -> None:
    sent = {
        "name": "second",
        "suggestions": "shown",
        "suggestion_source": "tfidf",
        "texts": {"round": "main"},
    }
    answered = api(lea).post("/api/v1/projects/weather/rounds/", sent, format="json")
    assert (answered.status_code, answered.json()["suggestions"]) == (201, "shown")
    figures = Round.objects.get(name="second").suggestion_figures
    assert figures is not None and figures["texts"] == {"n": 10, "with": 10}
    wrong = api(lea).post(
        "/api/v1/projects/weather/rounds/", {"name": "third", "suggestions": "shown"}, format="json"
    )
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["field"] == "suggestion_source"


def test_the_page_works_without_a_script(made: Round, lea: User, ann: User, page: Page) -> None:
    switch(made, lea, "hidden")
    browser, address = page(ann), "/projects/weather/annotate/"
    before = browser.get(address).content.decode()
    assert "Show it" in before
    assert "tfidf" not in before
    held = Assignment.objects.get(annotator__user=ann, item__text="text 0")
    browser.post(f"{address}suggestion/", {"assignment": held.pk})
    after = browser.get(address).content.decode()
    assert "<b>good</b> by tfidf, score 0.75" in after
    assert after.count('<span class="sug">suggested</span>') == 1
    browser.post(address, {"assignment": held.pk, "key": str(uuid.uuid4()), "label": "good"})
    assert Annotation.objects.get().suggested == "asked"
