"""Gold in the demo: texts whose answer is known, and how everybody did on some of them.

It comes after all other answers, with draws of its own, so that nothing else in the demo depends on it.
"""

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import connection

from annotation.jobs import start_import
from annotation.models import Assignment, Import, Membership, Project, Round, User
from annotation.services import answers, imports, labelling
from evaluation.demo.annotators import Person, answer
from evaluation.demo.phrases import LABELS
from evaluation.demo.running import run_job
from evaluation.demo.texts import Text, write_texts

EACH = 14  # gold texts that everybody gets, unless they are paused before

# Each stands behind one of its author's other answers, as if it had come among them
_AMONG_OTHERS = """
WITH others AS (
    SELECT annotator_id, created, row_number() OVER (PARTITION BY annotator_id ORDER BY id) AS place,
           count(*) OVER (PARTITION BY annotator_id) AS n
    FROM annotation_annotation WHERE round_id = %(round)s AND kind = 'normal'
), known AS (
    SELECT id, annotator_id, row_number() OVER (PARTITION BY annotator_id ORDER BY id) AS place
    FROM annotation_annotation WHERE round_id = %(round)s AND kind = 'gold'
)
UPDATE annotation_annotation a
SET created = others.created + interval '1 second', seconds = coalesce(a.client_seconds, a.seconds)
FROM known JOIN others ON others.annotator_id = known.annotator_id
    AND others.place = greatest(others.n * known.place / %(parts)s, 1)
WHERE a.id = known.id
"""


def known_texts(n: int, last_day: date, seed: int, taken: Mapping[str, Text]) -> list[Text]:
    """Texts that are not hard, none of them among those that are taken."""
    written, _ = write_texts(3 * n + 40, last_day, seed)
    there = {_normal(text) for text in taken.values()}
    found = {_normal(text): text for text in written if not text.hard and _normal(text) not in there}
    return [replace(text, id=f"K{at:04d}") for at, text in enumerate(found.values(), start=1)][:n]


def _normal(text: Text) -> str:
    return " ".join(text.text.lower().split())


def import_known(project: Project, owner: User, texts: list[Text]) -> None:
    """Uploads the texts with their answers and the reasons. The columns are those that the other texts have."""
    meanings = dict(LABELS)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["ticket", "message", "answer", "why", "source", "date", "customer"])
    for text in texts:
        why = f"What is needed now: {meanings[text.truth][0].lower()}{meanings[text.truth][1:]}."
        row = [text.id, text.text, text.truth, why, text.source, text.day.isoformat(), text.customer]
        writer.writerow(row)
    file = ContentFile(written.getvalue().encode(), name="known_answers.csv")
    source = imports.store_upload(project, owner, file, kind=Import.Kind.GOLD)
    mapping = {"text": "message", "id": "ticket", "label": "answer", "explanation": "why"}
    imports.choose_mapping(source, mapping)
    run_job(start_import(source, owner))


def answer_known(
    made: Round, users: Mapping[str, User], people: dict[str, Person], texts: list[Text]
) -> None:
    """Everybody answers some of the gold texts as they would; who is paused on the way stops."""
    rng = random.Random(len(texts))
    by_id = {text.id: text for text in texts}
    rates = {"gold_rate": made.gold_rate, "repeat_rate": made.repeat_rate}
    Round.objects.filter(pk=made.pk).update(gold_rate=1, repeat_rate=0)
    for person in people.values():
        user = users[person.username]
        active = Membership.objects.filter(project=made.project, user=user, state=Membership.State.ACTIVE)
        leases = labelling.next_items(made.project, user, min(EACH, len(texts))).leases
        held = Assignment.objects.select_related("round__project", "item", "annotator")
        for assignment in held.filter(pk__in=[lease.id for lease in leases], kind="gold"):
            if not active.exists():
                break
            label, seconds = answer(person, by_id[assignment.item.external_id or ""], people, rng)
            key = UUID(int=rng.getrandbits(128))
            answers.answer_item(assignment, key=key, label=label, seconds=round(seconds, 1))
    Round.objects.filter(pk=made.pk).update(**rates)
    with connection.cursor() as cursor:
        cursor.execute(_AMONG_OTHERS, {"round": made.pk, "parts": EACH + 1})


def is_paused(project: Project) -> list[str]:
    """Who is paused by the rule on gold."""
    found = Membership.objects.filter(project=project, state=Membership.State.PAUSED)
    return sorted(found.values_list("user__username", flat=True))
