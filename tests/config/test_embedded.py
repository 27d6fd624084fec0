"""The embedded servers, seen from processes that use them: started once, shared, stopped last, and hard to break."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

ROOT = Path(__file__).resolve().parents[2]
USER = """
import pathlib, sys
from config.embedded import EmbeddedServersError, servers
try:
    addresses = servers(pathlib.Path(sys.argv[1]))
except EmbeddedServersError as error:
    sys.exit(f"refused: {error}")
print(addresses.database_url, addresses.redis_url, flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the ephemeral servers of a data folder until it is told to leave or is killed."""

    def __init__(self, data: Path, uid: int | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOUPE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment | {"LOUPE_EPHEMERAL": "1"},
            user=uid,
            group=pwd.getpwuid(uid).pw_gid if uid else None,
            extra_groups=[] if uid else None,
        )
        self.database_url = self.redis_url = ""

    def joined(self) -> "User":
        """Wait until the process has the addresses."""
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.database_url, self.redis_url = line.split()
        return self

    def leave(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def running(data: Path) -> dict[str, int]:
    """Process id of each server and of the supervisor that run for a data folder."""
    found = {}
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if str(data) in words and any(word.endswith("supervisor.py") for word in words):
                found["supervisor"] = process.pid
            elif process.name() == "redis-server" and process.cwd() == str(data / "redis"):
                found["redis"] = process.pid
        except psutil.Error:
            continue
    for pid in masters(data):
        found["postgres"] = pid
    return found


def masters(data: Path) -> list[int]:
    """Process ids of the PostgreSQL masters of a data folder. A child has its master's command line for a moment."""
    found = []
    for process in psutil.process_iter():
        try:
            words, parent = process.cmdline(), process.parent()
            if process.name() == "postgres" and "-D" in words and str(data / "postgres") in words:
                found += [] if parent and parent.name() == "postgres" else [process.pid]
        except psutil.Error:
            continue
    return found


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds


def rows(user: User) -> int:
    """Work with both servers as an application does; tell how many rows the table has by now."""
    redis.Redis.from_url(user.redis_url).ping()
    with psycopg.connect(user.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS answer (id int)")
        connection.execute("INSERT INTO answer VALUES (1)")
        found = connection.execute("SELECT count(*) FROM answer").fetchone()
    assert found is not None
    return int(found[0])


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder of the test's own; whatever still runs for it afterwards is ended."""
    with tempfile.TemporaryDirectory(prefix="loupe-test-") as folder:  # closed to other users, as /root is
        yield Path(folder) / "var" / "ephemeral"
        for pid in running(Path(folder) / "var" / "ephemeral").values():
            os.kill(pid, signal.SIGKILL)


def test_servers_are_shared_and_stop_with_their_last_user(data: Path) -> None:
    first = User(data).joined()
    assert rows(first) == 1
    before = running(data)
    second = User(data).joined()
    assert running(data) == before
    first.leave()
    time.sleep(2)  # longer than the servers outlive their last user
    assert rows(second) == 2
    second.kill()
    assert eventually(lambda: not running(data))
    assert not list((data / "sockets").iterdir())


def test_processes_that_start_together_start_one_pair_of_servers(data: Path) -> None:
    users = [User(data) for _ in range(4)]
    assert [rows(user.joined()) for user in users] == [1, 2, 3, 4]
    assert len(masters(data)) == 1
    for user in users:
        user.leave()


def test_data_outlives_a_kill_of_everything(data: Path) -> None:
    user = User(data).joined()
    assert rows(user) == 1
    killed = running(data)
    assert set(killed) == {"supervisor", "redis", "postgres"}
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    user.kill()
    pid_file = data / "postgres" / "postmaster.pid"  # by now its number may be another program's
    pid_file.write_text("\n".join([str(os.getpid()), *pid_file.read_text().split("\n")[1:]]))
    again = User(data).joined()
    assert rows(again) == 2
    again.leave()


def test_a_killed_server_comes_back_for_those_who_still_use_it(data: Path) -> None:
    user = User(data).joined()
    assert rows(user) == 1
    before = running(data)
    os.kill(before["postgres"], signal.SIGKILL)
    os.kill(before["redis"], signal.SIGKILL)
    newcomer = User(data).joined()  # at once, while the supervisor may not have seen it
    assert rows(newcomer) == 2
    assert rows(user) == 3
    after = running(data)
    assert before["supervisor"] == after["supervisor"]
    assert before["postgres"] != after["postgres"]
    user.leave()
    newcomer.leave()


def test_servers_whose_supervisor_was_killed_are_taken_over(data: Path) -> None:
    user = User(data).joined()
    before = running(data)
    os.kill(before["supervisor"], signal.SIGKILL)
    newcomer = User(data).joined()
    after = running(data)
    assert (before["postgres"], before["redis"]) == (after["postgres"], after["redis"])
    user.leave()
    newcomer.leave()
    assert eventually(lambda: not running(data))


def test_a_path_too_long_for_a_socket_gets_a_short_one_and_a_removed_folder_ends_its_servers(
    data: Path,
) -> None:
    deep = data / ("a long folder name " * 5).strip() / "ephemeral"
    user = User(deep).joined()
    assert "host=/tmp/loupe-" in user.database_url
    assert rows(user) == 1
    pids = running(deep).values()
    shutil.rmtree(data)
    assert eventually(lambda: not any(map(psutil.pid_exists, pids)))
    user.leave()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_an_ordinary_user_runs_the_servers_and_a_foreign_folder_is_refused(data: Path) -> None:
    on_the_way = [*Path(sys.executable).resolve().parents, *Path(sys.prefix).parents, *ROOT.parents]
    if not all(folder.stat().st_mode & 0o001 for folder in on_the_way):
        pytest.skip("Python or Loupe lies in a folder that ordinary users may not enter")
    nobody = pwd.getpwnam("nobody").pw_uid
    data.parents[1].chmod(0o755)
    refused = User(data, uid=nobody)
    assert "set LOUPE_DATA to a folder of your own" in refused.process.communicate()[1]
    os.chown(data.parents[1], nobody, -1)
    user = User(data, uid=nobody).joined()
    assert {psutil.Process(pid).uids().effective for pid in running(data).values()} == {nobody}
    user.leave()
    assert eventually(lambda: not running(data))
