"""Guideline versions: drafts, publishing, and who has read what."""

from collections.abc import Callable

from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import Annotator, Guideline, GuidelineRead, Project, User
from annotation.services.guidelines import publish_guideline

Api = Callable[[User | None], APIClient]


def read(api: Api, user: User, project: Project, version: int) -> int:
    return int(api(user).post(f"/api/v1/projects/{project.slug}/guidelines/{version}/read/").status_code)


def test_confirming_a_version_is_kept_once_and_never_goes_back(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    publish_guideline(project, olga, "two")
    assert read(api, ann, project, 2) == 204
    assert read(api, ann, project, 2) == 204
    assert read(api, ann, project, 1) == 204
    assert Annotator.objects.get(project=project, user=ann).read_version == 2
    assert GuidelineRead.objects.filter(user=ann).count() == 2


def test_nobody_confirms_a_draft_or_a_version_that_is_not_there(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    Guideline.objects.create(
        project=project, version=2, body="x", published=None, created=timezone.now(), created_by=olga
    )
    assert read(api, ann, project, 2) == 404
    assert read(api, ann, project, 9) == 404
    assert not GuidelineRead.objects.exists()
