"""The page of suggestions: what it says first, and what it costs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.algorithms.intervals import wilson
from annotation.models import ChangeCount, Project, Round, SuggestionSource, User
from annotation.views.suggestions import read_suggestions


def figures(
    right: tuple[int, int], wrong: tuple[int, int], unseen: tuple[int, int] = (0, 0), texts: int = 100
) -> dict[str, Any]:
    """Figures of a round with 100 texts: so many gold answers of so many were right where what was shown was right,
    where it was wrong, and where it was wrong and hidden."""
    states = [
        {
            "state": state,
            "n": 50,
            "followed": wilson(40, 50).as_dict(),
            "accuracy_where_right": wilson(*right).as_dict(),
            "accuracy_where_wrong": wilson(*mistaken).as_dict(),
        }
        for state, mistaken in (("hidden", unseen), ("shown", wrong))
    ]
    return {
        "texts": {"n": 100, "with": texts},
        "gold": {"n": 10, "with": 10},
        "answers": 50,
        "states": states,
    }


@pytest.mark.parametrize(
    ("told", "tone", "words"),
    [
        (
            figures((38, 40), (12, 30), (27, 30)),
            "warn",
            "right 40% of the time, and 90% while they were hidden",
        ),
        (figures((38, 40), (12, 30), (12, 30)), "", "has suggestions of tfidf, shown"),  # hard for everybody
        (
            figures((38, 40), (12, 30)),
            "warn",
            "95% of the time where the suggestion shown was right, and 40%",
        ),
        (figures((8, 9), (1, 9), (9, 9)), "", "has suggestions of tfidf, shown"),  # too few to say
        (figures((30, 40), (22, 30)), "", "has suggestions of tfidf, shown"),
        (figures((30, 40), (22, 30), texts=60), "warn", "60 of 100 texts have a suggestion"),
    ],
)
def test_the_reading_says_the_worst_first(told: dict[str, Any], tone: str, words: str) -> None:
    made = Round(
        name="main", gold_rate=0.05, suggestions="shown", suggestion_source=SuggestionSource(name="tfidf")
    )
    made.suggestion_figures = told
    reading = read_suggestions([made])
    assert reading is not None
    assert reading.tone == tone
    assert words in reading.lead
    made.suggestions = "off"
    assert (read_suggestions([made]) is None) == ("of the time" not in words)


@pytest.mark.django_db
def test_the_page_costs_the_same_with_more_rounds(
    project: Project, lea: User, page: Callable[[User | None], Client]
) -> None:
    client, address = page(lea), f"/projects/{project.slug}/suggestions/"
    source = SuggestionSource.objects.create(project=project, name="tfidf")

    def add(name: str, taken_out: int) -> None:
        made = Round.objects.create(
            project=project,
            name=name,
            suggestions="shown",
            suggestion_source=source,
            suggestion_figures=figures((8, 9), (1, 9)) | {"changes": {}},
        )
        ChangeCount.objects.create(project=project, round=made, kind="answers", n=taken_out)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    add("round 0", 3)
    client.get(address)
    before = cost()
    for n in range(1, 5):
        add(f"round {n}", 3 + n)
    assert cost() == before
    told = client.get(address).content.decode()
    for n in range(5):  # of each round what concerned it
        assert f"Computed before {3 + n} answers taken out or brought back." in told
