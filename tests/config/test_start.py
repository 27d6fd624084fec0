"""Loupe as `make serve` starts it: where it is said to be it answers, and nothing outlives it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from django.conf import settings

from tests.annotation.serving import free_port


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="loupe-start-") as folder:
        yield Path(folder) / "var"


def start(data: Path, port: int) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOUPE_")}
    for given in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(given, None)
    return subprocess.Popen(
        [sys.executable, "-m", "config.start"],
        cwd=settings.BASE_DIR,
        env=environment | {"LOUPE_DATA": str(data), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_answers_where_it_says_that_it_runs_and_ends_with_all_its_parts(data: Path) -> None:
    port = free_port()
    with start(data, port) as loupe:
        assert loupe.stdout
        said = ""
        while line := loupe.stdout.readline():
            said += line
            if "Loupe runs at" in line:
                break
        assert f"http://127.0.0.1:{port}/" in line, said
        with urlopen(f"http://127.0.0.1:{port}/account/login/", timeout=60) as page:
            assert page.status == 200
        parts = psutil.Process(loupe.pid).children(recursive=True)
        assert parts
        loupe.send_signal(signal.SIGTERM)
        said, _ = loupe.communicate()
        assert "manage.py createsuperuser" in said
    assert loupe.returncode == 0
    _, alive = psutil.wait_procs(parts, timeout=60)
    assert alive == []


def test_a_port_that_is_taken_is_said_to_be_with_another_to_choose(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start(data, port) as loupe:
            said, _ = loupe.communicate()
    assert loupe.returncode == 1
    assert f"Port {port} cannot be used" in said
    assert "choose another, for example PORT=" in said
