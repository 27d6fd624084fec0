"""Exploring, suspects, samples and blind review, by page and over REST."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import Annotation, Annotator, GoldItem, Item, Job, Project, User
from annotation.services.rounds import create_round
from qc.jobs import start_sample
from qc.models import Case, MetaLabelVote, Review, Sample, Suspect
from qc.queries.samples import current_values
from qc.services.cases import open_cases, reopen_case
from qc.services.samples import answer_blind, mark_reviewed, plan_sample
from qc.services.suspects import open_cases_of_suspects, why
from qc.services.votes import cast_vote

Page = Callable[[User | None], Client]
Api = Callable[[User | None], APIClient]
Work = Callable[[], list[Job]]
WORDS = {
    "good": "sunny warm bright clear sky holiday beach",
    "bad": "storm flood hail thunder damage cold rain",
}


@pytest.fixture
def texts(project: Project) -> list[Item]:
    """Sixty imported texts about good and bad weather; three labels are wrong, three texts are copies of one."""
    labels = {label.name: label for label in project.labels.all()}
    made = []
    for at in range(60):
        name = "good" if at % 2 else "bad"
        words = WORDS[name].split()
        text = f"{words[at % 7]} and {words[(at * 3 + 1) % 7]} in week {at}, {words[(at * 5 + 2) % 7]} again"
        given = {"good": "bad", "bad": "good"}[name] if at in {10, 21, 44} else name
        meta = {"station": "north" if at % 3 else "south"}
        made.append(Item(project=project, text=text, digest=uuid4(), imported_label=labels[given], meta=meta))
    made += [
        Item(project=project, text=made[1].text, digest=uuid4(), imported_label=labels["good"]) for _ in "ab"
    ]
    return Item.objects.bulk_create(made)


def drawn(project: Project, lea: User, work: Work, *parts: dict[str, Any], seed: int = 1) -> Sample:
    sample = plan_sample(project, lea, {"parts": list(parts)}, seed)
    start_sample(sample, lea)
    assert [job.state for job in work()] == ["done"]
    sample.refresh_from_db()
    return sample


def explored(client: APIClient, work: Work) -> dict[str, Any]:
    assert client.post("/api/v1/projects/weather/suspects/").status_code == 202
    assert [(job.state, job.error) for job in work()] == [("done", "")]
    found: dict[str, Any] = client.get("/api/v1/projects/weather/suspects/").json()
    return found


def test_wrong_labels_are_suspected_and_become_cases_that_say_why(
    project: Project, lea: User, ada: User, texts: list[Item], api: Api, page: Page, work: Work
) -> None:
    assert api(lea).get("/api/v1/projects/weather/suspects/").status_code == 404
    found = explored(api(lea), work)
    wrong = {texts[at].pk for at in (10, 21, 44)}
    listed = {row["item_id"] for row in found["results"]}
    assert len(listed) >= 2
    # Confident learning lists about as many as it takes to be wrong, here two of the three
    assert listed <= wrong
    assert found["precision"]["model"]["value"] is None
    shown = page(lea).get("/projects/weather/explore/").content.decode()
    assert "A model says otherwise" in shown
    assert all(row["text"] in shown for row in found["results"])
    made = page(lea).post(
        "/projects/weather/explore/suspects/cases/", {"reason": "model", "most": 3}, follow=True
    )
    assert f"{len(listed)} cases opened" in made.content.decode()
    cases = list(Case.objects.select_related("item"))
    assert {case.item_id for case in cases} == listed
    assert all(case.source == "suspect" and "finds “" in case.note for case in cases)
    again = page(lea).post(
        "/projects/weather/explore/suspects/cases/", {"reason": "model", "most": 3}, follow=True
    )
    assert "No new case" in again.content.decode()


@pytest.mark.parametrize(
    ("score", "said"), [(5e-5, "under 1%"), (0.0, "0%"), (0.123, "12%"), (0.9996, "99%"), (1.0, "100%")]
)
def test_what_is_not_impossible_is_not_called_so(project: Project, score: float, said: str) -> None:
    given, likely = project.labels.order_by("position")[:2]
    suspect = Suspect(project=project, reason=Suspect.Reason.MODEL, given=given, likely=likely, score=score)
    assert f"gives “{given}” {said}, and finds “{likely}” likelier" in why(suspect)


def test_precision_counts_what_people_found_and_outlives_a_new_search(
    project: Project, lea: User, ada: User, texts: list[Item], api: Api, work: Work
) -> None:
    explored(api(lea), work)
    first, second = Suspect.objects.filter(reason="model").order_by("rank")[:2]
    third = Suspect.objects.create(project=project, item=texts[0], reason="model", rank=9, score=0.1)
    [case] = open_cases(project, lea, [first.item_id], "suspect")
    cast_vote(case, ada, outcome="label", label=first.likely.name if first.likely else "")
    api(ada).post(f"/api/v1/items/{second.item_id}/meta-labels/", {"kind": "mislabeled"})
    api(ada).post(f"/api/v1/items/{third.item_id}/meta-labels/", {"kind": "fine"})
    found = explored(api(lea), work)["precision"]["model"]
    assert (found["real"], found["n"], found["value"]) == (2, 3, pytest.approx(2 / 3))
    assert found["low"] == pytest.approx(0.2077, abs=1e-4)  # Wilson's for 2 of 3
    assert found["high"] == pytest.approx(0.9385, abs=1e-4)
    case.refresh_from_db()
    reopen_case(case, ada, "a vote by mistake")
    assert Suspect.objects.get(pk=first.pk).verdict == ""


def test_excluded_texts_are_not_suspected_before_or_after_the_search(
    project: Project, lea: User, texts: list[Item], answer: Callable[..., Item], api: Api, work: Work
) -> None:
    disputed = [answer(f"disputed {n}", ann="good", ben="bad").pk for n in range(3)]

    def listed() -> list[int]:
        found = api(lea).get("/api/v1/projects/weather/suspects/?reason=disagreement").json()
        return [row["item_id"] for row in found["results"]]

    Item.objects.filter(pk=disputed[0]).update(excluded=timezone.now())
    found = explored(api(lea), work)
    assert listed() == disputed[1:]
    assert found["suspects"]["disagreement"]["listed"] == 2
    assert sum(row["n"] for row in found["labels"]) == len(texts)  # the disputed ones are tied
    Item.objects.filter(pk=disputed[1]).update(excluded=timezone.now())
    assert listed() == disputed[2:]
    made = open_cases_of_suspects(project, lea, "disagreement", 5)
    assert [case.item_id for case in made] == disputed[2:]


def test_a_samples_label_is_the_newest_answer_of_each_person_and_gold_where_it_is_known(
    project: Project, lea: User, answer: Callable[..., Item]
) -> None:
    again = create_round(project, lea, name="again")
    asked_twice = answer("asked twice", a="bad", b="bad", c="good")
    answer("", item=asked_twice, into=again, a="good", b="good")
    known = answer("known", a="bad", b="bad")
    GoldItem.objects.create(project=project, item=known, label=project.labels.get(name="neither"))
    found = current_values([asked_twice, known])
    names = {label.pk: label.name for label in project.labels.all()}
    assert {pk: names[value.label or 0] for pk, value in found.items()} == {
        asked_twice.pk: "good",
        known.pk: "neither",
    }


def test_the_same_recipe_and_seed_draw_the_same_sample(
    project: Project, lea: User, texts: list[Item], work: Work
) -> None:
    parts = (
        {"kind": "random", "size": 10},
        {"kind": "metadata", "size": 6, "field": "station"},
        {"kind": "distance", "size": 3, "how": "duplicates"},
        {"kind": "class", "size": 6},
    )
    one, two = (drawn(project, lea, work, *parts) for _ in range(2))
    rows = [list(s.sample_items.values_list("item_id", "drawn_by")) for s in (one, two)]
    assert rows[0] == rows[1]
    assert one.total == len({item for item, _ in rows[0]})
    by = {
        part: [item for item, names in rows[0] if part in names] for part in ("metadata", "distance", "class")
    }
    stations = [Item.objects.get(pk=pk).meta["station"] for pk in by["metadata"]]
    assert sorted(stations) == ["north"] * 3 + ["south"] * 3
    copies = {texts[1].text}
    assert {Item.objects.get(pk=pk).text for pk in by["distance"]} == copies
    named = [Item.objects.select_related("imported_label").get(pk=pk).imported_label for pk in by["class"]]
    assert sorted(label.name for label in named if label) == ["bad"] * 3 + ["good"] * 3
    biased = drawn(
        project, lea, work, {"kind": "metadata", "size": 5, "field": "station", "values": ["south"]}
    )
    assert {row.item.meta["station"] for row in biased.sample_items.select_related("item")} == {"south"}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        "random",
        [{"kind": "mood", "size": 3}],
        [{"kind": "random", "size": 0}],
        [{"kind": "random", "size": "9"}],
        [{"kind": "random", "size": 5001}],
        [{"kind": "random", "size": 1}, {"kind": "random", "size": 1}],
        [{"kind": "metadata", "size": 3}],
        [{"kind": "distance", "size": 3, "how": "near"}],
        [{"kind": "class", "size": 3, "labels": "good"}],
    ],
)
def test_what_cannot_be_drawn_is_refused(project: Project, lea: User, api: Api, parts: Any) -> None:
    refused = api(lea).post("/api/v1/projects/weather/samples/", {"parts": parts}, format="json")
    assert refused.status_code == 400
    assert not Sample.objects.exists()


def test_a_reviewer_answers_blind_before_the_label_shows(
    project: Project, lea: User, ada: User, texts: list[Item], api: Api, page: Page, work: Work
) -> None:
    sample = drawn(project, lea, work, {"kind": "random", "size": 4})
    seen = api(ada).post(f"/api/v1/samples/{sample.pk}/next/").json()["text"]
    assert (seen["reviewed"], seen["drawn_by"], seen["answer"]) == (None, None, None)
    early = api(ada).post(f"/api/v1/sample-items/{seen['id']}/marks/", {"kinds": []}, format="json")
    assert early.status_code == 400
    blind = page(ada).get(f"/projects/weather/explore/samples/{sample.pk}/").content.decode()
    assert "Your own answer first" in blind
    assert "Its label" not in blind
    refused = api(ada).post(f"/api/v1/sample-items/{seen['id']}/answer/", {"label": "cloudy"}, format="json")
    assert refused.status_code == 400
    told = (
        api(ada)
        .post(f"/api/v1/sample-items/{seen['id']}/answer/", {"label": "neither"}, format="json")
        .json()
    )
    assert told["reviewed"]["label"] in {"good", "bad"}
    assert (told["agrees"], told["answer"]) == (False, {"label": "neither"})
    again = (
        api(ada).post(f"/api/v1/sample-items/{seen['id']}/answer/", {"label": "good"}, format="json").json()
    )
    assert again["answer"] == {"label": "neither"}
    shown = page(ada).get(f"/projects/weather/explore/samples/{sample.pk}/").content.decode()
    assert "Its label" in shown
    place = sample.sample_items.get(pk=seen["id"]).position
    # Whose answer is another one has to choose: nothing is said by pressing Enter
    assert 'class="btn pri" type="submit" name="kinds"' not in shown
    page(ada).post(f"/projects/weather/explore/samples/{sample.pk}/{place}/mark/", {"note": "hm"})
    assert Review.objects.get().marked is None
    page(ada).post(f"/projects/weather/explore/samples/{sample.pk}/{place}/mark/", {"kinds": ["mislabeled"]})
    assert Review.objects.get().kinds == ["mislabeled"]
    assert MetaLabelVote.objects.get().kind == "mislabeled"
    mine = api(lea).post(f"/api/v1/samples/{sample.pk}/next/").json()["text"]
    assert (mine["id"], mine["answer"]) == (seen["id"], None)
    same = {"label": told["reviewed"]["label"]}
    api(lea).post(f"/api/v1/sample-items/{mine['id']}/answer/", same, format="json")
    agreed = page(lea).get(f"/projects/weather/explore/samples/{sample.pk}/").content.decode()
    assert 'class="btn pri" type="submit" name="kinds" value="fine"' in agreed


def test_reviews_of_the_random_part_estimate_the_share_of_wrong_labels(
    project: Project, lea: User, ada: User, texts: list[Item], api: Api, page: Page, work: Work
) -> None:
    sample = drawn(project, lea, work, {"kind": "random", "size": 20}, {"kind": "distance", "size": 5})
    at_random = [row for row in sample.sample_items.select_related("item") if "random" in row.drawn_by]
    others = [row for row in sample.sample_items.select_related("item") if "random" not in row.drawn_by]
    for n, row in enumerate([*at_random, *others]):
        assert row.label is not None
        answer_blind(row, ada, label=row.label.name)
        wrong = n < 2 or row in others
        mark_reviewed(row, ada, ["mislabeled"] if wrong else [])
    answer_blind(at_random[0], lea, label="neither")
    mark_reviewed(at_random[0], lea, [])  # one of two: no more than half
    found = api(ada).get(f"/api/v1/samples/{sample.pk}/").json()["findings"]
    assert (found["wrong_n"], found["wrong"]["n"], found["wrong"]["value"]) == (1, 20, 0.05)
    assert found["wrong"]["low"] == pytest.approx(0.0089, abs=1e-4)  # Wilson's for 1 of 20
    assert sum(row["n"] for row in found["by_label"]) == 20
    assert found["kinds"]["mislabeled"] == 1 + len(others)
    assert found["blind"]["n"] == 21 + len(others)
    shown = page(lea).get("/projects/weather/explore/").content.decode()
    assert "About 5% of labels look wrong, from 20 reviewed so far." in shown
    sent = page(lea).post(f"/projects/weather/explore/samples/{sample.pk}/cases/", follow=True)
    assert f"{1 + len(others)} case" in sent.content.decode()


def test_how_many_are_needed_is_computed_on_the_page(project: Project, lea: User, page: Page) -> None:
    shown = page(lea).get("/projects/weather/explore/?share=50&margin=5&confidence=95").content.decode()
    assert ">385<" in shown
    wrong = page(lea).get("/projects/weather/explore/?share=500&margin=0&confidence=3")
    assert wrong.status_code == 200
    assert "lies between" in wrong.content.decode()


def test_a_sample_is_drawn_from_the_page_and_what_is_missing_is_said(
    project: Project, lea: User, texts: list[Item], page: Page, work: Work
) -> None:
    refused = page(lea).post("/projects/weather/explore/samples/", {"seed": "1"})
    assert refused.status_code == 400
    assert "at least one part" in refused.content.decode()
    sent = {"use_random": "on", "random_size": "5", "seed": "7"}
    waits = page(lea).post("/projects/weather/explore/samples/", sent, follow=True)
    assert waits.status_code == 200
    work()
    assert Sample.objects.get().total == 5
    assert "Your own answer first" in page(lea).get(waits.redirect_chain[-1][0]).content.decode()


def test_marks_in_the_list_of_suspects_are_the_users_own(
    project: Project, lea: User, ada: User, texts: list[Item], api: Api, page: Page, work: Work
) -> None:
    item = Item.objects.get(pk=explored(api(lea), work)["results"][0]["item_id"])
    row = page(lea).post(
        f"/projects/weather/explore/texts/{item.pk}/mark/", {"kinds": "noisy"}, headers={"HX-Request": "true"}
    )
    assert 'value="noisy" aria-pressed="true"' in row.content.decode()
    page(ada).post(f"/projects/weather/explore/texts/{item.pk}/mark/", {"kinds": "fine"})
    listed = page(lea).get("/projects/weather/explore/suspects/?reason=model").content.decode()
    assert 'value="noisy" aria-pressed="true"' in listed
    assert 'value="fine" aria-pressed="true"' not in listed
    assert (
        page(lea).post(f"/projects/weather/explore/texts/{item.pk}/mark/", {"kinds": "x"}).status_code == 302
    )


def test_pages_take_no_more_statements_with_more_texts(
    project: Project, lea: User, ada: User, texts: list[Item], api: Api, page: Page, work: Work
) -> None:
    def statements(address: str) -> int:
        client = page(lea)
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    explored(api(lea), work)
    sample = drawn(project, lea, work, {"kind": "random", "size": 40})
    pages = [
        "/projects/weather/explore/",
        "/projects/weather/explore/suspects/",
        f"/projects/weather/explore/samples/{sample.pk}/",
    ]

    def review(rows: Any) -> list[int]:
        for row in rows:
            answer_blind(row, lea, label="good")
            mark_reviewed(row, lea, ["mislabeled"])
        return [statements(address) for address in pages]

    rows = list(sample.sample_items.select_related("item", "sample__project"))
    assert review(rows[:10]) == review(rows[10:20])


def test_in_several_labels_one_that_is_missing_and_one_too_many_are_suspected(
    project: Project, lea: User, ada: User, api: Api, page: Page, work: Work
) -> None:
    project.task = Project.Task.MULTILABEL
    project.save()
    ids = {label.name: label.pk for label in project.labels.all()}
    made = []
    for at in range(80):
        right = {"good": at % 2 == 0, "bad": at % 3 == 0}
        words = [WORDS[name].split()[(at + n) % 7] for name, has in right.items() if has for n in range(3)]
        text = " and ".join(["in the news today", *words])
        given = sorted(ids[name] for name, has in right.items() if has != (at == 26 and name == "good"))
        if at == 41:
            given = [ids["bad"]]  # a text without any
        made.append(Item(project=project, text=text, digest=uuid4(), imported_labels=given))
    Item.objects.bulk_create(made)
    found = explored(api(lea), work)
    listed = {row["item_id"]: row for row in found["results"]}
    missing, too_many = listed[made[26].pk], listed[made[41].pk]
    assert (missing["given"], missing["likely"]) == (None, "good")
    assert (too_many["given"], too_many["likely"]) == ("bad", None)
    assert "misses “good”" in missing["why"]
    assert len(listed) <= 6
    assert {row["label"]: row["n"] for row in found["labels"]}["bad"] == 28
    shown = page(lea).get("/projects/weather/explore/").content.decode()
    assert "good too" in shown
    [case] = open_cases(project, lea, [made[26].pk], "suspect")
    cast_vote(case, ada, outcome="label", labels=["good"])
    [case] = open_cases(project, lea, [made[41].pk], "suspect")
    cast_vote(case, ada, outcome="label", labels=["bad"])
    assert Suspect.objects.get(item=made[26]).verdict == "real"
    assert Suspect.objects.get(item=made[41]).verdict == "fine"


def test_spans_are_suspected_where_people_mark_a_text_differently(
    project: Project, lea: User, ada: User, api: Api, page: Page, work: Work
) -> None:
    project.task = Project.Task.SPANS
    project.save()
    good = project.labels.get(name="good").pk
    items = [Item.objects.create(project=project, text=f"Ann met Bo {n}", digest=uuid4()) for n in range(3)]
    marked = [
        [[[0, 3, good]]] * 3,
        [[[0, 3, good]], [[0, 3, good]], []],
        [[[0, 3, good]], [[8, 10, good]], []],
    ]
    for item, answers in zip(items, marked, strict=True):
        for at, spans in enumerate(answers):
            author, _ = Annotator.objects.get_or_create(project=project, name=f"person {at}")
            Annotation.objects.create(round=project.rounds.get(), item=item, annotator=author, spans=spans)
    found = explored(api(lea), work)
    assert "Spans are suspected where people mark a text differently" in found["suspects"]["model"]["reason"]
    people = api(lea).get("/api/v1/projects/weather/suspects/?reason=disagreement").json()["results"]
    # of three pairs of answers, three and two have nothing in common
    assert [(row["item_id"], row["score"]) for row in people] == [
        (items[2].pk, 1.0),
        (items[1].pk, pytest.approx(2 / 3)),
    ]
    shown = page(lea).get("/projects/weather/explore/").content.decode()
    assert "1 span" in shown
    [case] = open_cases(project, lea, [items[1].pk], "suspect")
    cast_vote(case, ada, outcome="label", spans=[{"start": 0, "end": 3, "label": "good"}])
    assert Suspect.objects.get(item=items[1]).verdict == "fine"  # as most had marked it
