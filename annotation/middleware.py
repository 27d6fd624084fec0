"""Every request gets an id, which the log, the answer's header and error pages quote; every answer gets the policy on
what pages may load."""

import re
import secrets
from collections.abc import Callable
from typing import Any

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import Http404, HttpRequest, HttpResponse

from annotation import logs

WELL_FORMED = re.compile(r"^[A-Za-z0-9._-]{6,64}$")


class RequestIdMiddleware:
    """Sets `request.id`, from a proxy's X-Request-ID where it is well-formed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if WELL_FORMED.match(given) else secrets.token_hex(6)
        request.id = request_id  # type: ignore[attr-defined]
        token = logs.request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            logs.request_id.reset(token)
        response["X-Request-ID"] = request_id
        return response


class WholeAddressMiddleware:
    """Tells of an address with a NUL in it that nothing is there: no name in the database can have one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Raises Http404, which is answered as for any address that does not exist."""
        if "\x00" in request.path_info:
            raise Http404


class ContentSecurityPolicyMiddleware:
    """Sends the policy of the settings, which django-csp would put together anew, in part twice, for every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        nothing = HttpResponse()
        CSPMiddleware(get_response).process_response(HttpRequest(), nothing)
        self.policy = nothing[HEADER]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault(HEADER, self.policy)
        return response
