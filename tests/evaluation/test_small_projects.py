"""Every page of a project serves every kind of task: it shows answers, or says in a sentence why there are none."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from annotation.models import Annotation, GoldItem, Item, Job, Project, User
from evaluation.demo.project import make_users
from evaluation.demo.running import run_job
from evaluation.demo.small_projects import NAMES, TOPICS, make_small_projects
from evaluation.jobs import start_leakage, start_split_set
from evaluation.services import leakage, splits
from qc.jobs import start_agreement, start_exploration, start_truth
from qc.models import Case
from qc.services import cases

PAGES = [
    "project",
    "items",
    "agreement",
    "truth",
    "adjudicate",
    "review-settings",
    "explore",
    "suspects",
    "leakage",
    "splits",
    "runs",
    "rounds",
    "team",
    "guideline",
    "settings",
    "audit",
    "own-work",
    "import",
    "jobs",
    "archive",
    "annotate",
]
EXPORTS = ["annotations.jsonl", "annotations.csv", "annotations.parquet", "annotations.label-studio.json"]


@pytest.fixture
def users(db: None) -> dict[str, User]:
    made = make_users()
    make_small_projects(made, lambda said: None)
    return made


def finish_or_say_why(job: Job) -> None:
    """Runs a job that may not serve the task yet: then it ends with a sentence, not with a failure of ours."""
    try:
        run_job(job)
    except RuntimeError as refused:
        assert "on our side" not in str(refused), refused


@pytest.mark.parametrize("slug", [TOPICS, NAMES])
def test_every_page_and_job_serves_the_task(slug: str, users: dict[str, User], client: Client) -> None:
    project, lead = Project.objects.get(slug=slug), users["ravi"]
    kinds = Annotation.objects.filter(round__project=project).values_list("kind", flat=True)
    assert {"normal", "gold"} <= set(kinds)
    assert GoldItem.objects.filter(project=project, exposures__gt=0).exists()
    run_job(start_agreement(project, lead))
    people = project.agreement_reports.get(round=None).result["annotator_reports"]
    assert all(row["median_seconds"] > 3 for row in people)
    with pytest.raises(ValidationError, match="one label"):
        start_truth(project, lead)
    finish_or_say_why(start_exploration(project, lead))
    run_job(start_leakage(leakage.open_report(project, None, 0.8, 3), lead))
    recipe = {"splits": {"train": 0.5, "test": 0.5}, "stratify": ["label"], "group": ["duplicates"]}
    try:
        half = splits.create_split_set(project, lead, name="half", recipe=recipe, seed=1)
    except ValidationError:
        pass  # refused in words
    else:
        finish_or_say_why(start_split_set(half, lead))
    answered = Item.objects.filter(annotations__round__project=project).distinct()[:3]
    cases.open_cases(project, lead, [item.pk for item in answered], source="manual", quorum=2)

    client.force_login(lead)
    for name in PAGES:
        answer = client.get(reverse(name, args=[slug]), follow=True)
        assert answer.status_code == 200, name
    for case in Case.objects.filter(project=project):
        assert client.get(reverse("case", args=[slug, case.pk])).status_code == 200
    for item in answered:
        assert client.get(reverse("item", args=[slug, item.pk])).status_code == 200
    for person in project.annotators.filter(annotations__isnull=False).distinct():
        assert client.get(reverse("annotator", args=[slug, person.pk])).status_code == 200
    for export in EXPORTS:
        answer = client.get(f"/api/v1/projects/{slug}/{export}")
        assert answer.status_code == 200, export
        assert b"".join(answer)  # streamed to its end
    resolved = client.get(f"/api/v1/projects/{slug}/labels/resolved.jsonl")
    rows = [json.loads(line) for line in b"".join(resolved).splitlines()]
    assert len(rows) > 20


def test_an_annotator_labels_both(users: dict[str, User], client: Client) -> None:
    client.force_login(users["amara"])
    for slug in (TOPICS, NAMES):
        assert client.get(reverse("annotate", args=[slug])).status_code == 200
        assert client.get(reverse("own-work", args=[slug])).status_code == 200
