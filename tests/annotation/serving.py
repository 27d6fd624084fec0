"""A real server and real annotators, for the concurrency test and the benchmark."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

OPTIONS = [
    "--worker-class",
    "gthread",
    "--workers",
    "2",
    "--threads",
    "8",
    "--keep-alive",
    "75",
    "--preload",
    "--no-control-socket",
]


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(port: int, *options: str) -> "subprocess.Popen[bytes]":
    """gunicorn as the Procfile has it, on the database at hand."""
    bind = ["--bind", f"127.0.0.1:{port}", "--log-level", "critical"]
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", *bind, *(options or OPTIONS)]
    return subprocess.Popen(command, env=environment(), cwd=settings.BASE_DIR)


def environment() -> dict[str, str]:
    """For a process of its own on the database at hand."""
    database = connection.settings_dict
    place = f"{quote(database['USER'])}@/{database['NAME']}?host={quote(database['HOST'], safe='')}"
    return os.environ | {
        "DATABASE_URL": f"postgresql://{place}" + (f"&port={database['PORT']}" if database["PORT"] else ""),
        "PGPASSWORD": database["PASSWORD"],
        "REDIS_URL": settings.REDIS_URL,
        "API_RATE": "1000000/min",
        "LOG_LEVEL": "CRITICAL",
    }


def wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Until the server listens."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("gunicorn did not start")


@contextmanager
def serving(*options: str) -> Iterator[int]:
    """A server on a free port, which is yielded; ended afterwards."""
    port = free_port()
    with start_server(port, *options) as server:
        try:
            wait_for(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(30)
            _wait_until_alone()


def _wait_until_alone() -> None:
    """Until the server's sessions are gone, so that the database can be dropped."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute(others)
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.1)


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Client(threading.Thread):
    """An annotator who takes and answers until nothing is left or the time is over.

    It shares the machine with the server that it measures, so it speaks no more HTTP than it needs.
    """

    def __init__(self, port: int, slug: str, key: str, seconds: float, label: str = "good") -> None:
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.headers = (
            f"HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Token {key}\r\n"
            "Content-Type: application/json\r\nContent-Length:"
        )
        self.slug = slug
        self.label = label
        self.seconds = seconds
        self.taking: list[float] = []
        self.answering: list[float] = []
        self.failures: list[tuple[int, bytes]] = []

    def post(self, path: str, body: object, times: list[float]) -> dict[str, Any]:
        """Sends one request and notes how long it took."""
        sent = json.dumps(body)
        begun = time.perf_counter()
        self.connection.sendall(f"POST /api/v1/{path} {self.headers} {len(sent)}\r\n\r\n{sent}".encode())
        status, content = self.response()
        times.append(time.perf_counter() - begun)
        if status >= 300:
            self.failures.append((status, content[:300]))
            return {}
        answer: dict[str, Any] = json.loads(content)
        return answer

    def response(self) -> tuple[int, bytes]:
        """The status and the content of what the server says; all that it says has a length."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.receive()
        head, _, content = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert length is not None, head
        while len(content) < int(length[1]):
            content += self.receive()
        return int(head.split(b" ", 2)[1]), content

    def receive(self) -> bytes:
        """What came in; a server that hangs up is an error."""
        if not (some := self.connection.recv(65536)):
            raise ConnectionError("the server has closed the connection")
        return some

    def run(self) -> None:
        until = time.perf_counter() + self.seconds
        with self.connection:
            while time.perf_counter() < until and not self.failures:
                given = self.post(f"projects/{self.slug}/next/", {"count": 1}, self.taking)
                if not given.get("assignments"):
                    break
                body = {"key": str(uuid.uuid4()), "label": self.label, "seconds": 3.2}
                self.post(f"assignments/{given['assignments'][0]['id']}/answer/", body, self.answering)


def work_together(clients: list[Client]) -> None:
    """Lets them all work at once and waits for the last."""
    for client in clients:
        client.start()
    for client in clients:
        client.join()
