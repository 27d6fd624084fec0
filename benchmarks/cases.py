"""The pages of adjudication in a project of many cases: statements, milliseconds and CPU time of each.

    python -m benchmarks.cases [open cases, 100000]

As many cases again are decided. The adjudicator has voted on nine of ten of the open ones, so that the first one left
is far from the first one. A second, small project stands beside it, whose cases are older than all of these.
"""

import os
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from annotation.models import Membership, Project, Role, User  # noqa: E402
from annotation.services.projects import create_project  # noqa: E402
from qc.models import Case  # noqa: E402
from qc.services.placing import place_decided  # noqa: E402

LABELS = ["refund", "fee", "transfer"]
TIMES = 7


def fill(slug: str, size: int, people: list[User]) -> Project:
    """A project with so many open and as many decided cases, all with two answers; one in fifty is flagged."""
    owner = people[0]
    project = create_project(
        owner, name=slug, slug=slug, labels=[{"name": name} for name in LABELS], overlap=2
    )
    for user in people[1:]:
        Membership.objects.create(project=project, user=user, role=Role.ADJUDICATOR)
    values: dict[str, Any] = {
        "project": project.pk,
        "size": 2 * size,
        "labels": list(project.labels.values_list("pk", flat=True)),
        "owner": owner.pk,
        "judge": people[1].pk,
        "voted": size * 9 // 10,
    }
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, values)
    place_decided(project)
    return project


STATEMENTS = [
    """INSERT INTO annotation_item (project_id, text, digest, meta, provenance, created)
       SELECT %(project)s, 'why was my card charged ' || n || ' times for this transfer', gen_random_uuid(), '{}',
              'real', now()
       FROM generate_series(1, %(size)s) n""",
    """INSERT INTO annotation_flag (item_id, user_id, kind, note, created)
       SELECT id, %(owner)s, 'ambiguous', '', now() FROM annotation_item
       WHERE project_id = %(project)s AND id %% 50 = 0""",
    """INSERT INTO qc_case (project_id, item_id, source, note, quorum, state, created_by_id, created)
       SELECT %(project)s, id, (ARRAY['disagreement', 'flag', 'suspect'])[1 + id %% 3], '', 3,
              CASE WHEN id %% 2 = 0 THEN 'open' ELSE 'decided' END, %(owner)s, now()
       FROM annotation_item WHERE project_id = %(project)s ORDER BY id""",
    """UPDATE qc_case SET source = 'gold' WHERE id IN (
           SELECT id FROM qc_case WHERE project_id = %(project)s AND state = 'decided' ORDER BY id LIMIT 3)""",
    """INSERT INTO qc_vote (case_id, user_id, outcome, label_id, acceptable, meta_label, clause, rationale, created)
       SELECT id, %(judge)s, 'label', (%(labels)s::bigint[])[1 + id %% 3], '{}', '', '', '', now()
       FROM (SELECT * FROM qc_case WHERE project_id = %(project)s AND state = 'open' ORDER BY id LIMIT %(voted)s) c""",
    """INSERT INTO qc_vote (case_id, user_id, outcome, label_id, acceptable, meta_label, clause, rationale, created)
       SELECT id, %(owner)s, 'label', (%(labels)s::bigint[])[1 + id %% 3], '{}', '', '', '', now()
       FROM qc_case WHERE project_id = %(project)s AND state = 'decided'""",
    """INSERT INTO qc_decision (case_id, item_id, outcome, label_id, acceptable, meta_label, clause, rationale,
                                decided_by_id, by_votes, withdrawn_because, created)
       SELECT id, item_id, CASE WHEN source = 'gold' THEN 'hard' ELSE 'label' END,
              CASE WHEN source <> 'gold' THEN (%(labels)s::bigint[])[1 + id %% 3] END, '{}', '', '', '',
              CASE WHEN source = 'gold' THEN %(judge)s ELSE %(owner)s END, source <> 'gold', '', now()
       FROM qc_case WHERE project_id = %(project)s AND state = 'decided' ORDER BY id""",
]


def measured(client: Client, address: str) -> str:
    """Statements, and the best of several times: of the whole answer, in statements, and of this process."""
    began_at: list[float] = []
    spent: list[float] = []

    def watched(execute: Any, *statement: Any) -> Any:
        began_at.append(time.perf_counter())
        try:
            return execute(*statement)
        finally:
            spent.append(1000 * (time.perf_counter() - began_at.pop()))

    whole, inside, own = [], [], []
    for _ in range(TIMES):
        spent.clear()
        began, worked = time.perf_counter(), time.process_time()
        with connection.execute_wrapper(watched):
            answer = client.get(address)
        whole.append(1000 * (time.perf_counter() - began))
        own.append(1000 * (time.process_time() - worked))
        inside.append(sum(spent))
        assert answer.status_code in {200, 302}, address
    return (
        f"{len(spent):3} statements  {min(whole):7.1f} ms  {min(inside):7.1f} ms in statements"
        f"  {min(own):6.1f} ms of CPU here  {address}"
    )


def main(size: int) -> None:
    """Fills the database and opens every page of adjudication as the adjudicator and as the owner."""
    old = setup_databases(verbosity=0, interactive=False)
    try:
        people = [User.objects.create_user(name) for name in ("owner", "judge", "other")]
        fill("small", 20, people)
        project = fill("large", size, people)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        of_project = Case.objects.filter(project=project).order_by("-id")
        first = {state: of_project.filter(state=state)[0].pk for state in ("open", "decided")}
        filters = ["", "?source=flag", "?source=gold", "?state=decided", "?state=decided&source=gold"]
        filters += ["?state=decided&outcome=hard", "?state=decided&by=judge", "?state=decided&by=votes"]
        for user in people[:2]:
            client = Client(SERVER_NAME="localhost")
            client.force_login(user)
            print(f"== {user.username}: {size:,} open cases and as many decided ones")
            for asked in filters:
                print(measured(client, f"/projects/large/adjudicate/{asked}"))
            for pk in first.values():
                print(measured(client, f"/projects/large/adjudicate/{pk}/"))
            print(measured(client, "/projects/small/adjudicate/?state=decided"))
            print(measured(client, "/api/v1/projects/large/cases/?state=open&source=flag"))
    finally:
        teardown_databases(old, verbosity=0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
