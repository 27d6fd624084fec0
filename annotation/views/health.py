"""Whether this installation is well, for load balancers and people who look after it."""

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse

from annotation.queries import jobs


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # noqa: BLE001 – whatever it is, it does not answer
        return False
    return True


def _redis() -> bool:
    try:
        cache.set("healthz", 1, 10)
    except Exception:  # noqa: BLE001 – whatever it is, it does not answer
        return False
    return True


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when pages and answers work (database and Redis), else 503. A silent worker is told, not failed:
    labelling goes on without one."""
    state: dict[str, object] = {"database": _database(), "redis": _redis()}
    state["worker"] = jobs.worker_alive() if state["redis"] else None
    state["queue"] = jobs.waiting() if state["database"] else None
    well = bool(state["database"] and state["redis"])
    return JsonResponse({"status": "ok" if well else "failing", **state}, status=200 if well else 503)
