"""Starting long work: a Job row, and the message to a worker once the row is committed."""

import hashlib
import json
from functools import partial
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from annotation.algorithms.text import NOT_KEEPABLE, is_keepable
from annotation.models import (
    Annotator,
    Guideline,
    Import,
    Item,
    Job,
    Label,
    LabelMigration,
    Membership,
    MetadataField,
    Project,
    Round,
    SuggestionSource,
    User,
)
from annotation.queries.imports import why_not_undoable
from annotation.queries.team import has_many_set_aside
from annotation.services import (
    bulk,
    gold,
    guidelines,
    labels,
    members,
    merging,
    metadata_fields,
    requeueing,
    rounds,
    suggestion_figures,
    suggestions,
    undoing,
)
from annotation.services.jobs import send_job


def start_job(
    kind: str,
    project: Project,
    user: User | None,
    parameters: dict[str, Any],
    *,
    title: str,
    result_url: str = "",
    page_url: str = "",
) -> Job:
    """A queued job of this kind; or the one that is queued or running for the same kind, project and parameters.

    `result_url` is where REST clients find the result, `page_url` where people do.
    """
    identity = json.dumps([kind, project.pk, parameters], sort_keys=True)
    fingerprint = hashlib.sha256(identity.encode()).hexdigest()
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                project=project,
                created_by=user,
                parameters=parameters,
                title=title,
                fingerprint=fingerprint,
                result_url=result_url,
                page_url=page_url,
            )
    except IntegrityError:
        joined = Job.objects.filter(fingerprint=fingerprint, state__in=["queued", "running"]).first()
        if joined is not None:
            return joined
        # It ended in between
        return start_job(
            kind, project, user, parameters, title=title, result_url=result_url, page_url=page_url
        )
    transaction.on_commit(partial(send_job, job))
    return job


def start_import(source: Import, user: User) -> Job:
    """Reads an uploaded file into its project."""
    return start_job(
        "import_file",
        source.project,
        user,
        {"import": source.pk},
        title=f"Import of {source.filename}",
        result_url=f"/api/v1/imports/{source.pk}/",
        page_url=f"/projects/{source.project.slug}/imports/{source.pk}/",
    )


def undo_import(source: Import, user: User) -> Job | None:
    """Takes out what an import brought in; a large one by a job."""
    if not undoing.is_large(source):
        undoing.undo_import(source, user)
        return None
    if reason := why_not_undoable(source):
        raise ValidationError(reason)
    return start_job(
        "undo_import",
        source.project,
        user,
        {"import": source.pk},
        title=f"Undoing the import of {source.filename}",
        result_url=f"/api/v1/imports/{source.pk}/",
        page_url=f"/projects/{source.project.slug}/imports/{source.pk}/",
    )


@transaction.atomic
def make_round(
    project: Project, user: User, *, texts: dict[str, Any] | None = None, **fields: Any
) -> tuple[Round, Job | None]:
    """A new round with the texts that are chosen for it; where there are many to choose from, a job puts them in."""
    made = rounds.create_round(project, user, texts=texts, **fields)
    job = None
    if texts and "items" not in texts and rounds.is_large(project):
        job = _start_on_round("fill_round", made, user, {}, f"Texts for the round {made.name}")
    elif texts:
        rounds.fill_round(made)
    if made.suggestions != Round.Suggestions.OFF and job is None:
        measure_suggestions(made, user)
    return made, job


@transaction.atomic
def publish_and_ask_again(
    project: Project, user: User, again: dict[str, Any] | None, **text: Any
) -> tuple[Guideline, Round | None]:
    """Publishes the guideline; the texts that are to be asked again under it go into a draft of a relaunch."""
    out = guidelines.publish_text(project, user, **text)
    if again is None:
        return out, None
    name = f"Relaunch v{out.version}"
    taken = set(Round.objects.filter(project=project, name__startswith=name).values_list("name", flat=True))
    name = next(
        said for n in range(1, len(taken) + 2) if (said := name if n == 1 else f"{name}, {n}") not in taken
    )
    made, _ = make_round(
        project, user, name=name, kind=Round.Kind.RELAUNCH, state=Round.State.DRAFT, texts=again
    )
    return out, made


@transaction.atomic
def change_round(made: Round, user: User, changes: dict[str, Any]) -> Job | None:
    """Changes a round's plan or state; where the overlap of many texts follows, a job gives it to them."""
    before, plan = made.overlap, dict(changes)
    suggested = made.suggestions, made.suggestion_source_id
    state = plan.pop("state", made.state)
    if made.deleted is not None:
        raise ValidationError("The round was deleted. Restore it first.")
    if plan:
        rounds.change_round(made, user, plan)
    if state != made.state:
        move = {"open": rounds.open_round, "closed": rounds.close_round}.get(state)
        if move is None:
            raise ValidationError(
                {"state": "A round that was open cannot become a draft again. Close it instead."}
            )
        move(made, user)
    if (
        suggested != (made.suggestions, made.suggestion_source_id)
        and made.suggestions != Round.Suggestions.OFF
    ):
        measure_suggestions(made, user)
    if made.overlap == before:
        return None
    if made.items_total > rounds.INLINE:
        title = f"{made.overlap} answers a text in the round {made.name}"
        return _start_on_round("resize_round", made, user, {"before": before}, title)
    rounds.resize_round(made, before)
    return None


def change_items(
    project: Project,
    user: User,
    action: str,
    choice: dict[str, Any],
    *,
    because: str = "",
    round: str = "",
    slots: str = "",
) -> bulk.Done | Job:
    """Excludes, takes back, deletes, restores texts, puts them into a round or out of it; many of them by a job."""
    if not (is_keepable(because) and is_keepable(round)):
        raise ValidationError(NOT_KEEPABLE)
    if action == bulk.OUT_OF_ROUND:
        return bulk.take_out_of_round(project, user, round, slots)
    if (found := bulk.few(project, choice)) is not None:
        return bulk.change_items(project, user, action, found, because=because, round=round)
    if action not in bulk.ACTIONS:
        raise ValidationError({"action": f"There is no such action. There are: {', '.join(bulk.ACTIONS)}."})
    if action == bulk.EXCLUDE and not because.strip():
        raise ValidationError({"because": "Say why these texts are excluded: others will read it."})
    newest = Item.objects.filter(project=project).order_by("-pk").values_list("pk", flat=True).first()
    parameters = {"action": action, "choice": choice | {"newest": newest}, "because": because, "round": round}
    return start_job(
        "change_items",
        project,
        user,
        parameters,
        title=f"Many texts to be {bulk.ACTIONS[action]} {round}".strip(),
        result_url=f"/api/v1/projects/{project.slug}/items/",
        page_url=f"/projects/{project.slug}/items/",
    )


@transaction.atomic
def change_member(
    membership: Membership, user: User, *, requeue: bool = False, take_back: bool = False, **changes: Any
) -> tuple[Membership, Job | None]:
    """Changes a member; the job, where many answers follow.

    With `requeue` their answers are set aside and the texts are given to others; `take_back` counts them again where
    others have not filled the text.
    """
    if requeue and take_back:
        raise ValidationError({"take_back": "Set the answers aside, or take them back; not both."})
    changed = members.change_member(membership, user, **changes)
    author = Annotator.objects.filter(project=changed.project_id, user=changed.user_id).first()
    if author is None or not (requeue or take_back):
        return changed, None
    author.project = changed.project
    if requeue and author.answers > requeueing.INLINE:
        return changed, _start_on_answers("set_aside_answers", author, user, "to be set aside")
    if take_back and has_many_set_aside(author, requeueing.INLINE):
        return changed, _start_on_answers("take_back_answers", author, user, "to be taken back")
    (requeueing.set_aside_answers if requeue else requeueing.take_back_answers)(author, user)
    return changed, None


def _start_on_answers(kind: str, author: Annotator, user: User, words: str) -> Job:
    slug, username = author.project.slug, author.user.username if author.user else ""
    return start_job(
        kind,
        author.project,
        user,
        {"annotator": author.pk},
        title=f"Answers of {author.name} {words}",
        result_url=f"/api/v1/projects/{slug}/members/",
        page_url=f"/projects/{slug}/team/?member={quote(username)}",
    )


def promote_gold(project: Project, user: User, *, at_least: int) -> Job:
    """Makes gold of texts on which everybody agreed."""
    gold.check_unanimous(at_least)
    slug = project.slug
    return start_job(
        "promote_gold",
        project,
        user,
        {"at_least": at_least},
        title=f"Gold from texts with {at_least} equal answers",
        result_url=f"/api/v1/projects/{slug}/gold/",
        page_url=f"/projects/{slug}/gold/",
    )


def start_comparison(made: Round, user: User) -> Job:
    """Compares a round's answers with older ones to the same texts."""
    return _start_on_round("compare_round", made, user, {}, f"What the round {made.name} changed")


def measure_suggestions(made: Round, user: User) -> Job | None:
    """Counts what the round's suggestions reach and did; where there is much to count, a job does it."""
    if max(made.items_total, made.answers_total) <= rounds.INLINE:
        suggestion_figures.measure_suggestions(made)
        return None
    return start_measurement(made, user)


def start_measurement(made: Round, user: User) -> Job:
    """Counts it by a job, however much there is."""
    slug = made.project.slug
    return start_job(
        "measure_suggestions",
        made.project,
        user,
        {"round": made.pk},
        title=f"What suggestions did in the round {made.name}",
        result_url=f"/api/v1/projects/{slug}/rounds/{made.pk}/suggestions/",
        page_url=f"/projects/{slug}/suggestions/",
    )


@transaction.atomic
def add_suggestions(project: Project, user: User, name: str, rows: list[Any]) -> SuggestionSource:
    """Stores what a script suggests; the rounds that have its suggestions know of them."""
    source = suggestions.add_suggestions(project, user, name, rows)
    measure_rounds_of(source, user)
    return source


def measure_rounds_of(source: SuggestionSource, user: User) -> None:
    """Counts anew in the rounds that take answers beside a source's suggestions."""
    using = Round.objects.filter(suggestion_source=source, deleted__isnull=True).select_related("project")
    for made in using.exclude(suggestions=Round.Suggestions.OFF).exclude(state=Round.State.CLOSED):
        measure_suggestions(made, user)


def _start_on_round(kind: str, made: Round, user: User, parameters: dict[str, Any], title: str) -> Job:
    return start_job(
        kind,
        made.project,
        user,
        {"round": made.pk, **parameters},
        title=title,
        result_url=f"/api/v1/projects/{made.project.slug}/rounds/{made.pk}/",
        page_url=f"/projects/{made.project.slug}/rounds/",
    )


@transaction.atomic
def merge_label(label: Label, into: Label, user: User) -> tuple[LabelMigration, Job | None]:
    """Merges a label into another one; where there is much to change, a job does it."""
    migration = labels.merge_label(label, into, user)
    if not merging.is_large(label.project):
        gold.lock_authors(label.project)  # before their answers, as whoever revises one does
        merging.rewrite_values(migration.pk)
        migration.refresh_from_db()
        return migration, None
    slug = label.project.slug
    job = start_job(
        "merge_label",
        label.project,
        user,
        {"migration": migration.pk},
        title=f"Merge of {label.name} into {into.name}",
        result_url=f"/api/v1/projects/{slug}/labels/",
        page_url=f"/projects/{slug}/settings/labels/{label.pk}/",
    )
    return migration, job


def correct_field(field: MetadataField, user: User, type: str) -> MetadataField | Job:
    """Says of which type a metadata field is; where there are many values to look through, a job does it."""
    metadata_fields.check_type(type)
    project = field.project
    if type in {field.type, metadata_fields.DETECTED} or not metadata_fields.is_large(project):
        return metadata_fields.correct_field(field, user, type)
    return start_job(
        "correct_metadata_field",
        project,
        user,
        {"field": field.pk, "type": type},
        title=f"{field.name} as {type}",
        result_url=f"/api/v1/projects/{project.slug}/metadata-fields/{field.pk}/",
        page_url=f"/projects/{project.slug}/metadata/",
    )
