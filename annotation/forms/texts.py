"""Which texts a form of the list is about, and where it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from annotation.algorithms.metadata import LONGEST_EXAMPLE
from annotation.models import MetadataField, Project
from annotation.queries.items import filters_of
from annotation.queries.metadata import META, metadata_fields

UNDO = "texts_undo"  # in the session: what the last action did, and what takes it back
GOLD_BY = [
    ("best", "the best that is known, in this order"),
    ("decided", "what the panel decided"),
    ("agreed", "what all answered, two people at least"),
    ("imported", "what they were imported with"),
]
MOST_FACETS = 12


@dataclass(frozen=True)
class Control:
    """One entry of the form: its name is the filter's in the address."""

    name: str
    words: str
    kind: str  # of the <input>; "choice" is a <select>
    value: str
    hint: str = ""


@dataclass(frozen=True)
class Facet:
    """What can be asked of one field of the metadata."""

    field: str
    controls: list[Control]
    values: list[str]  # the commonest


def metadata_facets(project: Project, filters: Mapping[str, str]) -> list[Facet]:
    """The fields as the list's form asks for them, by their types: a value, from and to, or words in it."""
    return [_facet(field, filters) for field in islice(metadata_fields(project), MOST_FACETS)]


def _facet(field: MetadataField, filters: Mapping[str, str]) -> Facet:
    def control(operator: str, words: str, kind: str, hint: str = "") -> Control:
        name = f"{META}{field.name}{operator}"
        return Control(name, words, kind, filters.get(name, ""), hint)

    if field.type == MetadataField.Type.NUMBER:
        lowest, highest = (f"{end:.12g}" if end is not None else "" for end in (field.minimum, field.maximum))
        return Facet(
            field.name, [control(":from", "from", "text", lowest), control(":to", "to", "text", highest)], []
        )
    if field.type == MetadataField.Type.DATE:
        return Facet(field.name, [control(":from", "from", "date"), control(":to", "to", "date")], [])
    if field.type == MetadataField.Type.TEXT:
        return Facet(field.name, [control(":has", "words in it", "text", "has the words")], [])
    whole = [value for value in field.examples if len(value) < LONGEST_EXAMPLE]
    chosen = filters.get(f"{META}{field.name}", "")
    if len(whole) == field.distinct:
        values = whole if chosen in {"", *whole} else [*whole, chosen]
        return Facet(field.name, [control("", "value", "choice")], values)
    return Facet(field.name, [control("", "value", "text", "is exactly")], whole)


def choice_of(sent: QueryDict) -> dict[str, Any]:
    """The texts that were ticked, all under the filters of the list, or those of an earlier action."""
    if at := sent.get("at"):
        undone = {"include": "exclude", "restore": "delete"}.get(sent.get("action", ""), "exclude")
        return {"at": at, "undo_of": undone}
    if sent.get("all"):
        return {"filters": filters_of(QueryDict(sent.get("kept", "")))}
    ids = [value for value in sent.getlist("item") if value.isascii() and value.isdecimal()]
    if not ids:
        raise ValidationError("Tick the texts first.")
    return {"items": [int(value) for value in ids if len(value) < 19]}


def back_to_list(sent: QueryDict, project: Project) -> str:
    """Where the form was: the list with its filters, or the text's page."""
    wanted = sent.get("next", "")
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None):
        return wanted
    kept = sent.get("kept", "")
    return f"{reverse('items', args=[project.slug])}{'?' if kept else ''}{kept}"
