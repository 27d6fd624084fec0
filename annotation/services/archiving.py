"""A project's tables as JSON Lines and back: what each room declares, and the one engine for all of them.

Ids are written counted from the project's own first one, so that a restored project, whose ids are others, gives the
same bytes again. References to people are written as user names. PostgreSQL writes and reads the lines; nothing
becomes an object on the way.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, models
from django.db.models import BigIntegerField, FileField, ForeignKey, JSONField, Max, Min, Model

from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    Assignment,
    AuditEntry,
    Flag,
    GoldItem,
    Guideline,
    GuidelineRead,
    Import,
    ImportRow,
    Item,
    Label,
    LabelMigration,
    Membership,
    MetadataField,
    Participation,
    Project,
    ReturnedItem,
    Round,
    RoundItem,
    Suggestion,
    SuggestionSource,
    User,
)
from annotation.queries.exports import Rows
from annotation.services.streaming import jsonl_blocks

SPANS = {"spans", "imported_spans"}  # columns of [start, end, label id]
TRIES = 5
_LINES = r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"  # characters that no JSON text holds


@dataclass(frozen=True)
class Table:
    """A table of a project: the path from a row to the project, and columns that are not kept.

    A row whose `person` is nobody here is left out: it would give somebody a right, or say what they have read.
    """

    model: type[Model]
    path: str = "project"
    omit: tuple[str, ...] = ()
    person: str = ""

    @property
    def name(self) -> str:
        """Room and table, as the file in the archive is called."""
        return self.model._meta.label_lower

    def rows(self, project: Project) -> "models.QuerySet[Any]":
        """The project's rows."""
        return self.model._default_manager.filter(**{self.path: project})

    def belongs(self, project: Project) -> tuple[str, list[Any]]:
        """The condition on a row `t` that it is the project's, and its parameters.

        By what the row itself refers to: a second look at its own table for each row took minutes on a bad estimate.
        """
        first, _, rest = self.path.partition("__")
        field: Any = self.model._meta.get_field(first)
        if not rest:
            return f't."{field.column}" = %s', [project.pk]
        chosen = field.related_model._default_manager.filter(**{rest: project}).order_by().values("pk")
        statement, parameters = chosen.query.sql_with_params()
        return f't."{field.column}" IN ({statement})', list(parameters)

    def fields(self, kept: Iterable[type[Model]]) -> list[Any]:
        """The columns that are written: not the project, and no reference to what is not in the archive."""
        known = {*kept, User}
        return [
            field
            for field in self.model._meta.concrete_fields
            if field.name not in self.omit
            and not isinstance(field, FileField)
            and not (isinstance(field, ForeignKey) and field.related_model not in known)
        ]


TABLES = [
    Table(Membership, person="user"),
    Table(Label),
    Table(LabelMigration),
    Table(Guideline),
    Table(GuidelineRead, "guideline__project", person="user"),
    Table(SuggestionSource),
    Table(Round, omit=("comparison", "suggestion_figures")),  # computed from the answers
    Table(Round.people.through, "round__project", person="user"),
    Table(Import),
    Table(ImportRow, "source__project"),
    Table(Item),
    Table(MetadataField),
    Table(Suggestion, "source__project"),
    Table(Annotator),
    Table(RoundItem, "round__project"),
    Table(ReturnedItem, "round__project"),
    Table(Assignment, "round__project"),
    Table(Participation, "round__project"),
    Table(Annotation, "round__project"),
    Table(AnnotationVersion, "annotation__round__project"),
    Table(GoldItem),
    Table(Flag, "item__project"),
    Table(AuditEntry),
]


def first_ids(tables: list[Table], project: Project) -> dict[type[Model], tuple[int, int]]:
    """{model: (id before the project's first, how many ids lie between its first and last)}."""
    found = {}
    for table in tables:
        ends = table.rows(project).order_by().aggregate(low=Min("pk"), high=Max("pk"))
        low, high = ends["low"] or 1, ends["high"] or 0
        found[table.model] = (low - 1, high - low + 1 if high else 0)
    return found


def table_blocks(
    table: Table, project: Project, firsts: Mapping[type[Model], tuple[int, int]]
) -> Iterator[bytes]:
    """The project's rows of a table, by id, a JSON object a line."""
    columns = ", ".join(
        f'{_written(field, firsts)} AS "{field.column}"' for field in table.fields(firsts.keys())
    )
    belongs, parameters = table.belongs(project)
    name = table.model._meta.db_table
    statement = f'SELECT {columns} FROM "{name}" t WHERE {belongs} ORDER BY t.id'  # noqa: S608 – our names
    return jsonl_blocks(Rows(statement, parameters, {}))


def _written(field: Any, firsts: Mapping[type[Model], tuple[int, int]]) -> str:
    column = f't."{field.column}"'
    if field.primary_key:
        return f"{column} - {firsts[field.model][0]}"
    if isinstance(field, ForeignKey):
        if field.related_model is User:
            return f"(SELECT username FROM annotation_user u WHERE u.id = {column})"  # noqa: S608 – our names
        return f"{column} - {firsts[field.related_model][0]}"
    if isinstance(field, ArrayField) and isinstance(field.base_field, BigIntegerField):
        moved = f"u.id - {firsts[Label][0]}"
        return (
            f"CASE WHEN {column} IS NOT NULL THEN coalesce((SELECT array_agg({moved} ORDER BY u.at)"  # noqa: S608
            f" FROM unnest({column}) WITH ORDINALITY u (id, at)), '{{}}') END"
        )
    if field.name in SPANS:
        return _moved_spans(column, f"- {firsts[Label][0]}")
    return column


def _moved_spans(column: str, move: str) -> str:
    return (
        f"CASE WHEN jsonb_typeof({column}) = 'array' THEN coalesce((SELECT"  # noqa: S608
        f" jsonb_agg(jsonb_build_array(u.s->0, u.s->1, (u.s->>2)::bigint {move}) ORDER BY u.at)"
        f" FROM jsonb_array_elements({column}) WITH ORDINALITY u (s, at)), '[]'::jsonb) END"
    )


class Restoring:
    """Puts the lines of an archive into the tables of a new project, in the transaction of its caller.

    `sizes` is how many ids each model's rows take. They are reserved at once, so that a reference can be checked by
    its number alone: nothing in an archive can point at another project. `people` says who somebody is here: {user
    name in the archive: user name here, or "" for nobody}; the others are found by their names.
    """

    def __init__(
        self, project: Project, sizes: Mapping[type[Model], int], people: Mapping[str, str] | None = None
    ) -> None:
        self.project = project
        self.sizes = sizes
        self.firsts = {model: _reserve(model, size) for model, size in sizes.items() if size}
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS archive_lines")
            cursor.execute("CREATE TEMPORARY TABLE archive_lines (line jsonb NOT NULL) ON COMMIT DROP")
            cursor.execute("DROP TABLE IF EXISTS archive_people")
            cursor.execute(
                "CREATE TEMPORARY TABLE archive_people (there text PRIMARY KEY, here text NOT NULL) ON COMMIT DROP"
            )
            cursor.executemany(
                "INSERT INTO archive_people VALUES (%s, %s)",
                [(there, here or _stranger(there)) for there, here in (people or {}).items()],
            )

    def put(self, table: Table, blocks: Iterable[bytes]) -> tuple[int, str]:
        """Puts a table's lines in; how many rows there were, and the SHA-256 of the lines."""
        digest = hashlib.sha256()
        try:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE archive_lines")
                with cursor.copy(f"COPY archive_lines FROM STDIN {_LINES}") as copy:
                    for block in blocks:
                        digest.update(block)
                        copy.write(block)
                cursor.execute("SELECT count(*) FROM archive_lines")
                n = int(cursor.fetchone()[0])
                if n:
                    self._insert(cursor, table)
        except (DataError, IntegrityError) as broken:
            first = str(broken).splitlines()[0][:200]
            raise ValidationError(
                f"The archive is damaged: {table.name} cannot be read ({first})."
            ) from broken
        return n, digest.hexdigest()

    def _insert(self, cursor: Any, table: Table) -> None:
        fields = table.fields(self.sizes.keys())
        self._check_references(cursor, table, fields)
        for column in _people(fields):
            if column.name != table.person and table.model is not Annotator:
                _invite_nobody(cursor, column.column)
        names = ["project_id"] if self._has_project(table) else []
        values = ["%s::bigint" for _ in names]
        parameters: list[Any] = [self.project.pk for _ in names]
        for field in fields:
            names.append(field.column)
            values.append(self._read(field, table, parameters))
        for left in table.model._meta.concrete_fields:  # what is not kept starts as in a new row
            if left.column not in names and not left.null:
                names.append(str(left.column))
                values.append("%s")
                parameters.append(left.get_db_prep_save(left.get_default(), connection))
        there = ""
        if table.person:
            column = table.model._meta.get_field(table.person).column  # type: ignore[union-attr]
            there = (
                " WHERE EXISTS (SELECT FROM annotation_user u WHERE u.is_active"
                f" AND u.username = {_here(str(column))})"  # our names
            )
        quoted = ", ".join(f'"{name}"' for name in names)
        cursor.execute(
            f'INSERT INTO "{table.model._meta.db_table}" ({quoted})'  # noqa: S608 – our names
            f" SELECT {', '.join(values)} FROM archive_lines{there}",
            parameters,
        )

    def _has_project(self, table: Table) -> bool:
        return any(field.name == "project" for field in table.model._meta.concrete_fields)

    def _check_references(self, cursor: Any, table: Table, fields: list[Any]) -> None:
        """Every id lies among those of the archive, so that none means a row of somebody else's."""
        wrong = []
        for field in fields:
            number = f"(line->>'{field.column}')::bigint"
            if field.primary_key:
                wrong.append(f"{number} IS NULL OR {number} NOT BETWEEN 1 AND {self.sizes[table.model]}")
            elif isinstance(field, ForeignKey) and field.related_model is not User:
                wrong.append(f"{number} NOT BETWEEN 1 AND {self.sizes[field.related_model]}")
            elif isinstance(field, ArrayField) and isinstance(field.base_field, BigIntegerField):
                wrong.append(
                    f"EXISTS (SELECT FROM jsonb_array_elements_text(nullif(line->'{field.column}', 'null')) e"
                    f" WHERE e::bigint NOT BETWEEN 1 AND {self.sizes[Label]})"
                )
            elif field.name in SPANS:
                wrong.append(
                    f"EXISTS (SELECT FROM jsonb_array_elements(nullif(line->'{field.column}', 'null')) e"
                    f" WHERE coalesce((e->>2)::bigint, 0) NOT BETWEEN 1 AND {self.sizes[Label]})"
                )
        cursor.execute(f"SELECT count(*) FROM archive_lines WHERE {' OR '.join(wrong)}")  # noqa: S608 – our names
        if n := int(cursor.fetchone()[0]):
            raise ValidationError(
                f"The archive is damaged: {n:,} rows of {table.name} refer to what is not in it."
            )

    def _read(self, field: Any, table: Table, parameters: list[Any]) -> str:
        """A column of a line as SQL; what an older archive does not have is as in a new row."""
        kept, text = f"line->'{field.column}'", f"line->>'{field.column}'"
        if field.primary_key:
            return f"({text})::bigint + {self.firsts[field.model]}"
        if isinstance(field, ForeignKey):
            if field.related_model is User:
                only = " AND u.is_active" if table.model is Annotator else ""
                name = _here(str(field.column))
                return f"(SELECT id FROM annotation_user u WHERE u.username = {name}{only})"  # noqa: S608
            return f"({text})::bigint + {self.firsts.get(field.related_model, 0)}"
        if isinstance(field, ArrayField):
            whole = isinstance(field.base_field, BigIntegerField)
            element = f"e.v::bigint + {self.firsts.get(Label, 0)}" if whole else "e.v"
            empty = "'{}'::bigint[]" if whole else "'{}'::text[]"
            return (
                f"CASE WHEN jsonb_typeof({kept}) = 'array' THEN"  # noqa: S608
                f" coalesce((SELECT array_agg({element} ORDER BY e.at)"
                f" FROM jsonb_array_elements_text({kept}) WITH ORDINALITY e (v, at)), {empty}) END"
            )
        if field.name in SPANS:
            return _moved_spans(f"({kept})", f"+ {self.firsts.get(Label, 0)}")
        kind = field.db_type(connection)
        if isinstance(field, JSONField):
            read = f"nullif({kept}, 'null'::jsonb)"
        elif kind.startswith(("varchar", "text")):
            read = text
        else:
            read = f"({text})::{kind}"
        if field.null or not field.has_default():
            return read
        parameters.append(field.get_db_prep_save(field.get_default(), connection))
        return f"coalesce({read}, %s)"


def _people(fields: list[Any]) -> list[Any]:
    return [field for field in fields if isinstance(field, ForeignKey) and field.related_model is User]


def _reserve(model: type[Model], size: int) -> int:
    """The id before as many in a row that nobody else gets."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        for _ in range(TRIES):
            cursor.execute(
                "SELECT min(id), max(id) FROM (SELECT nextval(pg_get_serial_sequence(%s, 'id')) AS id"
                " FROM generate_series(1, %s)) taken",
                [table, size],
            )
            low, high = cursor.fetchone()
            if high - low + 1 == size:
                return int(low) - 1
    raise ValidationError("Others are writing too much at the moment. Start the restoration again.")


def _here(column: str) -> str:
    """The user name here of the person in a line's column."""
    name = f"line->>'{column}'"
    return f"coalesce((SELECT p.here FROM archive_people p WHERE p.there = {name}), {name})"  # noqa: S608


def _stranger(name: str) -> str:
    """The name of somebody who is not here, if need be another one than that of a user who is: it cannot sign in."""
    taken = User.objects.filter(username__startswith=name[:130], is_active=True)
    names = {name.lower() for name in taken.values_list("username", flat=True)}
    tries = (name if n == 0 else f"{name[:130]} (archive{f' {n}' if n > 1 else ''})" for n in range(1000))
    return next(made for made in tries if made.lower() not in names)


def _invite_nobody(cursor: Any, column: str) -> None:
    """People of the archive who are not known here get a name that cannot sign in, so that their words keep it."""
    cursor.execute(
        f"""
        INSERT INTO annotation_user (username, password, first_name, last_name, email, is_superuser, is_staff,
                                     is_active, date_joined, theme, single_keys)
        SELECT DISTINCT {_here(column)}, '!', '', '', '', false, false, false, now(), '', true
        FROM archive_lines WHERE line->>'{column}' IS NOT NULL
        ON CONFLICT (username) DO NOTHING
        """  # noqa: S608 – our names
    )
