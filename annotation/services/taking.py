"""The statement that hands out items: returned ones, started ones, new ones, and among them gold and repeats.

It is one statement for all of them, so that nobody can tell a gold item or a repeat by how it came. They are handed
out only beside normal items: gold never keeps anybody busy who is done. Rounds with suggestions have a statement that
looks those up too; others do not pay for it.
"""

import json
from datetime import datetime, timedelta

from django.conf import settings

from annotation.algorithms.draws import draw
from annotation.models import Annotator, Participation, Round
from annotation.queries.labelling import Lease
from annotation.queries.prepared import run_prepared
from annotation.queries.suggestions import told_of

LEASE = timedelta(minutes=30)
SPARE = 8  # candidates beyond those wanted, since others may be taking the first ones right now
WALK = 64  # own answers looked at for one that can be repeated

# Not theirs before, neither deleted nor excluded. OFFSET 0 keeps each a look-up by index, whatever the planner thinks
# of the tables.
_FREE = """
    NOT EXISTS (SELECT FROM annotation_assignment a WHERE a.annotator_id = %(annotator)s AND a.item_id = ri.item_id
                AND CASE WHEN a.round_id = ri.round_id THEN a.state <> 'expired' ELSE %(unseen)s END OFFSET 0)
    AND NOT EXISTS (SELECT FROM annotation_annotation n WHERE n.round_id = ri.round_id AND n.item_id = ri.item_id
                    AND n.annotator_id = %(annotator)s AND n.kind = 'normal' OFFSET 0)
    AND NOT (%(unseen)s AND EXISTS (SELECT FROM annotation_annotation n WHERE n.item_id = ri.item_id
                                    AND n.annotator_id = %(annotator)s OFFSET 0))
    AND EXISTS (SELECT FROM annotation_item i WHERE i.id = ri.item_id AND i.deleted IS NULL
                    AND i.excluded IS NULL OFFSET 0)
"""

_REPEATABLE = """
    near.round_id = %(round)s AND near.kind = 'normal' AND near.set_aside IS NULL
    AND NOT EXISTS (SELECT FROM annotation_assignment a WHERE a.annotator_id = %(annotator)s
                    AND a.item_id = near.item_id AND a.round_id = %(round)s AND a.kind = 'repeat'
                    AND a.state <> 'expired' OFFSET 0)
    AND EXISTS (SELECT FROM annotation_item i WHERE i.id = near.item_id AND i.deleted IS NULL
                    AND i.excluded IS NULL OFFSET 0)
"""

# Gold goes to those who never had the text in any round, least shown first. A repeat is the own answer nearest to
# a point drawn among those that lie far enough back, first before it and then after; WALK bounds the way to it.
_SPECIAL = f"""
gold AS MATERIALIZED (
    SELECT g.id, g.item_id
    FROM annotation_golditem g
    WHERE cardinality(%(gold)s::float8[]) > 0 AND EXISTS (SELECT FROM candidates)
      AND g.project_id = %(project)s AND g.retired IS NULL
      AND NOT EXISTS (SELECT FROM annotation_assignment a
                      WHERE a.annotator_id = %(annotator)s AND a.item_id = g.item_id AND a.state <> 'expired'
                      OFFSET 0)
      AND NOT EXISTS (SELECT FROM annotation_annotation n
                      WHERE n.item_id = g.item_id AND n.annotator_id = %(annotator)s OFFSET 0)
      AND EXISTS (SELECT FROM annotation_item i WHERE i.id = g.item_id AND i.deleted IS NULL
                    AND i.excluded IS NULL OFFSET 0) GOLD_IS
    ORDER BY g.exposures, g.id LIMIT cardinality(%(gold)s::float8[])
    FOR NO KEY UPDATE OF g SKIP LOCKED
), again AS MATERIALIZED (
    SELECT DISTINCT ON (earlier.item_id) earlier.item_id, drawn.place
    FROM unnest(%(repeats)s::float8[], %(chances)s::float8[]) AS drawn(place, chance)
    CROSS JOIN (SELECT id AS newest FROM annotation_annotation WHERE annotator_id = %(annotator)s
                ORDER BY id DESC OFFSET %(distance)s LIMIT 1) AS far
    CROSS JOIN LATERAL (
        SELECT %(first)s::bigint + floor(drawn.chance * (far.newest - %(first)s::bigint + 1))::bigint AS id
    ) AS aim
    CROSS JOIN LATERAL (
        (SELECT near.item_id
         FROM (SELECT n.id, n.item_id, n.round_id, n.kind, n.set_aside FROM annotation_annotation n
               WHERE n.annotator_id = %(annotator)s AND n.id <= aim.id AND n.id >= %(first)s::bigint
               ORDER BY n.id DESC LIMIT %(walk)s) near
         WHERE {_REPEATABLE} ORDER BY near.id DESC LIMIT 1)
        UNION ALL
        (SELECT near.item_id
         FROM (SELECT n.id, n.item_id, n.round_id, n.kind, n.set_aside FROM annotation_annotation n
               WHERE n.annotator_id = %(annotator)s AND n.id > aim.id AND n.id <= far.newest
               ORDER BY n.id ASC LIMIT %(walk)s) near
         WHERE {_REPEATABLE} ORDER BY near.id ASC LIMIT 1)
        LIMIT 1
    ) AS earlier
    WHERE cardinality(%(repeats)s::float8[]) > 0 AND EXISTS (SELECT FROM candidates)
    ORDER BY earlier.item_id
), special AS MATERIALIZED (
    SELECT item_id, 'gold' AS kind, (%(gold)s::float8[])[row_number() OVER ()] AS place FROM gold
    UNION ALL SELECT item_id, 'repeat', place FROM again
)"""  # noqa: S608 – the only insertion is the constant above

# Returned items first, then started ones, then untouched ones, each in the round's order; one statement. It hands out
# nothing to somebody who has changed since their row was read: `me`, locked before all others, is then empty.
_TAKE = f"""
WITH me AS MATERIALIZED (
    SELECT FROM annotation_annotator w JOIN annotation_participation part ON part.annotator_id = w.id
    WHERE w.id = %(annotator)s AND part.id = %(participation)s
      AND w.active IS NOT DISTINCT FROM %(seen)s::timestamptz AND part.handed = %(handed)s
      AND part.started_after >= %(started_after)s AND part.untouched_after >= %(untouched_after)s
    FOR NO KEY UPDATE
), returned AS MATERIALIZED (
    SELECT ri.id, ri.position
    FROM annotation_returneditem r JOIN annotation_rounditem ri ON ri.id = r.round_item_id
    WHERE r.round_id = %(round)s AND ri.open_slots > 0 AND EXISTS (SELECT FROM me) AND {_FREE}
    ORDER BY ri.position LIMIT %(near)s
), started AS MATERIALIZED (
    SELECT ri.id, ri.position
    FROM annotation_rounditem ri
    WHERE ri.round_id = %(round)s AND ri.open_slots > 0 AND ri.open_slots < ri.overlap
      AND ri.position > %(started_after)s AND EXISTS (SELECT FROM me) AND {_FREE}
    ORDER BY ri.position LIMIT %(near)s
), untouched AS MATERIALIZED (
    SELECT ri.id, ri.position
    FROM annotation_rounditem ri
    WHERE ri.round_id = %(round)s AND ri.open_slots > 0 AND ri.open_slots = ri.overlap
      AND ri.position > %(untouched_after)s AND EXISTS (SELECT FROM me) AND {_FREE}
    ORDER BY ri.position LIMIT %(near)s
), candidates AS MATERIALIZED (
    SELECT id, min(queue) AS queue, min(position) AS position
    FROM (SELECT id, position, 1 AS queue FROM returned
          UNION ALL SELECT id, position, 2 FROM started
          UNION ALL SELECT id, position, 3 FROM untouched) every
    GROUP BY id
), {_SPECIAL}, picked AS MATERIALIZED (
    SELECT ri.item_id, c.queue, c.position
    FROM candidates c JOIN annotation_rounditem ri ON ri.id = c.id
    WHERE ri.open_slots > 0 AND ri.item_id NOT IN (SELECT item_id FROM special)
    ORDER BY c.queue, c.position LIMIT %(wanted)s - (SELECT count(*) FROM special)
    FOR UPDATE OF ri SKIP LOCKED
), chosen AS MATERIALIZED (
    SELECT item_id, 'normal' AS kind, row_number() OVER (ORDER BY queue, position) AS place FROM picked
    UNION ALL SELECT item_id, kind, place FROM special
), leased AS (
    LEASES
    RETURNING id, item_id, kind, suggestion_id, suggested
), slots AS (
    UPDATE annotation_rounditem ri SET open_slots = ri.open_slots - 1
    FROM leased WHERE ri.round_id = %(round)s AND ri.item_id = leased.item_id AND leased.kind = 'normal'
    RETURNING ri.id, ri.open_slots
), full_again AS (
    DELETE FROM annotation_returneditem WHERE round_item_id IN (SELECT id FROM slots WHERE open_slots = 0)
), shown AS (
    UPDATE annotation_golditem g SET exposures = g.exposures + 1,
        retired = CASE WHEN g.exposures + 1 >= %(wear)s::int THEN %(now)s END
    FROM gold WHERE g.id = gold.id
), clock AS (
    UPDATE annotation_annotator SET active = %(now)s, item_seconds = %(item_seconds)s,
        sitting_seconds = %(sitting_seconds)s, read_version = COALESCE(read_version, %(read_version)s::int)
    WHERE id = %(annotator)s AND EXISTS (SELECT FROM me)
), behind AS (
    UPDATE annotation_participation p SET handed = p.handed + (SELECT count(*) FROM leased),
        started_after = GREATEST(%(started_after)s, LEAST(
            COALESCE((SELECT min(position) - 1 FROM started),
                     (SELECT max(ri.position) FROM annotation_rounditem ri WHERE ri.round_id = %(round)s
                      AND ri.open_slots > 0 AND ri.open_slots < ri.overlap AND ri.position > %(started_after)s)),
            (SELECT min(position) - 1 FROM untouched))),
        untouched_after = GREATEST(%(untouched_after)s,
            COALESCE((SELECT min(position) - 1 FROM untouched),
                     (SELECT max(ri.position) FROM annotation_rounditem ri WHERE ri.round_id = %(round)s
                      AND ri.open_slots > 0 AND ri.open_slots = ri.overlap AND ri.position > %(untouched_after)s)))
    WHERE p.id = %(participation)s AND EXISTS (SELECT FROM me)
)
SELECT leased.id, leased.item_id, item.text, item.meta, leased.suggested, TOLD
FROM leased JOIN annotation_item item ON item.id = leased.item_id ORDER BY leased.id
"""  # noqa: S608 – the only insertion is the constant above


_PLAIN = {
    "GOLD_IS": "",
    "LEASES": """INSERT INTO annotation_assignment
        (round_id, item_id, annotator_id, kind, state, reason, created, expires)
    SELECT %(round)s, item_id, %(annotator)s, kind, 'leased', '', %(now)s, %(expires)s FROM chosen ORDER BY place
    ON CONFLICT (annotator_id, item_id, round_id, kind)
    DO UPDATE SET state = 'leased', created = %(now)s, expires = %(expires)s, suggestion_id = NULL, suggested = ''
    WHERE annotation_assignment.state = 'expired'""",
    "TOLD": "NULL",
}

# In a round with suggestions, gold that has none would be known by it, and is not handed out. Each lease keeps the
# suggestion of its moment; whoever had asked for it before their time ran out knows it.
_SUGGESTING = {
    "GOLD_IS": """
      AND EXISTS (SELECT FROM annotation_suggestion s WHERE s.source_id = %(source)s AND s.item_id = g.item_id
                    AND s.replaced IS NULL OFFSET 0)""",
    "LEASES": """INSERT INTO annotation_assignment
        (round_id, item_id, annotator_id, kind, state, reason, created, expires, suggestion_id, suggested)
    SELECT %(round)s, chosen.item_id, %(annotator)s, chosen.kind, 'leased', '', %(now)s, %(expires)s, found.id,
           CASE WHEN found.id IS NULL THEN 'none' ELSE %(suggestions)s::text END
    FROM chosen LEFT JOIN LATERAL (
        SELECT s.id FROM annotation_suggestion s
        WHERE s.source_id = %(source)s AND s.item_id = chosen.item_id AND s.replaced IS NULL OFFSET 0
    ) found ON true
    ORDER BY chosen.place
    ON CONFLICT (annotator_id, item_id, round_id, kind)
    DO UPDATE SET state = 'leased', created = %(now)s, expires = %(expires)s, suggestion_id = excluded.suggestion_id,
        suggested = CASE WHEN annotation_assignment.suggested = 'asked'
                              AND annotation_assignment.suggestion_id = excluded.suggestion_id
                         THEN 'asked' ELSE excluded.suggested END
    WHERE annotation_assignment.state = 'expired'""",
    "TOLD": f"CASE WHEN leased.suggested IN ('shown', 'asked') THEN {told_of('leased.suggestion_id')} END",
}


def _with(parts: dict[str, str]) -> str:
    statement = _TAKE
    for place, sql in parts.items():
        statement = statement.replace(place, sql)
    return statement


_TAKE_PLAIN, _TAKE_SUGGESTING = _with(_PLAIN), _with(_SUGGESTING)


def take_from(
    made: Round,
    part: Participation,
    annotator: Annotator,
    wanted: int,
    seen: datetime | None,
    now: datetime,
) -> list[Lease]:
    """Leases up to `wanted` items of the round to the annotator; notes their clock and position.

    `seen` is when the annotator was last active, as it was read with `part`. Nothing is leased, and nothing noted, if
    the annotator has done something since: lock them and try again.
    """
    expires = now + LEASE
    drawn = draw(
        settings.SECRET_KEY.encode(),
        made.seed,
        annotator.pk,
        part.handed,
        wanted,
        made.gold_rate,
        made.repeat_rate,
    )
    special = sorted([*drawn.gold, *drawn.repeats])
    # Among the normal ones, which count from 1
    before = {place: place - at + 0.5 for at, place in enumerate(special)}
    suggesting = made.suggestions != Round.Suggestions.OFF
    values = {
        "round": made.pk,
        "source": made.suggestion_source_id,
        "suggestions": made.suggestions,
        "project": made.project_id,
        "annotator": annotator.pk,
        "participation": part.pk,
        "seen": seen,
        "handed": part.handed,
        "unseen": made.audience == Round.Audience.UNSEEN,
        "started_after": part.started_after,
        "untouched_after": part.untouched_after,
        "gold": [before[place] for place in drawn.gold],
        "repeats": [before[place] for place in drawn.repeats],
        "chances": drawn.chances,
        "distance": made.project.repeat_distance,
        "first": part.first_answer,
        "wear": made.project.gold_wear,
        "item_seconds": annotator.item_seconds,
        "sitting_seconds": annotator.sitting_seconds,
        "read_version": annotator.read_version,
        "wanted": wanted,
        "near": wanted + SPARE,
        "walk": WALK,
        "now": now,
        "expires": expires,
    }
    rows = run_prepared(_TAKE_SUGGESTING if suggesting else _TAKE_PLAIN, values)
    return [
        Lease(
            pk, made.pk, item, text, json.loads(meta), expires, suggested, json.loads(told) if told else None
        )
        for pk, item, text, meta, suggested, told in rows
    ]
