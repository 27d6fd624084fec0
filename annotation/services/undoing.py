"""Taking out again what a file brought in, as long as nobody has worked with it."""

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import ProgrammingError, connection, transaction
from django.db.models import Count

from annotation.models import Annotation, ChangeCount, GoldItem, Import, User
from annotation.queries.imports import why_not_undoable
from annotation.services.audit import record
from annotation.services.changes import count_change
from annotation.services.copying import lock_imports
from annotation.services.settling import withdraw_answers, withdraw_gold, withdraw_items
from annotation.services.watching import Progress, unwatched

INLINE = 5000  # rows up to which an import is undone while somebody waits; above it, a job does it


def is_large(source: Import) -> bool:
    """Whether undoing it takes longer than somebody should wait."""
    return source.imported > INLINE


def undo_import(source: Import, user: User | None, progress: Progress = unwatched) -> None:
    """Takes out what the import brought in: all of it, or nothing. The list of its rows stays.

    Raises ValidationError with the reason when it cannot be undone.
    """
    with transaction.atomic():
        lock_imports(source.project)
        source = Import.objects.select_for_update(of=("self",)).select_related("project").get(pk=source.pk)
        progress(0.0, "looking whether somebody has worked with it")
        if reason := why_not_undoable(source, most=None):
            raise ValidationError(reason)
        progress(0.2, "taking out what it says of texts")
        given = Annotation.objects.counted().filter(source=source).values("round").order_by()
        answers = dict(given.annotate(n=Count("id")).values_list("round", "n"))
        gold = GoldItem.objects.filter(source=source).count()
        leave_alone("annotation_annotation", source)
        with no_checks_by_row():
            withdraw_answers(source)
        withdraw_gold(source)
        progress(0.5, "taking out its texts")
        leave_alone("annotation_item", source)
        with no_checks_by_row():
            withdraw_items(source)
        Import.objects.filter(pk=source.pk).update(state=Import.State.UNDONE)
        record(source.project, user, "undo import", source.filename, before={"imported": source.imported})
        count_change(source.project, ChangeCount.Kind.ANSWERS, sum(answers.values()), answers)
        count_change(source.project, ChangeCount.Kind.GOLD_CHANGED, gold)
        progress(0.9, "writing it down")


def leave_alone(table: str, source: Import) -> None:
    """Raises ValidationError when another table refers to the import's rows of this one.

    The rows are locked first: whoever would refer to one from here on waits, and finds it gone. So each referring
    table is looked through once, where the database would look into each of them for each row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT FROM {table} WHERE source_id = %s FOR UPDATE) locked",  # noqa: S608
            [source.pk],
        )
        cursor.execute(
            "SELECT relation.relname, part.attname FROM pg_constraint bond"
            " JOIN pg_class relation ON relation.oid = bond.conrelid"
            " JOIN pg_attribute part ON part.attrelid = bond.conrelid AND part.attnum = bond.conkey[1]"
            " WHERE bond.contype = 'f' AND bond.confrelid = %s::regclass",
            [table],
        )
        for referring, column in cursor.fetchall():
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{referring}" used JOIN {table} own ON own.id = used."{column}"'  # noqa: S608
                " WHERE own.source_id = %s)",
                [source.pk],
            )
            if cursor.fetchone()[0]:
                raise ValidationError(f"{_name_of(referring)} made since then use it, so the import stays.")


def _name_of(table: str) -> str:
    """What people call the rows of a table."""
    found = (model for model in apps.get_models() if model._meta.db_table == table)
    return next((str(model._meta.verbose_name_plural).capitalize() for model in found), table)


class no_checks_by_row:  # noqa: N801 – reads as what it is in a `with`
    """Deletes inside are not checked row by row, where the database's user may ask for that: `leave_alone` has looked.

    The owner of a database of our own, and of the one in the containers, may. Others get the checks, and wait longer.
    """

    def __enter__(self) -> None:
        try:
            with transaction.atomic():
                _set_role("replica")
        except ProgrammingError:
            self.allowed = False
        else:
            self.allowed = True

    def __exit__(self, *error: object) -> None:
        if self.allowed and error[0] is None:
            _set_role("origin")


def _set_role(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {role}")
