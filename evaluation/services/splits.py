"""Making split sets."""

from typing import Any

import numpy as np
import pandas as pd
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max

from annotation.models import Label, Project, User
from annotation.services.audit import record
from annotation.services.watching import Progress
from evaluation.models import SplitFile, SplitItem, SplitSet
from evaluation.queries import splits as queries
from evaluation.queries.leakage import pair_decisions
from evaluation.recipes import ADJUDICATED, check_recipe, metadata_fields
from evaluation.services.allocation import Allocation
from evaluation.services.split_checks import check_split_set
from evaluation.services.split_files import remove_files, write_files
from qc.models import QualitySettings, Treatment
from qc.queries.meta_labels import doubted_since, treated
from qc.queries.resolved import resolved_labels
from qc.queries.settings import quality_settings

LARGEST_SEED = 2**63 - 1
ONE_LABEL = "Split sets divide texts that have one label; texts with several labels or spans leave as files."
COPY_ITEMS = "COPY evaluation_splititem (split_set_id, item_id, split, label_id) FROM STDIN"


@transaction.atomic
def create_split_set(project: Project, user: User, *, name: str, recipe: Any, seed: int = 0) -> SplitSet:
    """A split set that waits to be built, as the project's next version. Raises ValidationError for a wrong recipe.

    A recipe that does not say how answers become labels takes the project's method of this moment.
    """
    if project.task != Project.Task.CLASSIFICATION:
        raise ValidationError({"recipe": ONE_LABEL})
    if isinstance(recipe, dict) and recipe.get("labels") is None:
        recipe = recipe | {"labels": quality_settings(project).method}
    checked = check_recipe(recipe)
    if not 0 <= seed <= LARGEST_SEED:
        raise ValidationError({"seed": f"The seed is a whole number from 0 to {LARGEST_SEED}."})
    Project.objects.select_for_update().get(pk=project.pk)  # versions are counted up one by one
    newest = SplitSet.objects.filter(project=project).aggregate(newest=Max("version"))["newest"] or 0
    split_set = SplitSet(
        project=project, name=name.strip(), version=newest + 1, seed=seed, recipe=checked, created_by=user
    )
    split_set.full_clean(exclude=["manifest", "checks", "frozen", "deleted"])
    split_set.save()
    record(project, user, "create split set", split_set, after={"seed": seed, "recipe": checked})
    return split_set


def build_split_set(split_set_id: int, progress: Progress) -> None:
    """Computes, stores and writes a split set. Building it again gives the same bytes for the same data."""
    split_set = SplitSet.objects.select_related("project").get(pk=split_set_id)
    changeable = SplitSet.objects.filter(pk=split_set.pk, deleted__isnull=True).exclude(
        state=SplitSet.State.FROZEN
    )
    if not changeable.update(state=SplitSet.State.BUILDING):
        return
    written: list[SplitFile] = []
    try:
        with transaction.atomic():
            old = list(SplitFile.objects.filter(split_set=split_set))
            written = _build(split_set, progress)
    except BaseException:
        remove_files(written)
        SplitSet.objects.filter(pk=split_set.pk).update(state=SplitSet.State.FAILED)
        raise
    remove_files(old)


def _build(split_set: SplitSet, progress: Progress) -> list[SplitFile]:
    progress(0.02, "reading texts and labels")
    frame = labelled_candidates(split_set)
    if frame.empty:
        raise ValidationError("There are no texts to divide. Import some first.")
    unknown = [field for field in metadata_fields(split_set.recipe) if frame[f"meta.{field}"].isna().all()]
    if unknown:
        raise ValidationError(
            f"No text has {', '.join(unknown)} in its metadata. Correct the recipe's field names."
        )
    progress(0.2, f"dividing {len(frame):,} texts")
    decisions = list(pair_decisions(split_set.project))
    made = Allocation(frame, split_set.recipe, split_set.seed, decisions)
    placed = made.split != ""
    if not placed.any():
        raise ValidationError(f"No text can be placed: {_most_common(made.reason)}.")
    progress(0.5, f"checking {int(placed.sum()):,} texts")
    names = queries.split_order(split_set)
    splits, labels = made.split[placed], frame["label"].to_numpy()[placed]
    texts = frame["text"].to_numpy()[placed].tolist()
    checks = check_split_set(
        split_set.recipe, names, splits, labels, texts, made.copies[placed], made.groups[placed]
    )
    progress(0.55, "storing")
    items = frame["item_id"].to_numpy()
    _store_items(split_set, items[placed], splits, frame["label_id"].to_numpy()[placed])
    left_out = np.flatnonzero(~placed)
    shares = dict(zip(items[placed].tolist(), frame["distribution"].to_numpy()[placed], strict=True))
    in_use = {*labels, *(name for given in shares.values() for name in given)}
    order = [name for name in _label_order(split_set.project) if name in in_use]
    written = write_files(
        split_set,
        shares,
        order,
        lambda done, message="": progress(0.6 + 0.39 * done, message),
    )
    try:
        SplitFile.objects.filter(split_set=split_set).delete()
        SplitFile.objects.bulk_create(written)
        manifest = {
            "recipe": split_set.recipe,
            "seed": split_set.seed,
            "labels": queries.label_origin(split_set),
            "guideline_versions": queries.guideline_versions(split_set),
            "counts": {
                name: {
                    "items": int((splits == name).sum()),
                    "labels": queries.label_counts(labels[splits == name]),
                }
                for name in names
            },
            "excluded": [{"item_id": int(items[at]), "reason": made.reason[at]} for at in left_out],
            "excluded_reasons": queries.label_counts(_general(made.reason[left_out])),
            "files": {file.name: file.sha256 for file in written if file.labels == "hard"},
        }
        SplitSet.objects.filter(pk=split_set.pk).update(
            state=SplitSet.State.READY, manifest=manifest, checks=checks
        )
    except BaseException:
        remove_files(written)
        raise
    return written


def labelled_candidates(split_set: SplitSet) -> pd.DataFrame:
    """Every text of the pool with its resolved label, and the meta-label by which the panel excluded it, in id order.

    A text that the panel excluded for a reason that the recipe accepts has the label on which most people agree.
    """
    project, recipe = split_set.project, split_set.recipe
    method = QualitySettings.Method.MAJORITY if recipe["labels"] == ADJUDICATED else recipe["labels"]
    # “At least 80% of the answers agree” and soft labels mean what people said, whatever the method
    labels = resolved_labels(project, method, as_said=True).drop(columns=["external_id"])
    frame = queries.candidates(project, metadata_fields(recipe)).merge(
        labels, on="item_id", how="left", validate="one_to_one"
    )
    frame = frame.sort_values("item_id", ignore_index=True)
    _break_ties_by_policy(project, frame)
    frame["excluded_as"] = frame["item_id"].map(
        queries.exclusions(project) | _left_out_by_policy(project, frame)
    )
    accepted = frame["excluded_as"].notna() & ~frame["excluded_as"].isin(["", *recipe["exclude"]])
    ids = {label.name: label.pk for label in Label.objects.filter(project=project)}
    distributions = frame["distribution"].tolist()
    for at in np.flatnonzero(accepted).tolist():
        shares: dict[str, float] = distributions[at]
        best = [name for name, share in shares.items() if share == max(shares.values())]
        if len(best) == 1:
            frame.loc[at, "label"], frame.loc[at, "label_id"] = best[0], ids[best[0]]
            frame.loc[at, "source"], frame.loc[at, "confidence"] = "inferred", shares[best[0]]
    return frame


def _left_out_by_policy(project: Project, frame: pd.DataFrame) -> dict[int, str]:
    """The texts that the policy for meta-labels leaves out, each with its kind.

    What is to be relabelled stays where it is decided, gold, or answered since, and waits where there is but an
    imported label, or one of answers that were seen and found wrong.
    """
    out = treated(project, Treatment.DROP)
    waiting = treated(project, Treatment.RELABEL)
    settled = set(frame.loc[frame["source"].isin(["adjudicated", "gold"]), "item_id"])
    answered = set(frame.loc[frame["source"].eq("inferred"), "item_id"])
    for kind in set(waiting.values()):
        answered -= doubted_since(project, kind, [item for item, own in waiting.items() if own == kind])
    return {**{item: kind for item, kind in waiting.items() if item not in settled | answered}, **out}


def _break_ties_by_policy(project: Project, frame: pd.DataFrame) -> None:
    """Gives a tied text that the policy keeps with soft labels the first of the labels that most people gave."""
    kept = frame["item_id"].isin(list(treated(project, Treatment.SOFT))) & frame["tie"].eq(True)
    ids = {label.name: label.pk for label in Label.objects.filter(project=project).order_by("position", "id")}
    distributions: list[dict[str, float]] = frame["distribution"].tolist()
    for at in np.flatnonzero(kept).tolist():
        shares = distributions[at]
        first = next(name for name in ids if shares.get(name) == max(shares.values()))
        frame.loc[at, "label"], frame.loc[at, "label_id"], frame.loc[at, "source"] = (
            first,
            ids[first],
            "inferred",
        )


def _store_items(split_set: SplitSet, items: Any, splits: Any, labels: Any) -> None:
    SplitItem.objects.filter(split_set=split_set)._raw_delete("default")
    with connection.cursor() as cursor, cursor.copy(COPY_ITEMS) as copy:
        for item, split, label in zip(items.tolist(), splits, labels, strict=True):
            copy.write_row((split_set.pk, item, split, int(label)))


def _label_order(project: Project) -> list[str]:
    return list(
        Label.objects.filter(project=project).order_by("position", "id").values_list("name", flat=True)
    )


def _general(reasons: Any) -> Any:
    """The reasons without what is particular to one text, so that they can be counted."""
    return np.array([str(reason).split(": copy of text")[0] for reason in reasons], object)


def _most_common(reasons: Any) -> str:
    counts = queries.label_counts(_general(reasons))
    return ", ".join(f"{number:,} × {reason}" for reason, number in counts.items())
