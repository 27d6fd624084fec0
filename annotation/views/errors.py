"""Error pages: what happened, what was kept, what to do, a number to quote."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from annotation import logs
from annotation.services.uploads import NO_ROOM, is_full


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
    """500, or 503 while the database does not answer, or 507 while a disk is full.

    Must not need the database, nor the context that pages have.
    """
    broken = sys.exc_info()[1]
    context = {"request_id": logs.request_id.get(), "no_room": NO_ROOM if is_full(broken) else ""}
    page = HttpResponse(render_to_string("500.html", context), status=507 if is_full(broken) else 500)
    if isinstance(broken, OperationalError | InterfaceError):
        page.status_code = 503
        page["Retry-After"] = "1"
    return page
