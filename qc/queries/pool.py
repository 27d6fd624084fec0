"""The texts of a project as columns, for drawing and looking at them."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.models import Project

MOST = 200_000  # texts that are read at once; more are a fixed, arbitrary choice of them (by digest)


@dataclass(frozen=True)
class Pool:
    """Texts in the order of their ids: `items` (n,), `texts`, and the values of metadata fields as text or None."""

    items: NDArray[np.int64]
    texts: list[str]
    meta: dict[str, list[str | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def coded(self, name: str) -> tuple[NDArray[np.int64], list[str]]:
        """The field's values as codes (-1 for none), and the values in their order."""
        values = sorted({value for value in self.meta[name] if value is not None})
        place = {value: at for at, value in enumerate(values)}
        return np.array([-1 if v is None else place[v] for v in self.meta[name]], np.int64), values


def read_pool(project: Project, fields: list[str] | None = None) -> Pool:
    """The texts of a project that are neither deleted nor excluded, at most 200,000.

    With these fields of their metadata; all fields if None is given.
    """
    sql = """
        SELECT id, text, meta FROM (
            SELECT id, text, meta FROM annotation_item
            WHERE project_id = %s AND deleted IS NULL AND excluded IS NULL ORDER BY digest, id LIMIT %s
        ) chosen ORDER BY id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, (project.pk, MOST))
        rows = cursor.fetchall()
    metas = [json.loads(meta) if isinstance(meta, str) else meta for _, _, meta in rows]
    wanted = sorted({name for meta in metas for name in meta}) if fields is None else fields
    return Pool(
        np.array([pk for pk, _, _ in rows], np.int64),
        [text for _, text, _ in rows],
        {name: [as_text(meta.get(name)) for meta in metas] for name in wanted},
    )


def as_text(value: Any) -> str | None:
    """A value of metadata in words; None for none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
