"""Answers in the formats of other tools: Label Studio, doccano, CoNLL. Texts stream through one at a time."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotation.algorithms.conll import iob2
from annotation.algorithms.offsets import utf16_offsets
from annotation.models import Project
from annotation.queries.exports import Chosen, answers_by_item
from annotation.services.streaming import Sink, records

Record = dict[str, Any]
BLOCK, MOST_WAITING = 256 * 1024, 8_000_000  # bytes


def label_studio(project: Project, chosen: Chosen) -> Iterator[bytes]:
    """One array of tasks, as Label Studio exports and imports it; offsets in UTF-16 units, as its editor counts."""
    yield b"["
    first = True
    for item in records(answers_by_item(project, chosen)):
        if not item["answers"] and _imported(item) is None:
            continue
        yield (b"\n" if first else b",\n") + _json(_task(item)).encode()
        first = False
    yield b"\n]\n"


def _task(item: Record) -> Record:
    place = utf16_offsets(item["text"])
    task: Record = {
        "id": item["id"],
        "data": {"text": item["text"]},
        "meta": item["meta"],
        "annotations": [
            {
                "id": answer["id"],
                "completed_by": {"id": answer["annotator_id"], "email": answer["annotator"]},
                "result": _regions(item["text"], answer, place, f"{answer['id']}"),
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": answer["created"],
                "lead_time": answer["seconds"],
            }
            for answer in item["answers"]
        ],
        "predictions": [],
    }
    if item["external_id"] is not None:
        task["data"]["id"] = item["external_id"]
    imported = _imported(item)
    if imported is not None:
        task["predictions"].append(
            {"model_version": "imported", "result": _regions(item["text"], imported, place, "imported")}
        )
    return task


def _regions(text: str, answer: Record, place: Any, name: str) -> list[Record]:
    """An answer as regions; a comment is kept with the first one, or alone as a text area."""
    regions: list[Record] = []
    if answer["spans"] is not None:
        for at, span in enumerate(answer["spans"]):
            start, end = span["start"], span["end"]
            regions.append(
                {
                    "id": f"{name}-{at}",
                    "from_name": "label",
                    "to_name": "text",
                    "type": "labels",
                    "value": {
                        "start": place(start),
                        "end": place(end),
                        "text": text[start:end],
                        "labels": [span["label"]],
                    },
                }
            )
    else:
        chosen = [answer["label"]] if answer["label"] is not None else answer["labels"]
        value = {"choices": chosen}
        regions.append(
            {"id": name, "from_name": "label", "to_name": "text", "type": "choices", "value": value}
        )
    if answer.get("comment"):
        regions.append(
            {
                "id": f"{name}-comment",
                "from_name": "comment",
                "to_name": "text",
                "type": "textarea",
                "value": {"text": [answer["comment"]]},
            }
        )
    return regions


def doccano(project: Project, chosen: Chosen) -> Iterator[bytes]:
    """One line for every answer, with `annotator`; of one annotator, it is doccano's file of that member."""
    for item in records(answers_by_item(project, chosen)):
        for answer in item["answers"]:
            line = {
                "id": item["id"],
                "text": item["text"],
                "label": _doccano_label(answer),
                "Comments": [answer["comment"]] if answer["comment"] else [],
                "annotator": answer["annotator"],
            }
            if item["external_id"] is not None:
                line["external_id"] = item["external_id"]
            line |= {name: value for name, value in item["meta"].items() if name not in line}
            yield f"{_json(line)}\n".encode()


def doccano_members(project: Project, chosen: Chosen) -> Iterator[bytes]:
    """A ZIP with a file for each member, as doccano exports it: `<name>.jsonl`, the texts that they answered.

    The answers are read once, text by text, into a file on disk for each member; then the ZIP is sent.
    """
    with TemporaryDirectory() as folder:
        files = _files_of_members(doccano(project, chosen), Path(folder))
        sink = Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for name, path in sorted(files.items()):
                with archive.open(name, "w", force_zip64=True) as member, path.open("rb") as file:
                    while block := file.read(BLOCK):
                        member.write(block)
                        yield sink.take()
        yield sink.take()


def _files_of_members(lines: Iterator[bytes], folder: Path) -> dict[str, Path]:
    """{name in the ZIP: file}. Only a block of each is kept in memory, and none is open for long: they may be many."""
    waiting: dict[str, list[bytes]] = {}
    paths: dict[str, Path] = {}
    size = 0

    def write() -> None:
        for name, kept in waiting.items():
            path = paths.setdefault(name, folder / str(len(paths)))
            with path.open("ab") as file:
                file.writelines(kept)
        waiting.clear()

    for line in lines:
        waiting.setdefault(json.loads(line)["annotator"], []).append(line)
        size += len(line)
        if size > MOST_WAITING:
            write()
            size = 0
    write()
    named: dict[str, Path] = {}
    for name, path in paths.items():
        safe = re.sub(r"[^\w.@+ -]", "_", name).strip(". ") or "_"
        again = (safe if n == 0 else f"{safe} {n + 1}" for n in range(len(paths)))
        taken = {other.lower() for other in named}
        named[next(file for made in again if (file := f"{made}.jsonl").lower() not in taken)] = path
    return named


def _doccano_label(answer: Record) -> list[Any]:
    if answer["spans"] is not None:
        return [[span["start"], span["end"], span["label"]] for span in answer["spans"]]
    return [answer["label"]] if answer["label"] is not None else list(answer["labels"])


def conll(project: Project, chosen: Chosen) -> Iterator[bytes]:
    """Token, tab, IOB2 tag; an empty line after each text.

    The spans of a text are those that more than half of the people who answered it marked; what was imported where
    nobody answered. A text without either is left out.
    """
    for item in records(answers_by_item(project, chosen)):
        spans = agreed_spans(item)
        if spans is not None:
            tagged = iob2(item["text"], spans)
            yield "".join([f"{token}\t{tag}\n" for token, tag in tagged] + ["\n"]).encode()


def agreed_spans(item: Record) -> list[tuple[int, int, str]] | None:
    """The spans that more than half of the answers have; the imported ones without answers; None without either."""
    given = [answer["spans"] for answer in item["answers"] if answer["spans"] is not None]
    if not given:
        if item["imported_spans"] is None:
            return None
        given = [item["imported_spans"]]
    votes = Counter((span["start"], span["end"], span["label"]) for spans in given for span in spans)
    return sorted(span for span, n in votes.items() if 2 * n > len(given))


def _imported(item: Record) -> Record | None:
    """The imported answer in the shape of the others."""
    shapes = {name: item[f"imported_{name}"] for name in ("label", "labels", "spans")}
    return shapes if any(shape is not None for shape in shapes.values()) else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


FORMATS = {
    "label-studio.json": label_studio,
    "doccano.jsonl": doccano,
    "doccano.zip": doccano_members,
    "conll": conll,
}
CONTENT_TYPES = {
    "label-studio.json": "application/json; charset=utf-8",
    "doccano.jsonl": "application/x-ndjson; charset=utf-8",
    "doccano.zip": "application/zip",
    "conll": "text/plain; charset=utf-8",
}
