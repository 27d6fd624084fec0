"""Saying what is wrong with a text, and how far those who say so agree."""

from collections.abc import Sequence

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.models import Item, MetaLabel, Project, User
from annotation.services.watching import Progress
from qc.algorithms.agreement import NO_OVERLAP, ONE_LABEL, estimate_agreement
from qc.models import MetaLabelReport, MetaLabelVote
from qc.queries.meta_labels import newest_vote, opinions
from qc.services.judging import judge_suspects

LONGEST_NOTE = 2_000
UNDEFINED = {  # in the words of meta-labels
    NO_OVERLAP: "not enough overlap: of no text did two people say something",
    ONE_LABEL: "undefined, because everybody or nobody gave it",
}


@transaction.atomic
def give_meta_label(item: Item, user: User, kind: str, note: str = "") -> MetaLabelVote:
    """One person's vote for a kind beside those that the person has given; `fine` takes those back, and they it.

    Given again, the newer note replaces the older one.
    """
    if kind not in MetaLabelVote.Kind.values:
        raise ValidationError({"kind": f"“{kind}” is not one of {', '.join(MetaLabelVote.Kind.values)}."})
    Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    standing = MetaLabelVote.objects.filter(item=item, user=user, withdrawn__isnull=True)
    fine = MetaLabelVote.Kind.FINE
    (standing.exclude(kind=fine) if kind == fine else standing.filter(kind=fine)).update(
        withdrawn=timezone.now()
    )
    vote = standing.filter(kind=kind).first()
    if vote is None:
        vote = MetaLabelVote.objects.create(item=item, user=user, kind=kind, note=_checked(note))
    elif note.strip() and note.strip() != vote.note:
        vote.note = _checked(note)
        vote.save(update_fields=["note"])
    judge_suspects(item)
    return vote


@transaction.atomic
def mark_item(item: Item, user: User, kinds: Sequence[str], note: str = "") -> None:
    """All that one person says of a text: these kinds and no others; none means that the text is fine."""
    wanted = list(dict.fromkeys(kinds)) or [MetaLabelVote.Kind.FINE.value]
    if MetaLabelVote.Kind.FINE in wanted and len(wanted) > 1:
        raise ValidationError({"kinds": "A text is fine, or something is wrong with it, not both."})
    Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    standing = MetaLabelVote.objects.filter(item=item, user=user, withdrawn__isnull=True)
    standing.exclude(kind__in=wanted).update(withdrawn=timezone.now())
    for kind in wanted:
        give_meta_label(item, user, kind, note)


def _checked(note: str) -> str:
    if len(note) > LONGEST_NOTE:
        raise ValidationError({"note": f"At most {LONGEST_NOTE:,} characters; this has {len(note):,}."})
    return note.strip()


def compute_meta_label_agreement(project: Project, progress: Progress) -> None:
    """Alpha of each kind, given or not given by everybody who said something of a text, with its interval."""
    progress(0.1, "reading meta-labels")
    revision = newest_vote(project)
    given = opinions(project)
    people = sorted({(item, user) for item, user, _ in given})
    items = sorted({item for item, _ in people})
    row = {item: at for at, item in enumerate(items)}
    result = {"texts": len(items), "people": len({user for _, user in people}), "kinds": []}
    found = []
    for at, kind in enumerate(MetaLabel.values):
        progress(0.2 + 0.2 * at, f"agreement on {kind}")
        said = {(item, user) for item, user, what in given if what == kind}
        counts = np.zeros((len(items), 2), np.int64)
        for pair in people:
            counts[row[pair[0]], int(pair in said)] += 1
        alpha = estimate_agreement(counts).alpha.as_dict()
        alpha["reason"] = UNDEFINED.get(alpha["reason"] or "", alpha["reason"])
        found.append({"kind": kind, "given": len(said), "alpha": alpha})
    result["kinds"] = found
    values = {"result": result, "revision": revision, "computed": timezone.now()}
    MetaLabelReport.objects.update_or_create(project=project, defaults=values)
