"""The human ceiling where a text can have several labels."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from annotation.models import Annotation, Annotator, GoldItem, Item, Project, User
from annotation.services.watching import unwatched
from evaluation.models import Run, RunReport
from qc.services.agreement import compute_agreement
from qc.services.cases import open_cases
from qc.services.votes import decide_case
from tests.evaluation.test_runs import make_split

Page = Callable[[User | None], Client]


@pytest.fixture
def several(project: Project, lea: User) -> Project:
    """Three texts of known labels with eight answers, four of which are the known set."""
    project.task = Project.Task.MULTILABEL
    project.save()
    ids = {label.name: label.pk for label in project.labels.all()}
    given = {
        "one": (["good"], {"a": ["good"], "b": ["good", "bad"], "c": ["good"]}),
        "two": (["good", "bad"], {"a": ["good"], "b": ["good", "bad"], "c": ["bad"]}),
        "none": ([], {"a": [], "b": ["bad"]}),
    }
    for text, (known, answers) in given.items():
        item = Item.objects.create(project=project, text=text, digest=uuid4(), meta={"from": text[0]})
        for name, labels in answers.items():
            author, _ = Annotator.objects.get_or_create(project=project, name=name)
            Annotation.objects.create(
                round=project.rounds.get(),
                item=item,
                annotator=author,
                labels=sorted(map(ids.__getitem__, labels)),
            )
        if text == "two":
            [case] = open_cases(project, lea, [item.pk])
            decide_case(case, lea, outcome="label", labels=known)
        else:
            GoldItem.objects.create(project=project, item=item, labels=sorted(map(ids.__getitem__, known)))
    return project


def test_each_label_is_measured_against_its_absence(several: Project) -> None:
    compute_agreement(several, None, unwatched)
    found = several.human_ceiling.result
    assert (found["texts"], found["sources"]) == (3, {"adjudicated": 1, "gold": 2})
    assert (found["people"]["value"], found["people"]["answers"]) == (0.5, 8)
    good, bad, neither = found["per_label"]
    assert (good["recall"]["value"], good["precision"]["value"]) == (pytest.approx(5 / 6), 1.0)
    assert (bad["recall"]["value"], bad["precision"]["value"]) == (pytest.approx(2 / 3), 0.5)
    assert neither["recall"]["value"] is None
    assert neither["recall"]["reason"]
    # two of three texts have the known set by more than half; on the third a label has exactly half
    assert (found["crowd"]["value"], found["crowd"]["ties"]) == (pytest.approx(2 / 3), 1)
    assert {row["username"]: row["accuracy"]["value"] for row in found["annotators"]} == {
        "a": pytest.approx(2 / 3),
        "b": pytest.approx(1 / 3),
        "c": 0.5,
    }


def test_the_ceiling_stands_beside_a_runs_figures(several: Project, lea: User, page: Page) -> None:
    compute_agreement(several, None, unwatched)
    run = Run.objects.create(
        project=several, split_set=make_split(several, lea, 3), split="test", name="r", created_by=lea
    )
    estimate = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 3}
    figures = dict.fromkeys(["precision", "recall", "f1"], estimate)
    RunReport.objects.create(
        run=run,
        result={
            "n": 3,
            "per_class": [{"label": "good", "support": 3, **figures}],
            "macro": figures,
            "confusion": {"labels": ["good"], "matrix": [[3]]},
            "findings": [],
        },
    )
    shown = page(lea).get(f"/projects/weather/runs/{run.pk}/").content.decode()
    assert "People’s<br>recall" in shown
    assert ">0.83<br>" in shown
    told = page(lea).get(f"/api/v1/runs/{run.pk}/report/").json()["per_class"][0]["people"]
    assert told["recall"]["value"] == pytest.approx(5 / 6)
    assert "value" in told["alpha"]
    truth = page(lea).get("/projects/weather/truth/").content.decode()
    assert "Human ceiling" in truth
    assert "the whole answer is as known" in truth
