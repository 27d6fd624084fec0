"""Resolved labels over REST, as a stream."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from django.http import FileResponse, Http404, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.algorithms.formulas import defuse
from annotation.api.negotiation import AsAddressed, files
from annotation.api.requests import Request
from annotation.models import Role
from annotation.services.streaming import CONTENT_TYPES
from qc.queries.resolved import METHODS, resolved_labels

FIELDS = ["item_id", "external_id", "label", "confidence", "distribution", "source", "n", "tie"]
FIELDS += ["outcome", "labels", "spans"]
AT_ONCE = 2_000


class ResolvedLabels(APIView):
    """One label for each item: adjudicated before gold before inferred before imported. A tie has none.

    `method` is majority, dawid-skene, glad or mace; without it, the one that the project has chosen.
    """

    content_negotiation_class = AsAddressed

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "form", OpenApiTypes.STR, OpenApiParameter.PATH, enum=["jsonl", "csv", "parquet"]
            ),
            OpenApiParameter("method", OpenApiTypes.STR, enum=METHODS),
        ],
        responses=files(CONTENT_TYPES.values()),
    )
    def get(self, request: Request, slug: str, form: str) -> HttpResponseBase:
        project = project_for(request.user, slug, Role.LEAD)
        writers = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
        if form not in writers:
            raise Http404(f"There is no format “{form}”; there are jsonl, csv and parquet.")
        frame = resolved_labels(project, request.query_params.get("method"))[FIELDS]
        response = writers[form](frame)
        response["Content-Disposition"] = f'attachment; filename="{slug}-resolved.{form}"'
        return response


def _rows(frame: pd.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """The rows in parts, with plain Python values and None for what is missing."""
    for start in range(0, len(frame), AT_ONCE):
        rows = frame.iloc[start : start + AT_ONCE].to_dict("records")
        for row in rows:
            if row["confidence"] != row["confidence"]:  # NaN
                row["confidence"] = None
        yield rows  # type: ignore[misc]


def _jsonl(frame: pd.DataFrame) -> StreamingHttpResponse:
    lines = ("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) for rows in _rows(frame))
    return StreamingHttpResponse(lines, content_type=CONTENT_TYPES["jsonl"])


def _csv(frame: pd.DataFrame) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        yield ",".join(FIELDS) + "\r\n"
        for rows in _rows(frame):
            part = io.StringIO()
            writer = csv.writer(part)
            for row in rows:
                for name in ("labels", "spans"):
                    row[name] = None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
                row["distribution"] = json.dumps(row["distribution"], ensure_ascii=False)
                row["tie"] = "true" if row["tie"] else "false"
                writer.writerow(_guarded(row[field]) for field in FIELDS)
            yield part.getvalue()

    return StreamingHttpResponse(lines(), content_type=CONTENT_TYPES["csv"])


def _guarded(value: Any) -> Any:
    return defuse(value) if isinstance(value, str) else value


def _parquet(frame: pd.DataFrame) -> FileResponse:
    """Through a temporary file; `distribution` is a map from label to share."""
    schema = pa.schema(
        [
            ("item_id", pa.int64()),
            ("external_id", pa.string()),
            ("label", pa.string()),
            ("confidence", pa.float64()),
            ("distribution", pa.map_(pa.string(), pa.float64())),
            ("source", pa.string()),
            ("n", pa.int64()),
            ("tie", pa.bool_()),
            ("outcome", pa.string()),
            ("labels", pa.list_(pa.string())),
            (
                "spans",
                pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])),
            ),
        ]
    )
    file = tempfile.TemporaryFile()  # noqa: SIM115 – the response closes it
    with pa.parquet.ParquetWriter(file, schema) as writer:
        for start in range(0, len(frame), 100_000):
            part = frame.iloc[start : start + 100_000]
            maps = [list(shares.items()) for shares in part["distribution"]]
            columns = {name: part[name] for name in FIELDS} | {"distribution": pd.Series(maps, dtype=object)}
            arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    file.seek(0)
    return FileResponse(file, content_type=CONTENT_TYPES["parquet"])
