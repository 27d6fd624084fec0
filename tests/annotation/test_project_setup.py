"""Setting up a project of any kind: labels with keys, settings, and the same rules by page and REST."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import AuditEntry, Membership, Project, Role, User
from annotation.services.labels import SCREEN_KEYS
from annotation.services.projects import create_project

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
NEW = {"name": "Intents", "labels": [{"name": "a"}, {"name": "b"}]}
FORM = {
    "name": "Support",
    "question": "What is it about?",
    "labels-TOTAL_FORMS": "2",
    "labels-INITIAL_FORMS": "0",
    "labels-0-name": "a",
    "labels-0-hotkey": "1",
    "labels-1-name": "b",
    "labels-1-hotkey": "2",
}


@pytest.mark.parametrize(
    ("task", "question"),
    [
        ("classification", "Which label fits this text?"),
        ("multilabel", "Which labels fit this text?"),
        ("spans", "What is named in this text?"),
    ],
)
def test_every_kind_of_task_can_be_made_and_has_a_question_that_fits_it(
    api: Api, otto: User, task: str, question: str
) -> None:
    told = api(otto).post("/api/v1/projects/", NEW | {"task": task}).json()
    assert (told["task"], told["question"]) == (task, question)


def test_one_label_is_enough_for_spans_but_is_no_choice(api: Api, otto: User) -> None:
    one = {"name": "Names", "labels": [{"name": "person"}]}
    assert api(otto).post("/api/v1/projects/", one | {"task": "spans"}).status_code == 201
    refused = api(otto).post("/api/v1/projects/", one)
    assert refused.status_code == 400
    assert "at least two labels" in refused.json()["detail"]


def test_all_settings_go_in_and_come_back(api: Api, otto: User) -> None:
    sent = {
        "overlap": 2,
        "maximum_overlap": 4,
        "overlapping_spans": True,
        "asks_difficulty": False,
        "asks_confidence": True,
        "gold_rate": 0.1,
        "gold_threshold": 0.8,
        "gold_minimum": 20,
        "gold_feedback": "hint",
        "gold_wear": None,
        "repeat_rate": 0.02,
        "repeat_distance": 30,
        "shows_quality": True,
        "limits": {"sitting_minutes": 45, "day_minutes": 240, "total_minutes": 3000, "break_minutes": 10},
    }
    made = api(otto).post("/api/v1/projects/", NEW | sent)
    assert made.status_code == 201
    told = api(otto).get(f"/api/v1/projects/{made.json()['slug']}/").json()
    assert {name: told[name] for name in sent} == sent


def test_the_maximum_overlap_is_not_below_the_overlap(api: Api, project: Project, lea: User) -> None:
    refused = api(lea).patch(f"/api/v1/projects/{project.slug}/", {"maximum_overlap": 2})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "maximum_overlap"
    assert api(lea).patch(f"/api/v1/projects/{project.slug}/", {"maximum_overlap": 3}).status_code == 200


def test_a_change_is_logged_with_what_was_before_and_the_same_again_is_not(
    api: Api, project: Project, lea: User
) -> None:
    for _ in range(2):
        answer = api(lea).patch(
            f"/api/v1/projects/{project.slug}/", {"limits": {"day_minutes": 60}, "question": "Good?"}
        )
        assert answer.json()["limits"]["day_minutes"] == 60
    (entry,) = AuditEntry.objects.filter(project=project, action="change project")
    assert entry.before == {"day_minutes": None, "question": "Which label fits this text?"}
    assert entry.after == {"day_minutes": 60, "question": "Good?"}


def test_one_limit_is_changed_without_the_others(api: Api, project: Project, lea: User) -> None:
    url = f"/api/v1/projects/{project.slug}/"
    api(lea).patch(url, {"limits": {"day_minutes": 60}})
    told = api(lea).patch(url, {"limits": {"sitting_minutes": 20}}).json()
    assert (told["limits"]["day_minutes"], told["limits"]["sitting_minutes"]) == (60, 20)


def test_labels_keep_definition_colour_and_examples(api: Api, otto: User) -> None:
    label = {"name": "a", "description": "First.", "color": 4, "examples": ["one", "two"], "hotkey": "Q"}
    told = api(otto).post("/api/v1/projects/", NEW | {"labels": [label, {"name": "b"}]}).json()["labels"]
    assert told[0]["description"] == "First."
    assert (told[0]["color"], told[0]["examples"], told[0]["hotkey"]) == (4, ["one", "two"], "q")


def test_more_than_ten_labels_get_letters_that_no_screen_uses_and_then_none(otto: User) -> None:
    made = create_project(otto, name="Many", labels=[{"name": f"label {n}"} for n in range(40)])
    keys = [label.hotkey for label in made.labels.all()]
    assert keys[:10] == list("1234567890")
    letters = [key for key in keys[10:] if key]
    assert letters
    assert all(letter.isalpha() for letter in letters)
    assert not set(letters) & set("zscfgjklxhr")
    assert len(set(letters)) == len(letters)
    assert keys[-1] == ""


def test_a_key_that_collides_is_said_at_its_label(api: Api, otto: User) -> None:
    labels = [
        {"name": "Top-up failed", "hotkey": "8"},
        {"name": "Refund", "hotkey": "8"},
        {"name": "x", "hotkey": "s"},
    ]
    errors = api(otto).post("/api/v1/projects/", NEW | {"labels": labels}).json()["errors"]
    said = {error["field"]: error["message"] for error in errors}
    assert sorted(said) == ["labels[1].hotkey", "labels[2].hotkey"]
    assert "“Top-up failed”" in said["labels[1].hotkey"]
    assert "Free: 1, 2, 3" in said["labels[1].hotkey"]
    assert "already means skip" in said["labels[2].hotkey"]


def test_the_page_says_what_collides_beside_the_row_and_keeps_what_was_typed(page: Page, otto: User) -> None:
    answer = page(otto).post(
        "/projects/new/", FORM | {"labels-1-hotkey": "1", "labels-1-examples": "kept", "gold_rate": "7%"}
    )
    shown = answer.content.decode()
    assert answer.status_code == 400
    row = shown.split("data-label-row")[3]  # the table's body, then a row each
    assert "Two labels have the key “1”" in row
    assert "kept" in row
    assert 'value="7%"' in shown
    assert not Project.objects.exists()


def test_the_page_makes_a_span_project_with_all_that_was_set(page: Page, otto: User) -> None:
    sent = FORM | {
        "task": "spans",
        "overlapping_spans": "on",
        "overlap": "2",
        "maximum_overlap": "4",
        "gold_rate": "10%",
        "gold_threshold": "80",
        "gold_minimum": "20",
        "gold_feedback": "score",
        "gold_wear": "",
        "repeat_rate": "2.5 %",
        "repeat_distance": "40",
        "sitting_minutes": "45",
        "break_minutes": "",
        "day_minutes": "",
        "total_minutes": "",
        "asks_confidence": "on",
        "labels-0-examples": "one\n\n two ",
    }
    assert page(otto).post("/projects/new/", sent).status_code == 302
    made = Project.objects.get()
    assert (made.task, made.overlapping_spans, made.overlap, made.maximum_overlap) == ("spans", True, 2, 4)
    assert (made.gold_rate, made.gold_threshold, made.gold_minimum) == (0.1, 0.8, 20)
    assert (made.gold_feedback, made.gold_wear) == ("score", None)
    assert (made.repeat_rate, made.repeat_distance, made.sitting_minutes) == (0.025, 40, 45)
    assert (made.asks_difficulty, made.asks_confidence, made.break_minutes) == (False, True, None)
    assert made.labels.get(name="a").examples == ["one", "two"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("gold_rate", "120%", "from 0% to 100%"),
        ("gold_rate", "nan", "from 0% to 100%"),
        ("repeat_rate", "often", "from 0% to 100%"),
        ("overlap", "", "cannot be empty"),
        ("overlap", "0", "greater than or equal to 1"),
        ("maximum_overlap", "1", "cannot be below the 3 answers"),
        ("labels-0-hotkey", "z", "already means undo"),
        ("labels-1-name", "a", "Names must differ"),
        ("labels-TOTAL_FORMS", "x", "at least two labels"),
        ("labels-0-color", "99", "Something has to be mended"),
        ("task", "poetry", "not one of the available choices"),
        ("name", "", "required"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_nothing_is_stored(
    page: Page, otto: User, field: str, value: str, said: str
) -> None:
    answer = page(otto).post("/projects/new/", FORM | {field: value})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Project.objects.exists()


def test_a_row_is_taken_out_and_a_list_pasted_without_a_script(page: Page, otto: User) -> None:
    without = page(otto).post("/projects/new/", FORM | {"remove-label": "0"}).content.decode()
    assert 'value="b"' in without
    assert 'value="a"' not in without
    pasted = "Charged twice\tOne payment taken two times\nRefund: Money back\n\nOther"
    shown = page(otto).post("/projects/new/", FORM | {"paste-labels": "1", "pasted": pasted}).content.decode()
    for value in ("a", "b", "Charged twice", "One payment taken two times", "Refund", "Money back", "Other"):
        assert f'value="{value}"' in shown
    assert not Project.objects.exists()


def test_rows_that_a_script_took_out_leave_no_gap(page: Page, otto: User) -> None:
    sent = FORM | {"labels-TOTAL_FORMS": "5", "labels-4-name": "e", "labels-4-hotkey": "5"}
    assert page(otto).post("/projects/new/", sent).status_code == 302
    assert [label.name for label in Project.objects.get().labels.all()] == ["a", "b", "e"]


def test_every_key_of_the_screen_is_named_where_keys_are_chosen(
    page: Page, project: Project, lea: User
) -> None:
    letters = " ".join(key.upper() for key in SCREEN_KEYS if key.isalpha())
    good = project.labels.get(name="good")
    for address in ("/projects/new/", f"/projects/weather/settings/labels/{good.pk}/"):
        assert f"The keys {letters} are" in page(lea).get(address).content.decode()


def test_settings_that_cannot_be_are_refused_on_the_page_and_nothing_changes(
    page: Page, project: Project, lea: User
) -> None:
    sent = {"name": "Weather", "overlap": "0", "gold_rate": "120%", "sitting_minutes": "20"}
    refused = page(lea).post("/projects/weather/settings/", sent)
    assert refused.status_code == 400
    assert "Nothing was saved" in refused.content.decode()
    assert "from 0% to 100%" in refused.content.decode()
    assert Project.objects.get().sitting_minutes is None
    assert not AuditEntry.objects.filter(action="change project").exists()


def test_a_new_project_starts_from_one_that_is_led(
    page: Page, project: Project, lea: User, ann: User
) -> None:
    project.labels.filter(name="good").update(examples=["sunny"])
    shown = page(lea).get("/projects/new/?from=weather").content.decode()
    assert 'value="neither"' in shown
    assert "sunny" in shown
    assert "Is it good?" in shown
    hidden = page(ann).get("/projects/new/?from=weather").content.decode()
    assert 'value="neither"' not in hidden
    assert "Start from Weather" not in hidden


def test_only_owners_see_and_restore_a_deleted_project(
    api: Api, project: Project, olga: User, lea: User, otto: User
) -> None:
    url = f"/api/v1/projects/{project.slug}/"
    api(olga).delete(url)
    api(olga).delete(url)
    Membership.objects.create(project=project, user=otto, role=Role.LEAD)
    assert api(otto).post(f"{url}restore/").status_code == 404
    assert api(lea).get(url).status_code == 404
    assert api(olga).get(url).json()["deleted"]
    assert api(olga).post(f"{url}restore/").json()["deleted"] is None
    assert api(lea).get(url).status_code == 200
    log = AuditEntry.objects.filter(project=project).order_by("id").values_list("action", flat=True)
    assert list(log)[-2:] == ["delete project", "restore project"]
