"""Agreement on answers of other kinds: labels in order, sets of labels, spans; and which labels are confused."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import (
    Annotation,
    Annotator,
    Item,
    Job,
    Label,
    Project,
    User,
)
from annotation.services.watching import unwatched
from qc.services.agreement import change_quality_settings, compute_agreement
from tests.qc.conftest import Answer

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]


def test_labels_in_order_are_compared_as_such(project: Project, answer: Answer, lea: User, api: Api) -> None:
    answer("near", ann="good", ben="bad")
    answer("far", ann="good", ben="neither")
    answer("same", ann="bad", ben="bad")
    nominal = compute_agreement(project, None, unwatched).result
    changed = api(lea).patch("/api/v1/projects/weather/agreement/settings/", {"scale": "ordinal"})
    assert changed.json()["scale"] == "ordinal"
    ordinal = compute_agreement(project, None, unwatched).result
    assert (nominal["metric"], ordinal["metric"]) == ("nominal", "ordinal")
    assert ordinal["nominal_alpha"]["value"] == nominal["alpha"]["value"]
    assert ordinal["alpha"]["value"] != nominal["alpha"]["value"]
    refused = api(lea).patch("/api/v1/projects/weather/agreement/settings/", {"scale": "interval"})
    assert refused.status_code == 400
    assert "numbers" in str(refused.json())


def test_sets_of_labels_have_a_distance_and_labels_their_own_agreement(project: Project, lea: User) -> None:
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    project.refresh_from_db()
    good, bad, _ = Label.objects.filter(project=project).order_by("position")
    authors = [Annotator.objects.create(project=project, name=name) for name in ("ann", "ben")]
    for n, sets in enumerate(
        [([good.pk], [good.pk, bad.pk]), ([], []), ([bad.pk], [bad.pk]), ([good.pk], [good.pk])]
    ):
        item = Item.objects.create(project=project, text=f"t{n}", digest=uuid4())
        for author, labels in zip(authors, sets, strict=True):
            Annotation.objects.create(
                round=project.rounds.get(), item=item, annotator=author, labels=sorted(labels)
            )
    masi = compute_agreement(project, None, unwatched).result
    # one pair of eight answers is apart, by 1 - 1/2 · 2/3
    assert masi["metric"] == "masi"
    assert masi["percent_agreement"] == 0.75
    assert {row["label"]: row["n"] for row in masi["per_label"]} == {"good": 4, "bad": 3, "neither": 0}
    assert masi["per_label"][0]["alpha"]["value"] == 1
    assert masi["per_label"][2]["alpha"]["reason"] == "undefined, because nobody used this label"
    change_quality_settings(project, lea, set_distance="jaccard")
    jaccard = compute_agreement(project, None, unwatched).result
    assert 1 > jaccard["alpha"]["value"] > masi["alpha"]["value"] > 0


def test_confused_labels_name_the_texts_in_which_they_were_confused(project: Project) -> None:
    """Not every text that has both labels: here one has both by agreement, and is disputed for a third one."""
    Project.objects.filter(pk=project.pk).update(task="multilabel")
    project.refresh_from_db()
    good, bad, neither = Label.objects.filter(project=project).order_by("position")
    authors = [Annotator.objects.create(project=project, name=name) for name in ("ann", "ben")]
    made = []
    for n, sets in enumerate([([good], [bad]), ([good, bad], [good, bad, neither])]):
        item = Item.objects.create(project=project, text=f"t{n}", digest=uuid4())
        made.append(item.pk)
        for author, labels in zip(authors, sets, strict=True):
            ids = sorted(label.pk for label in labels)
            Annotation.objects.create(round=project.rounds.get(), item=item, annotator=author, labels=ids)
    [pair] = compute_agreement(project, None, unwatched).result["confused_labels"]
    assert (pair["a"], pair["b"], pair["n"], pair["texts"], pair["items"]) == (
        "good", "bad", 1, 1, [made[0]]
    )  # fmt: skip


def test_confused_labels_of_spans_name_the_texts_where_they_stand_in_one_place(
    project: Project, lea: User, api: Api
) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    project.refresh_from_db()
    good, bad, _ = Label.objects.filter(project=project).order_by("position")
    authors = [Annotator.objects.create(project=project, name=name) for name in ("ann", "ben")]
    anna, berlin = [0, 4], [10, 16]
    made = []
    for n, answers in enumerate(
        [
            ([[*anna, good.pk], [*berlin, bad.pk]], [[*anna, good.pk], [*berlin, good.pk]]),
            ([[*anna, good.pk], [*berlin, bad.pk]], [[*anna, good.pk]]),
        ]
    ):
        item = Item.objects.create(
            project=project, text="Anna left Berlin", external_id=str(n), digest=uuid4()
        )
        made.append(item.pk)
        for author, spans in zip(authors, answers, strict=True):
            Annotation.objects.create(round=project.rounds.get(), item=item, annotator=author, spans=spans)
    compute_agreement(project, None, unwatched)
    found = api(lea).get("/api/v1/projects/weather/agreement/").json()
    [pair] = found["confused_labels"]
    assert (pair["n"], pair["texts"], pair["items"]) == (1, 1, [made[0]])
    by_label = {row["label"]: row["f1"]["value"] for row in found["per_label"]}
    assert by_label == {"good": pytest.approx(4 / 5), "bad": 0.0, "neither": None}


def test_spans_have_f1_and_alpha_over_tokens(project: Project, lea: User, page: Page) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    project.refresh_from_db()
    good = project.labels.get(name="good").pk
    ann, ben = (Annotator.objects.create(project=project, name=name) for name in ("ann", "ben"))
    item = Item.objects.create(project=project, text="Anna left Berlin", digest=uuid4())
    for author, spans in [(ann, [[0, 4, good], [10, 16, good]]), (ben, [[0, 4, good]])]:
        Annotation.objects.create(round=project.rounds.get(), item=item, annotator=author, spans=spans)
    result = compute_agreement(project, None, unwatched).result
    assert result["spans"]["entity_f1"]["value"] == pytest.approx(2 / 3)
    assert result["metric"] == "token-nominal"
    assert result["shown_pairs"][0]["agreement"] == pytest.approx(2 / 3)
    shown = page(lea).get("/projects/weather/agreement/").content.decode()
    assert "ann and ben: F1 0.67 on 1 shared texts" in shown
    assert page(lea).get(f"/projects/weather/annotators/{ann.pk}/").status_code == 200


@pytest.mark.parametrize("task", ["multilabel", "spans"])
def test_comparing_methods_is_refused_at_once_where_it_is_not_offered(
    task: str, project: Project, lea: User, api: Api, page: Page
) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    told = page(lea).post("/projects/weather/truth/compute/", follow=True)
    assert "one label" in told.content.decode()
    refused = api(lea).post("/api/v1/projects/weather/truth/")
    assert refused.status_code == 400
    assert "one label" in refused.json()["detail"]
    assert not Job.objects.exists()
