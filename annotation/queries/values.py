"""Answers in words: label ids as names."""

from collections.abc import Mapping
from typing import Any

from annotation.models import Label, Project


def label_names(project: Project) -> dict[int, str]:
    """{id: name} of all the project's labels, retired ones too."""
    return dict(Label.objects.filter(project=project).values_list("pk", "name"))


def named_value(answer: Any, names: Mapping[int, str]) -> dict[str, Any]:
    """{"label", "labels", "spans"} of a row that holds an answer; two of them are None."""
    spans = answer.spans
    return {
        "label": None if answer.label_id is None else names[answer.label_id],
        "labels": None if answer.labels is None else [names[pk] for pk in answer.labels],
        "spans": None
        if spans is None
        else [{"start": start, "end": end, "label": names[pk]} for start, end, pk in spans],
    }


def value_in_words(answer: Any, names: Mapping[int, str]) -> str:
    """An answer in one line for lists and messages: "Refund", "Refund, Fee", "3 spans", "none of these"."""
    if answer.label_id is not None:
        return names[answer.label_id]
    if answer.labels is not None:
        return ", ".join(names[pk] for pk in answer.labels) or "none of these"
    n = len(answer.spans)
    return f"{n} span{'' if n == 1 else 's'}" if n else "no spans"
