"""A folder that Hugging Face's `datasets` loads, as a ZIP that is sent while it is made."""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from annotation.models import Project
from annotation.queries.columns import FLOAT, INTEGER, JSON, SPANS, TEXT, TEXTS, TIME
from annotation.queries.exports import Chosen, Rows, answer_rows, item_rows
from annotation.services.streaming import Sink, parquet_blocks

Feature = dict[str, Any]
FEATURES: dict[str, Feature] = {
    INTEGER: {"dtype": "int64", "_type": "Value"},
    FLOAT: {"dtype": "float64", "_type": "Value"},
    TEXT: {"dtype": "string", "_type": "Value"},
    JSON: {"dtype": "string", "_type": "Value"},
    TIME: {"dtype": "timestamp[us, tz=UTC]", "_type": "Value"},
    TEXTS: {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
    SPANS: {
        "feature": {
            "start": {"dtype": "int64", "_type": "Value"},
            "end": {"dtype": "int64", "_type": "Value"},
            "label": {"dtype": "string", "_type": "Value"},
        },
        "_type": "List",
    },
}
# A split may not be called "all" (it means all splits), and "train" is what a data set without splits has. A table
# without rows is not in the card: `datasets` refuses to read one
CARD = """---
pretty_name: {name}
{configs}---

# {title}

Exported from Loupe on {day}. Labels: {labels}.

{code}- `texts.parquet` has one row for each text. {label} `meta` is JSON.
- `answers.parquet` has one row for each answer that somebody gave: `kind` tells normal answers from gold texts and
  repeats, which count for the annotator and not for the text. `spans` are in Unicode code points, end exclusive.

For splits that are checked for copies and never change, pull a frozen split set in place of this.
"""
CONFIG = """- config_name: {part}
{default}  data_files:
  - split: train
    path: {part}.parquet
"""
CODE = """```python
from datasets import load_dataset

{lines}
```

"""
ONE = """`label` is the majority of the answers (nothing in a tie), `confidence` the
  share of the answers that say so; without answers it is what was imported, as `label_source` says."""
SEVERAL = "What came in with it is `{column}`; what people said is with their answers."


def dataset_blocks(project: Project, chosen: Chosen) -> Iterator[bytes]:
    """A ZIP with README.md (the data card), texts.parquet and answers.parquet."""
    sink = Sink()
    folder = f"{project.slug}-dataset"
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        parts = {"texts": item_rows(project), "answers": answer_rows(project, chosen)}
        archive.writestr(f"{folder}/README.md", _card(project, [name for name in parts if _any(parts[name])]))
        for name, rows in parts.items():
            with archive.open(f"{folder}/{name}.parquet", "w", force_zip64=True) as member:
                for block in parquet_blocks(rows, _metadata(rows)):
                    member.write(block)
                    yield sink.take()
    yield sink.take()


def _any(rows: Rows) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({rows.statement})", rows.parameters)
        return bool(cursor.fetchone()[0])


def _card(project: Project, filled: list[str]) -> str:
    """The card names the tables in which there is something."""
    configs = "".join(
        CONFIG.format(part=part, default="" if at else "  default: true\n") for at, part in enumerate(filled)
    )
    loads = [f'{part} = load_dataset("{project.slug}-dataset", "{part}", split="train")' for part in filled]
    column = {"multilabel": "imported_labels", "spans": "imported_spans"}.get(project.task)
    labels = ", ".join(f"“{name}”" for name in project.labels.values_list("name", flat=True))
    return CARD.format(
        name=json.dumps(project.name, ensure_ascii=False),
        title=" ".join(project.name.split()),
        slug=project.slug,
        day=datetime.now(UTC).date().isoformat(),
        labels=labels or "none yet",
        configs=f"configs:\n{configs}" if filled else "",
        code=CODE.format(lines="\n".join(loads)) if filled else "",
        label=SEVERAL.format(column=column) if column else ONE,
    )


def _metadata(rows: Rows) -> dict[bytes, bytes]:
    """The types of the columns, as `datasets` keeps them in Parquet."""
    features = {name: FEATURES[kind] for name, kind in rows.columns.items()}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
