"""Counting what changes which answers count, and what they are compared with."""

from collections.abc import Mapping

from django.db import connection

from annotation.models import ChangeCount, Project

_RAISE = """
INSERT INTO annotation_changecount AS kept (project_id, kind, round_id, n)
SELECT %(project)s, %(kind)s, round_id, n FROM unnest(%(rounds)s::bigint[], %(n)s::bigint[]) made (round_id, n)
ON CONFLICT (project_id, kind, round_id) DO UPDATE SET n = kept.n + excluded.n
"""


def count_change(
    project: Project, kind: ChangeCount.Kind, n: int = 1, in_rounds: Mapping[int, int] | None = None
) -> None:
    """Raises the project's count of changes of this kind, and those of the rounds in which answers changed.

    The last thing that a transaction does, since the next change of the kind waits for its end.
    """
    if n <= 0:
        return
    rows: list[tuple[int | None, int]] = [(None, n), *sorted((in_rounds or {}).items())]
    with connection.cursor() as cursor:
        cursor.execute(
            _RAISE,
            {
                "project": project.pk,
                "kind": kind.value,
                "rounds": [made for made, _ in rows],
                "n": [many for _, many in rows],
            },
        )
