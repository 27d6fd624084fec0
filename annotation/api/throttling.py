"""A limit on requests for each user."""

import threading
import time
from typing import Any

from rest_framework import throttling

from annotation.api.requests import Request


class UserThrottle(throttling.SimpleRateThrottle):
    """So many requests a minute for each user and web process, counted in memory.

    A shared count would cost every request two trips to Redis; what this must stop is a script that runs wild.
    """

    scope = "user"
    lock = threading.Lock()
    counts: dict[str, int] = {}
    window = 0

    def allow_request(self, request: Any, view: Any) -> bool:
        """Counts the request; False when the user has sent too many in this minute."""
        if self.num_requests is None or self.duration is None:
            return True
        key = self.get_cache_key(request, view)
        window = int(time.time() / self.duration)
        with UserThrottle.lock:
            if window != UserThrottle.window:
                UserThrottle.window, UserThrottle.counts = window, {}
            counts = UserThrottle.counts
            counts[key] = counts.get(key, 0) + 1
            return counts[key] <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        duration = self.duration or 60
        return duration - time.time() % duration

    def get_cache_key(self, request: Request, view: Any) -> str:
        """The user, or the address of somebody who is not signed in."""
        return (
            f"user {request.user.pk}" if request.user.is_authenticated else f"from {self.get_ident(request)}"
        )
