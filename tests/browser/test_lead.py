"""A lead at work: from a file to a frozen split set; every page, in light and dark and on a phone."""

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Item, Project, User
from evaluation.models import SplitSet
from tests.browser.conftest import violations

SignIn = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with sixty labelled texts, one of them empty and one twice."""
    rng = random.Random(1)
    words = [
        "rain",
        "sun",
        "wind",
        "cloud",
        "storm",
        "frost",
        "heat",
        "fog",
        "snow",
        "hail",
        "calm",
        "breeze",
    ]
    path = tmp_path / "weather.csv"
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["uid", "utterance", "verdict", "station"])
        for n in range(58):
            text = " ".join(rng.sample(words, 6)) + f" in week {n}"
            writer.writerow([f"w{n}", text, ["good", "bad", "neither"][n % 3], ["north", "south"][n % 2]])
        writer.writerow(["w58", text.upper(), "good", "north"])
        writer.writerow(["w59", "", "good", "north"])
    return path


@pytest.mark.usefixtures("worker", "seen_worker")
def test_a_lead_goes_from_a_file_to_a_frozen_split_set(
    sign_in: SignIn, project: Project, lea: User, file: Path
) -> None:
    page = sign_in(lea)
    page.goto(f"/projects/{project.slug}/imports/")
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Read file").click()
    page.wait_for_url("**/columns/")
    expect(page.locator("main")).to_contain_text("utterance")
    chosen = {"uid": "id", "utterance": "text", "verdict": "label"}
    for column, becomes in chosen.items():
        page.locator("tr", has=page.get_by_role("rowheader", name=column, exact=True)).locator(
            "select"
        ).select_option(becomes)
    assert violations(page) == []
    page.locator("main form button.pri[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("58")
    expect(page.locator("main")).to_contain_text("uplicate")
    assert Item.objects.filter(project=project).count() == 58

    page.goto(f"/projects/{project.slug}/splits/")
    page.locator("input[name=name]").fill("first")
    page.locator("main form button.pri[type=submit]").last.click()
    page.get_by_text("Freeze v1", exact=True).first.click()
    page.locator("dialog[open]").get_by_role("button", name="Freeze").click()
    expect(page.locator("main")).to_contain_text("is frozen")
    frozen = SplitSet.objects.get()
    assert frozen.state == SplitSet.State.FROZEN
    assert sum(entry["items"] for entry in frozen.manifest["counts"].values()) == 58
