"""What a project asks of the texts that come in."""

import functools

from django.core.exceptions import ValidationError
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from annotation.models import Project

LIMITS = ["text_minimum", "text_maximum", "fewest_letters", "languages"]


@functools.cache
def known_languages() -> frozenset[str]:
    """The codes of the languages that can be told."""
    return frozenset(LanguageIdentifier.from_model_file(MODEL_FILE).labels)


def check_limits(project: Project) -> None:
    """Raises ValidationError, by field, for limits that no text could meet; each language is named once."""
    project.languages = list(dict.fromkeys(project.languages))
    unknown = [code for code in project.languages if code not in known_languages()]
    if unknown:
        raise ValidationError(
            {
                "languages": f"“{unknown[0][:20]}” is no language that can be told. Write codes like en, de, ar."
            }
        )
    if project.text_minimum > project.text_maximum:
        raise ValidationError({"text_minimum": "The least length is above the greatest. Change one of them."})
