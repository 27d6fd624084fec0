"""What README and the page on exports tell scripts to do, done as it is written, against a server that runs.

Only the address of the server is put in the place of the one that is shown. Hugging Face's `datasets` is large and is
not installed for this; where it is missing, `load_dataset` is played by a reader of what it documents of a folder with
data files: https://huggingface.co/docs/datasets/repository_structure
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from annotation.algorithms.text import digest
from annotation.models import Annotation, Annotator, Item, User
from annotation.services.projects import create_project
from annotation.services.watching import unwatched
from evaluation.services import splits
from evaluation.services.freezing import freeze_split_set

ROOT = Path(__file__).resolve().parent.parent
SHOWN = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, lines) of each block of a page."""
    return BLOCK.findall((ROOT / page).read_text())


def load_dataset(folder: str, name: str, split: str) -> list[dict[str, Any]]:
    """As documented: the configuration of this name in the card's YAML, and its data files of this split."""
    card = (Path(folder) / "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    (config,) = [config for config in head["configs"] if config["config_name"] == name]
    files = {part["split"]: part["path"] for part in config["data_files"]}
    # "all" stands for all splits together, and `datasets` refuses a split of that name
    assert all(re.fullmatch(r"\w+(\.\w+)*", part) and part.lower() != "all" for part in files)
    table = pq.read_table(Path(folder) / files[split])
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.column_names
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@pytest.fixture
def shown_project(transactional_db: None) -> User:
    """The project that the pages speak of, with texts, answers, and a frozen split set that is the first one."""
    owner = User.objects.create_user("owner", password="correct horse")
    project = create_project(
        owner, name="Support intents", slug="support-intents", labels=[{"name": "card"}, {"name": "fee"}]
    )
    labels = list(project.labels.all())
    items = Item.objects.bulk_create(
        Item(project=project, text=f"text {n}", digest=digest(f"text {n}"), imported_label=labels[n % 2])
        for n in range(20)
    )
    zoe = Annotator.objects.create(project=project, name="zoe")
    made = project.rounds.get()
    for item in items[:5]:
        Annotation.objects.create(round=made, item=item, annotator=zoe, label=labels[0])
    recipe = {"splits": {"train": 0.5, "test": 0.5}, "group": []}
    split_set = splits.create_split_set(project, owner, name="v1", recipe=recipe)
    splits.build_split_set(split_set.pk, unwatched)
    split_set.refresh_from_db()
    freeze_split_set(split_set, owner)
    assert split_set.pk == 1
    return owner


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_what_scripts_are_told_to_do_works(
    live_server: LiveServer, shown_project: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not there")
    key = Token.objects.create(user=shown_project).key
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", key)
    if importlib.util.find_spec("datasets") is None:
        stand_in = types.ModuleType("datasets")
        stand_in.load_dataset = load_dataset  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "datasets", stand_in)
    made: dict[str, Any] = {"KEY": key}
    done = []
    for page in ("README.md", "docs/exports.md"):
        for language, lines in blocks(page):
            here = lines.replace(SHOWN, live_server.url)
            assert "http" not in here.replace(live_server.url, ""), "another server"
            if language == "bash":
                ran = subprocess.run(
                    ["bash", "-euc", here], capture_output=True, text=True, timeout=300, check=False
                )
                assert ran.returncode == 0, (lines, ran.stderr)
            else:
                exec(compile(here, page, "exec"), made)
            done.append(language)
    assert done.count("bash") >= 3 and done.count("python") >= 2
    assert len(made["train"]) == 10 and {"id", "text", "label"} <= set(made["train"].columns)
    assert pq.read_table("train.parquet").num_rows == 10
    answers = Path("support-intents-annotations.jsonl").read_text().splitlines()
    assert [json.loads(line)["annotator"] for line in answers] == ["zoe"] * 5
    assert len(made["texts"]) == 20 and [row["label"] for row in made["answers"]] == ["card"] * 5


def test_every_block_of_these_pages_is_run() -> None:
    """A block in another language than these would not be: JSON is what an answer looks like."""
    for page in ("README.md", "docs/exports.md"):
        fences = re.findall(r"^```(\w*)$", (ROOT / page).read_text(), re.MULTILINE)
        assert {name for name in fences if name} <= {"bash", "python", "json"}, page
