"""Reports of people: gold, repeats, time, patterns, and the human ceiling, as stored by the job."""

import csv
import io
import itertools
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient
from scipy import stats

from annotation.algorithms.intervals import wilson
from annotation.models import (
    Annotation,
    Annotator,
    AnswerKind,
    GoldItem,
    Item,
    Job,
    Label,
    Participation,
    Project,
    Round,
    User,
)
from annotation.queries.people import annotator_of
from annotation.services.metadata_fields import detect_fields
from annotation.services.watching import unwatched
from qc.models import AnnotatorReport
from qc.queries.resolved import resolved_labels
from qc.services.agreement import compute_agreement
from qc.services.cases import open_cases
from qc.views.annotators import _mix_axis
from tests.qc.conftest import Answer

Api = Callable[[User | None], APIClient]
Page = Callable[[User | None], Client]
Work = Callable[[], list[Job]]


def report_of(project: Project, name: str) -> dict[str, Any]:
    found = AnnotatorReport.objects.get(agreement__project=project, annotator__name=name)
    result: dict[str, Any] = found.result
    return result


def again(project: Project, item: Item, name: str, label: str, kind: str, **more: Any) -> None:
    author, _ = Annotator.objects.get_or_create(project=project, user=None, name=name)
    Annotation.objects.create(
        round=project.rounds.get(),
        item=item,
        annotator=author,
        label=project.labels.get(name=label),
        kind=kind,
        **more,
    )


def test_gold_counts_for_accuracy_repeats_for_consistency_and_neither_for_agreement(
    project: Project, answer: Answer
) -> None:
    good = project.labels.get(name="good")
    first = answer("first", ann="good", ben="bad")
    second = answer("second", ann="bad", ben="bad")
    known = Item.objects.create(project=project, text="known", digest=uuid4())
    GoldItem.objects.create(project=project, item=known, label=good)
    again(project, known, "ann", "good", AnswerKind.GOLD)
    again(project, known, "ben", "bad", AnswerKind.GOLD, correct=False)
    again(project, first, "ann", "good", AnswerKind.REPEAT)
    again(project, second, "ann", "good", AnswerKind.REPEAT)
    found = compute_agreement(project, None, unwatched)
    assert found.result["items"] == 2
    assert found.result["annotations"] == 4
    ann, ben = report_of(project, "ann"), report_of(project, "ben")
    assert (ann["gold"]["n"], ann["gold"]["accuracy"]) == (1, 1.0)
    assert (ben["gold"]["n"], ben["gold"]["accuracy"]) == (1, 0.0)
    assert ben["gold_missed"] == [{"item": known.pk, "known": "good", "answer": "bad", "seconds": None}]
    assert (ann["consistency"]["n"], ann["consistency"]["agreement"]) == (2, 0.5)
    assert ann["consistency"]["kappa"] == pytest.approx(0.0)
    assert ann["others"]["gold"] == {"n": 1, "value": 0.0}


def test_answers_that_were_set_aside_count_for_nothing(project: Project, answer: Answer) -> None:
    answer("text", ann="good", ben="bad")
    Annotation.objects.filter(annotator__name="ben").update(set_aside=datetime.now(UTC))
    assert compute_agreement(project, None, unwatched).result["annotations"] == 1


def test_agreement_with_the_rest_has_its_interval(project: Project, answer: Answer) -> None:
    others = [("good", "good"), ("good", "bad"), ("good", "bad"), ("bad", "bad")] * 3
    for at, (ben, cy) in enumerate(others):
        answer(f"text {at}", ann="good", ben=ben, cy=cy)
    answer("alone", dan="good")
    report = compute_agreement(project, None, unwatched)
    people = {row["username"]: row for row in report.result["annotator_reports"]}
    found = people["ann"]["agreement_interval"]
    assert (found["value"], found["n"]) == (people["ann"]["agreement_with_rest"], 12) == (0.5, 12)
    plain = stats.ttest_1samp([1, 0.5, 0.5, 0] * 3, 0).confidence_interval()
    assert (found["low"], found["high"]) == (pytest.approx(plain.low), pytest.approx(plain.high))
    assert people["dan"]["agreement_interval"]["value"] is None
    assert people["dan"]["agreement_interval"]["reason"]


def test_excluded_texts_do_not_count_though_they_keep_their_label(project: Project, answer: Answer) -> None:
    kept = answer("kept", ann="good", ben="bad")
    out = answer("out", ann="good", ben="good")
    known = Item.objects.create(project=project, text="known", digest=uuid4(), excluded=datetime.now(UTC))
    GoldItem.objects.create(project=project, item=known, label=project.labels.get(name="good"))
    again(project, known, "ann", "bad", AnswerKind.GOLD)
    Item.objects.filter(pk=out.pk).update(excluded=datetime.now(UTC))
    found = compute_agreement(project, None, unwatched).result
    assert (found["items"], found["annotations"]) == (1, 2)
    assert [row["item_id"] for row in found["disputed_items"]] == [kept.pk]
    assert report_of(project, "ann")["gold"]["n"] == 0
    labels = resolved_labels(project).set_index("item_id")["label"]
    assert labels[out.pk] == "good"


@pytest.fixture
def team(project: Project) -> Project:
    """Six people at 240 texts, three to a text, answers minutes apart; “quick” needs a fifth of the others' time."""
    rng = random.Random(1)
    labels = list(Label.objects.filter(project=project).order_by("position"))
    names = ["ada", "bob", "cyd", "dan", "eve", "quick"]
    authors = {name: Annotator.objects.create(project=project, name=name) for name in names}
    items = Item.objects.bulk_create(
        Item(
            project=project,
            text=f"t{n}",
            external_id=f"t{n}",
            digest=uuid4(),
            meta={"source": "mail" if n % 2 else "chat"},
        )
        for n in range(240)
    )
    start, round_ = datetime(2026, 3, 2, 9, tzinfo=UTC), project.rounds.get()
    made, given = [], dict.fromkeys(names, 0)
    for n, item in enumerate(items):
        truth = labels[n % 3]
        for name in rng.sample(names, 3):
            day, nth = divmod(given[name], 30)
            given[name] += 1
            seconds = rng.lognormvariate(2.2, 0.3) * (0.2 if name == "quick" else 1)
            made.append(
                Annotation(
                    round=round_,
                    item=item,
                    annotator=authors[name],
                    label=truth if rng.random() < 0.85 else rng.choice(labels),
                    seconds=seconds,
                    created=start + timedelta(days=3 * day, minutes=nth, seconds=rng.random()),
                )
            )
    Annotation.objects.bulk_create(made)
    detect_fields(project)
    return project


def test_the_quick_one_is_named_with_evidence_and_shown(
    team: Project, lea: User, api: Api, page: Page
) -> None:
    compute_agreement(team, None, unwatched)
    named = {
        row.annotator.name: [test["kind"] for test in row.result["tests"] if test["named"]]
        for row in AnnotatorReport.objects.select_related("annotator")
    }
    assert named == {"ada": [], "bob": [], "cyd": [], "dan": [], "eve": [], "quick": ["too_fast"]}
    quick = AnnotatorReport.objects.get(annotator__name="quick")
    [test] = [test for test in quick.result["tests"] if test["named"]]
    assert test["q"] <= 0.05
    assert test["evidence"]["median"] < test["evidence"]["others"] / 3
    assert test["title"] == "Faster than the others can be"
    shown = api(lea).get(f"/api/v1/projects/weather/annotators/{quick.annotator_id}/").json()
    assert shown["tests"] == quick.result["tests"]
    html = page(lea).get(f"/projects/weather/annotators/{quick.annotator_id}/").content.decode()
    assert "Faster than the others can be" in html
    assert "worth a look" in html
    listed = page(lea).get("/projects/weather/agreement/").content.decode()
    assert f"/projects/weather/annotators/{quick.annotator_id}/" in listed


def test_agreement_stands_in_parts(team: Project) -> None:
    parts = compute_agreement(team, None, unwatched).result["parts"]
    [source] = parts["cohorts"]
    assert source["field"] == "source"
    assert {row["value"]: row["items"] for row in source["rows"]} == {"chat": 120, "mail": 120}
    assert sum(row["annotations"] for row in source["rows"]) == 720
    assert [row["value"] for row in parts["weeks"]] == ["2026-03-02", "2026-03-09"]
    assert len(parts["minutes"]) > 2
    for row in [*source["rows"], *parts["minutes"]]:
        assert row["alpha"]["low"] < row["alpha"]["value"] < row["alpha"]["high"]
    assert parts["guidelines"] == []


def test_minutes_in_which_all_agree_or_few_texts_lie_are_uncertain(project: Project) -> None:
    begun = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for minute, said in [(0, "good"), (1, "good"), (2, "good"), (6, "bad"), (7, "good"), (8, "bad")]:
        item = Item.objects.create(project=project, text=f"t{minute}", digest=uuid4())
        moment = begun + timedelta(minutes=minute)
        again(project, item, "ann", "good", "normal", created=moment)
        again(project, item, "ben", said, "normal", created=moment)
    result = compute_agreement(project, None, unwatched).result
    first, second = (row["alpha"] for row in result["parts"]["minutes"])
    expected = (2 / 6) / (1 - result["alpha"]["value"])  # disagreement by chance
    assert (first["value"], first["high"], first["n"]) == (1.0, 1.0, 3)
    assert first["low"] == pytest.approx(max(-1, 1 - (1 - wilson(3, 3).low) / expected))  # type: ignore[operator]
    assert second["n"] == 3
    # Disagreement 1, 0 and 1: Student's t with 2 degrees of freedom, not the normal distribution
    half = 4.3027 * (1 / 3) / expected
    assert second["low"] == pytest.approx(max(-1, 1 - (2 / 3) / expected - half), abs=1e-3)
    assert second["high"] == pytest.approx(min(1, 1 - (2 / 3) / expected + half), abs=1e-3)


def test_a_sitting_ends_after_the_break_that_the_project_asks_for(team: Project) -> None:
    """The team answers a text a minute, 30 in a row; the next 30 come three days later."""
    team.break_minutes = 5 * 24 * 60
    team.save()
    compute_agreement(team, None, unwatched)
    told = report_of(team, "ada")
    assert told["break_minutes"] == 7200
    *_, last = told["over_sitting"]
    assert last["from"] == 60  # so that the whole of the work is one sitting
    team.break_minutes = None
    team.save()
    compute_agreement(team, None, unwatched)
    *_, last = report_of(team, "ada")["over_sitting"]
    assert last["from"] == 20


def test_long_sittings_are_compared_with_their_beginning(team: Project, lea: User, page: Page) -> None:
    """The team answers a text a minute, 30 in a row, and nothing past minute 30."""
    team.sitting_minutes = 40
    team.save()
    parts = compute_agreement(team, None, unwatched).result["parts"]
    first, limit = parts["long_sittings"]
    assert (first["minute"], first["limit"], limit["minute"], limit["limit"]) == (15, False, 40, True)
    assert (first["agreement"]["difference"]["n"], first["gold"]["difference"]["n"]) == (6, 0)
    change = first["agreement"]["difference"]
    assert change["value"] == pytest.approx(first["agreement"]["after"] - first["agreement"]["before"])
    assert change["low"] < change["value"] < change["high"]
    assert limit["agreement"]["difference"]["reason"]
    html = page(lea).get("/projects/weather/agreement/").content.decode()
    assert 'id="long-sittings"' in html
    rows = page(lea).get("/projects/weather/agreement.csv").content.decode().splitlines()
    assert any(row.startswith("past minute,15,change of agreement,") for row in rows)


def test_all_three_figures_stand_over_the_sitting_and_over_weeks_with_intervals(
    team: Project, lea: User, page: Page
) -> None:
    ada = team.annotators.get(name="ada")
    mine = list(Annotation.objects.filter(annotator=ada).order_by("created"))
    gold = GoldItem.objects.create(project=team, item=mine[0].item, label=mine[0].label)
    for at, answer in enumerate(mine[::3]):
        kind = {"kind": "gold", "correct": at % 4 > 0, "item": gold.item} if at % 2 else {"kind": "repeat"}
        extra = Annotation(round=answer.round, item=answer.item, annotator=ada, label=answer.label)
        for name, value in kind.items():
            setattr(extra, name, value)
        extra.created = answer.created + timedelta(seconds=20)
        extra.save()
    compute_agreement(team, None, unwatched)
    told = report_of(team, "ada")
    for row in [*told["over_sitting"], *told["over_weeks"]]:
        agreement = row["agreement_interval"]
        assert agreement["value"] == row["agreement"]
        assert agreement["low"] < agreement["value"] < agreement["high"]
        assert row["others_agreement"] is not None
    for name, n in (("gold", len(mine[::3]) // 2), ("same", (len(mine[::3]) + 1) // 2)):
        assert sum(row[name]["n"] for row in told["over_weeks"]) == n
        assert sum(row[name]["n"] for row in told["over_sitting"]) == n
    html = page(lea).get(f"/projects/weather/annotators/{ada.pk}/").content.decode()
    for name in ("Gold right", "Same answer twice", "Agreement with the rest"):
        assert html.count(f'aria-label="{name}: ') == 2, name
    rows = page(lea).get(f"/projects/weather/annotators/{ada.pk}/report.csv").content.decode().splitlines()
    weekly = [row.split(",") for row in rows if row.startswith("week,")]
    assert {row[2] for row in weekly} == {"agreement", "seconds", "gold accuracy", "same answer twice"}
    assert all(row[4] and row[5] for row in weekly if row[2] == "agreement")


def test_a_report_of_before_is_shown_without_what_it_lacks(team: Project, lea: User, page: Page) -> None:
    compute_agreement(team, None, unwatched)
    report = AnnotatorReport.objects.get(annotator__name="ada")
    for row in [*report.result["over_sitting"], *report.result["over_weeks"]]:
        del row["agreement_interval"]
    for row in report.result["over_weeks"]:
        for name in ("same", "others_same", "others_gold", "others_agreement"):
            del row[name]
    report.save()
    for file in ("", "report.csv"):
        answer = page(lea).get(f"/projects/weather/annotators/{report.annotator_id}/{file}")
        assert answer.status_code == 200


def test_what_alpha_is_without_whom_a_lead_decides_on(team: Project) -> None:
    without = {
        row.annotator.name: row.result["alpha_without"]
        for row in AnnotatorReport.objects.filter(
            agreement=compute_agreement(team, None, unwatched)
        ).select_related("annotator")
    }
    assert [name for name, alpha in without.items() if alpha] == ["quick"]
    kept = compute_agreement_without(team, "quick")
    assert without["quick"] == kept


def compute_agreement_without(project: Project, name: str) -> dict[str, Any]:
    Annotation.objects.filter(annotator__name=name).update(set_aside=datetime.now(UTC))
    alpha: dict[str, Any] = compute_agreement(project, None, unwatched).result["alpha"]
    return alpha


@pytest.mark.parametrize("highest", [0.02, 0.11, 0.25, 0.38, 0.5, 0.77, 1.0])
def test_the_names_on_the_axis_of_the_label_mix_do_not_touch(highest: float) -> None:
    """The axis is about a hundred pixels wide, and a name of a tick 25 to 30."""
    axis = _mix_axis([{"share": {"high": highest}, "others": 0.01}])
    ticks = [float(word.split(":")[0]) for word in axis["mix_ticks"].split(", ")]
    assert axis["mix_high"] >= highest
    assert ticks[0] == 0
    assert ticks[-1] <= axis["mix_high"]
    assert all(100 * (b - a) / axis["mix_high"] > 35 for a, b in itertools.pairwise(ticks))


def test_a_lead_decides_on_the_page_of_a_person(
    project: Project, answer: Answer, ann: User, lea: User, page: Page
) -> None:
    author = annotator_of(project, ann)
    text = answer("text", ben="bad")
    Annotation.objects.create(
        round=project.rounds.get(), item=text, annotator=author, label=project.labels.get(name="good")
    )
    Participation.objects.create(round=project.rounds.get(), annotator=author, answers=1)
    Annotator.objects.filter(pk=author.pk).update(answers=1)
    Round.objects.filter(project=project).update(answers_total=2)
    compute_agreement(project, None, unwatched)
    address, member = f"/projects/{project.slug}/annotators/{author.pk}/", project.memberships.get(user=ann)
    shown = page(lea).get(address).content.decode()
    assert "What now" in shown
    assert "Next annotator" in shown or "Previous annotator" in shown
    refused = page(lea).post(f"{address}decide/", {"do": "forget"}, follow=True)
    assert "Nothing was changed. Choose one of what is offered." in refused.content.decode()
    page(lea).post(f"{address}decide/", {"do": "pause", "reason": "Read v2 first."})
    member.refresh_from_db()
    assert (member.state, member.paused_because) == ("paused", "Read v2 first.")
    assert "Read v2 first." in page(lea).get(address).content.decode()
    page(lea).post(f"{address}decide/", {"do": "reinstate"})
    page(lea).post(f"{address}decide/", {"do": "again"})
    member.refresh_from_db()
    assert member.state == "active"
    assert Annotation.objects.get(annotator=author).set_aside is not None
    page(lea).post(f"{address}decide/", {"do": "remove"})
    member.refresh_from_db()
    assert member.state == "removed"


def test_figures_come_as_files(team: Project, lea: User, page: Page) -> None:
    result = compute_agreement(team, None, unwatched).result
    files = page(lea).get("/projects/weather/agreement.csv")
    rows = list(csv.DictReader(io.StringIO(files.content.decode())))
    [alpha] = [row for row in rows if (row["part"], row["figure"]) == ("all", "alpha")]
    assert float(alpha["low"]) == result["alpha"]["low"]
    assert {row["name"] for row in rows if row["part"] == "source"} == {"chat", "mail"}
    quick = AnnotatorReport.objects.get(annotator__name="quick")
    answer = page(lea).get(f"/projects/weather/annotators/{quick.annotator_id}/report.csv")
    told = {
        (row["part"], row["name"], row["figure"]): row
        for row in csv.DictReader(io.StringIO(answer.content.decode()))
    }
    assert float(told["annotator", "quick", "median seconds"]["value"]) == quick.result["median_seconds"]
    assert ("pattern", "too_fast", "q") in told


def test_the_human_ceiling_is_kept_by_label_person_and_cohort(team: Project, lea: User, api: Api) -> None:
    labels = list(Label.objects.filter(project=team).order_by("position"))
    for n, item in enumerate(Item.objects.filter(project=team).order_by("pk")[:90]):
        GoldItem.objects.create(project=team, item=item, label=labels[n % 3])
    compute_agreement(team, None, unwatched)
    found = api(lea).get("/api/v1/projects/weather/human-ceiling/").json()
    answers = Annotation.objects.filter(item__gold__isnull=False).select_related("item__gold")
    right = [row.label_id == row.item.gold.label_id for row in answers]
    assert found["texts"] == 90
    assert found["people"]["value"] == pytest.approx(sum(right) / len(right))
    assert found["people"]["low"] < found["people"]["value"] < found["people"]["high"]
    of_good = [row.label == labels[0] for row in answers if row.item.gold.label == labels[0]]
    assert found["per_label"][0]["recall"]["value"] == pytest.approx(sum(of_good) / len(of_good))
    assert found["per_label"][0]["recall"]["n"] == 30
    assert {row["username"] for row in found["annotators"]} == {"ada", "bob", "cyd", "dan", "eve", "quick"}
    assert {row["value"]: row["people"]["n"] for row in found["cohorts"][0]["rows"]} == {
        "chat": 45,
        "mail": 45,
    }
    assert found["crowd"]["value"] >= found["people"]["value"]


def test_the_ceiling_leads_to_people_texts_and_cohorts_and_says_what_it_lacks(
    team: Project, lea: User, page: Page
) -> None:
    """Every share stands with how many texts it rests on, or the reason why there is none; one label is never gold."""
    labels = list(Label.objects.filter(project=team).order_by("position"))
    for n, item in enumerate(Item.objects.filter(project=team).order_by("pk")[:60]):
        if n % 3 < 2:
            GoldItem.objects.create(project=team, item=item, label=labels[n % 3])
    compute_agreement(team, None, unwatched)
    shown = page(lea).get("/projects/weather/truth/").content.decode().split('id="ceiling"')[1]
    for author in Annotator.objects.filter(project=team):
        assert f'href="/projects/weather/annotators/{author.pk}/">{author.name}</a>' in shown
    for value in ("chat", "mail"):
        assert f'href="/projects/weather/items/?meta.source={value}">{value}</a>' in shown
    rows = {label.name: shown.split(f'?label={label.name}">')[1].split("</tr>")[0] for label in labels}
    assert "no text is known to have this label" in rows["neither"]
    assert "no such text has two answers" in rows["neither"]
    given = Annotation.objects.filter(item__gold__isnull=False, label=labels[0])
    texts = given.values("item").distinct().count()
    right = given.filter(item__gold__label=labels[0]).count()
    assert re.search(rf"{100 * right / given.count():.0f}%<br><span [^>]+>\d+–\d+% of {texts}<", rows["good"])


def test_a_decision_comes_before_gold_in_the_ceiling(project: Project, answer: Answer, ada: User) -> None:
    item = answer("disputed", ann="bad", ben="bad", cyd="good")
    GoldItem.objects.create(project=project, item=item, label=project.labels.get(name="good"))
    open_cases(project, ada, [item.pk])
    compute_agreement(project, None, unwatched)
    assert project.human_ceiling.result["people"]["value"] == pytest.approx(1 / 3)
    assert project.human_ceiling.result["sources"] == {"adjudicated": 0, "gold": 1}
