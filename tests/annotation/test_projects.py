"""Setting up projects and the people in them, by page and REST."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import AuditEntry, Guideline, Invitation, Label, Membership, Project, Role, Round, User

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
NEW = {"slug": "intents", "name": "Intents", "labels": [{"name": "a"}, {"name": "b"}], "guideline": "# Read"}


def test_a_new_project_has_the_documented_defaults_and_one_open_round(api: Api, otto: User) -> None:
    answer = api(otto).post("/api/v1/projects/", NEW)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["overlap"], told["gold_rate"], told["repeat_rate"]) == (3, 0.05, 0.05)
    assert (told["gold_threshold"], told["gold_minimum"], told["task"]) == (0.7, 5, "classification")
    assert told["limits"] == dict.fromkeys(
        ["sitting_minutes", "day_minutes", "total_minutes", "break_minutes"]
    )
    assert [label["hotkey"] for label in told["labels"]] == ["1", "2"]
    made = Round.objects.get(project__slug="intents")
    assert (made.name, made.state, made.overlap) == ("main", "open", 3)
    assert Membership.objects.get(project__slug="intents").role == Role.OWNER


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": []}, "at least two labels"),
        ({"labels": [{"name": "a"}, {"name": "a"}]}, "Names must differ"),
        ({"labels": [{"name": "a", "hotkey": "q"}, {"name": "b", "hotkey": "Q"}]}, "have the key “q”"),
        ({"labels": [{"name": "a", "hotkey": "z"}, {"name": "b"}]}, "already means undo"),
        ({"overlap": 0}, "greater than or equal to 1"),
        ({"task": "poetry"}, "not a valid choice"),
        ({"slug": "new"}, "address of Loupe itself"),
        ({"slug": "with space"}, "slug"),
        ({"gold_rate": 2}, "less than or equal to 1"),
        ({"limits": {"day_minutes": -1}}, "greater than or equal to 1"),
        ({"labels": "x"}, "list"),
        ({"name": ""}, "blank"),
    ],
)
def test_what_is_wrong_with_a_project_is_said_and_nothing_is_stored(
    api: Api, otto: User, change: dict[str, object], said: str
) -> None:
    answer = api(otto).post("/api/v1/projects/", NEW | change)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"]
    assert not Project.objects.exists()
    assert not Label.objects.exists()


def test_a_changed_guideline_becomes_a_new_version(api: Api, project: Project, lea: User) -> None:
    for body in ("Two", "Two", "Three"):
        assert api(lea).patch(f"/api/v1/projects/{project.slug}/", {"guideline": body}).status_code == 200
    assert list(Guideline.objects.filter(project=project).values_list("version", flat=True)) == [1, 2, 3]


def test_what_must_not_change_is_refused(api: Api, project: Project, lea: User) -> None:
    assert api(lea).patch(f"/api/v1/projects/{project.slug}/", {"slug": "other"}).status_code == 400


def test_a_deleted_project_is_gone_for_members_and_there_for_its_owner(
    api: Api, project: Project, olga: User, lea: User
) -> None:
    assert api(lea).delete(f"/api/v1/projects/{project.slug}/").status_code == 403
    assert api(olga).delete(f"/api/v1/projects/{project.slug}/").status_code == 204
    assert api(lea).get(f"/api/v1/projects/{project.slug}/").status_code == 404
    assert api(olga).get(f"/api/v1/projects/{project.slug}/").status_code == 200
    assert AuditEntry.objects.filter(project=project, action="delete project").exists()


def test_only_an_owner_makes_leads(api: Api, project: Project, lea: User, olga: User, otto: User) -> None:
    url = f"/api/v1/projects/{project.slug}/members/"
    assert api(lea).post(url, {"username": "otto", "role": "lead"}).status_code == 403
    assert api(lea).post(url, {"username": "otto", "role": "annotator"}).status_code == 201
    assert api(lea).patch(f"{url}otto/", {"role": "owner"}).status_code == 403
    assert api(olga).patch(f"{url}otto/", {"role": "lead"}).status_code == 200


def test_the_last_owner_stays(api: Api, project: Project, olga: User) -> None:
    answer = api(olga).patch(f"/api/v1/projects/{project.slug}/members/olga/", {"role": "lead"})
    assert answer.status_code == 400
    assert "needs an owner" in answer.json()["detail"]


def test_an_unknown_user_cannot_be_added(api: Api, project: Project, lea: User) -> None:
    answer = api(lea).post(
        f"/api/v1/projects/{project.slug}/members/", {"username": "nobody", "role": "annotator"}
    )
    assert answer.status_code == 400
    assert "invitation" in answer.json()["detail"]


def test_somebody_new_joins_with_an_invitation_once(page: Page, project: Project, lea: User) -> None:
    page(lea).post(f"/projects/{project.slug}/team/invite/", {"role": "annotator", "email": ""})
    invitation = Invitation.objects.get()
    visitor = page(None)
    account = {"username": "nia", "password1": "a long phrase", "password2": "a long phrase"}
    joined = visitor.post(f"/invitations/{invitation.token}/", account)
    assert joined.status_code == 302
    assert Membership.objects.get(user__username="nia").role == Role.ANNOTATOR
    there = visitor.get(joined["Location"], follow=True)
    assert there.status_code == 200
    assert there.context["user"].username == "nia"  # signed in, and not asked for what was typed just now
    again = page(None).post(f"/invitations/{invitation.token}/", account | {"username": "nic"})
    assert again.status_code == 410
    assert not User.objects.filter(username="nic").exists()


def test_who_cannot_sign_in_is_told_once_what_to_do(page: Page, ann: User) -> None:
    answer = page(None).post("/account/login/", {"login": ann.username, "password": "not that"})
    said = answer.content.decode()
    assert "Name and password do not match." in said
    assert said.count("Check Caps Lock") == 1
    assert said.count("set a new password") == 1


def test_an_invitation_runs_out(page: Page, project: Project, lea: User, otto: User) -> None:
    invitation = Invitation.objects.create(
        project=project, role="lead", created_by=lea, expires=timezone.now() - timedelta(days=1)
    )
    assert page(otto).post(f"/invitations/{invitation.token}/").status_code == 410
    assert not Membership.objects.filter(user=otto).exists()


def test_a_lead_cannot_invite_leads(page: Page, project: Project, lea: User) -> None:
    answer = page(lea).post(f"/projects/{project.slug}/team/invite/", {"role": "lead", "email": ""})
    assert answer.status_code == 403
    assert not Invitation.objects.exists()


def test_a_project_is_set_up_in_the_browser_without_a_script(page: Page, otto: User) -> None:
    form = {
        "name": "Support",
        "question": "What is it about?",
        "overlap": "2",
        "guideline": "Read *this*.",
        "labels-TOTAL_FORMS": "3",
        "labels-INITIAL_FORMS": "3",
        "labels-0-name": "a",
        "labels-0-hotkey": "1",
        "labels-1-name": "b",
        "labels-1-hotkey": "1",
        "labels-2-name": "",
    }
    refused = page(otto).post("/projects/new/", form)
    assert "Two labels have the key" in refused.content.decode()
    assert "Read *this*." in refused.content.decode()
    accepted = page(otto).post("/projects/new/", form | {"labels-1-hotkey": "2"})
    assert accepted.status_code == 302
    assert Project.objects.get().labels.count() == 2


def test_more_label_rows_are_added_and_what_was_typed_stays(page: Page, otto: User) -> None:
    form = {
        "name": "Support",
        "add-labels": "1",
        "labels-TOTAL_FORMS": "1",
        "labels-INITIAL_FORMS": "0",
        "labels-0-name": "kept",
    }
    shown = page(otto).post("/projects/new/", form).content.decode()
    assert 'value="kept"' in shown
    assert "labels-4-name" in shown


def test_the_list_of_projects_costs_the_same_for_two_projects_as_for_eight(
    page: Page, project: Project, lea: User
) -> None:
    client = page(lea)
    client.get("/")
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    for n in range(6):
        more = Project.objects.create(slug=f"p{n}", name=f"P{n}", created_by=lea)
        Round.objects.create(project=more, name="main")
        Membership.objects.create(project=more, user=lea, role=Role.LEAD)
    with CaptureQueriesContext(connection) as many:
        shown = client.get("/")
    assert "P5" in shown.content.decode()
    assert len(many) == len(few)
