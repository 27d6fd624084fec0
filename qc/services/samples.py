"""Drawing samples, and reviewing them: an answer without seeing the label first, then what is wrong, if anything."""

from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from numpy.typing import NDArray

from annotation.algorithms.duplicates import duplicate_clusters
from annotation.models import Item, Label, Project, User
from annotation.services.audit import record
from annotation.services.embeddings import embed_texts
from annotation.services.values import AnswerValue, read_value, value_of
from annotation.services.watching import Progress
from qc.algorithms import samples as draws
from qc.models import Review, Sample, SampleItem
from qc.queries.pool import Pool, read_pool
from qc.queries.resolved import resolved_labels
from qc.queries.samples import current_values
from qc.services.meta_labels import mark_item

LARGEST = 5_000  # texts of a sample
LARGEST_SEED = 2**63 - 1
KINDS = ("random", "metadata", "distance", "class")
WAYS = ("fringe", "dense", "duplicates")
COPY = 0.8  # share of three-word pieces from which two texts count as copies here


def check_recipe(recipe: Any) -> dict[str, Any]:
    """A recipe in its full form. Raises ValidationError for what is missing or not known.

    {"parts": [{"kind": "random", "size": 60}, {"kind": "metadata", "size": 30, "field": "channel", "values": null},
    {"kind": "distance", "size": 30, "how": "fringe"}, {"kind": "class", "size": 40, "labels": null}]}; `values` and
    `labels` name those to draw from, all in equal parts where they are null.
    """
    parts = recipe.get("parts") if isinstance(recipe, dict) else None
    if not isinstance(parts, list) or not parts:
        raise ValidationError({"parts": "Name at least one part, as {“kind”: “random”, “size”: 60}."})
    checked = [_check_part(part) for part in parts]
    names = [part["kind"] for part in checked]
    if len(set(names)) < len(names):
        raise ValidationError({"parts": "Each kind can be there once."})
    if sum(part["size"] for part in checked) > LARGEST:
        raise ValidationError({"parts": f"A sample has at most {LARGEST:,} texts."})
    return {"parts": checked}


def _check_part(part: Any) -> dict[str, Any]:
    kind = part.get("kind") if isinstance(part, dict) else None
    if kind not in KINDS:
        raise ValidationError({"parts": f"The kind of a part is one of {', '.join(KINDS)}."})
    size = part.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST:
        raise ValidationError({"parts": f"The size of a part is a whole number from 1 to {LARGEST:,}."})
    checked: dict[str, Any] = {"kind": kind, "size": size}
    if kind == "metadata":
        if not isinstance(part.get("field"), str) or not part["field"]:
            raise ValidationError({"parts": "Name the field of the metadata by which to draw."})
        checked |= {"field": part["field"], "values": _names(part.get("values"), "values")}
    if kind == "class":
        checked["labels"] = _names(part.get("labels"), "labels")
    if kind == "distance":
        if part.get("how", "fringe") not in WAYS:
            raise ValidationError({"parts": f"By distance there is {', '.join(WAYS)}."})
        checked["how"] = part.get("how", "fringe")
    return checked


def _names(given: Any, what: str) -> list[str] | None:
    if given is None or given == []:
        return None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValidationError({"parts": f"“{what}” is a list of names."})
    return given


@transaction.atomic
def plan_sample(project: Project, user: User, recipe: Any, seed: int = 0) -> Sample:
    """A sample that waits to be drawn."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValidationError({"seed": "The seed is a whole number from 0 on."})
    sample = Sample.objects.create(project=project, recipe=check_recipe(recipe), seed=seed, created_by=user)
    record(project, user, "draw sample", str(sample.pk), after={"recipe": sample.recipe, "seed": seed})
    return sample


def draw_sample(sample_id: int, progress: Progress) -> None:
    """Draws the texts of a sample. The same recipe, seed and texts give the same sample; drawn again, it stays."""
    sample = Sample.objects.select_related("project").get(pk=sample_id)
    if sample.drawn is not None:
        return
    progress(0.05, "reading texts")
    fields = [part["field"] for part in sample.recipe["parts"] if part["kind"] == "metadata"]
    pool = read_pool(sample.project, fields)
    if not len(pool):
        raise ValidationError("There are no texts to draw from. Import some first.")
    rng = np.random.default_rng(sample.seed)
    parts: dict[str, NDArray[np.int64]] = {}
    for at, part in enumerate(sample.recipe["parts"]):
        progress(0.1 + 0.7 * at / len(sample.recipe["parts"]), f"drawing by {part['kind']}")
        parts[part["kind"]] = _draw(sample.project, pool, part, rng)
    drawn = draws.mix(parts, rng)
    progress(0.9, f"storing {len(drawn):,} texts")
    items = Item.objects.in_bulk([int(pool.items[at]) for at, _ in drawn])
    values = current_values(list(items.values()))
    rows = []
    for place, (at, by) in enumerate(drawn):
        pk = int(pool.items[at])
        columns = values.get(pk, AnswerValue()).fields
        rows.append(SampleItem(sample=sample, item_id=pk, position=place, drawn_by=by, **columns))
    with transaction.atomic():
        SampleItem.objects.bulk_create(rows)
        sample.total, sample.population, sample.drawn = len(rows), len(pool), timezone.now()
        sample.save(update_fields=["total", "population", "drawn"])


def _draw(project: Project, pool: Pool, part: dict[str, Any], rng: np.random.Generator) -> NDArray[np.int64]:
    size = part["size"]
    if part["kind"] == "random":
        return draws.draw_random(len(pool), size, rng)
    if part["kind"] == "metadata":
        codes, values = pool.coded(part["field"])
        if not values:
            raise ValidationError(f"No text has “{part['field']}” in its metadata.")
        return draws.draw_evenly(codes, size, rng, _places(values, part["values"], part["field"]))
    if part["kind"] == "class":
        labels = list(Label.objects.filter(project=project).order_by("position", "id"))
        place = {label.pk: at for at, label in enumerate(labels)}
        frame = resolved_labels(project).dropna(subset=["label_id"])
        given = dict(zip(frame["item_id"].tolist(), frame["label_id"].tolist(), strict=True))
        codes = np.array(
            [place[int(given[pk])] if pk in given else -1 for pk in pool.items.tolist()], np.int64
        )
        if not (codes >= 0).any():
            raise ValidationError("No text has one label yet, so none can be drawn per class.")
        wanted = _places([label.name for label in labels], part["labels"], "label")
        return draws.draw_evenly(codes, size, rng, wanted)
    if part["how"] == "duplicates":
        return draws.draw_copies(duplicate_clusters(pool.texts, COPY), size, rng)
    similarity = draws.mean_similarity(embed_texts(pool.texts))
    return (draws.draw_fringe if part["how"] == "fringe" else draws.draw_dense)(similarity, size)


def _places(there: list[str], wanted: list[str] | None, what: str) -> list[int] | None:
    if wanted is None:
        return None
    if unknown := [name for name in wanted if name not in there]:
        raise ValidationError(f"No text has “{unknown[0]}” as {what}.")
    return [there.index(name) for name in wanted]


@transaction.atomic
def answer_blind(sample_item: SampleItem, user: User, **sent: Any) -> Review:
    """The reviewer's own answer, given before the label is shown; sent again, the first one stays.

    Raises ValidationError for an answer that does not fit the project's task.
    """
    project, item = sample_item.sample.project, sample_item.item
    value = read_value(project, item.text, **sent)
    reviewed = value_of(sample_item)
    agrees = None if reviewed == AnswerValue() else value == reviewed
    try:
        with transaction.atomic():
            return Review.objects.create(sample_item=sample_item, user=user, agrees=agrees, **value.fields)
    except IntegrityError:
        return Review.objects.get(sample_item=sample_item, user=user)


@transaction.atomic
def mark_reviewed(sample_item: SampleItem, user: User, kinds: list[str], note: str = "") -> Review:
    """What is wrong with the text, after seeing its label; nothing named says that it is fine. It can be changed."""
    review = Review.objects.select_for_update().filter(sample_item=sample_item, user=user).first()
    if review is None:
        raise ValidationError(
            "Answer the text first; then you see its label, and can say what is wrong with it."
        )
    mark_item(sample_item.item, user, kinds, note)
    review.kinds, review.note, review.marked = sorted(set(kinds) - {"fine"}), note.strip(), timezone.now()
    review.save(update_fields=["kinds", "note", "marked"])
    return review
