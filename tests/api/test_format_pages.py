"""The examples of the pages about formats are imported as they stand."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rest_framework.test import APIClient

from annotation.models import Job, User
from tests.api.importing import accounted, maker, said, sender

PAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "formats"
EXAMPLE = re.compile(
    r"For a project that asks for ([\w ]+), with the labels (.*):\n\n```\w+\n(.*?)```", re.DOTALL
)
TASKS = {"one label": "classification", "several labels": "multilabel", "spans": "spans"}


@pytest.mark.parametrize(
    "page", sorted(path.stem for path in PAGES.glob("*.md") if path.stem not in {"README", "parquet"})
)
def test_the_example_comes_in(
    api: Callable[[User | None], APIClient], lea: User, work: Callable[[], list[Job]], page: str
) -> None:
    found = EXAMPLE.search((PAGES / f"{page}.md").read_text())
    assert found is not None
    task = TASKS[found[1]]
    project = maker(lea)(task, re.findall("`(.*?)`", found[2]))
    result = sender(api(lea), work)(found[3], "upload", slug=task)
    imported, duplicates, rejected = accounted(result)
    assert imported >= 1 and (duplicates, rejected) == (0, 0)
    assert result["format"] in {page, "jsonl"}
    assert all(value is not None for _, value in said(project))
    assert any(value for _, value in said(project))


def test_parquets_example_comes_in(
    api: Callable[[User | None], APIClient], lea: User, work: Callable[[], list[Job]]
) -> None:
    code = re.search(r"```python\n(.*?)```", (PAGES / "parquet.md").read_text(), re.DOTALL)
    assert code is not None
    buffer = io.BytesIO()
    run = code[1].replace('"upload.parquet"', "buffer")
    exec(run, {"buffer": buffer, "pd": pd})
    project = maker(lea)("classification", ["lost", "refund"])
    assert accounted(sender(api(lea), work)(buffer.getvalue(), "x", slug="classification")) == (2, 0, 0)
    assert said(project) == [("My card is lost", "lost"), ("Where is my refund", "refund")]
