"""A limit on requests for each user."""

import threading
import time
from typing import Any

from rest_framework import throttling
from rest_framework.request import Request


class UserThrottle(throttling.UserRateThrottle):
    """So many requests a minute for each user and web process, counted in memory.

    A count shared by all processes would cost every request two trips to Redis; what this must stop is a script that
    runs wild.
    """

    num_requests: int
    duration: int
    lock = threading.Lock()
    counts: dict[str, int] = {}
    window = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Counts the request; False when the user has sent too many in this minute."""
        whose = (
            f"user {request.user.pk}" if request.user.is_authenticated else f"from {self.get_ident(request)}"
        )
        window = int(time.time() / self.duration)
        with UserThrottle.lock:
            if window != UserThrottle.window:
                UserThrottle.window, UserThrottle.counts = window, {}
            counts = UserThrottle.counts
            counts[whose] = counts.get(whose, 0) + 1
            return counts[whose] <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return float(self.duration - time.time() % self.duration)
