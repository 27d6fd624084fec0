"""Computes what the demo shows: agreement, cases, copies, split sets, two runs."""

import random
from collections.abc import Mapping

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from annotation.models import Item
from annotation.services.suggestions import MOST_ROWS, add_suggestions
from evaluation.demo.project import SEED, Demo, Say
from evaluation.demo.running import run_job
from evaluation.demo.texts import NAMES
from evaluation.jobs import start_cleaning, start_leakage, start_report, start_split_set
from evaluation.models import Run, SplitSet
from evaluation.services import freezing, leakage, runs, splits
from qc.jobs import start_agreement, start_exploration, start_sample, start_truth
from qc.models import Case
from qc.services import cases, samples, votes

KEYWORDS = {
    "Refund not received": ["refund", "money"],
    "Return or exchange": ["return", "exchange", "swap", "send it back"],
    "Damaged or wrong item": ["crack", "scratched", "missing", "stopped", "wrong", "stains", "ruined"],
    "Payment problem": ["wallet", "card", "charged", "voucher", "checkout", "invoice", "payment"],
    "Change or cancel order": [
        "cancel",
        "change the address",
        "another size",
        "by mistake",
        "stop the order",
    ],
    "Account and login": ["password", "account", "sign", "newsletter", "profile", "e-mail"],
    "Where is my order": ["courier", "tracking", "parcel", "deliver", "status", "where is"],
}


def make_results(demo: Demo, say: Say) -> None:
    """Everything from agreement to reports, by the same jobs that users start."""
    project, lead = demo.project, demo.users["ravi"]
    say("agreement over all answers and in each round")
    run_job(start_agreement(project, lead))
    for made in project.rounds.all():
        run_job(start_agreement(project, lead, made))
    say("cases of the most disputed and of flagged texts, some of them decided")
    decide_some(demo)
    say("labels inferred by four methods, and people beside what was decided")
    run_job(start_truth(project, lead))
    run_job(start_agreement(project, lead))
    say("a look at all texts: suspected labels, and a sample that is half reviewed")
    run_job(start_exploration(project, lead))
    review_some(demo)
    say("a look at the pool: copies, unusable texts, distributions")
    run_job(start_cleaning(project, lead, 0.8))
    say("two split sets: one that tears copies apart, and one that keeps them together, frozen")
    torn = build(demo, "random", {"splits": {"train": 0.7, "test": 0.3}, "group": []})
    run_job(start_leakage(leakage.open_report(project, torn, 0.8, 3), lead))
    recipe = {"splits": {"train": 0.7, "validation": 0.1, "test": 0.2}, "group": ["duplicates"]}
    frozen = build(demo, "support", recipe)
    freezing.freeze_split_set(frozen, lead)
    frozen.refresh_from_db()
    say("two runs with their reports, and what the better one says of all texts, to be suggested in a round")
    upload_runs(demo, frozen)


def build(demo: Demo, name: str, recipe: Mapping[str, object]) -> SplitSet:
    """A built split set."""
    lead = demo.users["ravi"]
    made = splits.create_split_set(
        demo.project, lead, name=name, recipe={"stratify": ["label"], **recipe}, seed=SEED
    )
    run_job(start_split_set(made, lead))
    made.refresh_from_db()
    return made


def decide_some(demo: Demo) -> None:
    """Opens cases of disputes and flags; the adjudicator, who knows the truth, decides two of three."""
    rng = random.Random(SEED)
    judge, lead = demo.users["sofie"], demo.users["ravi"]
    cases.open_cases_of_disputes(demo.project, lead, 30)
    cases.open_cases_of_flags(demo.project, lead)
    for case in Case.objects.filter(project=demo.project, state=Case.State.OPEN).select_related("item"):
        if rng.random() > 0.66:
            continue
        text = demo.texts[case.item.external_id or ""]
        if text.source == "phone note" and text.hard:
            choice = {"outcome": "exclude", "meta_label": "unsolvable"}
            why = "The note does not say what the customer wants."
        else:
            choice = {"outcome": "label", "label": text.truth}
            why = f"What is needed now is “{text.truth}”."
        votes.cast_vote(case, judge, rationale=why, **choice)


def review_some(demo: Demo) -> None:
    """Draws a sample; the adjudicator, who knows the truth, answers half of it blind and marks what is wrong."""
    lead, judge = demo.users["ravi"], demo.users["sofie"]
    parts = [{"kind": "random", "size": 40}, {"kind": "distance", "size": 10, "how": "fringe"}]
    sample = samples.plan_sample(demo.project, lead, {"parts": parts}, SEED)
    run_job(start_sample(sample, lead))
    rows = sample.sample_items.select_related("item", "label", "sample__project")
    for row in rows[:24]:
        truth = demo.texts[row.item.external_id or ""].truth
        samples.answer_blind(row, judge, label=truth)
        wrong = row.label is not None and row.label.name != truth
        samples.mark_reviewed(row, judge, ["mislabeled"] if wrong else [])


def upload_runs(demo: Demo, frozen: SplitSet) -> None:
    """Keyword rules, and TF-IDF with logistic regression; both trained on train and scored on test."""
    rows = pd.DataFrame(
        frozen.split_items.values_list("split", "item__external_id", "item__text", "label__name"),
        columns=["split", "id", "text", "label"],
    ).sort_values("id")
    train, test = rows[rows["split"] == "train"], rows[rows["split"] == "test"]
    guesses = [guess(text) for text in test["text"]]
    rules = [{"id": i, "label": label} for i, label in zip(test["id"], guesses, strict=True)]
    score(demo, frozen, "keyword-rules", {"rules": sum(map(len, KEYWORDS.values()))}, ["baseline"], rules)

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=4, max_iter=300)
    )
    model.fit(train["text"], train["label"])
    shares = model.predict_proba(test["text"])
    learned = [
        {
            "id": i,
            "label": model.classes_[p.argmax()],
            "probabilities": dict(zip(model.classes_, map(float, p), strict=True)),
        }
        for i, p in zip(test["id"], shares, strict=True)
    ]
    score(demo, frozen, "tfidf-logreg", {"C": 4, "ngrams": "1-2", "min_df": 2}, ["candidate"], learned)
    suggest(demo, model)


def suggest(demo: Demo, model: Pipeline) -> None:
    """What the model says of every text, gold too, for a round to show."""
    texts = list(Item.objects.filter(project=demo.project).order_by("pk").values_list("external_id", "text"))
    shares = model.predict_proba([text for _, text in texts])
    rows = [
        {"id": i, "label": model.classes_[p.argmax()], "score": round(float(p.max()), 3)}
        for (i, _), p in zip(texts, shares, strict=True)
    ]
    for at in range(0, len(rows), MOST_ROWS):
        add_suggestions(demo.project, demo.users["ravi"], "tfidf-logreg", rows[at : at + MOST_ROWS])


def guess(text: str) -> str:
    """The first label one of whose keywords is in the text."""
    lower = text.lower()
    return next((name for name, words in KEYWORDS.items() if any(word in lower for word in words)), NAMES[-1])


def score(
    demo: Demo,
    frozen: SplitSet,
    name: str,
    params: dict[str, object],
    tags: list[str],
    rows: list[dict[str, object]],
) -> Run:
    """Uploads a run and computes its report."""
    user = demo.users["ravi"]
    run = runs.create_run(
        demo.project, user, name=name, split_set=frozen, split="test", params=params, tags=tags
    )
    runs.add_predictions(run, rows)
    run_job(start_report(run, user))
    return run
