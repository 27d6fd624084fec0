"""What a round's suggestions reach, and what they did to the answers given beside them."""

from typing import Any

from django.db import connection
from django.utils import timezone

from annotation.algorithms.intervals import wilson
from annotation.models import Round, Suggested
from annotation.queries.changes import changes_of
from annotation.services.watching import Progress, unwatched

_TEXTS = """
SELECT count(*), count(s.id)
FROM annotation_rounditem ri
JOIN annotation_item i ON i.id = ri.item_id AND i.deleted IS NULL AND i.excluded IS NULL
LEFT JOIN annotation_suggestion s ON s.source_id = %(source)s AND s.item_id = ri.item_id AND s.replaced IS NULL
WHERE ri.round_id = %(round)s
"""

_GOLD = """
SELECT count(*), count(s.id)
FROM annotation_golditem g
JOIN annotation_item i ON i.id = g.item_id AND i.deleted IS NULL AND i.excluded IS NULL
LEFT JOIN annotation_suggestion s ON s.source_id = %(source)s AND s.item_id = g.item_id AND s.replaced IS NULL
WHERE g.project_id = %(project)s AND g.retired IS NULL
"""

# Repeats are left out: they are the second answer of the same person to the same suggestion.
_ANSWERS = """
SELECT suggested, count(*), count(*) FILTER (WHERE followed),
       count(*) FILTER (WHERE good), count(*) FILTER (WHERE good AND correct),
       count(*) FILTER (WHERE NOT good), count(*) FILTER (WHERE NOT good AND correct)
FROM (
    SELECT n.suggested, n.followed, n.correct,
           CASE WHEN n.correct IS NOT NULL AND g.id IS NOT NULL
                THEN (s.label_id, s.labels, s.spans) IS NOT DISTINCT FROM (g.label_id, g.labels, g.spans) END AS good
    FROM annotation_annotation n
    JOIN annotation_suggestion s ON s.id = n.suggestion_id
    LEFT JOIN annotation_golditem g ON g.item_id = n.item_id AND n.kind = 'gold'
    WHERE n.round_id = %(round)s AND n.suggestion_id IS NOT NULL AND n.set_aside IS NULL AND n.kind <> 'repeat'
) answered
GROUP BY suggested
"""

_WORDS = {
    Suggested.HIDDEN: "while it was hidden",
    Suggested.SHOWN: "while it was shown",
    Suggested.ASKED: "after it was asked for",
}


def measure_suggestions(made: Round, progress: Progress = unwatched) -> dict[str, Any]:
    """Counts the round's suggestions and the answers beside them, and keeps the figures in the round.

    {"computed", "answers", "changes", "source", "texts": {"n", "with"}, "gold": {"n", "with"}, "states": [{"state",
    "n", "followed", "accuracy_where_right", "accuracy_where_wrong"}]}: the share of the answers that are the same as
    the suggestion, and accuracy on gold where the suggestion was right and where it was wrong.
    """
    made.refresh_from_db(fields=["answers_total", "suggestion_source"])
    source = made.suggestion_source
    of = {"round": made.pk, "project": made.project_id, "source": source.pk if source else None}
    changes = changes_of(made.project, made)
    with connection.cursor() as cursor:
        progress(0.1, "counting texts with a suggestion")
        cursor.execute(_TEXTS, of)
        texts, texts_with = cursor.fetchone()
        cursor.execute(_GOLD, of)
        gold, gold_with = cursor.fetchone()
        progress(0.5, "comparing answers with what was suggested")
        cursor.execute(_ANSWERS, of)
        counted = {state: counts for state, *counts in cursor.fetchall()}
    figures: dict[str, Any] = {
        "computed": timezone.now().isoformat(),
        "answers": made.answers_total,
        "changes": changes,
        "source": source.name if source else None,
        "texts": {"n": texts, "with": texts_with},
        "gold": {"n": gold, "with": gold_with},
        "states": [_state(state, words, counted.get(state, [0] * 6)) for state, words in _WORDS.items()],
    }
    made.suggestion_figures = figures
    made.save(update_fields=["suggestion_figures"])
    return figures


def _state(state: str, words: str, counts: list[int]) -> dict[str, Any]:
    n, followed, good, right_of_good, bad, right_of_bad = counts
    why = f"no gold answer {words}"
    return {
        "state": state,
        "n": n,
        "followed": wilson(followed, n, reason=f"no answer {words}").as_dict(),
        "accuracy_where_right": wilson(right_of_good, good, reason=f"{why}, and right").as_dict(),
        "accuracy_where_wrong": wilson(right_of_bad, bad, reason=f"{why}, and wrong").as_dict(),
    }
