"""One text's whole story: what people said and when, what was decided, where it went, what models say of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q

from annotation.models import Annotation, AnnotationVersion, Flag, GoldItem, Item
from annotation.queries.values import label_names, value_in_words
from evaluation.models import LeakagePair, Prediction, SplitItem, SplitSet
from qc.models import Case, Decision, MetaLabelVote, Outcome
from qc.queries.cases import letter

MOST_COPIES = 20


@dataclass(frozen=True)
class Event:
    """Something that happened to the text. `tone` is that of the design's log."""

    at: datetime
    what: str
    note: str = ""
    tone: str = ""


def answers_of(item: Item, names: Mapping[int, str], *, blind: bool) -> list[dict[str, Any]]:
    """Every answer, those that count first, then the others with why they do not; each with its older versions.

    `blind`: for somebody who must not know yet who said what; letters stand in place of names.
    """
    versions = AnnotationVersion.objects.order_by("replaced", "id")
    answers = (
        Annotation.objects.filter(item=item, round__deleted__isnull=True)
        .select_related("annotator", "label", "round", "guideline", "suggestion__source")
        .prefetch_related(Prefetch("versions", versions))
        .order_by("created", "id")
    )
    found = []
    letters: dict[int, str] = {}
    for answer in answers:
        letters.setdefault(answer.annotator_id, letter(len(letters)))
        why = ""
        if answer.set_aside is not None:
            why = "set aside"
        elif answer.kind != Annotation.Kind.NORMAL:
            why = {"gold": "as gold", "repeat": "again"}[answer.kind]
        found.append(
            {
                "answer": answer,
                "by": letters[answer.annotator_id] if blind else answer.annotator.name,
                "said": value_in_words(answer, names),
                "spans": _quotes(item.text, answer.spans, names),
                "why": why,
                "suggested": _suggested(answer, names),
                "versions": [
                    {"version": version, "said": value_in_words(version, names)}
                    for version in answer.versions.all()
                ],
            }
        )
    return sorted(found, key=lambda row: bool(row["why"]))


def _suggested(answer: Annotation, names: Mapping[int, str]) -> str:
    """What its author was told by a model: "Refund, shown, followed"; "" where the round had no suggestions."""
    if answer.suggestion is None:
        return answer.get_suggested_display() if answer.suggested else ""
    said = f"{value_in_words(answer.suggestion, names)} by {answer.suggestion.source}"
    same = "the same" if answer.followed else "answered otherwise"
    return f"{said}, {answer.get_suggested_display()}, {same}"


def _quotes(text: str, spans: Any, names: Mapping[int, str]) -> list[tuple[str, str]]:
    """(label, quoted text) of each span."""
    return [(names[pk], text[start:end]) for start, end, pk in spans or []]


def cases_of(item: Item, names: Mapping[int, str]) -> list[Case]:
    """The text's cases, newest first, each with its decisions and how many votes it has."""
    decisions = Decision.objects.select_related("label", "decided_by", "withdrawn_by").order_by("-id")
    found = (
        Case.objects.filter(item=item)
        .prefetch_related(Prefetch("decisions", decisions), "votes")
        .order_by("-id")
    )
    cases = list(found)
    for case in cases:
        case.cast = sum(vote.withdrawn is None for vote in case.votes.all())  # type: ignore[attr-defined]
        case.standing = next(  # type: ignore[attr-defined]
            (decision for decision in case.decisions.all() if decision.withdrawn is None), None
        )
        for decision in case.decisions.all():
            ends_with_value = decision.outcome == Outcome.LABEL
            decision.said = (  # type: ignore[attr-defined]
                value_in_words(decision, names) if ends_with_value else decision.get_outcome_display()
            )
    return cases


def meta_labels_of(item: Item) -> list[tuple[str, int, int]]:
    """(kind, those who say so, all who said something) by number; nothing where nobody did."""
    votes = MetaLabelVote.objects.filter(item=item, withdrawn__isnull=True).values_list("kind", "user")
    people = len({user for _, user in votes})
    kinds = Counter(kind for kind, _ in votes)
    return [(MetaLabelVote.Kind(kind).label, n, people) for kind, n in kinds.most_common()]


def splits_of(item: Item) -> list[SplitItem]:
    """Where it is in every split set that was not deleted, newest set first."""
    placed = SplitItem.objects.filter(item=item, split_set__deleted__isnull=True)
    return list(placed.select_related("split_set").defer("split_set__manifest").order_by("-split_set"))


def predictions_of(item: Item) -> list[dict[str, Any]]:
    """What each run that was measured on one of the text's splits says, newest run first, and how sure it is."""
    sets = SplitSet.objects.filter(split_items__item=item)
    found = Prediction.objects.filter(item=item, run__split_set__in=sets)
    return [
        {
            "prediction": prediction,
            "run": prediction.run,
            "confidence": max(prediction.probabilities) if prediction.probabilities else None,
        }
        for prediction in found.select_related("label", "run", "run__split_set")
        .defer("run__split_set__manifest")
        .order_by("-run")[:20]
    ]


def copies_of(item: Item) -> list[dict[str, Any]]:
    """Texts that are equal after normalisation, and near ones of the stored reports, most similar first."""
    same = Item.objects.filter(project=item.project_id, digest=item.digest, deleted__isnull=True)
    found: dict[int, dict[str, Any]] = {
        other.pk: {"item": other, "similarity": 1.0, "exact": True}
        for other in same.exclude(pk=item.pk).order_by("pk")[:MOST_COPIES]
    }
    pairs = LeakagePair.objects.filter(Q(a=item) | Q(b=item), kind=LeakagePair.Kind.NEAR)
    for pair in pairs.select_related("a", "b").order_by("-similarity", "id")[:MOST_COPIES]:
        other = pair.b if pair.a_id == item.pk else pair.a
        if other.deleted is None:
            found.setdefault(other.pk, {"item": other, "similarity": pair.similarity, "exact": False})
    return sorted(found.values(), key=lambda copy: -copy["similarity"])[:MOST_COPIES]


def history(
    item: Item,
    answers: list[dict[str, Any]],
    flags: list[Flag],
    cases: list[Case],
    splits: list[SplitItem],
    gold: GoldItem | None,
    *,
    blind: bool,
) -> list[Event]:
    """What happened to the text, newest first; `blind` as in `answers_of`, and without what was decided."""
    events = [Event(item.created, "Came in", item.source.filename if item.source else "")]
    if answers:
        first = min((row["answer"] for row in answers), key=lambda answer: (answer.created, answer.pk))
        who = next(row["by"] for row in answers if row["answer"] is first)
        events.append(Event(first.created, "First answer", who))
    for row in answers:
        for version in row["versions"]:
            who = row["by"]
            events.append(
                Event(version["version"].replaced, "Answer revised", f"{who}, was {version['said']}")
            )
    for flag in flags:
        who = "" if blind else flag.user.display_name
        events.append(Event(flag.created, f"Flagged {flag.get_kind_display().lower()}", who, "warn"))
        if flag.resolved:
            events.append(Event(flag.resolved, "Flag resolved", flag.get_kind_display()))
    for case in cases:
        events.append(Event(case.created, "Case opened", case.get_source_display()))
        for decision in case.decisions.all():
            what = f"Decided: {decision.said}"  # type: ignore[attr-defined]
            events.append(
                Event(decision.created, "Decided, hidden")
                if blind and case.state == Case.State.OPEN
                else Event(decision.created, what, decision.decided_by.display_name)
            )
            if decision.withdrawn:
                events.append(Event(decision.withdrawn, "Case reopened", decision.withdrawn_because, "warn"))
    events += [
        Event(placed.split_set.frozen, f"Frozen into {placed.split_set}", placed.split)
        for placed in splits
        if placed.split_set.frozen
    ]
    if gold is not None:
        events.append(Event(gold.created, "Made gold", gold.get_origin_display()))
    if item.excluded:
        events.append(Event(item.excluded, "Excluded", item.excluded_because, "warn"))
    return sorted(events, key=lambda event: event.at, reverse=True)


def names_of(item: Item) -> dict[int, str]:
    """{id: name} of the labels of the text's project."""
    return label_names(item.project)
