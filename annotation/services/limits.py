"""What a project asks of the texts that come in."""

import functools
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from annotation.models import Project, User
from annotation.services.audit import record

LIMITS = ("text_minimum", "text_maximum", "fewest_letters", "languages")


@functools.cache
def known_languages() -> frozenset[str]:
    """The codes of the languages that can be told."""
    return frozenset(LanguageIdentifier.from_model_file(MODEL_FILE).labels)


def change_limits(project: Project, user: User, given: dict[str, Any]) -> None:
    """Sets these limits; texts that are in already stay. Raises ValidationError, by field."""
    unknown = [code for code in given.get("languages", []) if code not in known_languages()]
    if unknown:
        raise ValidationError(
            {
                "languages": f"“{unknown[0][:20]}” is no language that can be told. Write codes like en, de, ar."
            }
        )
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=project.pk)
        before = {name: getattr(project, name) for name in LIMITS}
        for name in LIMITS:
            setattr(project, name, given.get(name, before[name]))
        project.languages = list(dict.fromkeys(project.languages))
        if project.text_minimum > project.text_maximum:
            raise ValidationError(
                {"text_minimum": "The least length is above the greatest. Change one of them."}
            )
        project.full_clean(exclude=[f.name for f in Project._meta.fields if f.name not in LIMITS])
        project.save(update_fields=LIMITS)
        after = {name: getattr(project, name) for name in LIMITS}
        if before != after:
            record(project, user, "change limits of texts", project.name, before=before, after=after)
