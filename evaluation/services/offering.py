"""Offering what a run predicts to annotators, as suggestions under the run's name."""

from django.core.exceptions import ValidationError
from django.db import transaction

from annotation.models import Project, SuggestionSource, User
from annotation.services.suggestions import free_name, put_suggestions, restore_source, source_named
from annotation.services.watching import Progress, unwatched
from evaluation.models import Run

# Predictions keep the label that they were made with; a suggestion names one that can be chosen, or there is none. The
# score is the probability of that label.
_PREDICTED = """
SELECT p.item_id, coalesce(l.merged_into_id, l.id) AS label_id, NULL::bigint[] AS labels, NULL::jsonb AS spans,
       p.probabilities[array_position(r.labels, p.label_id)] AS score
FROM evaluation_prediction p JOIN evaluation_run r ON r.id = p.run_id
JOIN annotation_label l ON l.id = p.label_id LEFT JOIN annotation_label t ON t.id = l.merged_into_id
WHERE p.run_id = %(run)s AND CASE WHEN t.id IS NULL THEN l.retired ELSE t.retired END IS NULL
"""


def check_offer(run: Run) -> None:
    """Raises ValidationError for a run whose predictions cannot be suggested."""
    if run.project.task != Project.Task.CLASSIFICATION:
        raise ValidationError(
            "A run holds one label for each text, and this project asks for more. Send suggestions over REST."
        )
    if not run.predictions_total:
        raise ValidationError("The run has no predictions yet.")


@transaction.atomic
def offer_run(run_id: int, user: User, progress: Progress = unwatched) -> SuggestionSource:
    """Copies the run's predictions, so that rounds can suggest them; doing it again takes over what changed."""
    run = Run.objects.select_for_update(of=("self",), no_key=True).select_related("project").get(pk=run_id)
    check_offer(run)
    source = run.suggestion_source
    if source is None:
        source = source_named(run.project, user, free_name(run.project, run.name))
        Run.objects.filter(pk=run.pk).update(suggestion_source=source)
    elif source.deleted is not None:
        source = restore_source(source, user)
    put_suggestions(source, _PREDICTED, {"run": run.pk}, progress)
    return source
