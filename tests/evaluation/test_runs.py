"""Uploading predictions and reading what they are worth."""

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from sklearn.metrics import precision_recall_fscore_support

from annotation.models import Item, Job, Label, Project, User
from evaluation.models import Prediction, Run, SplitItem, SplitSet
from tests.evaluation.conftest import AddTexts, BuildSplits

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]
NAMES = ["good", "bad", "neither"]


def make_split(project: Project, lead: User, n: int) -> SplitSet:
    """A frozen split set with `n` texts in test, labelled in turn; ids e0, e1, …"""
    labels = {label.name: label for label in Label.objects.filter(project=project)}
    split_set = SplitSet.objects.create(
        project=project,
        name="support",
        version=1,
        recipe={"splits": {"test": 1.0}, "hold_out": []},
        state=SplitSet.State.FROZEN,
        manifest={"counts": {"test": {"items": n, "labels": {}}}},
        created_by=lead,
    )
    items = Item.objects.bulk_create(
        Item(project=project, external_id=f"e{at}", text=f"text {at}", digest=uuid4()) for at in range(n)
    )
    SplitItem.objects.bulk_create(
        SplitItem(split_set=split_set, item=item, split="test", label=labels[NAMES[at % 3]])
        for at, item in enumerate(items)
    )
    return split_set


@pytest.fixture
def run(project: Project, lea: User) -> Run:
    split_set = make_split(project, lea, 90)
    return Run.objects.create(project=project, split_set=split_set, split="test", name="r1", created_by=lea)


def send(api: Api, user: User, run: Run, rows: object) -> tuple[int, dict[str, Any]]:
    answer = api(user).post(f"/api/v1/runs/{run.pk}/predictions/", rows)
    return answer.status_code, answer.json()


def upload(api: Api, user: User, run: Run, content: bytes) -> None:
    file = SimpleUploadedFile("predictions.txt", content)
    answer = api(user).post(f"/api/v1/runs/{run.pk}/predictions/", {"file": file}, format="multipart")
    assert answer.status_code == 200, answer.json()


def test_a_run_is_created_on_a_split_of_the_project(api: Api, project: Project, lea: User) -> None:
    split_set = make_split(project, lea, 3)
    new = {"name": "r", "split_set": split_set.pk, "split": "test", "params": {"lr": 0.1}, "tags": ["a"]}
    answer = api(lea).post(f"/api/v1/projects/{project.slug}/runs/", new)
    assert answer.status_code == 201
    assert answer.json()["params"] == {"lr": 0.1}
    wrong = api(lea).post(f"/api/v1/projects/{project.slug}/runs/", new | {"split": "tset"})
    assert wrong.status_code == 400
    assert "It has test." in wrong.json()["detail"]
    assert (
        api(lea).post(f"/api/v1/projects/{project.slug}/runs/", new | {"split_set": 999}).status_code == 400
    )
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"id": "nobody", "label": "good"}, "rows[1].id", "not in this split"),
        ({"id": "e1", "label": "ugly"}, "rows[1].label", "not a label"),
        ({"id": "e1"}, "rows[1].label", "Give a label"),
        ({"id": "e1", "label": ["good"]}, "rows[1].label", "not a label"),
        ({"id": "e1", "probabilities": {"good": 0.7, "bad": 0.2}}, "rows[1].probabilities", "must sum to 1"),
        ({"id": "e1", "probabilities": {"ugly": 1}}, "rows[1].probabilities", "not a label"),
        ({"id": "e1", "probabilities": {"good": "x"}}, "rows[1].probabilities", "number from 0 to 1"),
        (
            {"id": "e1", "probabilities": {"good": 1.5, "bad": -0.5}},
            "rows[1].probabilities",
            "number from 0 to 1",
        ),
        ({"id": "e1", "probabilities": [1]}, "rows[1].probabilities", "object"),
        ("e1", "rows[1]", "object"),
        (None, "rows[1]", "object"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_of_the_upload_is_stored(
    api: Api, lea: User, run: Run, row: object, field: str, said: str
) -> None:
    status, told = send(api, lea, run, [{"id": "e0", "label": "good"}, row])
    assert status == 400
    (error,) = told["errors"]
    assert error["field"] == field
    assert said in error["message"]
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("sent", [{"id": "e0"}, "x", 3, None])
def test_what_is_not_a_list_of_rows_is_refused(api: Api, lea: User, run: Run, sent: object) -> None:
    assert send(api, lea, run, sent)[0] == 400


def test_a_later_row_replaces_an_earlier_in_one_upload_and_across_uploads(
    api: Api, lea: User, run: Run
) -> None:
    assert send(api, lea, run, [{"id": "e0", "label": "good"}, {"id": "e0", "label": "bad"}])[0] == 200
    assert Prediction.objects.get().label.name == "bad"
    status, told = send(api, lea, run, [{"id": "e0", "label": "neither"}, {"id": "e1", "label": "good"}])
    assert (status, told["predictions"], told["split_items"]) == (200, 2, 90)
    assert Prediction.objects.get(item__external_id="e0").label.name == "neither"


def test_the_label_of_probabilities_alone_is_the_most_probable(api: Api, lea: User, run: Run) -> None:
    send(api, lea, run, [{"id": "e0", "probabilities": {"good": 0.2, "bad": 0.7, "neither": 0.1}}])
    assert Prediction.objects.get().label.name == "bad"


@pytest.mark.parametrize(
    "content",
    [b"id,label\ne0,good\ne1,bad\n", b'{"id":"e0","label":"good"}\n{"id":"e1","label":"bad"}\n',
     b'[{"id":"e0","label":"good"},{"id":"e1","label":"bad"}]', b"\xef\xbb\xbfid,label\r\ne0,good\r\ne1,bad"],
)  # fmt: skip
def test_files_are_read_by_their_content(api: Api, lea: User, run: Run, content: bytes) -> None:
    upload(api, lea, run, content)
    assert list(Prediction.objects.order_by("item").values_list("label__name", flat=True)) == ["good", "bad"]


def test_ids_and_labels_of_a_pulled_csv_file_can_be_sent_back(api: Api, project: Project, lea: User) -> None:
    """As the file has them: with the apostrophe that keeps a spreadsheet from running them."""
    run = Run.objects.create(
        project=project, split_set=make_split(project, lea, 2), split="test", name="r1", created_by=lea
    )
    Item.objects.filter(external_id="e0").update(external_id="=1")
    Label.objects.filter(project=project, name="good").update(name="-1")
    Label.objects.filter(project=project, name="bad").update(name="1")
    upload(api, lea, run, b"id;label\n'=1;'-1\ne1;1\n")
    assert list(Prediction.objects.order_by("item").values_list("label__name", flat=True)) == ["-1", "1"]
    status, told = send(api, lea, run, [{"id": "=1", "label": 1}, {"id": "e1", "label": -1}])
    assert (status, told["predictions"]) == (200, 2)
    assert list(Prediction.objects.order_by("item").values_list("label__name", flat=True)) == ["1", "-1"]
    assert send(api, lea, run, [{"id": "=1", "label": True}])[0] == 400


def test_line_ends_of_unicode_within_a_value_end_no_row(api: Api, lea: User, run: Run) -> None:
    upload(api, lea, run, '{"id":"e0","label":"good","text":"a\u2028b\x85c"}\r\n'.encode())
    assert Prediction.objects.get().label.name == "good"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[{", b"text,label\na,b\n", b'{"id"}'])
def test_a_file_that_cannot_be_read_is_a_422(api: Api, lea: User, run: Run, content: bytes) -> None:
    file = SimpleUploadedFile("predictions.csv", content)
    answer = api(lea).post(f"/api/v1/runs/{run.pk}/predictions/", {"file": file}, format="multipart")
    assert answer.status_code == 422, answer.json()


def test_the_report_equals_scikit_learns(api: Api, lea: User, run: Run, work: Work) -> None:
    rng = np.random.default_rng(3)
    truth = [NAMES[at % 3] for at in range(90)]
    predicted = [label if rng.random() < 0.7 else str(rng.choice(NAMES)) for label in truth]
    send(api, lea, run, [{"id": f"e{at}", "label": label} for at, label in enumerate(predicted)])
    url = f"/api/v1/runs/{run.pk}/report/"
    assert api(lea).get(url).status_code == 404
    assert api(lea).post(url).status_code == 202
    work()
    report = api(lea).get(url).json()
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=NAMES)
    for at, row in enumerate(report["per_class"]):
        assert row["label"] == NAMES[at]
        assert row["support"] == support[at]
        for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
            assert row[name]["value"] == pytest.approx(expected[at])
            assert row[name]["low"] < row[name]["value"] < row[name]["high"]
    assert report["macro"]["f1"]["value"] == pytest.approx(f1.mean())
    assert report["calibration"] is None
    assert report["missing"] == 0


def test_missing_predictions_are_counted_left_out_and_said(api: Api, lea: User, run: Run, work: Work) -> None:
    send(api, lea, run, [{"id": f"e{at}", "label": NAMES[at % 3]} for at in range(60)])
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    work()
    report = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()
    assert (report["n"], report["missing"]) == (60, 30)
    codes = [finding["code"] for finding in report["findings"]]
    assert codes[0] == "perfect_score"
    assert "missing_predictions" in codes
    assert "small_set" in codes


def test_a_label_whose_texts_have_no_prediction_is_not_called_absent_from_the_split(
    api: Api, lea: User, run: Run, work: Work
) -> None:
    SplitItem.objects.filter(label__name="neither").delete()
    send(
        api, lea, run, [{"id": "e0", "label": "neither"}]
    )  # of good, bad and neither: bad is there and not asked
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    work()
    report = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()
    (missing,) = [finding for finding in report["findings"] if finding["code"] == "missing_class"]
    assert missing["evidence"] == {
        "never_predicted": ["good", "bad"],
        "not_in_split": ["neither"],
        "without_predictions": ["bad"],
    }
    assert "neither does not occur in “test”" in missing["message"]
    assert "No text of bad in “test” has a prediction" in missing["message"]
    bad = next(row for row in report["per_class"] if row["label"] == "bad")
    assert "no text with a prediction has this class" in bad["recall"]["reason"]


def test_predicting_one_label_always_is_a_finding(api: Api, lea: User, run: Run, work: Work) -> None:
    send(api, lea, run, [{"id": f"e{at}", "label": "good"} for at in range(90)])
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    work()
    report = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()
    assert {"constant_predictions", "missing_class"} <= {finding["code"] for finding in report["findings"]}
    bad = report["per_class"][1]
    assert bad["precision"]["value"] is None
    assert bad["precision"]["reason"]


def test_calibration_bins_hold_every_prediction(api: Api, lea: User, run: Run, work: Work) -> None:
    rows = [{"id": f"e{at}", "probabilities": {"good": 0.6, "bad": 0.3, "neither": 0.1}} for at in range(90)]
    send(api, lea, run, rows)
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    work()
    calibration = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()["calibration"]
    assert len(calibration["bins"]) == 15
    assert sum(row["n"] for row in calibration["bins"]) == 90
    assert calibration["ece"] == pytest.approx(0.6 - 1 / 3)


def test_a_split_set_that_tears_copies_apart_is_a_finding_of_every_run_on_it(
    api: Api, lea: User, project: Project, add_texts: AddTexts, build: BuildSplits, work: Work
) -> None:
    """As the checks of a set that was really built tell it."""
    add_texts([(f"the sun {n} shines", NAMES[n % 3], {}) for n in range(40) for _ in range(2)])
    found = {}
    for group in ([], ["duplicates"]):
        made = build({"splits": {"train": 0.5, "test": 0.5}, "group": group})
        placed = dict(made.split_items.values_list("item__text", "split").distinct())
        torn = len(made.split_items.values_list("item__text", "split").distinct()) - len(placed)
        assert bool(torn) is not bool(group)
        run = Run.objects.create(project=project, split_set=made, split="test", name="r", created_by=lea)
        rows = made.split_items.filter(split="test").values_list("item_id", flat=True)
        assert send(api, lea, run, [{"id": str(pk), "label": "good"} for pk in rows])[0] == 200
        api(lea).post(f"/api/v1/runs/{run.pk}/report/")
        work()
        report = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()
        found[bool(group)] = [one for one in report["findings"] if one["code"] == "leakage"]
    assert found[True] == []
    (leak,) = found[False]
    assert leak["severity"] == "bad"
    assert "exact copy in another split" in leak["message"]


def test_one_text_or_label_is_not_told_as_several(api: Api, lea: User, run: Run, work: Work) -> None:
    SplitItem.objects.filter(item__external_id__in=["e0", "e1"]).delete()  # 29 good, 29 bad, 30 neither
    SplitItem.objects.filter(
        item__external_id__in=[f"e{at}" for at in range(2, 87, 3)]
    ).delete()  # one neither
    ids = [int(str(name)[1:]) for name in SplitItem.objects.values_list("item__external_id", flat=True)]
    send(api, lea, run, [{"id": f"e{at}", "label": NAMES[at % 3]} for at in ids if at != 3])
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    work()
    report = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()
    said = {finding["code"]: finding["message"] for finding in report["findings"]}
    assert said["missing_predictions"] == "One text of “test” has no prediction and is left out."
    assert said["small_set"] == "“neither” and 2 more labels rest on fewer than 30 texts."
    SplitItem.objects.filter(label__name="bad").delete()
    send(api, lea, run, [{"id": "e3", "label": "good"}])
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    work()
    report = api(lea).get(f"/api/v1/runs/{run.pk}/report/").json()
    said = {finding["code"]: finding["message"] for finding in report["findings"]}
    assert said["small_set"] == "“neither” and 1 more label rest on fewer than 30 texts."


def test_a_run_without_predictions_cannot_be_scored(api: Api, lea: User, run: Run, work: Work) -> None:
    api(lea).post(f"/api/v1/runs/{run.pk}/report/")
    (job,) = work()
    assert job.state == "failed"
    assert "Upload predictions" in job.error


def test_errors_are_listed_surest_first_and_by_cell(api: Api, lea: User, run: Run) -> None:
    rows = [
        {"id": f"e{at}", "probabilities": {"good": p, "bad": 1 - p}}
        for at, p in [(0, 0.9), (1, 0.8), (2, 0.95), (4, 0.6)]
    ]
    send(api, lea, run, rows)
    told = api(lea).get(f"/api/v1/runs/{run.pk}/errors/").json()["results"]
    assert [(row["id"], row["label"], row["predicted"]) for row in told] == [
        ("e2", "neither", "good"),
        ("e1", "bad", "good"),
        ("e4", "bad", "good"),
    ]
    assert told[0]["entropy"] == pytest.approx(-(0.95 * np.log2(0.95) + 0.05 * np.log2(0.05)), abs=1e-6)
    cell = (
        api(lea).get(f"/api/v1/runs/{run.pk}/errors/?true=bad&predicted=good&order=entropy").json()["results"]
    )
    assert [row["id"] for row in cell] == ["e4", "e1"]
    right = api(lea).get(f"/api/v1/runs/{run.pk}/errors/?true=good&predicted=good").json()["results"]
    assert [row["id"] for row in right] == ["e0"]
    page = api(lea).get(f"/api/v1/runs/{run.pk}/errors/?limit=2").json()
    assert page["next"].startswith("http://testserver/"), (
        "as in every other list, an address that can be followed"
    )
    assert [row["id"] for row in api(lea).get(page["next"]).json()["results"]] == ["e4"]
    for wrong in ("order=size", "limit=x", "offset=-1", "limit=5000"):
        assert api(lea).get(f"/api/v1/runs/{run.pk}/errors/?{wrong}").status_code == 400


def test_a_run_is_uploaded_in_the_browser(page: Page, lea: User, project: Project, work: Work) -> None:
    split_set = make_split(project, lea, 9)
    form = {"name": "mine", "target": f"{split_set.pk}:test"}
    file = io.BytesIO(b"id,label\n" + b"".join(f"e{at},{NAMES[at % 3]}\n".encode() for at in range(9)))
    file.name = "p.csv"
    client = page(lea)
    answer = client.post(f"/projects/{project.slug}/runs/", form | {"file": file})
    assert answer.status_code == 302
    work()
    shown = client.get(answer["Location"]).content.decode()
    assert "Confusion" in shown
    assert "too good to be true" not in shown  # nine texts are too few to say so
    bad = io.BytesIO(b"id,label\ne0,ugly\n")
    bad.name = "p.csv"
    refused = client.post(f"/projects/{project.slug}/runs/", form | {"file": bad})
    assert "“ugly” is not a label here" in refused.content.decode()
    assert Run.objects.count() == 1


def test_the_pages_of_a_run_cost_the_same_however_many_predictions(
    page: Page, api: Api, lea: User, run: Run, work: Work
) -> None:
    client = page(lea)
    counts: list[list[int]] = []
    for n in (20, 90):
        send(api, lea, run, [{"id": f"e{at}", "label": NAMES[(at * 7) % 3]} for at in range(n)])
        api(lea).post(f"/api/v1/runs/{run.pk}/report/")
        work()
        counts.append([])
        for address in ("", "errors/"):
            url = f"/projects/{run.project.slug}/runs/{run.pk}/{address}"
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
