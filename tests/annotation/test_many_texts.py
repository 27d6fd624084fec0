"""Many texts at once: excluded, deleted, put into a round, and everything as it was when that is taken back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db.models import F
from django.test import Client
from rest_framework.test import APIClient

from annotation.algorithms.text import digest
from annotation.jobs import start_import, undo_import
from annotation.models import (
    Annotator,
    AuditEntry,
    GoldItem,
    Item,
    Job,
    Project,
    ReturnedItem,
    Round,
    RoundItem,
    User,
)
from annotation.queries.items import items as listed
from annotation.services import answers, bulk, imports, items, requeueing, rounds
from annotation.services.labelling import Refused
from tests.annotation.labelling_steps import answer, take

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]


@pytest.fixture
def made(project: Project) -> Round:
    """The round, with six texts of three slots each."""
    found = Round.objects.get(project=project)
    texts = [Item(project=project, text=f"Text {n}", digest=digest(f"Text {n}")) for n in range(6)]
    for at, text in enumerate(Item.objects.bulk_create(texts)):
        RoundItem.objects.create(round=found, item=text, position=at, overlap=3, open_slots=3)
    Round.objects.filter(pk=found.pk).update(items_total=6)
    found.refresh_from_db()
    return found


def state(made: Round) -> dict[str, Any]:
    """All that labelling and the pages read of a round."""
    made.refresh_from_db()
    slots = made.round_items.order_by("position").values_list("open_slots", "overlap", "answers")
    return {"total": made.items_total, "done": made.items_done, "slots": list(slots)}


def every(project: Project) -> Any:
    return Item.objects.filter(project=project)


def consistent(made: Round) -> None:
    """The counters are those that a count gives, and no slot of a text that is out is open."""
    made.refresh_from_db()
    there = made.round_items.filter(item__deleted__isnull=True, item__excluded__isnull=True)
    assert made.items_total == there.count()
    assert made.items_done == there.filter(answers__gte=F("overlap")).count()
    out = made.round_items.exclude(pk__in=there.values("pk"))
    assert not out.filter(open_slots__gt=0).exists()
    assert not ReturnedItem.objects.filter(round_item__in=out.values("pk")).exists()


def test_excluded_texts_are_handed_to_nobody_and_come_back_as_they_were(
    project: Project, made: Round, lea: User, ann: User, ben: User
) -> None:
    first = take(project, ann)[0]
    answer(first, "good")
    before = state(made)
    n, _ = items.exclude_items(project, lea, every(project), "off topic")
    assert n == 6
    consistent(made)
    assert made.items_total == 0
    assert take(project, ben) == []
    assert items.include_items(project, lea, every(project)) == 6
    assert state(made) == before
    consistent(made)
    assert len(take(project, ben)) == 1


def test_a_lease_on_an_excluded_text_ends_and_its_answer_is_refused(
    project: Project, made: Round, lea: User, ann: User
) -> None:
    leased = take(project, ann)[0]
    items.exclude_items(project, lea, every(project).filter(pk=leased.item_id), "private data")
    with pytest.raises(Refused):
        answer(leased, "good")
    items.include_items(project, lea, every(project))
    assert state(made)["slots"] == [(3, 3, 0)] * 6
    consistent(made)


def test_a_text_that_is_excluded_and_deleted_is_counted_once(
    project: Project, made: Round, lea: User
) -> None:
    before = state(made)
    some = every(project).filter(text__in=["Text 1", "Text 2"])
    items.exclude_items(project, lea, some, "noise")
    items.delete_items(project, lea, every(project).filter(text__in=["Text 2", "Text 3"]))
    consistent(made)
    assert made.items_total == 3
    items.restore_items(project, lea, every(project))
    consistent(made)
    assert made.items_total == 4
    assert set(listed(project, {"state": "excluded"}).values_list("text", flat=True)) == {"Text 1", "Text 2"}
    items.include_items(project, lea, every(project))
    assert state(made) == before


def test_an_action_is_taken_back_by_its_time_and_takes_nothing_else_with_it(
    project: Project, made: Round, lea: User
) -> None:
    items.exclude_items(project, lea, every(project).filter(text="Text 0"), "earlier")
    done = bulk.change_items(project, lea, "exclude", every(project), because=" much   later ")
    assert done.texts == 5 and done.undo is not None
    choice = {"at": done.undo["at"], "undo_of": "exclude"}
    back = bulk.change_items(project, lea, done.undo["action"], bulk.chosen(project, choice))
    assert back.texts == 5
    assert list(every(project).filter(excluded__isnull=False).values_list("text", flat=True)) == ["Text 0"]
    actions = AuditEntry.objects.filter(project=project, action__in=["exclude texts", "include texts"])
    assert [(entry.after or {})["texts"] for entry in actions.order_by("id")] == [1, 5, 5]


def test_texts_go_into_a_round_once_with_all_slots_open(project: Project, made: Round, lea: User) -> None:
    second = Round.objects.create(project=project, name="second", overlap=2, seed=7)
    items.exclude_items(project, lea, every(project).filter(text="Text 5"), "noise")
    assert items.add_to_round(second, lea, every(project).filter(text__gt="Text 1"))[0] == 3
    assert items.add_to_round(second, lea, every(project))[0] == 2
    second.refresh_from_db()
    assert second.items_total == 5
    assert set(second.round_items.values_list("open_slots", "overlap")) == {(2, 2)}
    Round.objects.filter(pk=second.pk).update(state=Round.State.CLOSED)
    with pytest.raises(ValidationError, match="over"):
        items.add_to_round(second, lea, every(project))


def test_excluded_gold_is_not_shown(project: Project, made: Round, lea: User, ann: User) -> None:
    gold = Item.objects.create(project=project, text="known", digest=digest("known"))
    GoldItem.objects.create(project=project, item=gold, label=project.labels.first())
    Round.objects.filter(pk=made.pk).update(gold_rate=1.0)
    items.exclude_items(project, lea, every(project).filter(pk=gold.pk), "wrong")
    assert gold.pk not in {lease.item_id for lease in take(project, ann, count=4)}


def test_many_texts_are_changed_by_a_job(
    project: Project,
    made: Round,
    lea: User,
    api: Api,
    work: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "INLINE", 3)
    url = "/api/v1/projects/weather/items/change/"
    body = {"action": "exclude", "filters": {"q": "text"}, "because": "x"}
    answered = api(lea).post(url, body, format="json")
    assert answered.status_code == 202, answered.data
    Item.objects.create(project=project, text="Text that came in later", digest=digest("later"))
    (job,) = work()
    assert job.state == "done", job.error
    assert every(project).filter(excluded__isnull=False).count() == 6
    consistent(made)


def test_rest_says_how_many_and_how_to_take_it_back(
    project: Project, made: Round, lea: User, api: Api
) -> None:
    client, url = api(lea), "/api/v1/projects/weather/items/change/"
    ids = list(every(project).order_by("pk").values_list("pk", flat=True)[:2])
    done = client.post(url, {"action": "delete", "items": ids}, format="json")
    assert done.status_code == 200 and done.data["texts"] == 2
    assert len(client.get("/api/v1/projects/weather/items/").data["results"]) == 4
    assert len(client.get("/api/v1/projects/weather/items/?state=deleted").data["results"]) == 2
    back = client.post(url, done.data["undo"], format="json")
    assert back.data == {"texts": 2, "message": "2 texts were restored.", "undo": None}
    consistent(made)
    for wrong in (
        {"action": "exclude", "items": ids},
        {"action": "exclude", "items": ids, "because": "x" * 201},
        {"action": "burn", "items": ids},
        {"action": "delete"},
        {"action": "delete", "items": [0]},
        {"action": "delete", "items": ids, "filters": {}},
        {"action": "delete", "filters": {"colour": "red"}},
        {"action": "round", "items": ids, "round": "no such"},
        {"action": "include", "at": "yesterday"},
    ):
        assert client.post(url, wrong, format="json").status_code == 400, wrong
    assert every(project).filter(deleted__isnull=True, excluded__isnull=True).count() == 6


def test_the_page_changes_what_was_ticked_and_offers_undo(
    project: Project, made: Round, lea: User, page: Page
) -> None:
    client, url = page(lea), "/projects/weather/items/change/"
    first = every(project).order_by("pk").first()
    sent = {"action": "exclude", "because": "spam", "item": [first.pk], "kept": "q=text"}
    answered = client.post(url, sent)
    assert answered["Location"] == "/projects/weather/items/?q=text"
    shown = client.get(answered["Location"]).content.decode()
    assert "1 text was excluded." in shown and "Undo" in shown
    undo = client.session["texts_undo"][str(project.pk)]
    client.post(url, {"action": undo["action"], "at": undo["at"]})
    assert not every(project).filter(excluded__isnull=False).exists()
    client.post(url, {"action": "delete", "all": "1", "kept": "q=text"})
    assert every(project).filter(deleted__isnull=False).count() == 6
    assert "Restore" in client.get("/projects/weather/items/?state=deleted").content.decode()
    assert "Tick the texts first" in client.post(url, {"action": "delete"}, follow=True).content.decode()


def test_one_texts_page_leads_along_its_list(project: Project, made: Round, lea: User, page: Page) -> None:
    client = page(lea)
    ids = list(every(project).order_by("pk").values_list("pk", flat=True))
    items.exclude_items(project, lea, every(project).filter(pk__in=ids[1::2]), "odd one")
    middle = f"/projects/weather/items/{ids[3]}/"
    shown = client.get(f"{middle}?state=excluded").content.decode()
    assert "odd one" in shown and "Take back" in shown
    for neighbour in (ids[1], ids[5]):
        assert f"/projects/weather/items/{neighbour}/?state=excluded" in shown
    turned = client.get(f"{middle}?state=excluded&sort=newest").content.decode()
    assert turned.index(f"items/{ids[5]}/?") < turned.index(f"items/{ids[1]}/?")
    assert client.get(f"{middle}?round=no+such").status_code == 200
    items.delete_items(project, lea, every(project).filter(pk=ids[0]))
    assert "Restore" in client.get(f"/projects/weather/items/{ids[0]}/").content.decode()


def test_what_changes_many_slots_leaves_texts_that_are_out_alone(
    project: Project, made: Round, lea: User, ann: User
) -> None:
    for lease in take(project, ann, 4):
        answer(lease, "good")
    before = state(made)
    items.delete_items(project, lea, every(project).filter(text__in=["Text 0", "Text 5"]))
    items.exclude_items(project, lea, every(project).filter(text="Text 1"), "noise")
    for overlap in (1, 4, 3):
        rounds.change_round(made, lea, {"overlap": overlap})
        rounds.resize_round(made, {1: 3, 4: 1, 3: 4}[overlap])
        consistent(made)
        assert made.items_done == (2 if overlap == 1 else 0)
    author = Annotator.objects.get(user=ann)
    requeueing.set_aside_answers(author, lea)
    consistent(made)
    assert requeueing.take_back_answers(author, lea) == (4, 0)
    consistent(made)
    items.restore_items(project, lea, every(project))
    items.include_items(project, lea, every(project))
    assert state(made) == before


def test_imported_answers_to_texts_that_are_out_open_and_finish_nothing(
    project: Project, made: Round, lea: User, work: Callable[[], list[Job]]
) -> None:
    items.delete_items(project, lea, every(project).filter(text="Text 0"))
    items.exclude_items(project, lea, every(project).filter(text="Text 1"), "noise")
    names = ["zoe", "yan", "xia", "wim"]
    rows = "".join(f"Text {n},{name},good\n" for n in (0, 1, 2) for name in names)
    file = ContentFile(f"text,annotator,label\n{rows}".encode(), name="old.csv")
    source = imports.store_upload(project, lea, file, kind="annotations", into=made)
    imports.choose_mapping(source, {"text": "text", "annotator": "annotator", "label": "label"})
    start_import(source, lea)
    assert [job.error for job in work()] == [""]
    consistent(made)
    assert made.items_done == 1
    undo_import(source, lea)
    consistent(made)
    items.restore_items(project, lea, every(project))
    items.include_items(project, lea, every(project))
    assert state(made) == {"total": 6, "done": 0, "slots": [(3, 3, 0)] * 6}


def test_a_revised_answer_to_a_text_that_is_out_asks_nobody_else(
    project: Project, made: Round, lea: User, ann: User, ben: User
) -> None:
    Round.objects.filter(pk=made.pk).update(maximum_overlap=5)
    made.round_items.update(overlap=2, open_slots=2)
    first, second = answer(take(project, ann)[0], "good"), answer(take(project, ben)[0], "good")
    assert first.item_id == second.item_id
    items.delete_items(project, lea, every(project).filter(pk=first.item_id))
    answers.revise_answer(first, {"label": "bad"})
    consistent(made)


def test_texts_leave_a_round_again_unless_somebody_has_them(
    project: Project, made: Round, lea: User, ann: User, api: Api
) -> None:
    second = Round.objects.create(project=project, name="second", overlap=1, seed=7)
    items.exclude_items(project, lea, every(project).filter(text="Text 5"), "noise")
    client, url = api(lea), "/api/v1/projects/weather/items/change/"
    ids = list(every(project).order_by("pk").values_list("pk", flat=True))
    client.post(url, {"action": "round", "items": ids[:1], "round": "second"}, format="json")
    done = client.post(url, {"action": "round", "items": ids, "round": "second"}, format="json").data
    assert done["message"] == (
        "4 texts were put into the round second. Left as they were: 1 excluded, 1 in the round already."
    )
    Round.objects.filter(pk=made.pk).update(state=Round.State.CLOSED)
    taken = take(project, ann, count=3)
    assert {lease.round_id for lease in taken} == {second.pk}
    answer(taken[0], "good")
    mine = sum(lease.item_id != ids[0] for lease in taken)
    back = client.post(url, done["undo"], format="json").data
    assert back["texts"] == 4 - mine and back["undo"] is None
    assert f"{mine} in somebody's hands or answered" in back["message"]
    consistent(second)
    assert second.items_total == 1 + mine
    again = client.post(url, done["undo"], format="json").data
    assert again["texts"] == 0
    for wrong in ("", "1", "a-b", "1-2-3"):
        sent = {"action": "out of round", "round": "second", "slots": wrong}
        assert client.post(url, sent, format="json").status_code == 400, wrong
