"""A large project made by SQL, for the benchmarks that read one."""

import re

from django.db import connection

from annotation.models import Annotator, Project, Round, User
from annotation.services.projects import create_project

WORDS = re.findall(
    r"\S+",
    "the my card account payment was charged twice refund still waiting transfer cash machine fee failed please help"
    " since Monday abroad shop why is there not a on to and it again after before statement balance limit",
)
LABELS = ["refund", "fee", "transfer", "card", "other"]
PEOPLE = 40


def fill(items: int) -> Project:
    """A project of so many texts of about 400 characters in one round, each answered three times but every tenth.

    Every text has a source (of 20), an age and a date; one in a hundred is flagged; people agree on nine of ten.
    """
    owner, _ = User.objects.get_or_create(username="owner")
    project = create_project(
        owner, name="Benchmark", slug="benchmark", labels=[{"name": name} for name in LABELS], overlap=3
    )
    made = Round.objects.get(project=project)
    labels = list(project.labels.values_list("pk", flat=True))
    people = [Annotator.objects.create(project=project, name=f"person {n}").pk for n in range(PEOPLE)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO annotation_item (project_id, external_id, text, digest, meta, provenance, imported_label_id,
                                         created)
            SELECT %(project)s, 'x' || n,
                   (SELECT string_agg((%(words)s::text[])[1 + (hashint4(n * 101 + w) & 1023) %% %(many)s], ' ')
                    FROM generate_series(1, 72) w) || ' number ' || n,
                   gen_random_uuid(),
                   jsonb_build_object('source', 'source ' || n %% 20, 'age', n %% 90,
                                      'date', to_char('2024-01-01'::date + n %% 700, 'YYYY-MM-DD')),
                   'real', (%(labels)s::bigint[])[1 + n %% 5], now()
            FROM generate_series(1, %(items)s) n
            """,
            {"project": project.pk, "words": WORDS, "many": len(WORDS), "labels": labels, "items": items},
        )
        cursor.execute(
            """
            INSERT INTO annotation_rounditem (round_id, item_id, position, overlap, open_slots, answers)
            SELECT %s, id, row_number() OVER (ORDER BY hashint8(id)), 3,
                   CASE WHEN id %% 10 = 0 THEN 3 ELSE 0 END, CASE WHEN id %% 10 = 0 THEN 0 ELSE 3 END
            FROM annotation_item WHERE project_id = %s AND id %% 50 <> 1
            """,
            [made.pk, project.pk],
        )
        cursor.execute(
            """
            INSERT INTO annotation_annotation (round_id, item_id, annotator_id, label_id, kind, seconds, comment,
                                               created)
            SELECT %(round)s, item_id, (%(people)s::bigint[])[1 + (item_id * 7 + k * 13) %% %(many)s],
                   (%(labels)s::bigint[])[1 + (item_id + CASE WHEN k = 1 AND item_id %% 11 = 3 THEN 1 ELSE 0 END) %% 5],
                   'normal', 3.5, '', now()
            FROM annotation_rounditem, generate_series(1, 3) k
            WHERE round_id = %(round)s AND answers = 3 ORDER BY hashint8(item_id), k
            """,
            {"round": made.pk, "people": people, "many": PEOPLE, "labels": labels},
        )
        cursor.execute(
            "INSERT INTO annotation_flag (item_id, user_id, kind, note, created)"
            " SELECT id, %s, 'ambiguous', '', now() FROM annotation_item WHERE project_id = %s AND id %% 100 = 7",
            [owner.pk, project.pk],
        )
        cursor.execute("VACUUM ANALYZE")
    return project
