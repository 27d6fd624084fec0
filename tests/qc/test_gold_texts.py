"""Gold made of many texts: which answer each gets, what is left out and why, and taking it back."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from annotation.algorithms.text import digest
from annotation.models import Annotation, Annotator, GoldItem, Item, Project, User
from annotation.services.rounds import create_round
from qc.models import Case, Decision
from qc.services.gold_texts import make_gold, take_back_gold

Page = Callable[[User | None], Client]


@pytest.fixture
def texts(project: Project, lea: User) -> dict[str, Item]:
    """agreed (good, good), split (good, bad), once (good), decided (bad, though all say good), imported (neither),
    gone (deleted), out (excluded), nothing."""
    labels = {label.name: label for label in project.labels.all()}
    names = ["agreed", "split", "once", "decided", "imported", "gone", "out", "nothing"]
    made = {
        name: Item.objects.create(project=project, text=name, digest=digest(name), external_id=name)
        for name in names
    }
    people = [Annotator.objects.create(project=project, name=name) for name in "xy"]
    for name, said in {
        "agreed": ["good", "good"],
        "split": ["good", "bad"],
        "once": ["good"],
        "decided": ["good", "good"],
    }.items():
        for person, label in zip(people, said, strict=False):
            Annotation.objects.create(
                round=project.rounds.get(), item=made[name], annotator=person, label=labels[label]
            )
    case = Case.objects.create(project=project, item=made["decided"], state="decided", source="manual")
    Decision.objects.create(
        case=case, item=made["decided"], outcome="label", label=labels["bad"], decided_by=lea
    )
    for name in ("imported", "split"):
        made[name].imported_label = labels["neither"]
        made[name].save()
    Item.objects.filter(pk=made["gone"].pk).update(deleted=made["gone"].created)
    Item.objects.filter(pk=made["out"].pk).update(excluded=made["out"].created)
    return made


def gold(project: Project) -> dict[str, tuple[str, str]]:
    rows = GoldItem.objects.filter(project=project).values_list("item__text", "label__name", "origin")
    return {text: (label or "", origin) for text, label, origin in rows}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("decided", {"decided": ("bad", "adjudicated")}),
        ("agreed", {"agreed": ("good", "unanimous"), "decided": ("good", "unanimous")}),
        ("imported", {"imported": ("neither", "imported"), "split": ("neither", "imported")}),
        (
            "best",
            {
                "decided": ("bad", "adjudicated"),
                "agreed": ("good", "unanimous"),
                "imported": ("neither", "imported"),
                "split": ("neither", "imported"),
            },
        ),
    ],
)
def test_texts_become_gold_by_what_is_known(
    project: Project, texts: dict[str, Item], lea: User, by: str, expected: dict[str, tuple[str, str]]
) -> None:
    done = make_gold(project, lea, Item.objects.filter(project=project), by)
    assert gold(project) == expected
    assert done.texts == len(expected)
    words = done.message.partition("Left as they were: ")[2]
    assert "1 deleted" in words and "1 excluded" in words
    assert sum(int(part.split()[0]) for part in words.split(", ")) == len(texts) - len(expected)


def test_what_cannot_be_gold_is_said(project: Project, texts: dict[str, Item], lea: User) -> None:
    chosen = Item.objects.filter(text__in=["agreed", "split", "once"])
    done = make_gold(project, lea, chosen, "agreed")
    assert done.message == (
        "1 text was made gold. Left as they were: 2 with fewer than two answers or different ones."
    )
    again = make_gold(project, lea, chosen, "agreed")
    assert again.message.startswith("No text was made gold. Left as they were: 1 gold already, 2 with fewer")
    assert again.undo is None
    project.labels.filter(name="neither").update(retired=texts["out"].created)
    assert "no longer be chosen" in make_gold(project, lea, chosen, "imported").message
    with pytest.raises(ValidationError, match="no such way"):
        make_gold(project, lea, chosen, "luck")


def test_one_person_who_was_asked_twice_does_not_agree_with_anybody(
    project: Project, texts: dict[str, Item], lea: User
) -> None:
    first = Annotation.objects.get(item=texts["once"])
    round_ = create_round(project, lea, name="again")
    Annotation.objects.create(round=round_, item=first.item, annotator=first.annotator, label=first.label)
    make_gold(project, lea, Item.objects.filter(text="once"), "agreed")
    assert gold(project) == {}


def test_gold_that_was_shown_is_retired_when_it_is_taken_back(
    project: Project, texts: dict[str, Item], lea: User
) -> None:
    done = make_gold(project, lea, Item.objects.filter(project=project), "best")
    assert done.undo is not None
    GoldItem.objects.filter(item=texts["agreed"]).update(exposures=3)
    back = take_back_gold(project, lea, done.undo["at"])
    assert back.texts == 4 and "1 had been shown already" in back.message
    assert list(GoldItem.objects.values_list("item__text", flat=True)) == ["agreed"]
    assert GoldItem.objects.get().retired is not None
    with pytest.raises(ValidationError):
        take_back_gold(project, lea, "yesterday")


def test_the_page_makes_gold_and_offers_undo(
    project: Project, texts: dict[str, Item], lea: User, page: Page
) -> None:
    client, url = page(lea), "/projects/weather/items/gold/"
    shown = client.post(url, {"item": [texts["agreed"].pk], "by": "agreed", "kept": "q=agreed"}, follow=True)
    assert shown.redirect_chain[0][0] == "/projects/weather/items/?q=agreed"
    words = shown.content.decode()
    assert "1 text was made gold." in words and "Undo" in words and url in words
    undo = client.session["texts_undo"][str(project.pk)]
    shown = client.post(url, {"action": undo["action"], "at": undo["at"]}, follow=True)
    assert "1 text was taken out of the gold." in shown.content.decode()
    assert not GoldItem.objects.exists()
    shown = client.post(url, {"all": "1", "kept": "q=a", "by": "imported"}, follow=True)
    assert "No text was made gold" in shown.content.decode()
