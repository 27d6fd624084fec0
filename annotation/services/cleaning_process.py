"""Rows taken apart and cleaned in a process of their own, beside the database's, since Python's lock lets one process
use one core.

The child is a plain subprocess, which a Celery worker may have, that knows neither Django nor the database. It ends
with its parent: the end of its input tells it. `python -m annotation.services.cleaning_process` is its side.
"""

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO

from annotation.services.chunks import Chunk, Rules
from annotation.services.cleaning import Cleaner
from annotation.services.reading import Layout, Unreadable

LENGTH = 8  # bytes that say how long a message is
CHUNK, UNREADABLE, END = b"c", b"u", b"e"
HERE = Path(__file__).resolve().parent.parent.parent


def chunks_from_child(path: str, layout: Layout, rules: Rules) -> Iterator[Chunk]:
    """`Cleaner.chunks` of the file at the path, made by a child. Raises what the child met with the file."""
    order = json.dumps({"path": path, "layout": asdict(layout), "rules": rules.as_json()}).encode()
    child = subprocess.Popen(
        [sys.executable, "-m", "annotation.services.cleaning_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=HERE,
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(order + b"\n")
            child.stdin.flush()
        while True:
            kind, message = received(child.stdout)
            if kind == CHUNK:
                yield Chunk.unpacked(message)
            elif kind == UNREADABLE:
                raise Unreadable(message.decode("utf-8", "replace"))
            elif kind == END:
                return
            else:
                raise RuntimeError(f"The process that reads the file ended with {child.wait()}.")
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def received(pipe: IO[bytes]) -> tuple[bytes, bytes]:
    """The next message, or nothing where the sender is gone."""
    head = pipe.read(1 + LENGTH)
    if len(head) < 1 + LENGTH:
        return b"", b""
    length = int.from_bytes(head[1:], "big")
    message = pipe.read(length)
    return (head[:1], message) if len(message) == length else (b"", b"")


def send(pipe: IO[bytes], kind: bytes, message: bytes = b"") -> None:
    """The other side of `received`."""
    pipe.write(kind + len(message).to_bytes(LENGTH, "big"))
    pipe.write(message)
    pipe.flush()


def end_with_parent() -> None:
    """Waits for the end of the input, which comes when the parent ends in whatever way."""
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    """Cleans the file that the order names."""
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    layout = Layout(**{**order["layout"], "columns": tuple(order["layout"]["columns"])})
    cleaner = Cleaner(Rules.from_json(order["rules"]), layout)
    gc.disable()  # rows make no reference cycles; looking for some took an eighth of the time
    out = sys.stdout.buffer
    try:
        with Path(order["path"]).open("rb") as file:
            for chunk in cleaner.chunks(file, layout):
                send(out, CHUNK, chunk.packed())
    except Unreadable as broken:
        send(out, UNREADABLE, str(broken).encode("utf-8", "replace"))
    else:
        send(out, END)
    os._exit(0)  # the thread above still waits


if __name__ == "__main__":
    main()
