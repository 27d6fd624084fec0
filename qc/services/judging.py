"""Whether a suspected label error was one, by what people have said of the text since."""

from django.utils import timezone

from annotation.models import Item, MetaLabel
from qc.models import Decision, Outcome, Suspect
from qc.queries.meta_labels import kinds_of


def judge_suspects(item: Item) -> None:
    """Notes on the suspicions about a text what people have found since: a decision before meta-labels."""
    found = list(Suspect.objects.select_for_update().filter(item=item))
    if not found:
        return
    decision = Decision.objects.filter(item=item, withdrawn__isnull=True).order_by("-id").first()
    has, said = kinds_of(item)
    for suspect in found:
        if decision is not None and not said:
            if decision.outcome == Outcome.LABEL:
                real = decision.label_id != suspect.given_id
            else:
                real = decision.meta_label == MetaLabel.MISLABELED
            verdict = Suspect.Verdict.REAL if real else Suspect.Verdict.FINE
        elif said:
            verdict = Suspect.Verdict.REAL if MetaLabel.MISLABELED in has else Suspect.Verdict.FINE
        else:
            verdict = Suspect.Verdict.UNKNOWN
        suspect.verdict, suspect.judged = verdict, timezone.now() if verdict else None
        suspect.save(update_fields=["verdict", "judged"])
