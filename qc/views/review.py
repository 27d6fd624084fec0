"""The rules of review, meta-labels, and what annotators are told of decisions."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.access import open_project
from annotation.models import MetaLabel, Role, User
from annotation.queries.jobs import live_job, newest_job, worker_alive
from qc.forms.review import ReviewSettingsForm
from qc.jobs import start_meta_label_agreement
from qc.models import MetaLabelReport
from qc.queries import feedback
from qc.queries.meta_labels import newest_vote
from qc.queries.review import review_settings
from qc.services.review import change_review_settings

PAGE = 50
MEANINGS = {
    MetaLabel.MISLABELED: "The label that it has is wrong.",
    MetaLabel.UNSOLVABLE: "Nobody can tell from the text alone.",
    MetaLabel.NOISY: "Not really a text: forwarded, cut off, another language.",
    MetaLabel.AMBIGUOUS: "More than one label is right.",
}
JOB = "meta_label_agreement"


@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The panel's rules and the policy for meta-labels, with how far people agree on them."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    settings = review_settings(project)
    form = ReviewSettingsForm(request.POST or None, instance=settings)
    if request.method == "POST" and form.is_valid():
        try:
            change_review_settings(project, request.user, form.cleaned_data)
        except ValidationError as wrong:
            form.add_error(None, wrong.messages)
        else:
            messages.success(request, "Saved. The next split set follows the rules.")
            return redirect("review-settings", slug)
    report = MetaLabelReport.objects.filter(project=project).first()
    job = live_job(project, JOB)
    last = None if job else newest_job(project, JOB)
    alphas = {row["kind"]: row for row in report.result["kinds"]} if report else {}
    context = {
        "form": form,
        "kinds": [(kind, form[kind.value], MEANINGS[kind], alphas.get(kind.value)) for kind in MetaLabel],
        "report": report,
        "newer": report is not None and newest_vote(project) > report.revision,
        "job": job,
        "failed": last if last and last.state == "failed" else None,
        "worker_alive": worker_alive(),
    }
    return render(request, "qc/review_settings.html", context, status=400 if form.errors else 200)


@require_POST
def compute_meta_labels(request: HttpRequest, slug: str) -> HttpResponse:
    """Starts the job that measures agreement on meta-labels."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    start_meta_label_agreement(project, request.user)
    return redirect("review-settings", slug)


@require_GET
def told_decisions(request: HttpRequest, slug: str) -> HttpResponse:
    """What was decided on texts that the user has answered, where the project tells."""
    project = open_project(request, slug, Role.ANNOTATOR)
    assert isinstance(request.user, User)
    pages = Paginator(feedback.decisions_on(project, request.user), PAGE, orphans=0)
    page = pages.get_page(request.GET.get("page"))
    context = {
        "tells": feedback.tells(project),
        "rows": feedback.told(project, request.user, list(page.object_list)),
        "page": page,
    }
    return render(request, "qc/feedback.html", context)
