"""Runs Loupe on this machine: prepares the database and the static files, then starts web, worker and beat.

`python -m config.start` is what `make serve` calls, and with --demo, which loads the demonstration project,
what `make demo` calls. It holds the embedded servers from the first step to the last.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from config.embedded import EmbeddedServersError, servers

ROOT = Path(__file__).resolve().parent.parent
FIRST_ACCOUNT = "The first account is made by: .venv/bin/python manage.py createsuperuser\n"


def main() -> int:
    """Prepare and run; the exit code is that of the first part that failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--demo", action="store_true", help="load the demonstration project first")
    demo = arguments.parse_args().demo
    port = os.environ.get("PORT") or "8000"
    if problem := port_problem(port):
        print(problem, file=sys.stderr)
        return 1
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        try:
            servers(Path(os.environ.get("LOUPE_DATA") or ROOT / "var"))
        except EmbeddedServersError as error:
            print(error, file=sys.stderr)
            return 1
    steps = [["migrate", "--no-input", "-v", "0"], ["collectstatic", "--no-input", "-v", "0"]]
    for step in [*steps, ["load_demo"]] if demo else steps:
        if code := subprocess.run([sys.executable, "manage.py", *step], cwd=ROOT, check=False).returncode:
            return code
    return run(port, "" if demo else FIRST_ACCOUNT)


def port_problem(port: str) -> str | None:
    """What keeps the web server from listening on a port, as a sentence."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f"PORT must be a number from 1 to 65535, not {port!r}."
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            why = f"Port {port} cannot be used ({error.strerror})"
            return f"{why}: choose another, for example PORT={min(int(port) + 80, 65535)}."
    return None


def run(port: str, told: str = "") -> int:
    """Run the Procfile until it ends or somebody stops it; a signal to us is passed on.

    Where Loupe is, and what else is `told`, is said as soon as somebody who goes there finds it.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    command = [sys.executable, "-m", "honcho", "start", "--port", port]
    environment = os.environ | {
        "PATH": path,
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
    }
    parts = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        parts.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    if listens(int(port), parts):
        print(f"\nLoupe runs at http://127.0.0.1:{port}/ (stop it with Ctrl-C).\n{told}", flush=True)
    code = parts.wait()
    return 0 if stopped else code


def listens(port: int, parts: "subprocess.Popen[bytes]") -> bool:
    """Wait until the web server listens; False where the parts ended before it did."""
    while parts.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    sys.exit(main())
