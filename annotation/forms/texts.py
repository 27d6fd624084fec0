"""Which texts a form of the list is about, and where it was."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from annotation.models import Project
from annotation.queries.items import filters_of

UNDO = "texts_undo"  # in the session: what the last action did, and what takes it back
GOLD_BY = [
    ("best", "the best that is known, in this order"),
    ("decided", "what the panel decided"),
    ("agreed", "what all answered, two people at least"),
    ("imported", "what they were imported with"),
]


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
    if wanted and url_has_allowed_host_and_scheme(wanted, None):
        return wanted
    kept = sent.get("kept", "")
    return f"{reverse('items', args=[project.slug])}{'?' if kept else ''}{kept}"
