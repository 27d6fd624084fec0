"""A folder that Hugging Face's `datasets` loads, as a ZIP that is sent while it is made."""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from annotation.models import Project
from annotation.queries.exports import (
    FLOAT,
    INTEGER,
    JSON,
    SPANS,
    TEXT,
    TEXTS,
    TIME,
    Chosen,
    Rows,
    answer_rows,
    item_rows,
)
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
# A split may not be called "all" (it means all splits), and "train" is what a data set without splits has
CARD = """---
pretty_name: {name}
configs:
- config_name: texts
  default: true
  data_files:
  - split: train
    path: texts.parquet
- config_name: answers
  data_files:
  - split: train
    path: answers.parquet
---

# {title}

Exported from Loupe on {day}. Labels: {labels}.

```python
from datasets import load_dataset

texts = load_dataset("{slug}-dataset", "texts", split="train")
answers = load_dataset("{slug}-dataset", "answers", split="train")
```

- `texts.parquet` has one row for each text. `label` is the majority of the answers (nothing in a tie), `confidence` the
  share of the answers that say so; without answers it is what was imported, as `label_source` says. `meta` is JSON.
- `answers.parquet` has one row for each answer that somebody gave: `kind` tells normal answers from gold texts and
  repeats, which count for the annotator and not for the text. `spans` are in Unicode code points, end exclusive.

For splits that are checked for copies and never change, pull a frozen split set in place of this.
"""


def dataset_blocks(project: Project, chosen: Chosen) -> Iterator[bytes]:
    """A ZIP with README.md (the data card), texts.parquet and answers.parquet."""
    sink = Sink()
    folder = f"{project.slug}-dataset"
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{folder}/README.md", _card(project))
        for name, rows in (("texts", item_rows(project)), ("answers", answer_rows(project, chosen))):
            with archive.open(f"{folder}/{name}.parquet", "w", force_zip64=True) as member:
                for block in parquet_blocks(rows, _metadata(rows)):
                    member.write(block)
                    yield sink.take()
    yield sink.take()


def _card(project: Project) -> str:
    labels = ", ".join(f"“{name}”" for name in project.labels.values_list("name", flat=True))
    return CARD.format(
        name=json.dumps(project.name, ensure_ascii=False),
        title=" ".join(project.name.split()),
        slug=project.slug,
        day=datetime.now(UTC).date().isoformat(),
        labels=labels or "none yet",
    )


def _metadata(rows: Rows) -> dict[bytes, bytes]:
    """The types of the columns, as `datasets` keeps them in Parquet."""
    features = {name: FEATURES[kind] for name, kind in rows.columns.items()}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
