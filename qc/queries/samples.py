"""Samples for review: what was drawn, what is reviewed, and what that says about all texts."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.algorithms.intervals import Estimate, wilson
from annotation.models import Annotation, GoldItem, Item, MetaLabel, Project, User
from annotation.services.values import AnswerValue, value_of
from qc.algorithms.samples import sample_size
from qc.models import Decision, Outcome, Review, Sample, SampleItem

MARGIN = 0.05  # the half-width up to which a review goes on
RANDOM, CLASS = "random", "class"
LATEST = 20  # samples among which something left to review is looked for


def samples(project: Project) -> QuerySet[Sample]:
    """The project's samples, newest first, each with `reviewed`: how many of its texts somebody has reviewed."""
    done = Count("sample_items", filter=Q(sample_items__reviews__marked__isnull=False), distinct=True)
    return Sample.objects.filter(project=project).annotate(reviewed=done).order_by("-id")


def samples_to_review(project: Project, user: User, most: int = 3) -> list[Sample]:
    """The newest drawn samples of which the user has not reviewed all, each with `left`: how many texts are left."""
    done = (
        Review.objects.filter(sample_item__sample=OuterRef("pk"), user=user, marked__isnull=False)
        .order_by()
        .values("sample_item__sample")
        .annotate(n=Count("id"))
        .values("n")
    )
    drawn = Sample.objects.filter(project=project, drawn__isnull=False).order_by("-id")[:LATEST]
    counted = Sample.objects.filter(pk__in=drawn.values("pk"))
    left = counted.annotate(left=F("total") - Coalesce(Subquery(done), 0)).filter(left__gt=0)
    return list(left.order_by("-id")[:most])


def next_to_review(sample: Sample, user: User) -> SampleItem | None:
    """The first text of the sample that the user has not finished: one whose label the user has seen comes first."""
    mine = Review.objects.filter(sample_item=OuterRef("pk"), user=user)
    left = sample.sample_items.filter(~Exists(mine.filter(marked__isnull=False)), item__deleted__isnull=True)
    begun = left.filter(Exists(mine)).select_related("item").first()
    return begun or left.select_related("item").order_by("position").first()


def review_of(sample_item: SampleItem, user: User) -> Review | None:
    """What the user answered to a text of a sample, if anything yet."""
    return Review.objects.filter(sample_item=sample_item, user=user).first()


def reviewed_by(sample: Sample, user: User) -> int:
    """How many of the sample's texts the user has finished."""
    return Review.objects.filter(sample_item__sample=sample, user=user, marked__isnull=False).count()


def finished_items(sample: Sample, user: User) -> set[int]:
    """The texts of the sample that the user has finished."""
    mine = Review.objects.filter(sample_item__sample=sample, user=user, marked__isnull=False)
    return set(mine.values_list("sample_item__item", flat=True))


def finished_reviews(sample: Sample, user: User, most: int = 50) -> list[Review]:
    """The user's finished reviews of the sample, newest first."""
    found = Review.objects.filter(sample_item__sample=sample, user=user, marked__isnull=False)
    return list(found.select_related("sample_item__item").order_by("-marked")[:most])


def current_values(items: Sequence[Item]) -> dict[int, AnswerValue]:
    """The label that each text has now, in whatever shape: decided, gold, given most often, or imported; else none."""
    found = given_values(items)
    ids = [item.pk for item in items]
    for gold in GoldItem.objects.filter(item__in=ids):
        found[gold.item_id] = value_of(gold)
    decided = Decision.objects.filter(item__in=ids, withdrawn__isnull=True, outcome=Outcome.LABEL)
    for decision in decided.order_by("id"):
        found[decision.item_id] = AnswerValue(decision.label_id, decision.labels, decision.spans)
    return {pk: value for pk, value in found.items() if value != AnswerValue()}


def given_values(items: Sequence[Item]) -> dict[int, AnswerValue]:
    """What people gave most often to each text, or what it was imported with; nothing for a tie.

    Somebody who answered in several rounds counts with the newest answer.
    """
    ids = [item.pk for item in items]
    votes: dict[int, Counter[str]] = defaultdict(Counter)
    values: dict[str, AnswerValue] = {}
    for answer in Annotation.objects.newest_of_each().filter(item__in=ids).order_by("id"):
        value = value_of(answer)
        votes[answer.item_id][repr(value)] += 1
        values[repr(value)] = value
    found: dict[int, AnswerValue] = {}
    for item in items:
        ranked = votes[item.pk].most_common(2)
        if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]):
            found[item.pk] = values[ranked[0][0]]
        elif not ranked:
            found[item.pk] = AnswerValue(item.imported_label_id, item.imported_labels, item.imported_spans)
    return found


def findings(sample: Sample, names: dict[int, str]) -> dict[str, Any]:
    """What the reviews say: {"reviewed", "wrong", "by_label", "blind", "kinds", "marked", "more"}.

    `wrong` is the share of wrong labels among the texts that were drawn at random, `by_label` the same for each label
    over those drawn at random and those drawn by class, which are random within their label; the other parts find
    problems and do not measure them. `blind` is how often an answer that was given without seeing the label was the
    same. A text is wrong when more than half of its reviewers say so. `marked` are the texts that something is wrong
    with, `more` is how many more of the random part tell the share to within five points.
    """
    reviews: dict[int, list[Review]] = defaultdict(list)
    done = Review.objects.filter(sample_item__sample=sample, marked__isnull=False)
    for review in done.select_related("sample_item").order_by("id"):
        reviews[review.sample_item_id].append(review)
    kinds: Counter[str] = Counter()
    marked, at_random, per_label = [], [], defaultdict(list)
    same = [review.agrees for found in reviews.values() for review in found if review.agrees is not None]
    for found in reviews.values():
        drawn = found[0].sample_item
        given = Counter(kind for review in found for kind in review.kinds or [])
        has = [kind for kind in MetaLabel.values if 2 * given[kind] > len(found)]
        kinds.update(has or ["fine"])
        if has:
            marked.append(drawn.item_id)
        if value_of(drawn) == AnswerValue():
            continue
        wrong = MetaLabel.MISLABELED.value in has
        if RANDOM in drawn.drawn_by:
            at_random.append(wrong)
        if drawn.label_id is not None and {RANDOM, CLASS} & set(drawn.drawn_by):
            per_label[drawn.label_id].append(wrong)
    estimate = share(at_random, "no text that was drawn at random is reviewed yet")
    near = estimate.value if estimate.value else 0.1
    return {
        "reviewed": len(reviews),
        "wrong": estimate.as_dict(),
        "wrong_n": sum(at_random),
        "by_label": [
            {"label": names[pk], **share(per_label[pk], "").as_dict()} for pk in names if pk in per_label
        ],
        "blind": share(same, "nobody has answered a text that has a label").as_dict(),
        "kinds": {kind: kinds[kind] for kind in ["fine", *MetaLabel.values]},
        "marked": sorted(marked),
        "more": max(0, sample_size(near, MARGIN, population=sample.population or None) - len(at_random)),
    }


def share(truths: Sequence[bool | None], reason: str) -> Estimate:
    """How many of these are true, as a share with Wilson's interval."""
    return wilson(sum(map(bool, truths)), len(truths), reason=reason or "none is reviewed yet")
