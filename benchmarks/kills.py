"""Twenty annotators at work while the web server and then PostgreSQL are killed: is anything lost or doubled?

    python -m benchmarks.kills [answers]

So many answers before each kill and after the last, 1,000 unless told

Runs on servers of its own in a folder that is gone afterwards. Each annotator sends every request again, with
the same key, until it is acknowledged, as the browser does. Stops by itself; the exit code says whether all that was
acknowledged is stored once, and nothing else.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

FOLDER = tempfile.TemporaryDirectory(prefix="loupe-kills-")
os.environ |= {"LOUPE_DATA": FOLDER.name, "DJANGO_SETTINGS_MODULE": "config.settings", "LOUPE_EPHEMERAL": "1"}
for name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)

import django  # noqa: E402

django.setup()

import psutil  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count, Max  # noqa: E402

from annotation.models import Annotation, Participation, Round, RoundItem  # noqa: E402
from benchmarks.labelling import load_project  # noqa: E402
from tests.annotation.serving import free_port, start_server, wait_for  # noqa: E402

ITEMS = 5_000
ANNOTATORS = 20
ANSWERS = 1000
PATIENCE = 240.0  # seconds after which an annotator who is not served gives up


class Persistent(threading.Thread):
    """An annotator who sends again what was not acknowledged, and notes what was."""

    def __init__(self, port: int, slug: str, key: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.slug, self.over = port, slug, over
        self.headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"}
        self.connection: HTTPConnection | None = None
        self.acknowledged: dict[str, int] = {}  # key → annotation
        self.statuses: dict[int, int] = {}
        self.broken = 0
        self.waits: list[float] = []  # how long requests took that did not succeed at once
        self.wrong = ""

    def send(self, path: str, body: object) -> dict[str, Any]:
        """Sends until the server says that it is done."""
        begun, tries = time.monotonic(), 0
        while time.monotonic() - begun < PATIENCE:
            tries += 1
            try:
                if self.connection is None:
                    self.connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
                self.connection.request("POST", f"/api/v1/{path}", json.dumps(body), self.headers)
                response = self.connection.getresponse()
                content = response.read()
            except (OSError, HTTPException):
                self.broken += 1
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
                time.sleep(0.1)
                continue
            self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
            if response.status < 300:
                if tries > 1:
                    self.waits.append(time.monotonic() - begun)
                answer: dict[str, Any] = json.loads(content)
                return answer
            if response.status != 503 or response.headers["Retry-After"] is None:
                raise RuntimeError(f"{response.status} {content[:300]!r}")
            time.sleep(0.2)
        raise RuntimeError(f"not served within {PATIENCE:.0f} s")

    def run(self) -> None:
        try:
            while not self.over.is_set():
                given = self.send(f"projects/{self.slug}/next/", {"count": 1})
                if not given["assignments"]:
                    break
                key = str(uuid.uuid4())
                stored = self.send(
                    f"assignments/{given['assignments'][0]['id']}/answer/", {"key": key, "label": "good"}
                )
                self.acknowledged[key] = stored["id"]
        except RuntimeError as wrong:
            self.wrong = str(wrong)


def kill_postgres() -> None:
    """Ends the postmaster of our own servers as a crash would."""
    data = str(Path(FOLDER.name) / "ephemeral" / "postgres")
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == "postgres" and "-D" in words and data in words:
            process.kill()


def wait_for_answers(people: list[Persistent], n: int) -> None:
    """Until so many more answers are acknowledged, or nobody is left who could give one."""
    goal = sum(len(person.acknowledged) for person in people) + n
    while sum(len(person.acknowledged) for person in people) < goal and any(p.is_alive() for p in people):
        time.sleep(0.02)


def work_through_kills(answers: int) -> list[Persistent]:
    """All annotators at once; the server is killed after so many answers, PostgreSQL after as many again."""
    project, keys = load_project(ITEMS, ANNOTATORS)
    connection.close()
    port, over = free_port(), threading.Event()
    server = start_server(port)
    people = [Persistent(port, project.slug, key, over) for key in keys]
    try:
        wait_for(port, server)
        for person in people:
            person.start()
        wait_for_answers(people, answers)
        for process in [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]:
            process.send_signal(signal.SIGKILL)
        server.wait()
        server = start_server(port)
        wait_for_answers(people, answers)
        kill_postgres()
        wait_for_answers(people, answers)
    finally:
        over.set()
        for person in people:
            if person.is_alive():
                person.join()
        server.terminate()
        server.wait(30)
    return people


def faults(people: list[Persistent]) -> list[str]:
    """What is not as it must be, in words; nothing when all is well."""
    wrong = [f"an annotator gave up: {person.wrong}" for person in people if person.wrong]
    acknowledged = {key: pk for person in people for key, pk in person.acknowledged.items()}
    stored = {str(key): pk for key, pk in Annotation.objects.values_list("key", "id")}
    if lost := acknowledged.keys() - stored.keys():
        wrong.append(f"{len(lost)} acknowledged answers are lost")
    if any(stored.get(key) not in (pk, None) for key, pk in acknowledged.items()):
        wrong.append("an answer is stored under another number than was acknowledged")
    if not any(person.wrong for person in people) and stored.keys() - acknowledged.keys():
        wrong.append("an answer is stored that was never acknowledged, though its sender went on")
    twice = Annotation.objects.exclude(kind="repeat").values("item", "annotator").annotate(n=Count("id"))
    if (twice.aggregate(most=Max("n"))["most"] or 0) > 1:
        wrong.append("somebody answered a text twice")
    normal = Annotation.objects.counted()
    per_item = dict(normal.values_list("item").annotate(n=Count("id")))
    places = list(RoundItem.objects.filter(answers__gt=0).values_list("item", "answers", "overlap"))
    if {item: n for item, n, _ in places} != per_item or any(n > overlap for _, n, overlap in places):
        wrong.append("the answers of the texts do not add up")
    counted = Round.objects.get()
    if counted.answers_total != normal.count():
        wrong.append(f"the round counts {counted.answers_total} answers, there are {normal.count()}")
    if sum(Participation.objects.values_list("answers", flat=True)) != len(stored):
        wrong.append("the annotators' answers do not add up")
    return wrong


def main(answers: int) -> int:
    """Prints what was acknowledged and what happened on the way."""
    call_command("migrate", verbosity=0, interactive=False)
    begun = time.monotonic()
    people = work_through_kills(answers)
    wrong = faults(people)
    statuses: dict[int, int] = {}
    for person in people:
        for status, n in person.statuses.items():
            statuses[status] = statuses.get(status, 0) + n
    waits = [wait for person in people for wait in person.waits]
    given = sum(len(person.acknowledged) for person in people)
    print(
        f"kills, {ANNOTATORS} annotators: {given:,} answers acknowledged in {time.monotonic() - begun:.0f} s"
    )
    print(
        f"  responses by status {dict(sorted(statuses.items()))}, {sum(p.broken for p in people)} broken connections"
    )
    print(f"  longest wait of those that had to send again: {max(waits, default=0.0):.1f} s")
    print("\n".join(f"  WRONG: {fault}" for fault in wrong) or "  nothing lost, nothing doubled")
    return 1 if wrong else 0


if __name__ == "__main__":
    code = main(int(sys.argv[1]) if len(sys.argv) > 1 else ANSWERS)
    connection.close()
    sys.exit(code)
