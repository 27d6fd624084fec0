"""Error pages: what happened, what was kept, what to do, a number to quote."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from annotation import logs


def _page(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    context = {"detail": detail, "request_id": logs.request_id.get()}
    return render(request, f"{status}.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _page(request, 400, "")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with the right that was missing."""
    return _page(request, 403, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404; a message of our own is shown, Django's list of addresses is not."""
    detail = str(exception.args[0]) if exception.args and isinstance(exception.args[0], str) else ""
    return _page(request, 404, detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database does not answer. Must not need it, nor the context that pages have."""
    page = HttpResponse(render_to_string("500.html", {"request_id": logs.request_id.get()}), status=500)
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        page.status_code = 503
        page["Retry-After"] = "1"
    return page
