"""How far rounds are, as it is told to people who label.

Gold and repeats change nothing in a round. Whoever saw its counters stay where they were after an answer would know
that the text was one of them; so where there are any, what annotators see moves in steps.
"""

from copy import copy

from annotation.models import Project, Round
from annotation.queries.projects import rounds

SMALLEST_STEP = 5  # texts


def _step(made: Round) -> int:
    """Texts by which the shown progress moves; 1 where nothing has to be hidden, or all is done."""
    if made.items_done >= made.items_total or not (made.gold_rate or made.repeat_rate):
        return 1
    return max(SMALLEST_STEP, made.items_total // 100)


def shown_progress(made: Round | None) -> tuple[int, int]:
    """How many texts of the round are done, as annotators are told, and how many there are."""
    if made is None:
        return 0, 0
    return made.items_done - made.items_done % _step(made), made.items_total


def as_told(made: Round) -> Round:
    """The round with the counters that annotators see."""
    told, step = copy(made), _step(made)
    told.items_done -= made.items_done % step
    told.answers_total -= made.answers_total % (step if step == 1 else step * made.overlap)
    return told


def told_counts(project: Project) -> dict[str, int]:
    """`queries.projects.counts` as annotators see it."""
    told = [as_told(made) for made in rounds(project)]
    return {
        "items": sum(made.items_total for made in told),
        "items_done": sum(made.items_done for made in told),
        "annotations": sum(made.answers_total for made in told),
    }
