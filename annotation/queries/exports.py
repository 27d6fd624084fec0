"""What leaves a project, as SQL: PostgreSQL makes the rows, and they are passed on without becoming objects.

Every table is read in the order of its items by their index, so that the first row is there at once and no sort or
hash of the whole has to be kept anywhere. `OFFSET 0` keeps a subquery whole: what belongs to one item is found by that
item first, where the planner, without statistics, would walk through all rounds for each of them.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError

from annotation.models import AnswerKind, Project, Round
from annotation.queries.columns import ANSWER_COLUMNS, ITEM_COLUMNS
from annotation.queries.finding import listing
from annotation.queries.items import items
from annotation.queries.suggestions import told_of

MOST_FOUND_FIRST, MOST_LOOKED_AT_FIRST = 5_000, 100_000  # texts


@dataclass(frozen=True)
class Rows:
    """A statement whose rows have these columns."""

    statement: str
    parameters: list[Any]
    columns: dict[str, str]


def _time(column: str) -> str:
    return f"to_json({column} AT TIME ZONE 'UTC') #>> '{{}}' || 'Z'"


def _names(column: str) -> str:
    """The names of an array of label ids; [] for an answer without labels, null for one of another shape."""
    return (
        f"CASE WHEN {column} IS NOT NULL THEN coalesce((SELECT array_agg(n.name ORDER BY u.at)"  # noqa: S608
        f" FROM unnest({column}) WITH ORDINALITY u (id, at) JOIN annotation_label n ON n.id = u.id), '{{}}') END"
    )


def _spans(column: str) -> str:
    """The spans with the names of their labels."""
    return (
        f"CASE WHEN {column} IS NOT NULL THEN coalesce((SELECT json_agg(json_build_object("  # noqa: S608
        "'start', u.s->0, 'end', u.s->1, 'label', n.name) ORDER BY u.at)"
        f" FROM jsonb_array_elements({column}) WITH ORDINALITY u (s, at)"
        " JOIN annotation_label n ON n.id = (u.s->>2)::bigint), '[]'::json) END"
    )


_ANSWERS = f"""
    SELECT i.id AS item_id, i.external_id, i.text, p.name AS annotator, l.name AS label,
           {_names("a.labels")} AS labels, {_spans("a.spans")} AS spans, a.seconds, a.comment, a.kind,
           r.name AS round, g.version AS guideline_version, {_time("a.created")} AS created,
           CASE WHEN a.suggested <> '' THEN jsonb_build_object('state', a.suggested, 'followed', a.followed)
                || coalesce({told_of("a.suggestion_id")}, '{{}}') END AS suggestion
    FROM annotation_item i
    JOIN annotation_annotation a ON a.item_id = i.id
    JOIN annotation_annotator p ON p.id = a.annotator_id
    JOIN annotation_round r ON r.id = a.round_id
    LEFT JOIN annotation_label l ON l.id = a.label_id
    LEFT JOIN annotation_guideline g ON g.id = a.guideline_id
    WHERE i.project_id = %s AND i.deleted IS NULL AND r.deleted IS NULL
"""  # noqa: S608 – put together from the constants above

# The label of an item is the majority of its answers, nothing in a tie, what was imported where nobody answered
_ITEMS = f"""
    SELECT i.id, i.external_id, i.text, i.meta, s.round,
           CASE WHEN v.total IS NULL THEN l.name WHEN v.first > coalesce(v.second, 0) THEN m.name END AS label,
           CASE WHEN v.total IS NOT NULL THEN 'majority' WHEN l.id IS NOT NULL THEN 'imported' END AS label_source,
           v.first / v.total AS confidence,
           CASE WHEN s.done IS NULL THEN 'pool' WHEN s.done THEN 'complete' ELSE 'open' END AS state,
           i.provenance, l.name AS imported_label, {_names("i.imported_labels")} AS imported_labels,
           {_spans("i.imported_spans")} AS imported_spans, {_time("i.created")} AS created
    FROM annotation_item i
    LEFT JOIN annotation_label l ON l.id = i.imported_label_id
    LEFT JOIN LATERAL (
        SELECT sum(n)::float AS total, (array_agg(label_id ORDER BY n DESC, label_id))[1] AS label,
               (array_agg(n ORDER BY n DESC))[1] AS first, (array_agg(n ORDER BY n DESC))[2] AS second
        FROM (SELECT label_id, count(*) AS n FROM annotation_annotation WHERE item_id = i.id AND kind = 'normal'
              AND set_aside IS NULL AND label_id IS NOT NULL GROUP BY label_id) counted
    ) v ON true
    LEFT JOIN annotation_label m ON m.id = v.label
    LEFT JOIN LATERAL (
        SELECT bool_and(q.answers >= q.overlap) AS done, (array_agg(r.name ORDER BY r.id DESC))[1] AS round
        FROM (SELECT * FROM annotation_rounditem WHERE item_id = i.id OFFSET 0) q
        JOIN annotation_round r ON r.id = q.round_id
        WHERE r.deleted IS NULL
    ) s ON true
    WHERE i.project_id = %s AND i.deleted IS NULL
"""  # noqa: S608 – put together from the constants above


# One row for a text, with what people said of it in one array
_BY_ITEM = f"""
    SELECT i.id, i.external_id, i.text, i.meta, l.name AS imported_label,
           {_names("i.imported_labels")} AS imported_labels, {_spans("i.imported_spans")} AS imported_spans,
           coalesce(x.answers, '[]') AS answers
    FROM annotation_item i
    LEFT JOIN annotation_label l ON l.id = i.imported_label_id
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('id', a.id, 'annotator', p.name, 'annotator_id', p.id, 'label', m.name,
                   'labels', {_names("a.labels")}, 'spans', {_spans("a.spans")}, 'seconds', a.seconds,
                   'comment', a.comment, 'created', {_time("a.created")}) ORDER BY a.id) AS answers
        FROM (SELECT * FROM annotation_annotation WHERE item_id = i.id OFFSET 0) a
        JOIN annotation_annotator p ON p.id = a.annotator_id
        JOIN annotation_round r ON r.id = a.round_id
        LEFT JOIN annotation_label m ON m.id = a.label_id
        WHERE r.deleted IS NULL AND ANSWER_IS
    ) x ON true
    WHERE i.project_id = %s AND i.deleted IS NULL
    ORDER BY i.id
"""  # noqa: S608 – put together from the constants above


@dataclass(frozen=True)
class Chosen:
    """Which answers leave: of a round, an annotator or a kind; those that a lead set aside only when asked for."""

    round: str = ""
    annotator: str = ""
    kind: str = ""
    set_aside: bool = False

    def condition(self, project: Project) -> tuple[str, list[Any]]:
        """For a statement in which `a` is the answer and `p` its annotator."""
        parts, parameters = ["true" if self.set_aside else "a.set_aside IS NULL"], list[Any]()
        if self.round:
            parts.append("a.round_id = %s")
            parameters.append(_round(project, self.round).pk)
        if self.annotator:
            parts.append("p.name = %s")
            parameters.append(self.annotator)
        if self.kind:
            parts.append("a.kind = %s")
            parameters.append(self.kind)
        return " AND ".join(parts), parameters


def answer_rows(project: Project, chosen: Chosen = Chosen()) -> Rows:
    """Every answer with its text, in the order of the texts."""
    condition, parameters = chosen.condition(project)
    return Rows(f"{_ANSWERS} AND {condition} ORDER BY i.id, a.id", [project.pk, *parameters], ANSWER_COLUMNS)


def item_rows(project: Project, filters: dict[str, str] | None = None) -> Rows:
    """Every text, or those of a list under filters, with its label as it stands.

    Few texts are found first, as the list finds them, and read alone; many are met while the pool is read through.
    """
    statement, parameters = _ITEMS, list[Any]([project.pk])
    if filters:
        found = listing(project, filters).first(MOST_FOUND_FIRST, most=MOST_LOOKED_AT_FIRST)
        if found.reached is None:
            statement += " AND i.id = ANY(%s)"
            parameters.append(found.ids)
        else:
            chosen, values = items(project, filters).order_by().values("pk").query.sql_with_params()
            statement += f" AND i.id IN ({chosen})"
            parameters += values
    return Rows(f"{statement} ORDER BY i.id", parameters, ITEM_COLUMNS)


def answers_by_item(project: Project, chosen: Chosen = Chosen()) -> Rows:
    """Every text with what was imported for it, and under `answers` what people said (normal answers)."""
    condition, parameters = replace(chosen, kind=AnswerKind.NORMAL.value).condition(project)
    return Rows(_BY_ITEM.replace("ANSWER_IS", condition), [*parameters, project.pk], {})


def _round(project: Project, name: str) -> Round:
    made = Round.objects.filter(project=project, name=name, deleted__isnull=True).first()
    if made is None:
        raise ValidationError({"round": f"There is no round “{name[:80]}”."})
    return made
