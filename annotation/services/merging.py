"""Giving everything that has a merged label the other one: answers, gold items, imported labels, and whatever the
rooms above keep.

A table whose labels live on says so itself (`living_labels` on its model), so that this floor need not know the rooms
above, and none can be forgotten by whoever reads it. Records of a moment do not: versions of answers, predictions,
and frozen splits keep the label that they were made with, which stays as a row.
"""

from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.db.models import F

from annotation.models import Annotation, ChangeCount, Item, LabelMigration, Project
from annotation.queries.projects import rounds
from annotation.services.changes import count_change
from annotation.services.gold import judge_again
from annotation.services.suggestions import compare_again
from annotation.services.watching import Progress, unwatched

INLINE = 5000  # answers and texts up to which a merge is done at once; above it, a job does it

_LABELS = (
    "(SELECT array_agg(DISTINCT pk ORDER BY pk) FROM unnest(array_replace({column}, %(old)s, %(new)s)) pk)"
)
_HAS_SPAN = "EXISTS (SELECT FROM jsonb_array_elements({column}) span WHERE (span->>2)::bigint = %(old)s)"
_SPANS = """(
    SELECT jsonb_agg(span ORDER BY (span->>0)::int, (span->>1)::int, (span->>2)::bigint)
    FROM (SELECT DISTINCT CASE WHEN (span->>2)::bigint = %(old)s
                               THEN jsonb_set(span, '{{2}}', to_jsonb(%(new)s::bigint)) ELSE span END AS span
          FROM jsonb_array_elements({column}) span) renamed)"""

_KEEP_VERSIONS = """
INSERT INTO annotation_annotationversion
    (annotation_id, label_id, labels, spans, comment, difficulty, confidence, replaced)
SELECT id, label_id, labels, spans, comment, difficulty, confidence, now() FROM annotation_annotation
WHERE id IN ({mine}) AND ({has})
"""


def is_large(project: Project) -> bool:
    """Whether a merge touches more than somebody should wait for."""
    answers = sum(made.answers_total for made in rounds(project))
    return answers > INLINE or Item.objects.filter(project=project)[: INLINE + 1].count() > INLINE


def rewrite_values(migration_id: int, progress: Progress = unwatched) -> int:
    """Gives what has the merged label the other one; how many answers changed. Doing it again changes nothing more.

    Each answer keeps a version of what it was. Then the gold answers are judged anew: in a transaction of its own,
    since people who answer wait for that one.
    """
    migration = LabelMigration.objects.select_related("project").get(pk=migration_id)
    answers = _rewrite_all(migration, progress)
    judge_again(migration.project)
    compare_again(migration.project)
    return answers


@transaction.atomic
def _rewrite_all(migration: LabelMigration, progress: Progress) -> int:
    holders = [model for model in apps.get_models() if hasattr(model, "living_labels")]
    answers = 0
    for at, model in enumerate(holders):
        progress(at / len(holders), f"{model._meta.verbose_name_plural}")
        changed = _rewrite(model, migration)
        answers += changed if model is Annotation else 0
    LabelMigration.objects.filter(pk=migration.pk).update(answers=F("answers") + answers)
    if answers:
        count_change(migration.project, ChangeCount.Kind.LABELS)
    return answers


def _rewrite(model: type[models.Model], migration: LabelMigration) -> int:
    project_path, names = model.living_labels  # type: ignore[attr-defined]
    mine = model._default_manager.filter(**{project_path: migration.project_id}).order_by().values("pk")
    sql, parameters = mine.query.sql_with_params()
    scope = {f"scope_{at}": value for at, value in enumerate(parameters)}
    sql %= tuple(f"%({name})s" for name in scope)
    values = {"old": migration.label_id, "new": migration.into_id, **scope}
    sets, has = zip(*(_of_column(model._meta.get_field(name)) for name in names), strict=True)
    anywhere = " OR ".join(has)
    with connection.cursor() as cursor:
        if model is Annotation:
            cursor.execute(_KEEP_VERSIONS.format(mine=sql, has=anywhere), values)
        statement = (
            f"UPDATE {model._meta.db_table} SET {', '.join(sets)} WHERE id IN ({sql}) AND ({anywhere})"  # noqa: S608
        )
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _of_column(field: Any) -> tuple[str, str]:
    """How a column is rewritten, and whether it has the label, in SQL; by what kind of column it is."""
    column = field.column
    if isinstance(field, models.ForeignKey):
        has, new = f"{column} = %(old)s", "%(new)s"
    elif isinstance(field, ArrayField):
        has, new = f"{column} @> ARRAY[%(old)s]::bigint[]", _LABELS.format(column=column)
    else:
        has, new = _HAS_SPAN.format(column=column), _SPANS.format(column=column)
    return f"{column} = CASE WHEN {has} THEN {new} ELSE {column} END", has
