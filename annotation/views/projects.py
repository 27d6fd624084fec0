"""Setting up a project."""

import re
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, BooleanField
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from annotation.access import projects_led_by
from annotation.forms import projects as forms
from annotation.forms.settings import settings_of
from annotation.models import Project, User
from annotation.queries.projects import active_labels, newest_guideline
from annotation.services.labels import FREE_KEYS, SCREEN_KEYS
from annotation.services.projects import create_project

FIRST_ROWS = 4
MOST_TO_START_FROM = 50
TASKS = [
    (Project.Task.CLASSIFICATION, "Each text gets exactly one."),
    (Project.Task.MULTILABEL, "None, one or more for each text."),
    (Project.Task.SPANS, "Mark words inside the text."),
]
CHANGES = {"add-labels", "remove-label", "paste-labels"}


def new_project(request: HttpRequest) -> HttpResponse:
    """The form. What is wrong is said beside it, and nothing typed is lost. Rows come and go by buttons."""
    assert isinstance(request.user, User)
    startable = projects_led_by(request.user)
    wrong: list[str] = []
    if request.method != "POST":
        form, labels = _first(startable.filter(slug=request.GET.get("from", "").replace("\x00", "")).first())
    elif CHANGES & set(request.POST):
        form = forms.ProjectForm(initial=request.POST.dict() | _ticked(request.POST))
        labels = forms.label_forms(_changed_rows(request.POST))
    else:
        form, labels = forms.ProjectForm(request.POST), forms.sent_label_forms(forms.sent_rows(request.POST))
        if all([form.is_valid(), labels.is_valid()]):
            chosen, rows = forms.labels_from(labels)
            settings = {name: value for name, value in form.cleaned_data.items() if value != ""}
            try:
                project = create_project(request.user, labels=chosen, **settings)
            except ValidationError as invalid:
                wrong = _placed(invalid, form, rows)
            else:
                messages.success(request, "The project is there. Now it needs texts.")
                return redirect("project", project.slug)
        wrong = wrong or ["Something has to be mended first. It is marked below."]
    context = {
        "form": form,
        "labels": labels,
        "wrong": wrong,
        "tasks": TASKS,
        "chosen_task": form["task"].value() or Project.Task.CLASSIFICATION,
        "screen_keys": "".join(key for key in SCREEN_KEYS if key.isalpha()),
        "free_keys": FREE_KEYS,
        "startable": startable[:MOST_TO_START_FROM],
        "started_from": request.GET.get("from", ""),
    }
    return render(request, "annotation/project_new.html", context, status=400 if wrong else 200)


def _first(known: Project | None) -> tuple[forms.ProjectForm, BaseFormSet[forms.LabelForm]]:
    """An empty form, or one filled with another project's set-up."""
    if known is None:
        return forms.ProjectForm(initial=settings_of(Project(name="", question=""))), forms.label_forms(
            forms.blank_rows(FIRST_ROWS)
        )
    newest = newest_guideline(known)
    initial = settings_of(known) | {
        "name": "",
        "task": known.task,
        "guideline": newest.body if newest else "",
    }
    rows = [
        {
            "hotkey": label.hotkey,
            "color": label.color,
            "name": label.name,
            "description": label.description,
            "examples": "\n".join(label.examples),
        }
        for label in active_labels(known)
    ]
    return forms.ProjectForm(initial=initial), forms.label_forms(rows)


def _ticked(data: QueryDict) -> dict[str, bool]:
    """The boxes, of which only ticked ones are sent."""
    return {
        name: name in data
        for name, field in forms.ProjectForm.base_fields.items()
        if isinstance(field, BooleanField)
    }


def _changed_rows(data: QueryDict) -> list[dict[str, Any]]:
    """The rows with one more, one less, or those of a pasted list in place of empty ones."""
    rows = forms.sent_rows(data)
    if "paste-labels" in data:
        kept = [row for row in rows if not forms.is_empty(row)]
        rows = kept + forms.pasted_rows(data.get("pasted", ""), len(kept))
        return rows or forms.blank_rows(FIRST_ROWS)
    removed = data.get("remove-label", "")
    if removed.isdecimal() and len(removed) < 6 and int(removed) < len(rows):
        del rows[int(removed)]
    if "add-labels" in data:
        rows += forms.blank_rows(FIRST_ROWS, len(rows))
    return rows[: forms.MOST_ROWS]


def _placed(invalid: ValidationError, form: forms.ProjectForm, rows: list[forms.LabelForm]) -> list[str]:
    """Puts each message at its field; those that belong to none are returned."""
    if not hasattr(invalid, "error_dict"):
        return invalid.messages
    rest: list[str] = []
    for field, problems in invalid.message_dict.items():
        row = re.fullmatch(r"labels\[(\d+)\]\.(\w+)", field)
        if row and row[2] in forms.LabelForm.base_fields:
            rows[int(row[1])].add_error(row[2], problems)
        elif field in form.fields:
            form.add_error(field, problems)
        else:
            rest += problems
    return rest
