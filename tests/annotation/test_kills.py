"""Annotators at work while the web server and PostgreSQL are killed, on servers of the test's own."""

import os
import subprocess
import sys

from django.conf import settings


def test_nothing_acknowledged_is_lost_or_doubled_when_the_web_server_and_the_database_are_killed() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOUPE_")}
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "60"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "nothing lost, nothing doubled" in run.stdout
