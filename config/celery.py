"""The Celery application: workers find their tasks in each room's tasks.py."""

import os
import time
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent
from django.core.cache import cache

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("loupe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@heartbeat_sent.connect
def say_alive(**_: Any) -> None:
    """A worker's sign of life, which pages that wait for one read (annotation.queries.jobs.worker_alive)."""
    cache.set("worker-seen", time.time(), 24 * 3600)
