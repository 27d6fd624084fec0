"""The page on which texts are labelled. With its script it speaks to the REST API; without, it is a plain form."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotation import markdown
from annotation.access import open_project
from annotation.forms.addresses import id_in
from annotation.forms.labelling import AnswerForm, FlagForm
from annotation.models import Annotation, Assignment, Flag, Item, Project, User
from annotation.queries import labelling as reads
from annotation.queries import projects
from annotation.queries.gold import feedback
from annotation.queries.progress import shown_progress
from annotation.queries.suggestions import as_told, told_words
from annotation.queries.values import label_names, named_value, value_in_words
from annotation.services import answers, flags, labelling
from annotation.services.values import read_value, value_of
from annotation.views.annotate_end import clock_of, end_page

AHEAD = 3  # the text at hand and those that are on the screen at once after it
LARGEST_ID = 2**63 - 1
SHOWN_META = 3
MOST_BUTTONS = 12  # labels that are shown as buttons; more are a list to filter
FLAG_KINDS = [
    (Flag.Kind.MISLABELED, "the imported label is wrong", "M"),
    (Flag.Kind.UNSOLVABLE, "nobody could tell from this text alone", "U"),
    (Flag.Kind.NOISY, "broken, cut off, or not a message", "N"),
    (Flag.Kind.AMBIGUOUS, "two labels fit, guideline is silent", "A"),
    (Flag.Kind.OTHER, "say what in the note", "O"),
]
NOTICES = ["js/overlays.js", "js/outbox.js", "js/annotate-notices.js"]
SHAPES = {
    Project.Task.CLASSIFICATION: ["js/label-list.js", "js/label-choice.js"],
    Project.Task.MULTILABEL: ["js/label-list.js", "js/label-set.js"],
    Project.Task.SPANS: ["js/text-units.js", "js/span-board.js", "js/span-labels.js", "js/label-spans.js"],
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def annotate(request: HttpRequest, slug: str) -> HttpResponse:
    """The text at hand, or why there is none; `?answer=` opens one of one's own answers again."""
    project = open_project(request, slug)
    assert isinstance(request.user, User)
    if request.method == "POST":
        return _store(request, project)
    opened = _opened(request, project)
    handout = labelling.next_items(project, request.user, AHEAD)
    recent = _recent(project, reads.recent_answers(handout.annotator))
    if handout.reason and (opened is None or handout.reason == "paused"):
        return end_page(request, project, handout, recent)
    return render(request, "annotation/annotate.html", _context(project, handout, recent, opened))


def _opened(request: HttpRequest, project: Project) -> dict[str, Any] | None:
    """The own answer that the address names."""
    if not request.GET.get("answer"):
        return None
    pk = id_in(request.GET, "answer")
    if pk is None:
        raise Http404("There is no such answer of yours.")
    assert isinstance(request.user, User)
    own = reads.answers_of(request.user).filter(round__project=project).select_related("item")
    return _recent(project, [get_object_or_404(own, pk=pk)])[0]


def _context(
    project: Project, handout: labelling.Handout, recent: list[dict[str, Any]], opened: dict[str, Any] | None
) -> dict[str, Any]:
    guideline = projects.newest_guideline(project)
    labels = list(projects.active_labels(project))
    first = handout.leases[0] if handout.leases else None
    shown = opened["item"] if opened else _item(first) if first else {}
    keys = {label.hotkey for label in labels}
    progress, sitting = progress_of(handout), clock_of(handout, project)
    tells = project.gold_feedback != Project.GoldFeedback.NOTHING
    scripts = [*NOTICES, "js/active-clock.js", *(["js/gold-feedback.js"] if tells else [])]
    many = len(labels) > MOST_BUTTONS
    suggestion = as_told(first.suggested, first.suggestion) if first and not opened else None
    return {
        "item": shown,
        "suggestion": suggestion,
        "suggestion_words": told_words(suggestion) if suggestion else "",
        "tags": meta_tags(shown["meta"]),
        "assignment": first,
        "opened": opened,
        "key": uuid.uuid4(),
        "labels": labels,
        "split": many or project.task == Project.Task.SPANS,
        "none_key": next((digit for digit in "0987654321" if digit not in keys), ""),
        "round": handout.round,
        "progress": progress,
        "sitting": sitting,
        "recent": recent,
        "guideline": guideline,
        "guideline_html": markdown.render(guideline.body) if guideline else "",
        "flag_kinds": FLAG_KINDS,
        "ratings": range(1, 6),
        "longest_comment": AnswerForm.base_fields["comment"].max_length,  # type: ignore[attr-defined]
        "tells": tells,
        "scripts": [
            *scripts,
            *SHAPES[Project.Task(project.task)],
            "js/annotate-suggestion.js",
            "js/annotate.js",
        ],
        "script": {
            "project": project.slug,
            "user": handout.annotator.user_id,
            "task": project.task,
            "overlapping": project.overlapping_spans,
            "labels": [
                {
                    "name": label.name,
                    "color": label.color,
                    "description": label.description,
                    "examples": label.examples,
                }
                for label in labels
            ],
            "count": AHEAD,
            "urls": {
                "page": reverse("annotate", args=[project.slug]),
                "next": reverse("api-next", args=[project.slug]),
                "answer": reverse("api-answer", args=[0]),
                "skip": reverse("api-skip", args=[0]),
                "suggestion": reverse("api-suggestion", args=[0]),
                "annotation": reverse("api-annotation", args=[0]),
                "flags": reverse("api-flags", args=[0]),
            },
            "assignments": [
                {
                    "id": lease.id,
                    "item": _item(lease),
                    "suggestion": as_told(lease.suggested, lease.suggestion),
                }
                for lease in handout.leases
            ],
            "recent": recent,
            "opened": opened,
            "progress": progress,
            "quota": handout.quota,
            "sitting": sitting,
            "guideline_version": handout.guideline_version,
            "screen_version": project.screen_version,
        },
    }


def _item(lease: reads.Lease) -> dict[str, Any]:
    return {"id": lease.item_id, "text": lease.text, "meta": lease.meta}


def progress_of(handout: labelling.Handout) -> dict[str, int]:
    """How far the round is, and the annotator in it."""
    done, total = shown_progress(handout.round)
    mine_total = total if handout.quota is None else handout.quota
    return {"mine": handout.mine, "mine_total": mine_total, "round_done": done, "round_total": total}


def _recent(project: Project, answered: list[Annotation]) -> list[dict[str, Any]]:
    """Own answers as the page and its script know them."""
    if not answered:
        return []
    names = label_names(project)
    return [
        {
            "annotation": answer.pk,
            "value": {
                field: value for field, value in named_value(answer, names).items() if value is not None
            },
            "words": value_in_words(answer, names),
            "comment": answer.comment,
            "difficulty": answer.difficulty,
            "confidence": answer.confidence,
            "flagged": getattr(answer, "flagged", False),
            "item": {"id": answer.item_id, "text": answer.item.text, "meta": answer.item.meta},
        }
        for answer in answered
    ]


def meta_tags(meta: dict[str, Any]) -> list[str]:
    """The first few short values of an item's metadata, for the line above the text."""
    values = [
        value
        for value in meta.values()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]
    return [str(value) for value in values if 0 < len(str(value)) <= 40][:SHOWN_META]


def _store(request: HttpRequest, project: Project) -> HttpResponse:
    form = AnswerForm(request.POST, project=project)
    if form.is_valid():
        try:
            _answer_or_revise(request, project, form)
        except ValidationError as wrong:
            messages.error(request, " ".join(wrong.messages))
    else:
        messages.error(request, "Nothing was saved. " + _words(form.errors.as_data()))
    return redirect("annotate", project.slug)


def _answer_or_revise(request: HttpRequest, project: Project, form: AnswerForm) -> None:
    assert isinstance(request.user, User)
    sent, told = form.cleaned_data, form.answer()
    if sent["annotation"]:
        own = get_object_or_404(
            reads.answers_of(request.user).filter(round__project=project), pk=sent["annotation"]
        )
        labelling.check_active(own.member_state)  # type: ignore[attr-defined]
        answers.revise_answer(own, told)
    else:
        assignment = _own_assignment(request, project, sent["assignment"] or 0)
        if sent["key"] is None:
            raise ValidationError("Nothing was saved. Reload the page and answer again.")
        made, new = answers.answer_item(assignment, key=sent["key"], **told)
        if not new:
            _check_same(project, made, told)
        if (known := feedback(made, project)) is not None:
            messages.info(request, _in_words(known))
    messages.success(request, f"{form.words()}. Saved.")


def _check_same(project: Project, made: Annotation, told: dict[str, Any]) -> None:
    """Raises ValidationError where a page that was gone back to sent another answer than the one that is stored."""
    sent = read_value(project, "", label=told.get("label"), labels=told.get("labels"))
    if sent != value_of(made):
        stored = value_in_words(made, label_names(project))
        raise ValidationError(
            f"You have answered this text already, and “{stored}” stays. To change it, open it under My last texts."
        )


def _in_words(known: dict[str, Any]) -> str:
    """How an answer to a text went whose answer is known, as far as the project tells."""
    said = ["That was right." if known["correct"] else "Something else was agreed for this text."]
    said += [f"{hint['label']}: {hint['description'] or 'fits'}." for hint in known.get("hint", [])]
    said += [known["explanation"]] if known.get("explanation") else []
    said.append(
        f"{known['right']} of {known['answers']} known answers were right; {known['needed']:.0%} are asked for."
    )
    return " ".join(said)


def _words(errors: dict[str, list[ValidationError]]) -> str:
    return " ".join(message for found in errors.values() for error in found for message in error.messages)


def _own_assignment(request: HttpRequest, project: Project, pk: int) -> Assignment:
    assert isinstance(request.user, User)
    found, membership = reads.assignment_of(request.user, pk)
    if found.round.project_id != project.pk:
        raise Http404("There is no such text in your hands.")
    labelling.check_active(membership.state if membership else None)
    return found


def _sent_assignment(request: HttpRequest, project: Project) -> Assignment:
    pk = id_in(request.POST, "assignment")
    if pk is None:
        raise Http404("There is no such text in your hands.")
    return _own_assignment(request, project, pk)


@require_POST
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Tells what is suggested for the text at hand, and notes that it was asked for."""
    project = open_project(request, slug)
    assignment = _sent_assignment(request, project)
    try:
        labelling.ask_for_suggestion(assignment)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("annotate", slug)


@require_POST
def skip(request: HttpRequest, slug: str) -> HttpResponse:
    """Gives the text at hand to others; a comment goes along as the reason."""
    project = open_project(request, slug)
    assignment = _sent_assignment(request, project)
    try:
        labelling.skip_item(assignment, request.POST.get("comment", ""))
        messages.success(request, "Skipped. Others get this text.")
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return redirect("annotate", slug)


@require_POST
def flag(request: HttpRequest, slug: str) -> HttpResponse:
    """Flags the text at hand; it can still be answered."""
    project = open_project(request, slug)
    assert isinstance(request.user, User)
    form = FlagForm(request.POST)
    back = HttpResponseRedirect(reverse("annotate", args=[slug]))
    if not form.is_valid():
        messages.error(request, "Nothing was flagged. " + _words(form.errors.as_data()))
        return back
    sent = form.cleaned_data
    if not -LARGEST_ID <= sent["item"] <= LARGEST_ID:
        raise Http404("There is no such text.")
    item = get_object_or_404(Item, pk=sent["item"], project=project, deleted__isnull=True)
    try:
        flags.flag_item(item, request.user, kind=sent["kind"], note=sent["note"])
        messages.success(request, "Flagged. You can still answer this text.")
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    return back
