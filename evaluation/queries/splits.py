"""Reading split sets: what is there, what may go in, and what went where."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from django.db import connection
from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from annotation.models import Annotation, Guideline, Job, MetadataField, MetaLabel, Project
from annotation.queries.metadata import field_names, grouping_fields
from annotation.queries.projects import newest_annotation_id
from evaluation.models import SplitFile, SplitItem, SplitSet
from evaluation.recipes import split_names
from qc.models import Decision, Outcome
from qc.queries.review import review_settings
from qc.queries.truth import stored_truth

AT_ONCE = 20_000
BUILD = "build_split_set"
_DOUBTFUL = """
    SELECT own.id FROM evaluation_splititem placed
    JOIN annotation_item own ON own.id = placed.item_id AND own.external_id IS NULL
    WHERE placed.split_set_id = %(set)s AND own.id::text IN (
        SELECT other.external_id FROM evaluation_splititem given JOIN annotation_item other ON other.id = given.item_id
        WHERE given.split_set_id = %(set)s AND other.external_id IS NOT NULL)
"""


def split_sets(project: Project) -> QuerySet[SplitSet]:
    """The project's split sets, newest first, without their manifests (which list every excluded text).

    `counts` is the manifest's; `waits` says whether a job still works on the set.
    """
    return (
        SplitSet.objects.filter(project=project, deleted__isnull=True)
        .defer("manifest")
        .annotate(counts=KeyTransform("counts", "manifest"), waits=_waits())
    )


def _waits() -> Exists:
    wanted = Cast(KeyTextTransform("split_set", "parameters"), BigIntegerField())
    alive = Job.objects.filter(project=OuterRef("project"), kind=BUILD, state__in=["queued", "running"])
    return Exists(alive.annotate(wanted=wanted).filter(wanted=OuterRef("pk")))


def present() -> QuerySet[SplitSet]:
    """Every split set that was not deleted, with `waits`."""
    return SplitSet.objects.filter(deleted__isnull=True).annotate(waits=_waits())


def shown_state(split_set: SplitSet) -> str:
    """The state; a set whose job was cancelled or gave up before it was built counts as failed."""
    if split_set.state == SplitSet.State.BUILDING and not getattr(split_set, "waits", True):
        return SplitSet.State.FAILED
    return split_set.state


def built(project: Project) -> QuerySet[SplitSet]:
    """The sets that can be compared, evaluated on and pulled."""
    return split_sets(project).filter(state__in=[SplitSet.State.READY, SplitSet.State.FROZEN])


def split_order(split_set: SplitSet) -> list[str]:
    """The names of the splits as the recipe lists them."""
    return split_names(split_set.recipe)


def manifest_part(split_set: SplitSet, key: str) -> Any:
    """One part of a manifest, without reading the rest."""
    return (
        SplitSet.objects.filter(pk=split_set.pk).values_list(KeyTransform(key, "manifest"), flat=True).get()
    )


def files(split_set: SplitSet) -> QuerySet[SplitFile]:
    """The files of a set with hard labels, in order of their names."""
    return SplitFile.objects.filter(split_set=split_set, labels="hard").order_by("name")


def candidates(project: Project, fields: list[str]) -> pd.DataFrame:
    """Every text of the pool in id order: `item_id`, `text`, `provenance`, `left_out`, and `meta.<field>` as text.

    `left_out` is why a lead excluded the text, None where nobody did.
    """
    columns = "".join(", meta ->> %s" for _ in fields)
    sql = (
        "SELECT id, text, provenance, CASE WHEN excluded IS NOT NULL THEN excluded_because END"  # noqa: S608
        f"{columns} FROM annotation_item"
        " WHERE project_id = %s AND deleted IS NULL ORDER BY id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*fields, project.pk])
        names = ["item_id", "text", "provenance", "left_out", *(f"meta.{field}" for field in fields)]
        return pd.DataFrame(cursor.fetchall(), columns=names, dtype=object).astype({"item_id": "int64"})


def exclusions(project: Project) -> dict[int, str]:
    """The meta-label ("" for none) with which the panel's standing decision excludes each text that it excludes."""
    newest = (
        Decision.objects.filter(case__project=project, withdrawn__isnull=True)
        .order_by("item_id", "-id")
        .distinct("item_id")
    )
    decided = newest.values_list("item_id", "outcome", "meta_label")
    return {item: meta_label for item, outcome, meta_label in decided if outcome == Outcome.EXCLUDE}


class FieldChoices(NamedTuple):
    """The metadata fields that a rule can go by: equal values stay together, or some values are held out."""

    group: list[str]
    hold_out: list[str]


def field_choices(project: Project) -> FieldChoices:
    """The fields that fit by their type."""
    return FieldChoices(grouping_fields(project), field_names(project, MetadataField.Type.CATEGORY))


def guideline_versions(split_set: SplitSet) -> list[int]:
    """The versions of the guideline under which the set's texts were answered."""
    used = Annotation.objects.filter(
        guideline=OuterRef("pk"),
        round__project=split_set.project_id,
        item__split_items__split_set=split_set.pk,
    )
    found = Guideline.objects.filter(Exists(used), project=split_set.project_id)
    return list(found.order_by("version").values_list("version", flat=True))


def label_origin(split_set: SplitSet) -> dict[str, Any]:
    """How the set's labels came about: the method, the newest answer that it saw, and the policy for meta-labels.

    `compared` is when the methods were compared last (the report on the page of inferred labels), null without.
    All of it is of the data, and nothing of the clock: the same data gives the same manifest.
    """
    project = split_set.project
    newest = Annotation.objects.filter(pk=newest_annotation_id(project)).first()
    report = stored_truth(project)
    rules = review_settings(project)
    return {
        "method": split_set.recipe["labels"],
        "newest_answer": newest.created.isoformat() if newest else None,
        "compared": report.computed.isoformat() if report else None,
        "meta_labels": {kind: str(rules.treatment_of(kind)) for kind in MetaLabel.values},
    }


def field_types(split_set: SplitSet) -> dict[str, str]:
    """The set's metadata fields, sorted, each with the type of its column: bool, int64, float64, string or json."""
    sql = """
        SELECT entry.key,
               array_agg(DISTINCT jsonb_typeof(entry.value)),
               bool_and(entry.value::text ~ '^-?[0-9]{1,18}$')
        FROM evaluation_splititem placed
        JOIN annotation_item item ON item.id = placed.item_id, jsonb_each(item.meta) entry
        WHERE placed.split_set_id = %s AND jsonb_typeof(entry.value) <> 'null'
        GROUP BY entry.key
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [split_set.pk])
        found = {key: (set(kinds), whole) for key, kinds, whole in cursor.fetchall()}
    return {key: _column_type(*found[key]) for key in sorted(found)}


def _column_type(kinds: set[str], whole: bool) -> str:
    if kinds == {"boolean"}:
        return "bool"
    if kinds == {"number"}:
        return "int64" if whole else "float64"
    return "string" if kinds == {"string"} else "json"


class SplitRow(NamedTuple):
    """A text in a split; `name` is what clients call it (`name_of`)."""

    item: int
    name: str
    text: str
    meta: dict[str, Any]
    label: str | None


def split_rows(split_set: SplitSet, split: str) -> Iterator[SplitRow]:
    """The texts of a split in id order, through a server-side cursor."""
    placed = SplitItem.objects.filter(split_set=split_set, split=split).order_by("item_id")
    rows = placed.values_list("item_id", "item__external_id", "item__text", "item__meta", "label__name")
    doubtful = doubtful_ids(split_set)
    for item, external, text, meta, label in rows.iterator(chunk_size=AT_ONCE):
        yield SplitRow(item, name_of(item, external, doubtful), text, meta, label)


def doubtful_ids(split_set: SplitSet) -> set[int]:
    """The internal ids of texts that came without an id, where another text of the set came with just that number."""
    with connection.cursor() as cursor:
        cursor.execute(_DOUBTFUL, {"set": split_set.pk})
        return {pk for (pk,) in cursor.fetchall()}


def name_of(item: int, external_id: str | None, doubtful: set[int]) -> str:
    """What clients call a text: the id that it came with, else ours, marked where it could be another's."""
    if external_id is not None:
        return external_id
    return f"item-{item}" if item in doubtful else str(item)


def split_answers(split_set: SplitSet, items: list[int]) -> dict[int, list[tuple[str, str]]]:
    """(annotator, label) of every answer to these items, oldest first, repeats left out."""
    answers = Annotation.objects.filter(
        item__in=items, kind=Annotation.Kind.NORMAL, round__project=split_set.project_id
    ).order_by("item_id", "id")
    found: dict[int, list[tuple[str, str]]] = {}
    for item, annotator, label in answers.values_list("item_id", "annotator__name", "label__name"):
        found.setdefault(item, []).append((annotator, label))
    return found


def label_counts(labels: np.ndarray[Any, Any]) -> dict[str, int]:
    """How often each label occurs, the commonest first."""
    names, counts = np.unique(labels.astype(str), return_counts=True)
    order = np.lexsort((names, -counts))
    return {str(names[at]): int(counts[at]) for at in order}


def exclusion_counts(split_set: SplitSet) -> list[tuple[str, int]]:
    """Why texts were left out, and how many each time, the commonest reason first."""
    reasons: dict[str, int] = manifest_part(split_set, "excluded_reasons") or {}
    return sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
