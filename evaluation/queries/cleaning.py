"""What the texts of a pool are like, each question in one statement; and the stored report of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from annotation.algorithms.metadata import NOTHING, WHITE
from annotation.models import Import, Item, Label, Project
from evaluation.models import CleaningReport, LeakagePair

AT_ONCE = 5_000
MOST_COUNTED = 10_000
POOL = """
WITH pool AS NOT MATERIALIZED (
    SELECT * FROM annotation_item WHERE project_id = %(project)s AND deleted IS NULL AND excluded IS NULL
), said AS NOT MATERIALIZED (
    SELECT meta ->> %(field)s AS value FROM pool
    WHERE coalesce(lower(btrim(meta ->> %(field)s, %(white)s)), '') <> ALL(%(nothing)s)
), numbers AS NOT MATERIALIZED (
    SELECT CASE WHEN abs(number) < 1e300 THEN number::float8 END AS v
    FROM (SELECT loupe_number(meta -> %(field)s) AS number FROM pool OFFSET 0) read
), dates AS NOT MATERIALIZED (
    SELECT CASE WHEN %(field)s IS NULL THEN created ELSE loupe_time(meta -> %(field)s) END AS v FROM pool
)
"""


def cleaning_report(project: Project) -> CleaningReport | None:
    """The newest look at the project's texts."""
    return CleaningReport.objects.filter(project=project).select_related("copies").first()


def newer_texts(report: CleaningReport) -> int:
    """How many texts (counted up to 10,000) came after the report."""
    newer = Item.objects.filter(project=report.project_id, id__gt=report.revision, deleted__isnull=True)
    return newer.order_by("id")[:MOST_COUNTED].count()


def pool_texts(project: Project) -> Iterator[tuple[int, str]]:
    """(id, text) of every text that is neither deleted nor excluded, in id order, through a server-side cursor."""
    found = Item.objects.filter(project=project, deleted__isnull=True, excluded__isnull=True).order_by("id")
    yield from found.values_list("id", "text").iterator(chunk_size=AT_ONCE)


def some_texts(project: Project, most: int) -> Iterator[tuple[int, str]]:
    """So many texts, chosen by their digest, which is as good as at random and always the same."""
    found = Item.objects.filter(project=project, deleted__isnull=True, excluded__isnull=True)
    yield from found.order_by("digest").values_list("id", "text")[:most].iterator(chunk_size=AT_ONCE)


def excluded_texts(project: Project) -> int:
    """How many texts a lead excluded."""
    return Item.objects.filter(project=project, deleted__isnull=True, excluded__isnull=False).count()


class Values(NamedTuple):
    """The commonest values of a field as (value, texts), and over all values: how many differ, and texts with one."""

    top: list[tuple[str, int]]
    distinct: int
    texts: int


def top_values(project: Project, field: str, most: int) -> Values:
    """The values of a metadata field by how many texts have each."""
    rows = _rows(
        """
        SELECT value, n, count(*) OVER (), sum(n) OVER () FROM (
            SELECT value, count(*) AS n FROM said GROUP BY 1
        ) counted ORDER BY n DESC, value LIMIT %(most)s
        """,
        project,
        field,
        most=most,
    )
    return Values(
        [(value, n) for value, n, _, _ in rows], *((rows[0][2], int(rows[0][3])) if rows else (0, 0))
    )


class Spread(NamedTuple):
    """Numbers: how many, whether all are whole, the least, those at which 0.5%, 50% and 99.5% lie, the greatest."""

    n: int
    whole: bool
    least: float
    low: float
    median: float
    high: float
    greatest: float


def spread_of_numbers(project: Project, field: str) -> Spread | None:
    """How the numbers of a field lie; None where it has none."""
    [(n, whole, least, greatest, middle)] = _rows(
        """
        SELECT count(v), bool_and(v = floor(v)), min(v), max(v),
               percentile_disc(ARRAY[0.005, 0.5, 0.995]) WITHIN GROUP (ORDER BY v)
        FROM numbers
        """,
        project,
        field,
    )
    return Spread(n, whole, least, middle[0], middle[1], middle[2], greatest) if n else None


def numbers_in_bins(project: Project, field: str, edges: Sequence[float]) -> list[int]:
    """How many numbers lie in each bin [edge, next edge); the first and the last take what lies outside."""
    rows = _rows(
        """
        SELECT least(greatest(width_bucket(v, %(edges)s::float8[]), 1), %(bins)s), count(*)
        FROM numbers WHERE v IS NOT NULL GROUP BY 1
        """,
        project,
        field,
        edges=list(edges),
        bins=len(edges) - 1,
    )
    found = dict(rows)
    return [found.get(at, 0) for at in range(1, len(edges))]


def ends_of_dates(project: Project, field: str | None) -> tuple[datetime | None, datetime | None]:
    """The first and the last date of a field; of when the texts came in for None."""
    [(first, last)] = _rows("SELECT min(v), max(v) FROM dates", project, field)
    return first, last


def dates_by_period(project: Project, field: str | None, period: str) -> dict[datetime, int]:
    """How many texts have a date in each period (by its start, in UTC)."""
    rows = _rows(
        "SELECT date_trunc(%(period)s, v, 'UTC'), count(*) FROM dates WHERE v IS NOT NULL GROUP BY 1",
        project,
        field,
        period=period,
    )
    return dict(rows)


def unreadable_values(project: Project, field: str, read: int) -> int:
    """How many texts say something in the field that is not of its type, `read` being how many are."""
    [(n,)] = _rows("SELECT count(*) FROM said", project, field)
    return max(0, int(n) - read)


def imported_labels(project: Project) -> dict[str, int]:
    """How many texts came in with each label; one with several counts for each."""
    names = dict(Label.objects.filter(project=project).values_list("pk", "name"))
    rows = _rows(
        """
        SELECT label, count(*) FROM pool, LATERAL (
            SELECT imported_label_id AS label UNION SELECT unnest(imported_labels)
            UNION SELECT (span ->> 2)::bigint FROM jsonb_array_elements(
                CASE WHEN jsonb_typeof(imported_spans) = 'array' THEN imported_spans ELSE '[]' END) span
        ) labels WHERE label IS NOT NULL GROUP BY 1
        """,
        project,
        None,
    )
    found = {names[pk]: n for pk, n in rows if pk in names}
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


class NewPairs(NamedTuple):
    """Of one import: texts that are nearly a text from before it, and texts that are nearly one of the same file."""

    before: int
    inside: int


def near_by_import(copies: int) -> dict[int, NewPairs]:
    """Of each import, how many of its texts are nearly a text that is older; texts that were taken out do not count."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT b.source_id, count(DISTINCT b.id) FILTER (WHERE a.source_id IS DISTINCT FROM b.source_id),
                   count(DISTINCT b.id) FILTER (WHERE a.source_id = b.source_id)
            FROM evaluation_leakagepair pair
            JOIN annotation_item a ON a.id = pair.a_id JOIN annotation_item b ON b.id = pair.b_id
            WHERE pair.report_id = %s AND pair.kind = 'near' AND b.source_id IS NOT NULL
              AND a.deleted IS NULL AND b.deleted IS NULL AND a.excluded IS NULL AND b.excluded IS NULL
            GROUP BY 1
            """,
            [copies],
        )
        return {source: NewPairs(before, inside) for source, before, inside in cursor.fetchall()}


def open_pairs(report: CleaningReport, source: Import | None = None) -> QuerySet[LeakagePair]:
    """The report's near pairs of which both texts are still in the pool, most similar first.

    Of an import: those whose newer text came with it, and the older one did not.
    """
    pairs = LeakagePair.objects.filter(
        report=report.copies_id,
        kind=LeakagePair.Kind.NEAR,
        a__excluded__isnull=True,
        b__excluded__isnull=True,
        a__deleted__isnull=True,
        b__deleted__isnull=True,
    )
    if source is not None:
        pairs = pairs.filter(b__source=source).filter(Q(a__source__isnull=True) | ~Q(a__source=source))
    return pairs.select_related("a", "b").order_by("-similarity", "id")


def _rows(statement: str, project: Project, field: str | None, **parameters: Any) -> list[tuple[Any, ...]]:
    """Answers a statement on the pool, and on what is said in a field: `pool`, `said`, `numbers`, `dates`."""
    known = {"project": project.pk, "field": field, "white": WHITE, "nothing": sorted(NOTHING)}
    with connection.cursor() as cursor:
        cursor.execute(POOL + statement, known | parameters)
        return list(cursor.fetchall())
