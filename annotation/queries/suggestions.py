"""Suggestions: which sources there are, which texts are meant, and what an annotator is told of one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import F, QuerySet, Value

from annotation.algorithms.text import is_keepable
from annotation.models import ChangeCount, Item, Project, Round, Suggested, SuggestionSource
from annotation.queries.changes import Counts, Since, changed_since

_TOLD = """(
    SELECT jsonb_build_object(
        'source', o.name, 'score', s.score,
        'label', (SELECT l.name FROM annotation_label l WHERE l.id = s.label_id),
        'labels', CASE WHEN s.labels IS NOT NULL THEN coalesce(
            (SELECT jsonb_agg(l.name ORDER BY u.at) FROM unnest(s.labels) WITH ORDINALITY u (id, at)
             JOIN annotation_label l ON l.id = u.id), '[]') END,
        'spans', CASE WHEN s.spans IS NOT NULL THEN coalesce(
            (SELECT jsonb_agg(jsonb_build_object('start', u.s->0, 'end', u.s->1, 'label', l.name) ORDER BY u.at)
             FROM jsonb_array_elements(s.spans) WITH ORDINALITY u (s, at)
             JOIN annotation_label l ON l.id = (u.s->>2)::bigint), '[]') END)
    FROM annotation_suggestion s JOIN annotation_suggestionsource o ON o.id = s.source_id
    WHERE s.id = SUGGESTION OFFSET 0
)"""


_OF_FIGURES = {
    ChangeCount.Kind.TEXTS,
    ChangeCount.Kind.ANSWERS,
    ChangeCount.Kind.LABELS,
    ChangeCount.Kind.GOLD_MADE,
    ChangeCount.Kind.GOLD_CHANGED,
}


class Named(NamedTuple):
    """A text that a client names."""

    pk: int
    text: str  # "" where only its id matters


def sources(project: Project) -> QuerySet[SuggestionSource]:
    """The project's sources that were not deleted, oldest first."""
    return SuggestionSource.objects.filter(project=project, deleted__isnull=True).order_by("id")


def deleted_sources(project: Project) -> QuerySet[SuggestionSource]:
    """Those that can be restored, the last deletion first."""
    return SuggestionSource.objects.filter(project=project, deleted__isnull=False).order_by("-deleted")


def rounds_by_source(project: Project) -> dict[int, list[Round]]:
    """{source: rounds that have its suggestions switched on}."""
    found: dict[int, list[Round]] = {}
    made = Round.objects.filter(project=project, deleted__isnull=True, suggestion_source__isnull=False)
    for one in made.exclude(suggestions=Round.Suggestions.OFF).order_by("id"):
        found.setdefault(one.suggestion_source_id or 0, []).append(one)
    return found


def since_figures(made: Round, counts: Counts | None = None) -> Since:
    """What has happened since the figures of the round's suggestions were counted; `counts` as `changes_of` takes."""
    figures = made.suggestion_figures or {}
    newer = max(0, made.answers_total - figures.get("answers", 0))
    return Since(newer, changed_since(figures.get("changes", {}), made.project, _OF_FIGURES, made, counts))


def told_of(column: str) -> str:
    """What people are told of the suggestion whose id is in a column, in label names: SQL that looks it up by its key.

    {"source", "score", "label", "labels", "spans"}, two of the last three null; null where the column is.
    """
    return _TOLD.replace("SUGGESTION", column)


def items_by_id(project: Project, ids: Sequence[str]) -> dict[str, Named]:
    """The texts of the project that clients mean by these ids: external where given, else internal."""
    wanted = {said for said in ids if is_keepable(said)}
    own = [int(said) for said in wanted if said.isascii() and said.isdecimal() and len(said) < 19]
    length_matters = project.task == Project.Task.SPANS
    living = Item.objects.filter(project=project, deleted__isnull=True).annotate(
        said=F("text") if length_matters else Value("")
    )
    rows = [
        *living.filter(pk__in=own, external_id__isnull=True).values_list("pk", "external_id", "said"),
        *living.filter(external_id__in=wanted).values_list("pk", "external_id", "said"),
    ]
    return {external or str(pk): Named(pk, said) for pk, external, said in rows}


def as_told(suggested: str, value: dict[str, Any] | None) -> dict[str, Any] | None:
    """What an annotator is told of a text's suggestion; None where the round has them switched off.

    Nothing but the state is told of one that is hidden, and of a text that has none.
    """
    if not suggested:
        return None
    if suggested in {Suggested.NONE, Suggested.HIDDEN} or value is None:
        return {"state": suggested}
    return {"state": suggested, **value}


def told_words(told: dict[str, Any]) -> str:
    """What is suggested, in one line: "Refund", "Refund, Fee", "None of these", "3 spans"; "" where nothing is told."""
    if told.get("label") is not None:
        return str(told["label"])
    if told.get("labels") is not None:
        return ", ".join(told["labels"]) or "None of these"
    if told.get("spans") is not None:
        return f"{len(told['spans'])} span{'' if len(told['spans']) == 1 else 's'}"
    return ""
