"""Sending stored files: strong validators, checksums, and parts of them."""

import base64
import re
from collections.abc import Iterator
from typing import IO

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import parse_etags

from annotation.api.requests import Request
from evaluation.models import SplitFile
from evaluation.services.writers import FORMATS

BLOCK = 256 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def send_file(request: Request, file: SplitFile) -> HttpResponseBase:
    """The file: 200, 304 for a client that has it, 206 for a part of it, 416 for a part that it does not have."""
    etag = f'"{file.sha256}"'
    if (
        etag in parse_etags(request.headers.get("If-None-Match", ""))
        or request.headers.get("If-None-Match") == "*"
    ):
        return _with_validators(HttpResponse(status=304), file)
    content_type = FORMATS[file.name.rpartition(".")[2]]
    part = requested_part(request.headers.get("Range", ""), file.size)
    if part is None or request.headers.get("If-Range", etag) != etag:
        part, status = (0, file.size), 200
    elif part[0] >= part[1]:
        refused = HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
        return _with_validators(refused, file)
    else:
        status = 206
    start, end = part
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status, content_type=content_type)
    else:
        response = StreamingHttpResponse(_blocks(file, start, end), status=status, content_type=content_type)
    response["Content-Length"] = str(end - start)
    response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    if status == 206:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return _with_validators(response, file)


def requested_part(header: str, size: int) -> tuple[int, int] | None:
    """(start, end) of the one range asked for, empty where it lies outside; None for no range or one not read here."""
    match = RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size if int(last) else 0
    start, end = int(first), min(size, int(last) + 1 if last else size)
    return None if last and int(last) < start else (start, end)


def _with_validators(response: HttpResponseBase, file: SplitFile) -> HttpResponseBase:
    response["ETag"] = f'"{file.sha256}"'
    response["Digest"] = f"sha-256={base64.b64encode(bytes.fromhex(file.sha256)).decode()}"
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-cache"
    return response


def _blocks(file: SplitFile, start: int, end: int) -> Iterator[bytes]:
    source: IO[bytes]
    with file.file.open("rb") as source:
        source.seek(start)
        left = end - start
        while left > 0 and (block := source.read(min(BLOCK, left))):
            left -= len(block)
            yield block
