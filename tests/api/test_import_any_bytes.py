"""Whatever is uploaded is refused or accounted for."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.models import Import, Job, Project, User
from annotation.services import reading
from annotation.services.reading import parquet, parquet_check
from tests.api.importing import accounted, post, rejected


@pytest.fixture
def lead(api: Callable[[User | None], APIClient], lea: User) -> APIClient:
    return api(lea)


def written_parquet() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"text": ["One text", "Another"], "n": [1.5, None]}).to_parquet(buffer)
    return buffer.getvalue()


FORMATS = st.sampled_from(["", "", "", *reading.FORMATS])
KINDS = st.sampled_from(["items", "annotations", "gold"])
TASKS = st.sampled_from(["classification", "multilabel", "spans"])
CELLS = st.text(alphabet=st.sampled_from("ab1 ,;\t\"'\n\r=\x00\x80é\u2028{}[]:\\"), max_size=12)
VALUE_KEYS = st.sampled_from(["start", "end", "labels", "choices", "text"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NESTED = JSON_VALUES | st.fixed_dictionaries(
    {"text": st.just("Ann saw 😀 Rome")}
    | {"result": st.lists(st.fixed_dictionaries({"value": st.dictionaries(VALUE_KEYS, JSON_VALUES)}))}
)
PARQUET = written_parquet()
FILES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=100).map(lambda tail: b"text,id,label\n" + tail),
    st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=6).map(
        lambda lines: ("text,id,label,more\n" + "\n".join(lines)).encode()
    ),
    st.lists(
        st.dictionaries(st.sampled_from(["text", "id", "label", "annotator", "meta", "x\x00"]), JSON_VALUES),
        max_size=5,
    ).map(lambda rows: "\n".join(json.dumps(row) for row in rows).encode()),
    st.lists(
        st.dictionaries(
            st.sampled_from(["text", "label", "entities", "data", "annotations", "annotator"]), NESTED
        )
    ).map(lambda rows: json.dumps(rows).encode()),
    st.lists(st.sampled_from(["Ann\tB-PER", "Ann I-PER", "of\tO", "", "# id = 1", "x", "__label__a b"])).map(
        lambda lines: "\n".join(lines).encode()
    ),
    st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)).map(
        lambda cut: PARQUET[: cut[0]] + cut[1] + PARQUET[cut[0] + len(cut[1]) :]
    ),
    st.binary(max_size=60).map(lambda tail: gzip.compress(b"text\nfine text\n" + tail)[: 30 + len(tail)]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=FILES, format=FORMATS, kind=KINDS, task=TASKS)
def test_any_bytes_are_refused_or_accounted_for(
    lead: APIClient,
    project: Project,
    work: Callable[[], list[Job]],
    content: bytes,
    format: str,
    kind: str,
    task: str,
) -> None:
    Project.objects.filter(pk=project.pk).update(task=task)
    answer = post(lead, "weather", content, "upload", format=format, kind=kind)
    if answer.status_code == 202:
        job = work()[-1]
        assert job.state == "done", job.error
        result = lead.get(answer.data["result_url"]).data
        accounted(result)
        assert len(rejected(lead, result)) == result["rejected"] + 1
    else:
        assert answer.status_code in {400, 422}, answer.data


def test_a_table_whose_damage_ends_what_reads_it_ends_another_process_than_ours(
    lead: APIClient, project: Project
) -> None:
    damaged = PARQUET[:214] + b"\x77" + PARQUET[215:]  # the kind of a column's values; pyarrow 26 aborts
    for content in (damaged, gzip.compress(damaged)):
        answer = post(lead, "weather", content, "upload.parquet")
        assert (answer.status_code, Import.objects.count()) == (422, 0)
        assert "Parquet file" in answer.content.decode()


@pytest.mark.parametrize(
    ("program", "said"),
    [("import os; os.abort()", "is damaged"), ("import time; time.sleep(60)", "takes too long")],
)
def test_a_table_is_not_touched_that_another_process_could_not_read(
    lead: APIClient,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    program: str,
    said: str,
) -> None:
    (tmp_path / "check.py").write_text(program)
    monkeypatch.setattr(parquet_check, "__file__", str(tmp_path / "check.py"))
    monkeypatch.setattr(parquet, "LONGEST_CHECK", 1)
    answer = post(lead, "weather", PARQUET, "upload.parquet")
    assert (answer.status_code, Import.objects.count()) == (422, 0)
    assert said in answer.content.decode()
