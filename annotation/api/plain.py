"""JSON in and out for the calls that are made most, without what DRF offers beyond that."""

import json
from typing import Any

from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from annotation.api.parsers import read_json
from annotation.api.requests import Request


class PlainView(APIView):
    """A view whose answers are JSON whatever Accept says, and made by `plain_response`.

    Who asks, whether they may, throttling, CSRF, errors and the schema are as in every other view. What is left out,
    the choice among formats and answers that are templates, costs as much as a statement or two.
    """

    def perform_content_negotiation(self, request: Any, force: bool = False) -> tuple[JSONRenderer, str]:
        """Errors, which are made as everywhere, are JSON too."""
        return JSONRenderer(), JSONRenderer.media_type


def plain_json(request: Request) -> Any:
    """The JSON that was sent; None for anything else, good or bad, which `request.data` reads or refuses."""
    if request.content_type != JSONRenderer.media_type:
        return None
    try:
        return read_json(request.body)
    except ValueError:
        return None


def plain_response(shown: dict[str, Any], status: int = 200) -> HttpResponse:
    """The answer, in the form that DRF gives it."""
    content = json.dumps(shown, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(content, content_type=JSONRenderer.media_type, status=status)
