"""Meta-labels: what is wrong with a text, by decision or by more than half of those who gave one.

An open flag is a vote of its author for its kind. A standing decision outweighs the votes that were there before it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from annotation.models import Annotation, Flag, Item, MetaLabel, Project, User
from qc.models import Decision, MetaLabelVote, Treatment
from qc.queries.blindness import is_blind
from qc.queries.review import review_settings

KINDS = MetaLabel.values

# Everybody's opinion on a text that is newer than the decision that stands on it: (item, person, kind, id of the vote)
GIVEN = """
    SELECT given.item_id, given.user_id, given.kind, given.vote
    FROM (
        SELECT v.item_id, v.user_id, v.kind, v.created, v.id AS vote
        FROM qc_metalabelvote v WHERE v.withdrawn IS NULL
        UNION ALL
        SELECT f.item_id, f.user_id, f.kind, f.created, 0
        FROM annotation_flag f WHERE f.resolved IS NULL AND f.kind <> 'other'
    ) given
    JOIN annotation_item item ON item.id = given.item_id
    LEFT JOIN LATERAL (
        SELECT d.created FROM qc_decision d
        WHERE d.item_id = given.item_id AND d.withdrawn IS NULL ORDER BY d.id DESC LIMIT 1
    ) decision ON TRUE
    WHERE item.project_id = %s AND item.deleted IS NULL
      AND (decision.created IS NULL OR given.created > decision.created)
"""


def voted_kinds(project: Project) -> dict[int, list[str]]:
    """The meta-labels that texts have by the votes of more than half, in alphabetical order; item id → kinds."""
    sql = f"""
        WITH given AS ({GIVEN}),
        voters AS (SELECT item_id, count(DISTINCT user_id) AS n FROM given GROUP BY item_id)
        SELECT given.item_id, given.kind FROM given JOIN voters USING (item_id)
        WHERE given.kind <> 'fine'
        GROUP BY given.item_id, given.kind, voters.n
        HAVING 2 * count(DISTINCT given.user_id) > voters.n
        ORDER BY given.item_id, given.kind
    """  # noqa: S608 – our own text
    found: dict[int, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(sql, (project.pk,))
        for item, kind in cursor.fetchall():
            found[item].append(kind)
    return dict(found)


def treated(project: Project, treatment: Treatment) -> dict[int, str]:
    """The texts whose voted meta-label the project's policy treats like this, each with the first such kind."""
    settings = review_settings(project)
    kinds = {kind for kind in KINDS if settings.treatment_of(kind) == treatment}
    return {
        item: next(kind for kind in given if kind in kinds)
        for item, given in voted_kinds(project).items()
        if kinds & set(given)
    }


def doubted_since(project: Project, kind: str, items: Iterable[int]) -> set[int]:
    """Those of these texts that somebody gave the kind after the newest answer, and so with the answers before them.

    Flags do not count: who raises one answers in the same breath, and has not seen what others said.
    """
    answers = Annotation.objects.counted().filter(item=OuterRef("item"), round__deleted__isnull=True)
    newest = answers.order_by("-created").values("created")[:1]
    marks = MetaLabelVote.objects.filter(
        item__project=project, item__in=list(items), kind=kind, withdrawn__isnull=True
    )
    return set(marks.filter(created__gt=Subquery(newest)).values_list("item_id", flat=True))


def opinions(project: Project) -> list[tuple[int, int, str]]:
    """(item, person, kind) of everything that people have said and that still counts."""
    with connection.cursor() as cursor:
        cursor.execute(GIVEN, (project.pk,))
        return [(item, user, kind) for item, user, kind, _ in cursor.fetchall()]


def kinds_of(item: Item) -> tuple[list[str], bool]:
    """The meta-labels that a text has by votes newer than its decision, and whether anybody has said anything."""
    people: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(f"{GIVEN} AND item.id = %s", (item.project_id, item.pk))
        for _, user, kind, _ in cursor.fetchall():
            people[user].add(kind)
    counts = {kind: sum(kind in kinds for kinds in people.values()) for kind in KINDS}
    return [kind for kind, n in counts.items() if 2 * n > len(people)], bool(people)


def newest_vote(project: Project) -> int:
    """The id of the newest meta-label vote, by which a stored report knows whether it is old."""
    newest = MetaLabelVote.objects.filter(item__project=project).order_by("-id").values_list("id", flat=True)
    return newest.first() or 0


def meta_labels_of(item: Item, user: User, *, authors: bool = False) -> dict[str, Any]:
    """What a person may see of a text's meta-labels.

    {"item_id", "meta_labels", "kinds": [{"kind", "votes", "of", "by"}], "mine": [kinds], "votes": [{"username",
    "kind", "note", "created"}]}. What the others said, and how many, is None until the user has said something too,
    and while the user can still vote on an open case of the text. Names are for leads (`authors`).
    """
    votes = MetaLabelVote.objects.filter(item=item, withdrawn__isnull=True).select_related("user")
    flags = Flag.objects.filter(item=item, resolved__isnull=True).exclude(kind=Flag.Kind.OTHER)
    decision = Decision.objects.filter(item=item, withdrawn__isnull=True).order_by("-id").first()
    given: list[MetaLabelVote | Flag] = [*votes, *flags.select_related("user")]
    if decision is not None:
        given = [row for row in given if row.created > decision.created]
    people: dict[int, set[str]] = defaultdict(set)
    for row in given:
        people[row.user_id].add(row.kind)
    counts = {kind: sum(kind in kinds for kinds in people.values()) for kind in KINDS}
    has = [kind for kind, n in counts.items() if 2 * n > len(people)]
    if decision is not None and decision.meta_label and not people:
        has = [decision.meta_label]
    mine = sorted(people.get(user.pk, set()))
    open_to_me = bool(mine) and not is_blind(user, item)
    counted = [{"kind": kind, "votes": n, "of": len(people)} for kind, n in counts.items()]
    shown = [
        {
            "username": row.user.username if authors else None,
            "kind": row.kind,
            "note": row.note,
            "created": row.created,
            "flag": isinstance(row, Flag),
        }
        for row in given
    ]
    return {
        "item_id": item.pk,
        "meta_labels": has,
        "by": "decision" if decision and decision.meta_label and not people else "votes" if has else None,
        "kinds": counted if open_to_me else None,
        "mine": mine,
        "votes": shown if open_to_me else None,
    }
