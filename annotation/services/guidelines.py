"""What annotators are told: drafting it, publishing it, and noting who has read it."""

import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from annotation.models import Annotator, Guideline, GuidelineRead, Project, User
from annotation.queries.guidelines import draft_of, published_versions
from annotation.queries.people import annotator_of
from annotation.services.audit import record

LONGEST = 200_000
LONGEST_SUMMARY = 2000


def state_of(body: str) -> str:
    """A mark of a text, by which an editor knows whether somebody else has saved another one in the meantime."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _check(body: str, summary: str) -> tuple[str, str]:
    """Both texts with one kind of line end; ValidationError where they are too long."""
    body, summary = body.replace("\r\n", "\n"), summary.replace("\r\n", "\n").strip()
    if len(body) > LONGEST:
        raise ValidationError(
            {"body": f"A guideline has at most {LONGEST:,} characters; this has {len(body):,}."}
        )
    if len(summary) > LONGEST_SUMMARY:
        raise ValidationError(
            {"summary": f"At most {LONGEST_SUMMARY:,} characters: annotators read it in between texts."}
        )
    return body, summary


def _lock(project: Project) -> None:
    """Two leads must not write the same version."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


@transaction.atomic
def save_draft(
    project: Project, user: User, *, body: str, summary: str = "", seen: str | None = None
) -> Guideline:
    """Keeps a draft for the next version; there is one at a time, and the audit log keeps what was in it before.

    `seen` is the `state_of` what the author began with: if somebody else saved another text since, nothing is saved.
    """
    body, summary = _check(body, summary)
    _lock(project)
    draft, newest = draft_of(project), published_versions(project).first()
    current = draft or newest
    if seen and current is not None and state_of(current.body) not in {seen, state_of(body)}:
        who = current.created_by.display_name
        raise ValidationError(
            f"{who} has saved v{current.version} in the meantime, and your text was not saved. "
            "Copy what you wrote, load the page again, and put it in there."
        )
    if draft is None:
        draft = Guideline(project=project, version=newest.version + 1 if newest else 1, published=None)
    new = draft._state.adding
    if new or (draft.body, draft.summary) != (body, summary):
        before = None if new else {"body": draft.body, "summary": draft.summary}
        after = {"summary": summary, "characters": len(body)}
        record(project, user, "save guideline draft", f"version {draft.version}", before=before, after=after)
    draft.body, draft.summary, draft.created_by = body, summary, user
    draft.created = timezone.now()  # of a draft: when it was last saved
    draft.save()
    return draft


@transaction.atomic
def discard_draft(project: Project, user: User) -> None:
    """Takes the draft away; the audit log keeps its text."""
    _lock(project)
    draft = draft_of(project)
    if draft is None:
        raise ValidationError("There is no draft.")
    record(project, user, "discard guideline draft", f"version {draft.version}", before={"body": draft.body})
    draft.delete()


@transaction.atomic
def publish_draft(project: Project, user: User) -> Guideline:
    """Makes the draft the version that annotators have from their next text on."""
    _lock(project)
    draft, newest = draft_of(project), published_versions(project).first()
    if draft is None:
        raise ValidationError("There is no draft to publish. Write what is to change and save it first.")
    if not draft.body.strip():
        raise ValidationError("The draft is empty. Annotators would have nothing to go by.")
    if newest is not None and newest.body == draft.body:
        raise ValidationError(
            f"The draft says the same as v{newest.version}. There is nothing new to publish."
        )
    draft.published, draft.created_by = timezone.now(), user
    draft.save()
    record(project, user, "publish guideline", f"version {draft.version}", after={"summary": draft.summary})
    return draft


@transaction.atomic
def publish_text(
    project: Project, user: User, *, body: str, summary: str = "", seen: str | None = None
) -> Guideline:
    """Saves the draft with this text and publishes it, or neither."""
    save_draft(project, user, body=body, summary=summary, seen=seen)
    return publish_draft(project, user)


@transaction.atomic
def publish_guideline(project: Project, user: User, body: str, summary: str = "") -> Guideline:
    """A new version of the guideline; the newest one if nothing changed. A draft stays, under the next number."""
    body, summary = _check(body, summary)
    _lock(project)
    newest = published_versions(project).first()
    if newest is not None and newest.body == body:
        return newest
    Guideline.objects.filter(project=project, published__isnull=True).update(version=F("version") + 1)
    version = newest.version + 1 if newest else 1
    guideline = Guideline.objects.create(
        project=project, version=version, body=body, summary=summary, created_by=user
    )
    record(project, user, "publish guideline", f"version {version}", after={"summary": summary})
    return guideline


@transaction.atomic
def restore_version(project: Project, user: User, version: int) -> Guideline:
    """An old version as the draft of the next one. A draft that is there is not written over."""
    _lock(project)
    draft = draft_of(project)
    if draft is not None:
        raise ValidationError(f"v{draft.version} is a draft already. Publish or discard it first.")
    old = published_versions(project).filter(version=version).first()
    if old is None:
        raise ValidationError(f"There is no published version {version}.")
    record(project, user, "restore guideline", f"version {version}")
    return save_draft(project, user, body=old.body, summary=f"We are back to version {version}.")


@transaction.atomic
def acknowledge(guideline: Guideline, user: User) -> None:
    """Notes that the user has read this version, once; those before it count as read with it."""
    if guideline.published is None:
        raise ValidationError("This version is a draft. There is nothing to confirm before it is published.")
    GuidelineRead.objects.get_or_create(guideline=guideline, user=user)
    annotator = annotator_of(guideline.project, user)
    behind = Q(read_version__isnull=True) | Q(read_version__lt=guideline.version)
    Annotator.objects.filter(behind, pk=annotator.pk).update(read_version=guideline.version)
