"""The human ceiling where spans are marked: kept with agreement, on the page and over REST."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from annotation.models import Annotation, Annotator, GoldItem, Item, Label, Project, User
from annotation.services.watching import unwatched
from evaluation.queries.runs import people_by_label
from qc.services.agreement import compute_agreement
from qc.services.cases import open_cases
from qc.services.votes import decide_case

Page = Callable[[User | None], Client]


@pytest.fixture
def marked(project: Project, lea: User) -> Project:
    """Two texts of known spans, one decided and one gold, with five answers; and one that is not known."""
    project.task = Project.Task.SPANS
    project.save()
    good, bad = project.labels.get(name="good").pk, project.labels.get(name="bad").pk
    round_ = project.rounds.get()
    sunny, rainy = [0, 5, good], [10, 14, bad]
    given = {
        "Sunny but wet.": ([sunny, rainy], {"a": [sunny, rainy], "b": [sunny], "c": [sunny, [10, 13, bad]]}),
        "Sunny again": ([sunny], {"a": [sunny], "b": [[0, 5, bad]]}),
        "Nobody knows": (None, {"a": [sunny], "b": []}),
    }
    for text, (known, answers) in given.items():
        item = Item.objects.create(project=project, text=text, digest=uuid4(), meta={"from": text[:5]})
        for name, spans in answers.items():
            author, _ = Annotator.objects.get_or_create(project=project, name=name)
            Annotation.objects.create(round=round_, item=item, annotator=author, spans=spans)
        if text == "Sunny again":
            GoldItem.objects.create(project=project, item=item, spans=known)
        elif known:
            [case] = open_cases(project, lea, [item.pk])
            decide_case(
                case,
                lea,
                outcome="label",
                spans=[{"start": s, "end": e, "label": Label.objects.get(pk=pk).name} for s, e, pk in known],
            )
    return project


def test_people_and_the_crowd_are_measured_against_known_spans(marked: Project) -> None:
    compute_agreement(marked, None, unwatched)
    found = marked.human_ceiling.result
    assert (found["texts"], found["sources"]) == (2, {"adjudicated": 1, "gold": 1})
    assert (found["metric"], found["reason"]) == ("entity-f1", None)
    # seven spans were marked, five of which are among the eight that should have been
    people = found["people"]
    assert (people["answers"], people["n"]) == (5, 2)
    assert people["precision"]["value"] == pytest.approx(5 / 7)
    assert people["recall"]["value"] == pytest.approx(5 / 8)
    assert people["value"] == pytest.approx(10 / 15)
    by_label = {row["label"]: row for row in found["per_label"]}
    assert by_label["good"]["recall"]["value"] == pytest.approx(4 / 5)
    assert by_label["good"]["precision"]["value"] == 1.0
    assert by_label["bad"]["precision"]["value"] == pytest.approx(1 / 3)
    # of three people all marked the first span of the first text; on the other text two say something else
    assert (found["crowd"]["value"], found["crowd"]["ties"]) == (pytest.approx(2 / 4), 1)
    assert by_label["good"]["crowd_recall"]["value"] == pytest.approx(1 / 2)
    assert by_label["bad"]["crowd_precision"]["value"] is None
    annotators = {row["username"]: row for row in found["annotators"]}
    assert annotators["a"]["f1"]["value"] == 1.0
    assert annotators["b"]["f1"]["value"] == pytest.approx(2 * 1 / (2 + 3))
    assert [row["label"] for row in annotators["c"]["per_label"]] == ["good", "bad"]


def test_it_stands_on_the_page_in_rest_and_beside_runs(marked: Project, lea: User, page: Page) -> None:
    compute_agreement(marked, None, unwatched)
    shown = page(lea).get("/projects/weather/truth/").content.decode()
    assert "F1 of people" in shown
    assert "Human ceiling by person" in shown
    told = page(lea).get("/api/v1/projects/weather/human-ceiling/").json()
    assert told["per_label"][0]["crowd_f1"]["n"] >= 1
    assert people_by_label(marked)["good"]["recall"]["value"] == pytest.approx(4 / 5)


def test_without_a_known_span_page_and_rest_say_so(project: Project, lea: User, page: Page) -> None:
    project.task = Project.Task.SPANS
    project.save()
    compute_agreement(project, None, unwatched)
    told = page(lea).get("/api/v1/projects/weather/human-ceiling/").json()
    assert "no text with a decision" in told["reason"]
    assert "No text with a decision" in page(lea).get("/projects/weather/truth/").content.decode()
