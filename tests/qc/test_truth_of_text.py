"""What every method says of one text: kept in blocks with the comparison of the methods, on its page and over REST."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Item, Project, User
from annotation.services.watching import unwatched
from qc.models import QualitySettings, TruthBlock
from qc.queries.resolved import resolved_labels
from qc.queries.truth import truth_of_text
from qc.services import truth
from tests.qc.conftest import Answer

Page = Callable[[User | None], Client]


@pytest.fixture
def compared(project: Project, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Seven texts with two or three answers, one of them tied, in blocks of three."""
    monkeypatch.setattr(truth, "TEXTS_IN_BLOCK", 3)
    for at in range(6):
        right = "good" if at % 2 else "bad"
        answer(f"text {at}", ann=right, ben=right, cy="good")
    answer("text 6", ann="good", ben="bad")
    truth.compute_truth(project, unwatched)
    return project


def test_each_text_has_what_resolved_labels_say_by_each_method(compared: Project) -> None:
    assert TruthBlock.objects.count() == 3
    for method in QualitySettings.Method.values:
        for row in resolved_labels(compared, method).to_dict("records"):
            found = truth_of_text(Item.objects.get(pk=row["item_id"]))
            assert found is not None
            [said] = [one for one in found[1] if one.method == method]
            assert said.label == (None if row["tie"] else row["label"])
            kept = {label: share for label, share in row["distribution"].items() if share >= 0.005}
            assert dict(said.leading) == pytest.approx(kept, abs=1e-4)
            assert said.confidence == pytest.approx(row["confidence"], abs=1e-4)


def test_compared_again_the_blocks_are_replaced(compared: Project, answer: Answer) -> None:
    late = answer("text 7", ann="bad", ben="bad")
    assert truth_of_text(late) is None
    truth.compute_truth(compared, unwatched)
    assert truth_of_text(late) is not None
    assert sum(len(bytes(block.ids)) // 8 for block in TruthBlock.objects.all()) == 8


def test_its_page_and_rest_say_it_and_how_many_answers_are_newer(
    compared: Project, lea: User, page: Page, answer: Answer
) -> None:
    tied = Item.objects.get(external_id="text 6")
    address = f"/projects/{compared.slug}/items/{tied.pk}/"
    shown = page(lea).get(address).content.decode()
    for words in ("Inferred label", "Majority", "Dawid–Skene", "GLAD", "MACE", "a tie of", "0.50"):
        assert words in shown, words
    answer("text 7", ann="bad", ben="bad")
    assert "before 2 newer answers" in page(lea).get(address).content.decode()
    told = page(lea).get(f"/api/v1/items/{tied.pk}/truth/").json()
    assert (told["item_id"], told["newer"]) == (tied.pk, 2)
    assert told["methods"][0] == {
        "method": "majority",
        "label": None,
        "confidence": 0.5,
        "leading": [{"label": "good", "probability": 0.5}, {"label": "bad", "probability": 0.5}],
    }
    late = Item.objects.get(external_id="text 7")
    assert page(lea).get(f"/api/v1/items/{late.pk}/truth/").status_code == 404


def test_a_text_is_read_in_as_many_statements_however_many_there_are(
    compared: Project, answer: Answer
) -> None:
    text = Item.objects.select_related("project").get(external_id="text 3")
    with CaptureQueriesContext(connection) as few:
        truth_of_text(text)
    for at in range(20):
        answer(f"more {at}", ann="good", ben="bad", cy="bad")
    truth.compute_truth(compared, unwatched)
    with CaptureQueriesContext(connection) as many:
        assert truth_of_text(text) is not None
    assert len(many) == len(few) == 2
