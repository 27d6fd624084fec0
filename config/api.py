"""The REST house: one version, one error format, and each room's addresses."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotation.services.uploads import NO_ROOM, is_full

log = logging.getLogger(__name__)

TITLES = {
    400: "The request has something wrong in it",
    401: "Please authenticate",
    403: "You may not do this",
    404: "Not found",
    405: "This method is not offered here",
    406: "This format is not offered here",
    409: "This conflicts with what is there",
    413: "Too large",
    415: "This media type is not read here",
    422: "The file cannot be read",
    429: "Too many requests",
    503: "Not available at the moment",
    507: "No room left",
}

LONGEST_SAID = 1000  # characters of a message; its beginning and its end say what is wrong and what to do


def problem(broken: Exception, context: dict[str, Any]) -> Response | None:
    """Every error as RFC 9457 problem+json: type, title, status, detail, errors[{field, message}]."""
    if isinstance(broken, ValidationError):
        broken = exceptions.ValidationError(detail=_as_detail(broken))
    elif isinstance(broken, Http404):
        broken = exceptions.NotFound(str(broken) or None)
    elif isinstance(broken, PermissionDenied):
        broken = exceptions.PermissionDenied(str(broken) or None)
    elif isinstance(broken, RequestDataTooBig):
        broken = _TooLarge()
    elif isinstance(broken, OperationalError | InterfaceError):
        log.warning("the database did not answer: %s", broken)
        broken = _NoDatabase()
    elif is_full(broken):
        log.warning("a disk is full: %s", broken)
        broken = _NoRoom()
    response = exception_handler(broken, context)
    if response is None or not isinstance(broken, exceptions.APIException):
        return response
    errors = list(_errors(broken.detail)) if isinstance(broken, exceptions.ValidationError) else []
    detail = " ".join(dict.fromkeys(e["message"] for e in errors)) if errors else _text(broken.detail)
    response.data = {
        "type": "about:blank",
        "title": TITLES.get(response.status_code, "Error"),
        "status": response.status_code,
        "detail": detail,
        "errors": errors,
    }
    response.content_type = "application/problem+json"
    if (request := context.get("request")) is not None:  # also where what is asked for is YAML, or a page
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    if response.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
        response["Retry-After"] = "1"
    return response


class _TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is larger than this server accepts. Send it in parts."


class _NoRoom(exceptions.APIException):
    status_code = status.HTTP_507_INSUFFICIENT_STORAGE
    default_detail = NO_ROOM


class _NoDatabase(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = (
        "The database does not answer at the moment. Nothing was changed; send the request again."
    )


def _as_detail(wrong: ValidationError) -> Any:
    return wrong.message_dict if hasattr(wrong, "error_dict") else wrong.messages


def _text(detail: Any) -> str:
    if isinstance(detail, dict):
        return _text(next(iter(detail.values()), ""))
    return " ".join(map(_sayable, detail)) if isinstance(detail, list) else _sayable(detail)


def _sayable(message: Any) -> str:
    """The message, which may quote what was sent, without what UTF-8 cannot hold, and not the whole of a long text."""
    said = str(message).encode("utf-8", "replace").decode()
    return said if len(said) <= LONGEST_SAID else f"{said[: LONGEST_SAID // 2]}…{said[-LONGEST_SAID // 2 :]}"


def _errors(detail: Any, field: str = "") -> Any:
    """Flattens nested details: rows[3].label."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            name = "" if key in ("non_field_errors", "__all__") else str(key)
            yield from _errors(value, f"{field}.{name}" if field and name else field or name)
    elif isinstance(detail, list):
        for at, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from _errors(value, f"{field or 'rows'}[{at}]" if nested else field)
    else:
        yield {"field": _sayable(field), "message": _sayable(detail)}


urlpatterns = [
    path("", include("annotation.api.urls")),
    path("", include("qc.api.urls")),
    path("", include("evaluation.api.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
