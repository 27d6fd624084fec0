"""Errors that no view has answered: problem+json under the addresses of REST, pages everywhere else."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from annotation.views import errors as pages
from config.api import TITLES

BROKEN = "The fault is on this side, and it is in the log. What you sent was stored as a whole or not at all."
NOTHING_HERE = "There is nothing at this address. What is offered stands at /api/v1/docs/."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    if is_rest(request):
        return problem(400, "The request could not be understood.")
    return pages.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return problem(403, str(exception)) if is_rest(request) else pages.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return problem(404, NOTHING_HERE) if is_rest(request) else pages.not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, 503 or 507."""
    page = pages.server_error(request)
    if not is_rest(request):
        return page
    answer = problem(page.status_code, BROKEN)
    if "Retry-After" in page:
        answer["Retry-After"] = page["Retry-After"]
    return answer


def is_rest(request: HttpRequest) -> bool:
    """Whether a script has asked."""
    return request.path.startswith("/api/")


def problem(status: int, detail: str) -> HttpResponse:
    """The error as RFC 9457 has it."""
    said = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "errors": [],
    }
    return JsonResponse(said, status=status, content_type="application/problem+json")
