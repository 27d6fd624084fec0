"""Guideline versions: drafts, publishing, what changed, and who has read what."""

import json
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.markdown import clauses, render
from annotation.models import Annotator, AuditEntry, Guideline, GuidelineRead, Project, User
from annotation.queries.guidelines import answers_by_version, dated_clauses, published_versions
from annotation.services import guidelines
from annotation.services.tallies import tally_answers
from tests.annotation.labelling_steps import answer, fill, take

Api = Callable[[User | None], APIClient]
Pages = Callable[[User | None], Client]


def read(api: Api, user: User, project: Project, version: int) -> int:
    return int(api(user).post(f"/api/v1/projects/{project.slug}/guidelines/{version}/read/").status_code)


def bodies(project: Project) -> dict[int, str]:
    return dict(Guideline.objects.filter(project=project).values_list("version", "body"))


def test_confirming_a_version_is_kept_once_and_never_goes_back(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    guidelines.publish_guideline(project, olga, "two")
    assert read(api, ann, project, 2) == 204
    assert read(api, ann, project, 2) == 204
    assert read(api, ann, project, 1) == 204
    assert Annotator.objects.get(project=project, user=ann).read_version == 2
    assert GuidelineRead.objects.filter(user=ann).count() == 2


def test_nobody_confirms_a_draft_or_a_version_that_is_not_there(
    project: Project, olga: User, ann: User, api: Api
) -> None:
    guidelines.save_draft(project, olga, body="x")
    assert read(api, ann, project, 2) == 404
    assert read(api, ann, project, 9) == 404
    assert not GuidelineRead.objects.exists()


def test_a_draft_is_seen_by_leads_alone(project: Project, lea: User, ann: User, api: Api) -> None:
    address = f"/api/v1/projects/{project.slug}/guidelines/"
    sent = api(lea).post(address, {"body": "new words", "publish": False}, format="json")
    assert (sent.status_code, sent.data["version"], sent.data["published"]) == (201, 2, None)
    assert [row["version"] for row in api(lea).get(address).data["results"]] == [2, 1]
    assert [row["version"] for row in api(ann).get(address).data["results"]] == [1]
    assert api(ann).get(f"/api/v1/projects/{project.slug}/").data["guideline"] == bodies(project)[1]


def test_publishing_over_rest_gives_the_next_version_and_leaves_a_draft_alone(
    project: Project, lea: User, api: Api
) -> None:
    guidelines.save_draft(project, lea, body="what I am writing")
    address = f"/api/v1/projects/{project.slug}/guidelines/"
    sent = api(lea).post(address, {"body": "two", "summary": "Two is new."}, format="json")
    assert (sent.data["version"], sent.data["summary"]) == (2, "Two is new.")
    assert sent.data["published"] is not None
    assert bodies(project)[2] == "two"
    assert bodies(project)[3] == "what I am writing"


@pytest.mark.parametrize("body", ["x" * 200_001, "a\x00b", "\ud800", None, 7 * [1]])
def test_a_bad_guideline_over_rest_is_refused_and_changes_nothing(
    project: Project, lea: User, api: Api, body: object
) -> None:
    sent = api(lea).post(
        f"/api/v1/projects/{project.slug}/guidelines/",
        json.dumps({"body": body}),
        content_type="application/json",
    )
    assert sent.status_code == 400
    assert list(bodies(project)) == [1]


def test_saving_twice_keeps_one_draft_and_publishing_it_makes_the_version(
    project: Project, lea: User, ann: User, page: Pages
) -> None:
    address = f"/projects/{project.slug}/guideline/"
    page(lea).post(address, {"body": "one more", "save": ""})
    page(lea).post(address, {"body": "one more\r\nline", "summary": "More.", "save": ""})
    assert bodies(project)[2] == "one more\nline"
    assert published_versions(project).count() == 1
    page(lea).post(address, {"body": "one more\nline", "summary": "More.", "publish": ""})
    newest = published_versions(project).first()
    assert newest is not None
    assert (newest.version, newest.summary) == (2, "More.")


def test_publishing_what_is_out_already_is_refused_and_leaves_no_draft(
    project: Project, lea: User, page: Pages
) -> None:
    sent = page(lea).post(f"/projects/{project.slug}/guideline/", {"body": bodies(project)[1], "publish": ""})
    assert sent.status_code == 400
    assert "nothing new to publish" in sent.content.decode()
    assert list(bodies(project)) == [1]


def test_an_empty_draft_is_not_published(project: Project, lea: User) -> None:
    guidelines.save_draft(project, lea, body=" \n")
    with pytest.raises(ValidationError, match="empty"):
        guidelines.publish_draft(project, lea)


def test_nobody_saves_over_what_somebody_else_saved_in_the_meantime(
    project: Project, olga: User, lea: User, page: Pages
) -> None:
    began_with = guidelines.state_of(bodies(project)[1])
    guidelines.save_draft(project, olga, body="Olga's words", seen=began_with)
    sent = page(lea).post(
        f"/projects/{project.slug}/guideline/", {"body": "Lea's words", "seen": began_with, "save": ""}
    )
    assert sent.status_code == 400
    assert "Lea&#x27;s words" in sent.content.decode()
    assert bodies(project)[2] == "Olga's words"


def test_an_old_version_comes_back_as_a_draft_but_never_over_another(project: Project, lea: User) -> None:
    guidelines.publish_guideline(project, lea, "two")
    draft = guidelines.restore_version(project, lea, 1)
    assert (draft.version, draft.body, draft.published) == (3, bodies(project)[1], None)
    with pytest.raises(ValidationError, match="draft already"):
        guidelines.restore_version(project, lea, 1)


def test_what_a_draft_said_before_it_was_saved_anew_is_in_the_log(project: Project, lea: User) -> None:
    for body in ("# One", "# One", "# Two"):
        guidelines.save_draft(project, lea, body=body)
    entries = AuditEntry.objects.filter(action="save guideline draft").order_by("id")
    assert [entry.before and entry.before["body"] for entry in entries] == [None, "# One"]


def test_a_discarded_draft_can_be_read_in_the_log(project: Project, lea: User, page: Pages) -> None:
    guidelines.save_draft(project, lea, body="typed for an hour")
    page(lea).post(f"/projects/{project.slug}/guideline/discard/")
    assert list(bodies(project)) == [1]
    entry = AuditEntry.objects.filter(project=project, action="discard guideline draft").get()
    assert entry.before == {"body": "typed for an hour"}


def test_clauses_are_numbered_by_their_depth_and_the_title_is_not() -> None:
    text = "# What is it?\n\nChoose.\n\n## Fee {#fee}\nOne charge.\n\n### Twice\nx\n\n## Refund\n\n- a\n"
    assert [(c.number, c.title, c.first_line, c.line) for c in clauses(text)] == [
        ("1", "Fee", "One charge.", 5),
        ("1.1", "Twice", "x", 8),
        ("2", "Refund", "a", 11),
    ]
    assert '<h4>Fee <span class="sec">1</span></h4>' in render(text)
    assert "{#fee}" not in render(text)


def test_headings_of_one_level_are_all_numbered_and_strange_depths_do_no_harm() -> None:
    assert [c.number for c in clauses("# a\n\n# b\n\n# c")] == ["1", "2", "3"]
    assert [c.number for c in clauses("### a\n\n# b\n\n### c\n\n## d")] == ["1", "2", "2.1", "2.2"]
    assert clauses("just words") == ()


def test_a_clause_is_as_old_as_its_words(project: Project, lea: User) -> None:
    for body in ("# a\n\nx\n\n# b\n\ny", "# a\n\nx\n\n# b\n\nz", "# a\n\nx\n\n# b\n\ny"):
        guidelines.publish_guideline(project, lea, body)
    since = {row.clause.title: row.since for row in dated_clauses(list(published_versions(project)))}
    assert since == {"a": 2, "b": 4}


def test_answers_are_counted_by_the_version_that_their_author_had(
    project: Project, lea: User, ann: User
) -> None:
    fill(project, 4)
    first, *rest = take(project, ann, 3)
    answer(first)
    guidelines.publish_guideline(project, lea, "two")
    for assignment in rest:
        answer(assignment)
    for _ in range(3):  # what was there at one look is added up at the next, once
        tally_answers()
    counted = {
        version.version: answers_by_version(project).get(version.pk, 0)
        for version in published_versions(project)
    }
    given = {g.version: 0 for g in published_versions(project)}
    for version in first.annotator.annotations.values_list("guideline__version", flat=True):
        given[version] += 1
    assert counted == given
    assert sum(counted.values()) == 3


def test_the_page_shows_the_draft_its_changes_and_who_has_read_what_is_out(
    project: Project, lea: User, ann: User, page: Pages
) -> None:
    guidelines.acknowledge(Guideline.objects.get(project=project, version=1), ann)
    said = page(lea).get(f"/projects/{project.slug}/guideline/").content.decode()
    assert "1 of 5 active people have confirmed v1." in said
    guidelines.save_draft(project, lea, body="# Weather\n\nIs it good or bad?", summary="Bad is new.")
    said = page(lea).get(f"/projects/{project.slug}/guideline/").content.decode()
    assert "1 line added, 1 removed" in said
    assert "<ins>good or bad?</ins>" in said
    assert "Publish v2" in said


def test_the_preview_is_safe(project: Project, lea: User, page: Pages) -> None:
    body = "## A\n\n<script>alert(1)</script> [x](javascript:alert(1)) **b**"
    said = page(lea).post(f"/projects/{project.slug}/guideline/preview/", {"body": body}).content.decode()
    assert "<script" not in said
    assert 'href="javascript' not in said
    assert "<strong>b</strong>" in said


def test_the_page_costs_the_same_with_more_versions(project: Project, lea: User, page: Pages) -> None:
    def cost() -> int:
        client = page(lea)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/projects/{project.slug}/guideline/")
        return len(queries)

    guidelines.publish_guideline(project, lea, "two")
    few = cost()
    Guideline.objects.bulk_create(
        Guideline(project=project, version=n, body=str(n), published=timezone.now(), created_by=lea)
        for n in range(3, 12)
    )
    assert cost() == few


def test_a_guideline_without_words_takes_no_time_to_read(project: Project, lea: User, page: Pages) -> None:
    said = page(lea).post(f"/projects/{project.slug}/guideline/preview/", {"body": ""}).content.decode()
    assert "0 words" in said
    assert "minute" not in said
