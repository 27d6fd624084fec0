"""Setting up a project."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from annotation.forms.projects import ProjectForm, label_forms, labels_from
from annotation.models import User
from annotation.services.projects import create_project


def new_project(request: HttpRequest) -> HttpResponse:
    """The form; what is wrong is said beside it, and nothing typed is lost. Without JavaScript, a button adds rows."""
    assert isinstance(request.user, User)
    data = request.POST.copy() if request.method == "POST" else None
    adding = data is not None and "add-labels" in data
    if data is not None and adding:
        rows = data.get("labels-TOTAL_FORMS", "0")
        data["labels-TOTAL_FORMS"] = str(min(int(rows) if rows.isdecimal() else 0, 296) + 4)
    form, labels = ProjectForm(data), label_forms(data)
    wrong: list[str] = []
    if data is not None and not adding and form.is_valid() and labels.is_valid():
        try:
            project = create_project(request.user, labels=labels_from(labels), **form.cleaned_data)
        except ValidationError as invalid:
            wrong = invalid.messages
        else:
            messages.success(request, "The project is there. Now it needs texts.")
            return redirect("project", project.slug)
    context = {"form": form, "labels": labels, "wrong": wrong, "show_errors": not adding}
    return render(request, "annotation/project_new.html", context)
