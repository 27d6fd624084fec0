"""Joins (and, for the first user, starts) a PostgreSQL and a Redis of Loupe's own, kept under LOUPE_DATA.

Every process that uses the servers holds a shared lock on one file for as long as it lives; its forked children
inherit it. A detached supervisor (`config/supervisor.py`) keeps the servers up while anybody holds that lock and stops
them afterwards. The kernel drops a lock with its last holder, so nothing is left to clean up after a kill -9.
"""

import fcntl
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.supervisor import DATABASE, ROLE, Layout, alive, listening

PATIENCE = 180.0  # seconds; recovery after a crash of a large database takes its time
POLL = 0.02

_joined: dict[Path, tuple["Addresses", int]] = {}  # the number is the open, locked file


class EmbeddedServersError(RuntimeError):
    """The servers could not be started; the message says why and what helps."""


@dataclass(frozen=True)
class Addresses:
    """Where the servers are found, in the form of DATABASE_URL and REDIS_URL."""

    database_url: str
    redis_url: str


def servers(data: Path) -> Addresses:
    """Start the servers that keep their files under `data`, or join them, and tell their addresses.

    The servers run until the last process that called this has ended. With LOUPE_EPHEMERAL=1 (tests) they are
    others, under data/ephemeral, fast and not safe from a power cut. With LOUPE_NO_SERVERS=1 (type checker) nothing
    is started.
    """
    ephemeral = os.environ.get("LOUPE_EPHEMERAL") == "1"
    data = data.resolve() / "ephemeral" if ephemeral else data.resolve()
    layout = Layout(data)
    addresses = Addresses(
        database_url=f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(layout.sockets))}",
        redis_url=f"unix://{quote(str(layout.redis_socket))}?db=0",
    )
    if os.environ.get("LOUPE_NO_SERVERS") == "1":
        return addresses
    if data in _joined and layout.users.exists():
        return addresses
    try:
        layout.run.mkdir(parents=True, exist_ok=True)
        using = os.open(layout.users, os.O_RDWR | os.O_CREAT, 0o644)
        starting = layout.starting.open("ab")
    except OSError as error:
        raise EmbeddedServersError(
            f"{data} cannot be written ({error.strerror}): set LOUPE_DATA to a folder of your own."
        ) from error
    with starting:
        fcntl.flock(using, fcntl.LOCK_SH)  # waits while a supervisor is stopping the servers
        fcntl.flock(starting, fcntl.LOCK_EX)  # one at a time starts them; the rest find them running
        _wait_until_ready(layout, ephemeral)
    _joined[data] = (addresses, using)
    return addresses


def _wait_until_ready(layout: Layout, ephemeral: bool) -> None:
    """Return once both servers answer, starting a supervisor when there is none."""
    deadline = time.monotonic() + PATIENCE
    launched = False
    while not (alive(layout) and layout.ready.exists() and listening(layout)):
        if not alive(layout):
            if launched:
                raise EmbeddedServersError(f"The embedded servers did not start: {_last_words(layout)}")
            _launch_supervisor(layout, ephemeral)
            launched = True
        elif time.monotonic() > deadline:
            raise EmbeddedServersError(
                f"The embedded servers were not ready within {PATIENCE:.0f} s; see {layout.log}."
            )
        time.sleep(POLL)


def _launch_supervisor(layout: Layout, ephemeral: bool) -> None:
    """Start the supervisor as a process of its own; it forks once it is known to be the only one, so no child stays."""
    layout.ready.unlink(missing_ok=True)
    supervisor = Path(__file__).with_name("supervisor.py")
    command = [
        sys.executable,
        "-I",
        str(supervisor),
        str(layout.data),
        *(["--ephemeral"] if ephemeral else []),
    ]
    with layout.log.open("wb") as log:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", check=False)


def _last_words(layout: Layout) -> str:
    """The last line that the supervisor logged."""
    lines = layout.log.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), f"see {layout.log}")
