"""Changes of the guideline that come out of cases: proposed by the panel, taken into the draft by a lead."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.models import Project, User
from annotation.queries.guidelines import draft_of
from annotation.queries.projects import newest_guideline
from annotation.services.audit import record
from annotation.services.guidelines import save_draft
from qc.models import Case, GuidelineProposal
from qc.queries.clauses import insert_under

LONGEST = 5_000


def propose_change(case: Case, user: User, text: str, clause: str = "") -> GuidelineProposal | None:
    """Keeps what somebody would have the guideline say; nothing if nothing was written."""
    if not text.strip():
        return None
    if len(text) > LONGEST:
        raise ValidationError({"proposal": f"At most {LONGEST:,} characters; this has {len(text):,}."})
    return GuidelineProposal.objects.create(case=case, user=user, clause=clause, text=text.strip())


@transaction.atomic
def keep_proposal(proposal: GuidelineProposal, user: User) -> GuidelineProposal:
    """Takes the proposal into the draft of the next version, at the end of the clause that it is about."""
    held = _lock_open(proposal)
    project = held.case.project
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # nobody else saves a draft in between
    current = draft_of(project) or newest_guideline(project)
    draft = save_draft(
        project,
        user,
        body=insert_under(current.body if current else "", held.clause, held.text),
        summary=current.summary if current and current.published is None else "",
    )
    held.guideline = draft
    return _settle(held, user, GuidelineProposal.State.KEPT, f"version {draft.version}")


@transaction.atomic
def leave_out_proposal(proposal: GuidelineProposal, user: User) -> GuidelineProposal:
    """Leaves the guideline as it is; the proposal stays with its case."""
    return _settle(_lock_open(proposal), user, GuidelineProposal.State.LEFT_OUT, "")


def _lock_open(proposal: GuidelineProposal) -> GuidelineProposal:
    held = (
        GuidelineProposal.objects.select_for_update(of=("self",))
        .select_related("case__project")
        .get(pk=proposal.pk)
    )
    if held.state != GuidelineProposal.State.OPEN:
        raise ValidationError("Somebody has settled this proposal already.")
    return held


def _settle(held: GuidelineProposal, user: User, state: str, where: str) -> GuidelineProposal:
    held.state, held.settled_by, held.settled = state, user, timezone.now()
    held.save(update_fields=["state", "settled_by", "settled", "guideline"])
    done = "keep guideline proposal" if where else "leave out guideline proposal"
    record(held.case.project, user, done, f"case {held.case_id}", after={"text": held.text, "draft": where})
    return held
