"""Whether a suspected label error was one, by what people have said of the text since."""

from django.utils import timezone

from annotation.models import Item, MetaLabel
from annotation.services.values import AnswerValue
from qc.models import Decision, Outcome, Suspect
from qc.queries.meta_labels import kinds_of
from qc.queries.samples import given_values


def judge_suspects(item: Item) -> None:
    """Notes on the suspicions about a text what people have found since: a decision before meta-labels."""
    found = list(Suspect.objects.select_for_update(of=("self",)).filter(item=item).select_related("item"))
    if not found:
        return
    decision = Decision.objects.filter(item=item, withdrawn__isnull=True).order_by("-id").first()
    has, said = kinds_of(item)
    for suspect in found:
        if decision is not None and not said:
            if decision.outcome == Outcome.LABEL:
                real = _was_wrong(suspect, decision)
            else:
                real = decision.meta_label == MetaLabel.MISLABELED
            verdict = Suspect.Verdict.REAL if real else Suspect.Verdict.FINE
        elif said:
            verdict = Suspect.Verdict.REAL if MetaLabel.MISLABELED in has else Suspect.Verdict.FINE
        else:
            verdict = Suspect.Verdict.UNKNOWN
        suspect.verdict, suspect.judged = verdict, timezone.now() if verdict else None
        suspect.save(update_fields=["verdict", "judged"])


def _was_wrong(suspect: Suspect, decision: Decision) -> bool:
    """Whether what was suspected of the text is other than what was decided."""
    if decision.label_id is not None:
        return decision.label_id != suspect.given_id
    if decision.labels is not None and (doubted := suspect.given_id or suspect.likely_id):
        return (doubted in decision.labels) == (suspect.given_id is None)
    value = AnswerValue(decision.label_id, decision.labels, decision.spans)
    return given_values([suspect.item]).get(suspect.item_id) != value
