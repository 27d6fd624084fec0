"""Adding up new answers by person, day, round and guideline, away from the hands that answer."""

from django.db import connection, transaction

from annotation.models import TallyMark

_TALLY = """
INSERT INTO annotation_answertally AS kept
    (round_id, annotator_id, guideline_id, day, answers, normal, repeats, repeats_same, seconds)
SELECT given.round_id, given.annotator_id, given.guideline_id, (given.created AT TIME ZONE 'UTC')::date,
       count(*), count(*) FILTER (WHERE given.kind = 'normal'), count(*) FILTER (WHERE given.kind = 'repeat'),
       count(*) FILTER (WHERE given.kind = 'repeat' AND (given.label_id IS NOT DISTINCT FROM first.label_id
           AND given.labels IS NOT DISTINCT FROM first.labels AND given.spans IS NOT DISTINCT FROM first.spans)),
       coalesce(sum(given.seconds), 0)
FROM annotation_annotation given
LEFT JOIN annotation_annotation first
    ON given.kind = 'repeat' AND first.round_id = given.round_id AND first.item_id = given.item_id
    AND first.annotator_id = given.annotator_id AND first.kind = 'normal'
WHERE given.id > %(counted)s AND given.id <= %(seen)s AND given.source_id IS NULL
GROUP BY 1, 2, 3, 4
ON CONFLICT (annotator_id, day, round_id, guideline_id) DO UPDATE SET
    answers = kept.answers + excluded.answers, normal = kept.normal + excluded.normal,
    repeats = kept.repeats + excluded.repeats, repeats_same = kept.repeats_same + excluded.repeats_same,
    seconds = kept.seconds + excluded.seconds
"""


@transaction.atomic
def tally_answers() -> int:
    """Adds up the answers that were there at the last look; up to which id they are in now."""
    TallyMark.objects.get_or_create(pk=1)
    mark = TallyMark.objects.select_for_update().get(pk=1)
    with connection.cursor() as cursor:
        if mark.seen > mark.counted:
            cursor.execute(_TALLY, {"counted": mark.counted, "seen": mark.seen})
        cursor.execute("SELECT coalesce(max(id), 0) FROM annotation_annotation")
        mark.counted, mark.seen = mark.seen, max(mark.seen, cursor.fetchone()[0])
    mark.save()
    return mark.counted
