"""Which answers a page of quality control is about: a project's, or one round's."""

from django.shortcuts import get_object_or_404

from annotation.models import Project, Round


def chosen_round(project: Project, said: str) -> Round | None:
    """The round with this id, 404 if it is not there; None if none was named."""
    if not said:
        return None
    return get_object_or_404(
        Round, project=project, pk=int(said) if said.isdecimal() and len(said) < 19 else 0
    )
